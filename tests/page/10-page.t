#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only
//
// The page of a report, in a browser: it shows what the report's JSON says, and works with a mouse,
// with keys, without script, in the dark, in a narrow window and on paper.
"use strict";

const fs = require("fs");
const path = require("path");
const {ok, is, makePage, jsonOf, withBrowser, open, axe, screenshot, output} = require("./browser.js");

const of = (json, type) => json.filter((object) => object.type === type);
const numbers = (text) => Number(text.replace(/[^0-9]/g, ""));

// The text of each element.
const texts = (page, selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent));

async function sameAsJson(page, json, name) {
	const classes = of(json, "class"), groups = of(json, "group");
	const rows = await page.$$eval("#classes tbody tr", (all) => all.map(
		(row) => Array.from(row.children, (cell) => cell.textContent)));

	is(await page.$eval("#answer", (h1) => h1.textContent), of(json, "answer")[0].text, name + ": the answer");
	is(rows.map((row) => [row[0], ...row.slice(1, 8).map(numbers)]),
	   classes.map((c) => [c.class, c.walkers, c.overlaps, c.contained, c.escapes, c.remained,
			       c.unattributed, c.unproven]), name + ": the counts of each class");
	is(await texts(page, ".group .count"), groups.map((g) => "×" + g.count.toLocaleString("en")),
	   name + ": how many are in each group");
	is(await texts(page, ".group h3 .name"), groups.map((g) => g.name), name + ": the names of groups");
}

async function scale(page) {
	return Number(await page.$eval(".viewer svg", (svg) => svg.dataset.scale));
}

// The middle of an element, in the window.
async function middle(page, selector) {
	const element = await page.$(selector);

	await element.scrollIntoView();

	const box = await element.boundingBox();

	return [box.x + box.width / 2, box.y + box.height / 2];
}

async function timeline(page, json) {
	let before;

	is(await scale(page), 1, "a timeline shows all at first");
	await page.click(".viewer button[aria-label='Zoom in']");
	ok(await scale(page) > 1, "a button zooms in");
	await page.mouse.click(...await middle(page, ".viewer svg"));
	ok(await page.evaluate(() => document.activeElement.matches(".viewer svg")), "a click gives it the focus");
	await page.keyboard.press("0");
	is(await scale(page), 1, "the key 0 shows all again");
	await page.keyboard.press("+");
	before = await page.$eval(".viewer .bar.walker", (bar) => Number(bar.getAttribute("x")));
	ok(await scale(page) > 1, "the key + zooms in");
	await page.keyboard.press("ArrowRight");
	ok(await page.$eval(".viewer .bar.walker", (bar) => Number(bar.getAttribute("x"))) < before,
	   "an arrow moves it");
	await page.keyboard.press("0");
	await page.mouse.move(...await middle(page, ".viewer svg"));
	await page.mouse.wheel({deltaY: -240});
	await page.waitForFunction(() => Number(document.querySelector(".viewer svg").dataset.scale) > 1);
	ok(true, "the wheel zooms a timeline that has the focus");
	await page.keyboard.press("0");

	await page.mouse.move(...await middle(page, ".viewer .bar.walker"));
	await page.waitForSelector("#tip:not([hidden])");

	const tip = await page.$eval("#tip", (one) => one.innerText);
	const shown = await page.$eval(".viewer", (viewer) => Number(viewer.dataset.incident));
	const walker = of(json, "incident").find((one) => one.number === shown).walker;

	ok(/\(\)/.test(tip) && /from .* to .* long/.test(tip) &&
	   tip.includes("CPU" + walker.cpu + " " + walker.comm + "/" + walker.pid),
	   "the pointer shows function, times and task", tip);
}

async function unfold(page, json) {
	const incident = of(json, "group")[0].incident;
	const stack = of(json, "incident").find((one) => one.number === incident).walker_stack;

	await page.click(".viewer .stacks summary");
	is(await texts(page, ".viewer[data-incident='" + incident + "'] .stacks div:last-child > ol code"), stack,
	   "stacks unfold, frame by frame");
	ok(await page.$eval(".viewer .stacks code", (code) => code.offsetHeight > 0), "and can be seen");
	await page.focus(".group summary");
	await page.keyboard.press("Enter");
	ok(!await page.$eval(".group", (group) => group.open), "a key folds a group");
	await page.keyboard.press("Enter");
	ok(await page.$eval(".group", (group) => group.open), "and unfolds it");

	const options = await page.$$eval(".group select option", (all) => all.map((one) => one.value));

	await page.select(".group select", options[1]);
	is(await page.$eval(".viewer", (viewer) => viewer.dataset.incident), options[1],
	   "another incident of the group can be chosen");
	await page.select(".group select", options[0]);
}

async function who(page) {
	const shown = await texts(page, ".viewer .who > *");

	is(shown.slice(0, 4), ["Opener", "user 1000, web.service", "Walker", "user 0"],
	   "both tasks' users, and the opener's unit");
	is(shown.slice(4, 6), ["Walker", "user 0"], "and the walker's alone, if no window was seen");
}

async function mail(page, json) {
	await page.click("#mail button");
	await page.waitForSelector("#mail textarea");

	const text = await page.$eval("#mail textarea", (area) => area.value);

	is(text.trim().split("\n").map((line) => JSON.parse(line)), json, "the JSON for a bug mail is the report's");
	await page.evaluate(() => document.querySelector("#mail .json").replaceChildren());
}

async function looks(browser, file) {
	for (const dark of [false, true]) {
		for (const width of [1280, 400]) {
			const page = await open(browser, file, {width, dark});
			const name = "real-" + width + (dark ? "-dark" : "");

			await page.evaluate(() => document.querySelectorAll("details").forEach((one) => {
				one.open = !one.closest("footer");
			}));
			is(await axe(page), [], name + ": axe-core finds nothing wrong");
			ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
			   name + ": nothing is wider than the window");
			await page.evaluate(() => document.querySelectorAll("details:not(.group)").forEach((one) => {
				one.open = one.matches(".group[open]:first-of-type .stacks");
			}));
			await screenshot(page, name);
			await page.close();
		}
	}
}

async function paper(browser, file) {
	const page = await open(browser, file);
	const folded = await page.$$eval("main details:not([open])", (all) => all.length);

	await page.evaluate(() => window.addEventListener("beforeprint", () => {
		window.foldedOnPaper = document.querySelectorAll("main details:not([open])").length;
	}));

	const pdf = await page.pdf({path: path.join(output, "real.pdf"), format: "A4", timeout: 180000});

	ok(pdf.length > 10000, "it prints");
	ok(folded > 0, "something is folded in the window");
	is(await page.evaluate(() => window.foldedOnPaper), 0, "and nothing on paper");
	is(await page.$$eval("main details:not([open])", (all) => all.length), folded, "then it is folded again");
	await page.close();
}

async function withoutScript(browser, file, json) {
	const page = await open(browser, file, {script: false});
	const first = of(json, "group")[0].incident;

	await sameAsJson(page, json, "without script");
	ok((await page.$eval(".drawing", (pre) => pre.offsetHeight > 0 && pre.textContent))
		   .includes("incident " + first + ":"), "without script: an incident of each group is drawn as text");
	is((await page.$$(".drawing")).length, of(json, "group").length, "without script: one for each group");
	ok((await page.$$(".stacks code")).length > 0, "without script: stacks are there");
	ok(await page.$eval(".histogram", (pre) => pre.offsetHeight > 0), "without script: histograms are text");
	is(page.complaints, [], "without script: no complaint of the browser");
	await screenshot(page, "real-without-script");
	await page.close();
}

withBrowser(async (browser) => {
	for (const kind of ["golden", "real", "empty"]) {
		const made = makePage(kind);
		const json = jsonOf(made.trace, "-n", "2000");
		const page = await open(browser, made.file);

		is([made.status, made.said], [kind === "real" ? 3 : 0, ""], kind + ": the page is written");
		is(page.requests, ["file://" + made.file], kind + ": the page asks for nothing");
		is(fs.statSync(made.file).mode & 0o777, 0o600, kind + ": only its owner may read it");
		await sameAsJson(page, json, kind);
		if (kind === "real") {
			await who(page);
			await timeline(page, json);
			await unfold(page, json);
			await mail(page, json);
			is(await page.$$eval(".losses rect", (all) => all.length), 1, "the loss is marked in the chart");
			is(await texts(page, "#over-time tbody tr:first-child > :nth-child(-n+2)"), ["stream", "4,711"],
			   "and is in its table");
		} else {
			is(await axe(page), [], kind + ": axe-core finds nothing wrong");
		}
		is(page.complaints, [], kind + ": no complaint of the browser");
		is(page.requests, ["file://" + made.file], kind + ": the page still asks for nothing");
		await page.close();
		if (kind !== "real")
			continue;
		await looks(browser, made.file);
		await paper(browser, made.file);
		await withoutScript(browser, made.file, json);
		ok(fs.statSync(path.join(output, "real-400.png")).size > 10000, "screenshots are kept");
	}
});
