#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only
//
// Names and texts of a trace that want to be markup or script stay text.
"use strict";

const {ok, is, makePage, withBrowser, open, axe} = require("./browser.js");

// What could only come from the trace.
const foreign = "img, iframe, svg[onload], b, i, u, s, base, link, a:not(.skip), script:not([id]) ~ script ~ script";

async function harmless(page, name) {
	is(await page.$$eval(foreign, (all) => all.map((one) => one.outerHTML.slice(0, 200))), [],
	   name + ": no element comes from the trace");
	is(await page.$$eval("*", (all) => all.filter((one) => Array.from(one.attributes)
		.some((a) => /^on/.test(a.name))).map((one) => one.outerHTML.slice(0, 200))), [],
	   name + ": no handler comes from the trace");
	is((await page.$$("script")).length, 4, name + ": two scripts, and two blocks of JSON");
	is(await page.evaluate(() => typeof window.hacked), "undefined", name + ": nothing of it ran");
}

// Shows every incident of every group.
function showAll(page) {
	return page.evaluate(async () => {
		for (const group of document.querySelectorAll(".group")) {
			group.open = true;
			while (!group.dataset.filled)
				await new Promise((done) => setTimeout(done, 20));

			const select = group.querySelector("select");

			for (const option of select ? select.options : []) {
				select.value = option.value;
				select.dispatchEvent(new Event("change"));
				group.querySelectorAll("button").forEach((button) => button.click());
			}
			group.querySelectorAll("rect, circle").forEach((mark) => mark.dispatchEvent(
				new MouseEvent("mousemove", {bubbles: true, clientX: 5, clientY: 5})));
		}
		document.querySelectorAll("#mail button")[0].click();
	});
}

withBrowser(async (browser) => {
	const made = makePage("hostile");
	const page = await open(browser, made.file);

	is(made.said, "", "the page is written");
	await harmless(page, "at first");
	await showAll(page);
	await harmless(page, "with every incident shown");
	is(page.complaints, [], "the browser blocked nothing: there was nothing to block");
	is(page.requests, ["file://" + made.file], "the page asks for nothing");

	const text = await page.evaluate(() => document.body.textContent);

	for (const name of ["<img src=x>", "</script><b>", "\"><svg onload=", "<!--", "&lt;b&amp;", "</pre><s>",
			    "</pre></details><h1>no escape</h1>", "' onclick='window.hacked=11",
			    "<script>window.hacked=9</script>"])
		ok(text.includes(name), "shown as it is: " + name);
	is(await axe(page), [], "axe-core finds nothing wrong");

	// If something did get out of its place: the policy of the page.
	await page.evaluate(() => {
		const script = document.createElement("script"), image = document.createElement("img");

		script.textContent = "window.hacked = 99";
		image.src = "http://127.0.0.1:9/x.png";
		document.body.append(script, image);
		document.body.insertAdjacentHTML("beforeend", "<p onclick='window.hacked = 98' id=trap>x</p>");
		document.getElementById("trap").click();
	});
	is(await page.evaluate(() => typeof window.hacked), "undefined", "the page's policy lets no other script run");
	ok(page.complaints.filter((one) => /Content Security Policy/.test(one)).length >= 2, "and says so",
	   page.complaints);
	await page.close();
});
