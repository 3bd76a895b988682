// SPDX-License-Identifier: GPL-2.0-only
// Shared by the tests of the page: traces, pages of them, a browser, and results in TAP.
"use strict";

const fs = require("fs");
const path = require("path");
const {execFileSync, spawnSync} = require("child_process");

const build = path.resolve(process.env.THPRACE_BUILD || "build");
const output = path.join(build, "page");
const thprace = path.join(build, "thprace");
const chromium = process.env.CHROMIUM || "/usr/bin/chromium";
const root = path.join(__dirname, "..", "..");
const requireBuilt = require("module").createRequire(path.join(output, "x.js"));
const puppeteer = requireBuilt("puppeteer-core");
const axeSource = fs.readFileSync(requireBuilt.resolve("axe-core/axe.min.js"), "utf8");

// A busy machine is slow: how long anything may take, in ms.
const patience = 180000;

// --- results ---

let ran = 0;

function ok(passed, name, ...told) {
	console.log((passed ? "ok " : "not ok ") + ++ran + " - " + name);
	if (!passed)
		for (const what of told)
			console.log("# " + (typeof what === "string" ? what : JSON.stringify(what, null, 1))
					   .split("\n").join("\n# "));
}

function is(got, expected, name) {
	const same = JSON.stringify(got) === JSON.stringify(expected);

	ok(same, name, same ? "" : "got:", same ? "" : got, "expected:", expected);
}

// --- traces and pages ---

// The golden trace is kept as hexadecimal text.
function makeTrace(kind) {
	const file = path.join(output, kind + ".thpr");

	if (kind === "golden")
		fs.writeFileSync(file, Buffer.from(fs.readFileSync(
			path.join(root, "tests/traces/v3-no-classes.hex"), "latin1").replace(/\s/g, ""), "hex"));
	else
		execFileSync(path.join(output, "make_trace"), [kind, file]);
	return file;
}

function makePage(kind) {
	const trace = makeTrace(kind);
	const file = path.join(output, kind + ".html");
	const made = spawnSync(thprace, ["report", "--format", "html", "-o", file, trace],
			       {encoding: "utf8", env: {...process.env, LC_ALL: "C.UTF-8"}});

	return {trace, file, status: made.status, said: made.stderr};
}

// What the report says to programs: its objects.
function jsonOf(trace, ...options) {
	const made = spawnSync(thprace, ["report", "--format", "json", ...options, trace],
			       {encoding: "utf8", maxBuffer: 1 << 28});

	return made.stdout.trim().split("\n").map((line) => JSON.parse(line));
}

// --- the browser ---

async function withBrowser(run, {silent = false} = {}) {
	// Its own folder: nothing of the user's is read or left.
	const profile = fs.mkdtempSync(path.join(output, "profile-"));
	const browser = await puppeteer.launch({
		executablePath: chromium, headless: true, timeout: patience, protocolTimeout: patience,
		userDataDir: profile,
		// As root, and in containers with a small /dev/shm.
		args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
	});

	try {
		await run(browser);
	} catch (error) {
		ok(false, "the test runs to its end", String(error.stack));
	} finally {
		await browser.close();
		fs.rmSync(profile, {recursive: true, force: true});
	}
	if (!silent)
		console.log("1.." + ran);
}

// Opens a page. page.complaints: what the console said; page.requests: what was asked for.
async function open(browser, file, {script = true, width = 1280, dark = false} = {}) {
	const page = await browser.newPage();

	page.complaints = [];
	page.requests = [];
	page.on("console", (message) => page.complaints.push(message.type() + ": " + message.text()));
	page.on("pageerror", (error) => page.complaints.push("error: " + error.message));
	page.on("dialog", (dialog) => {
		page.complaints.push("dialog: " + dialog.message());
		dialog.dismiss();
	});
	page.on("request", (request) => page.requests.push(request.url()));
	page.setDefaultTimeout(patience);
	await page.setJavaScriptEnabled(script);
	await page.setViewport({width, height: 900});
	await page.emulateMediaFeatures([{name: "prefers-color-scheme", value: dark ? "dark" : "light"}]);
	await page.goto("file://" + file, {waitUntil: "load", timeout: patience});
	// The script has run before the load event: no mark means that it failed.
	if (script && !await page.$("html[data-ready]"))
		page.complaints.push("error: the page's script did not run to its end");
	return page;
}

// What axe-core finds wrong, in a few words each.
async function axe(page) {
	await page.evaluate(axeSource);
	return page.evaluate(async () => {
		const found = await window.axe.run(document, {resultTypes: ["violations"]});

		return found.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 160) + " " +
			(n.any[0] ? n.any[0].message : "")).slice(0, 4).join(" | "));
	});
}

function screenshot(page, name) {
	return page.screenshot({path: path.join(output, name + ".png"), fullPage: true});
}

module.exports = {ok, is, makePage, jsonOf, withBrowser, open, axe, screenshot, output};
