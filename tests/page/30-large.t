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
	is(await page.evaluate(() => {
		document.querySelectorAll(".group").forEach((group) => {
			group.open = true;
		});
		return new Promise((done) => setTimeout(() => done(document.querySelectorAll("option").length +
			Array.from(document.querySelectorAll(".group .one")).filter(
				(one) => one.hidden && !one.parentElement.querySelector("select")).length), 0));
	}), 2000, "and each incident can be chosen");
	is(page.complaints, [], "no complaint of the browser");
	await page.close();
});
