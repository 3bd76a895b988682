#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only
//
// A page with 2,000 incidents: its size, and that it opens and works. docs/report.md has the times.
"use strict";

const fs = require("fs");
const {ok, is, makePage, jsonOf, withBrowser, open} = require("./browser.js");

withBrowser(async (browser) => {
	const made = makePage("many");
	const size = fs.statSync(made.file).size;
	const json = jsonOf(made.trace, "-n", "2000", "--no-stacks");
	const page = await open(browser, made.file);
	const groups = json.filter((object) => object.type === "group").length;

	console.log("# " + size + " bytes, ready after " + await page.evaluate(() => Math.round(
		performance.getEntriesByName("ready")[0].startTime)) + " ms");
	ok(size < 5000000, "2,000 incidents with 24 frames in each stack: below 5 MB", String(size));
	is((await page.$$(".group")).length, groups, "each group is there");
	await page.evaluate(() => document.querySelectorAll(".group").forEach((group) => {
		group.open = true;
	}));
	// The browser tells the script of it a little later.
	await page.waitForFunction(() => !document.querySelector(".group:not([data-filled])"));

	const options = await page.$$eval("option", (all) => all.map((one) => Number(one.value)));
	const alone = await page.$$eval(".body:not(:has(select)) .viewer", (all) => all.map(
		(one) => Number(one.dataset.incident)));

	is(options.concat(alone).sort((a, b) => a - b),
	   json.filter((object) => object.type === "incident").map((one) => one.number).sort((a, b) => a - b),
	   "and each incident can be chosen");
	is(page.complaints, [], "no complaint of the browser");
	await page.close();
});
