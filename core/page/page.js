// SPDX-License-Identifier: GPL-2.0-only
// What the page does beyond showing its text: charts by D3, a choice of incidents, JSON to send.
// All that comes from the trace is set as text, never as markup.
(function () {
	"use strict";

	const d3 = window.d3;
	const lines = document.getElementById("report").textContent.trim().split("\n");
	const report = lines.map((line) => JSON.parse(line));
	const extra = JSON.parse(document.getElementById("extra").textContent);
	const lineOf = new Map();
	const extraOf = new Map(extra.incidents.map((incident) => [incident.number, incident]));

	report.forEach((object, i) => {
		if (object.type === "incident")
			lineOf.set(object.number, i);
	});

	// --- elements ---

	function element(name, attributes, ...children) {
		const made = document.createElement(name);

		for (const [key, value] of Object.entries(attributes || {}))
			made.setAttribute(key, value);
		made.append(...children);
		return made;
	}

	function button(text, action, label) {
		const made = element("button", label ? {type: "button", "aria-label": label} :
						       {type: "button"}, text);

		made.addEventListener("click", action);
		return made;
	}

	// A length in ns, as the text report writes it: truncated, not rounded.
	function duration(ns) {
		const length = Math.floor(Math.abs(ns)), sign = ns < 0 ? "−" : "";

		if (length < 1e3)
			return sign + length + " ns";
		if (length < 1e6)
			return sign + (Math.floor(length / 100) / 10).toFixed(1) + " µs";
		if (length < 1e9)
			return sign + (Math.floor(length / 1e3) / 1e3).toFixed(3) + " ms";
		return sign + (Math.floor(length / 1e6) / 1e3).toFixed(3) + " s";
	}

	// The same on an axis, as short as the distance of its ticks (ns) allows.
	function tickFormat(step) {
		const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

		return (ns) => {
			const [unit, name] = units.find((u) => Math.abs(ns) >= u[0]) || units[3];
			const digits = Math.max(0, Math.ceil(Math.log10(unit / step)));

			return ns ? Number((ns / unit).toFixed(Math.min(digits, 6))) + " " + name : "0";
		};
	}

	const count = d3.format(",");

	// --- the hint at the pointer ---

	const tip = element("div", {id: "tip", role: "tooltip", hidden: ""});

	document.querySelector("main").append(tip);

	function showTip(event, text) {
		tip.textContent = text;
		tip.hidden = false;

		const width = document.documentElement.clientWidth;
		const left = Math.min(event.pageX + 12, window.scrollX + width - tip.offsetWidth - 8);

		tip.style.left = Math.max(8, left) + "px";
		tip.style.top = event.pageY + 16 + "px";
	}

	function hideTip() {
		tip.hidden = true;
	}

	// --- one incident ---

	function taskOf(side) {
		return side ? "CPU" + side.cpu + " " + side.comm + "/" + side.pid : "";
	}

	function openerTitle(incident) {
		if (incident.window)
			return taskOf(incident.window);
		if (extraOf.get(incident.number).reuse)
			return "holder not seen";
		return incident.verdict === "remained" ? "nobody unmapping" : "no window seen";
	}

	// The bars of both lanes: those whose ends are known, or else reach to the edge.
	function barsOf(incident, more, first, last) {
		const times = more.times;
		const bars = [];
		const texts = [0, 1].map((side) => {
			const event = more.events.find((e) => e[0] === side);

			return event ? extra.texts[event[3]] : "";
		});

		function bar(side, kind, name, from, to) {
			const begin = from === null ? first : from, end = to === null ? last : to;

			if (end >= begin)
				bars.push({side, kind, from: begin, to: end,
					   text: name + "\n" + texts[side] + "\n" +
						 (from === null ? "begin not known" : "from " + duration(from)) +
						 (to === null ? ", end not known" : " to " + duration(to)) +
						 (from !== null && to !== null ?
							  ", " + duration(to - from) + " long" : "") +
						 "\n" + taskOf(side ? incident.walker : incident.window)});
		}

		if (incident.window && times.removed !== null) {
			bar(0, "early", "phase 1", times.open, times.removed);
			if (times.close !== null && times.close > times.removed)
				bar(0, "late", "phase 2", times.removed, times.close);
		} else if (incident.window) {
			bar(0, "early", "window", times.open, times.close);
		}
		bar(1, "early", "walker", times.enter, times.leave);
		if (times.outer !== null && times.leave !== null)
			bar(1, "late", "the function around it", times.leave, times.outer);
		return bars;
	}

	function overlapOf(times) {
		const from = Math.max(times.open === null ? -Infinity : times.open,
				      times.enter === null ? -Infinity : times.enter);
		const to = Math.min(times.close === null ? Infinity : times.close,
				    times.leave === null ? Infinity : times.leave);

		return isFinite(from) && isFinite(to) && to > from ? [from, to] : null;
	}

	// The whole of it, with some room at both ends.
	function domainOf(more) {
		const all = Object.values(more.times).concat(more.events.map((e) => e[1]))
				    .filter((time) => time !== null);
		const from = d3.min(all), to = d3.max(all), room = Math.max((to - from) * 0.06, 50);

		return all.length ? [from - room, to + room] : [0, 1];
	}

	const lane = {top: 8, title: 18, bar: 24, step: 62, axis: 28};

	function laneTop(side) {
		return lane.top + side * lane.step + lane.title;
	}

	function drawTimeline(box, incident, more, highlight) {
		const number = incident.number;
		const height = lane.top + 2 * lane.step + lane.axis;
		const domain = domainOf(more);
		const bars = barsOf(incident, more, domain[0], domain[1]);
		const overlap = incident.window ? overlapOf(more.times) : null;
		const events = more.events.filter((event) => event[1] !== null);
		const svg = d3.select(box).append("svg").attr({
			height, tabindex: 0, role: "group", "data-timeline": number,
			"aria-label": "Timeline of incident " + number +
				      ". Keys: plus and minus zoom, arrows move, 0 shows all.",
		});
		const x = d3.scale.linear().domain(domain);
		const zoom = d3.behavior.zoom().scaleExtent([1, 100000]).on("zoom", place);
		const clip = "clip-" + number;
		const clipRect = svg.append("clipPath").attr("id", clip).append("rect").attr("height", height);
		const axis = d3.svg.axis().scale(x).orient("bottom").tickSize(-lane.step * 2, 0);
		const axisGroup = svg.append("g").attr("class", "axis")
					  .attr("transform", "translate(0," + (lane.top + 2 * lane.step) + ")");
		const plot = svg.append("g").attr("clip-path", "url(#" + clip + ")");
		let width = 0;

		svg.append("title").text("Timeline of incident " + number);
		[openerTitle(incident), taskOf(incident.walker)].forEach((title, side) => {
			svg.append("text").attr({x: 10, y: laneTop(side) - 6}).text(title);
		});
		if (overlap)
			plot.append("rect").attr({class: "overlap " + incident.verdict, y: 0,
						  height: lane.top + 2 * lane.step});

		const rects = plot.selectAll(".bar").data(bars).enter().append("rect").attr({
			class: (bar) => "bar " + (bar.side ? "walker " : "opener ") + bar.kind,
			y: (bar) => laneTop(bar.side), height: lane.bar, rx: 2,
		});
		const marks = plot.selectAll(".mark").data(events).enter().append("circle").attr({
			class: "mark", r: 5, cy: (event) => laneTop(event[0]) + lane.bar / 2,
		});

		rects.on("mousemove", (bar) => showTip(d3.event, bar.text)).on("mouseleave", hideTip);
		marks.on("mousemove", (event) => {
			showTip(d3.event, extra.texts[event[3]] + "\nat " + duration(event[1]) + "\n" +
					      (event[0] ? taskOf(incident.walker) : openerTitle(incident)));
			highlight(event, true);
		}).on("mouseleave", (event) => {
			hideTip();
			highlight(event, false);
		});

		function place() {
			const at = (time) => Math.max(-1e5, Math.min(1e5, x(time)));
			const ticks = Math.max(2, Math.floor(width / 110));
			const shown = x.ticks(ticks);

			axis.ticks(ticks).tickFormat(tickFormat(shown.length > 1 ? shown[1] - shown[0] : 1));
			axisGroup.call(axis);
			rects.attr({x: (bar) => at(bar.from),
				    width: (bar) => Math.max(2, at(bar.to) - at(bar.from))});
			marks.attr("cx", (event) => at(event[1]));
			if (overlap)
				plot.select(".overlap").attr({x: at(overlap[0]),
							      width: Math.max(1, at(overlap[1]) - at(overlap[0]))});
			svg.attr("data-scale", zoom.scale().toFixed(3));
		}

		function resize() {
			const now = box.clientWidth;

			if (!now || now === width)
				return;
			width = now;
			svg.attr("viewBox", "0 0 " + width + " " + height);
			clipRect.attr("width", width);
			x.domain(domain).range([10, width - 10]);
			zoom.x(x).scale(1).translate([0, 0]);
			place();
		}

		// Around the middle.
		function zoomBy(factor) {
			const old = zoom.scale(), scale = Math.max(1, Math.min(100000, old * factor));
			const middle = width / 2, left = zoom.translate()[0];

			zoom.scale(scale).translate([middle - (middle - left) * scale / old, 0]);
			place();
		}

		function move(pixels) {
			zoom.translate([zoom.translate()[0] + pixels, 0]);
			place();
		}

		function whole() {
			zoom.scale(1).translate([0, 0]);
			place();
		}

		const keys = {
			"+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5),
			"0": whole, ArrowLeft: () => move(60), ArrowRight: () => move(-60),
		};

		svg.node().addEventListener("keydown", (event) => {
			if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey)
				return;
			keys[event.key]();
			event.preventDefault();
		});
		// The wheel, and one finger, belong to the page until the timeline has the focus.
		box.addEventListener("wheel", (event) => {
			if (document.activeElement !== svg.node() && !event.ctrlKey)
				event.stopPropagation();
		}, {capture: true, passive: true});
		box.addEventListener("touchstart", (event) => {
			if (event.touches.length < 2)
				event.stopPropagation();
		}, {capture: true, passive: true});
		svg.call(zoom).on("dblclick.zoom", null);
		resize();
		new ResizeObserver(resize).observe(box);
		return {zoomBy, whole, mark: (event, on) => {
			marks.filter((other) => other === event).classed("on", on);
		}};
	}

	function eventTable(incident, more, hover) {
		const body = element("tbody");
		const rows = new Map();

		for (const event of more.events) {
			const text = element("td", {class: (event[0] ? "walker" : "opener") +
							   (event[2] ? " inner" : "")},
					     extra.texts[event[3]]);
			const when = element("td", {class: "when"},
					     event[1] === null ? "" : duration(event[1]));
			const row = event[0] ? element("tr", null, when, element("td"), text) :
					       element("tr", null, when, text, element("td"));

			row.addEventListener("mouseenter", () => hover(event, true));
			row.addEventListener("mouseleave", () => hover(event, false));
			rows.set(event, row);
			body.append(row);
		}

		const head = element("tr", null, element("th", {scope: "col", class: "when"}, "time"),
				     element("th", {scope: "col"}, openerTitle(incident)),
				     element("th", {scope: "col"}, taskOf(incident.walker)));
		const table = element("div", {class: "scroll", role: "region", tabindex: 0,
					      "aria-label": "Events of incident " + incident.number},
				      element("table", {class: "events"}, element("thead", null, head), body));

		return {table, row: (event, on) => rows.get(event).classList.toggle("on", on)};
	}

	function frames(stack) {
		return stack.map((i) => extra.texts[i]);
	}

	function stackList(title, stack) {
		const shown = frames(stack).filter((frame) => !/^bpf_(prog|trampoline)_/.test(frame));
		const list = element("ol");

		for (const frame of shown)
			list.append(element("li", null, element("code", null, frame)));
		return shown.length ? element("div", null, element("h4", null, title), list) : "";
	}

	function stacksOf(incident, more) {
		if (!more.opener || !(more.opener.length + more.walker.length))
			return "";

		return element("details", {class: "stacks"}, element("summary", null, "Stacks"),
			       element("div", {class: "sides"},
				       stackList(more.reuse ? "Collapser" : "Opener", more.opener),
				       stackList(!more.reuse ? "Walker" : incident.window ? "Holder" : "Collapser",
						 more.walker)));
	}

	// Who both tasks are, as far as the trace says it.
	function whoOf(incident, more) {
		const sides = more.reuse ? ["Collapser", incident.window ? "Holder" : "Collapser"] : ["Opener", "Walker"];
		const list = element("dl", {class: "who"});

		more.who.forEach((text, i) => text && list.append(
			element("dt", null, sides[i]), element("dd", null, text)));
		return list.children.length ? list : "";
	}

	// A line of the report as `thprace report --format json` prints it, with the stacks.
	function wholeLine(i) {
		const object = report[i];
		const more = object.type === "incident" ? extraOf.get(object.number) : null;

		if (!more || !more.opener)
			return lines[i];
		return lines[i].slice(0, -1) + ",\"opener_stack\":" + JSON.stringify(frames(more.opener)) +
		       ",\"walker_stack\":" + JSON.stringify(frames(more.walker)) + "}";
	}

	// Shows text to copy, and copies it where the browser allows that.
	function offer(place, text, label) {
		const area = element("textarea", {readonly: "", "aria-label": label, spellcheck: "false"});
		const said = element("p", {class: "hint", role: "status"});

		area.value = text;
		place.replaceChildren(area, said);
		area.select();
		if (navigator.clipboard)
			navigator.clipboard.writeText(text).then(() => {
				said.textContent = "Copied.";
			}, () => {
				said.textContent = "Copy it from here.";
			});
	}

	function viewerOf(number, drawing) {
		const incident = report[lineOf.get(number)];
		const more = extraOf.get(number);
		const box = element("div", {class: "timeline"});
		const json = element("div", {class: "json"});
		const viewer = element("div", {class: "viewer", "data-incident": number});
		let timeline = null;
		const events = eventTable(incident, more, (event, on) => timeline.mark(event, on));

		viewer.append(element("p", {class: "words " + incident.verdict}, incident.words),
			      element("p", {class: "proof"},
				      (more.file ? "Key " : "Folio ") + incident.walker.folio + ". Proof: " + incident.proof + "."),
			      whoOf(incident, more), box,
			      element("div", {class: "tools"},
				      button("+", () => timeline.zoomBy(1.5), "Zoom in"),
				      button("−", () => timeline.zoomBy(1 / 1.5), "Zoom out"),
				      button("Whole", () => timeline.whole()),
				      element("span", {class: "hint gap"},
					      "Drag to move; with the focus in it, the wheel and the keys + − 0 zoom."),
				      button("JSON", () => offer(json, wholeLine(lineOf.get(number)),
								 "JSON of incident " + number))),
			      events.table, stacksOf(incident, more), json);
		if (drawing)
			viewer.append(element("details", {class: "astext"},
					      element("summary", null, "As text"), drawing));
		return {viewer, draw: () => {
			timeline = drawTimeline(box, incident, more, events.row);
		}};
	}

	function optionText(number) {
		const incident = report[lineOf.get(number)];

		return number + (incident.overlap_ns === null ? "" : ", overlap " + duration(incident.overlap_ns)) +
		       ", " + taskOf(incident.walker);
	}

	// What replaces the text of a group, once it is unfolded.
	function fillGroup(group) {
		const one = group.querySelector(".one");
		const drawing = one.querySelector(".drawing");
		const numbers = members.get(Number(group.dataset.group)) || [];
		const place = element("div");
		const select = element("select", null);

		if (!numbers.length || group.dataset.filled)
			return;
		group.dataset.filled = "yes";
		for (const number of numbers)
			select.append(element("option", {value: number}, optionText(number)));

		function show() {
			const number = Number(select.value);
			const made = viewerOf(number, number === numbers[0] ? drawing : null);

			place.replaceChildren(made.viewer);
			made.draw();
		}

		select.addEventListener("change", show);
		if (numbers.length > 1)
			one.before(element("div", {class: "tools"},
					   element("label", null, "Incident ", select),
					   element("span", {class: "hint"}, numbers.length + " in this page")));
		one.before(place);
		one.hidden = true;
		show();
	}

	const members = new Map();

	for (const incident of extra.incidents) {
		if (!members.has(incident.group))
			members.set(incident.group, []);
		members.get(incident.group).push(incident.number);
	}
	for (const group of document.querySelectorAll(".group")) {
		if (group.open)
			fillGroup(group);
		group.addEventListener("toggle", () => group.open && fillGroup(group));
	}

	// --- over time ---

	function drawActivity(box) {
		const activity = extra.activity;
		const rows = [["windows", 0], ["walkers", 1], ["incidents", 2]];
		const parts = activity.parts.map((part, i) => ({
			part, from: activity.from + i * activity.length,
		}));
		const used = parts.filter((p) => d3.sum(p.part));
		const times = used.map((p) => p.from).concat(used.map((p) => p.from + activity.length),
				...activity.losses.map((loss) => [loss[0] || 0, loss[1] || 0]));
		const domain = d3.extent(times);
		const height = rows.length * 56 + 26;
		const svg = d3.select(box).append("svg").attr({
			height, role: "img",
			"aria-label": "Windows, walkers and incidents over the time of the recording",
		});

		if (!used.length)
			return;

		function draw() {
			const width = box.clientWidth, left = 76;
			const x = d3.scale.linear().domain(domain).range([left, width - 12]);
			const shown = x.ticks(Math.max(2, Math.floor(width / 120)));

			if (!width)
				return;
			svg.attr("viewBox", "0 0 " + width + " " + height).selectAll("*").remove();
			svg.append("g").attr({class: "axis", transform: "translate(0," + (height - 24) + ")"})
				.call(d3.svg.axis().scale(x).tickValues(shown)
					      .tickFormat(tickFormat(shown.length > 1 ? shown[1] - shown[0] : 1)));
			rows.forEach(([name, index], row) => {
				const top = row * 56 + 6, bottom = top + 46;
				const most = d3.max(used, (p) => p.part[index]) || 1;
				const y = d3.scale.linear().domain([0, most]).range([0, 44]);
				const wide = Math.max(1, x(domain[0] + activity.length) - left - 1);

				svg.append("text").attr({x: 0, y: top + 20}).text(name);
				svg.append("text").attr({x: 0, y: top + 35, class: "quiet"}).text("≤ " + count(most));
				svg.append("line").attr({x1: left, x2: width - 12, y1: bottom, y2: bottom,
							 stroke: "currentColor", "stroke-opacity": 0.25});
				bars(name, (p) => p.part[index]);
				if (name === "incidents")
					bars("escapes", (p) => p.part[3]);

				function bars(kind, value) {
					svg.append("g").attr("class", kind).selectAll("rect")
						.data(used.filter(value)).enter().append("rect").attr({
							x: (p) => x(p.from), width: wide,
							y: (p) => bottom - Math.max(1.5, y(value(p))),
							height: (p) => Math.max(1.5, y(value(p))),
						});
				}
			});
			svg.append("g").attr("class", "losses").selectAll("rect")
				.data(activity.losses).enter().append("rect").attr({
					x: (loss) => x(loss[0] || domain[0]), y: 0, height: height - 24,
					width: (loss) => Math.max(3, x(loss[1] || domain[1]) - x(loss[0] || domain[0])),
				});
			svg.append("rect").attr({x: left, y: 0, width: Math.max(1, width - 12 - left),
						 height: height - 24, fill: "none", "pointer-events": "all"})
				.on("mousemove", () => {
					const at = x.invert(d3.mouse(svg.node())[0]);
					const p = parts[Math.floor((at - activity.from) / activity.length)];
					const lost = d3.sum(activity.losses.filter(
						(loss) => (loss[0] || 0) <= at + activity.length &&
							  (loss[1] || 0) >= at - activity.length), (loss) => loss[2]);

					if (p)
						showTip(d3.event, "from " + duration(p.from) + "\n" +
							rows.map(([name, i]) => count(p.part[i]) + " " + name).join("\n") +
							(p.part[3] ? "\n" + count(p.part[3]) + " escapes" : "") +
							(lost ? "\n" + count(lost) + " records lost here" : ""));
				}).on("mouseleave", hideTip);
		}

		draw();
		new ResizeObserver(draw).observe(box);
	}

	// --- lengths ---

	// Round numbers of a logarithmic axis.
	function roundLengths([from, to], digits) {
		const all = [].concat(...d3.range(0, 13).map((e) => digits.map((digit) => digit * Math.pow(10, e))));

		return all.filter((length) => length >= from && length <= to);
	}

	function drawPhase(place, phase) {
		const box = element("div", {class: "chart"});
		const height = 150, bottom = height - 24;
		const svg = d3.select(box).append("svg").attr({
			height, role: "img", "aria-label": "Histogram of " + count(phase.count) + " windows",
		});
		const buckets = phase.buckets.map(([from, nr]) => ({from: Math.max(1, from), nr}));

		// A bucket is a quarter of a power of two.
		function end(from) {
			return from < 4 ? from + 1 : from + Math.pow(2, Math.floor(Math.log2(from)) - 2);
		}

		if (!buckets.length)
			return;
		place.querySelector(".histogram").hidden = true;
		place.append(box);

		function draw() {
			const width = box.clientWidth;
			const first = buckets[0].from, last = end(buckets[buckets.length - 1].from);
			const x = d3.scale.log().domain([first / 1.3, last * 1.3]).range([4, width - 4]);
			const y = d3.scale.linear().domain([0, d3.max(buckets, (b) => b.nr)]).range([0, bottom - 8]);
			const ticks = roundLengths(x.domain(), last / first > 200 ? [1] : [1, 2, 5]);

			if (!width)
				return;
			svg.attr("viewBox", "0 0 " + width + " " + height).selectAll("*").remove();
			svg.append("g").attr({class: "axis", transform: "translate(0," + bottom + ")"})
				.call(d3.svg.axis().scale(x).tickValues(ticks).tickFormat((t) => tickFormat(t)(t)));
			svg.append("g").attr("class", "windows").selectAll("rect").data(buckets).enter()
				.append("rect").attr({
					x: (b) => x(b.from), width: (b) => Math.max(1, x(end(b.from)) - x(b.from) - 1),
					y: (b) => bottom - Math.max(1.5, y(b.nr)), height: (b) => Math.max(1.5, y(b.nr)),
				}).on("mousemove", (b) => showTip(d3.event, count(b.nr) + " windows\nfrom " +
								  duration(b.from) + " to " + duration(end(b.from))))
				.on("mouseleave", hideTip);
		}

		draw();
		new ResizeObserver(draw).observe(box);
	}

	for (const box of document.querySelectorAll("[data-chart=activity]"))
		drawActivity(box);

	const phases = report.filter((object) => object.type === "phase");

	for (const place of document.querySelectorAll("[data-phase]"))
		drawPhase(place, phases[Number(place.dataset.phase)]);

	// --- JSON for a bug mail ---

	function wholeReport() {
		return lines.map((line, i) => wholeLine(i)).join("\n") + "\n";
	}

	const mail = document.getElementById("mail");
	const offered = element("div", {class: "json"});

	mail.append(element("div", {class: "tools"},
		button("Copy the report's JSON", () => offer(offered, wholeReport(), "JSON of the report")),
		button("Save it", () => {
			const link = element("a", {download: "thprace-report.json"});

			link.href = URL.createObjectURL(new Blob([wholeReport()], {type: "application/json"}));
			link.click();
			setTimeout(() => URL.revokeObjectURL(link.href), 10000);
		})), offered);

	// --- on paper, everything is unfolded ---

	let folded = [];

	window.addEventListener("beforeprint", () => {
		folded = Array.from(document.querySelectorAll("main details:not([open])"));
		for (const details of folded)
			details.open = true;
	});
	window.addEventListener("afterprint", () => {
		for (const details of folded)
			details.open = false;
	});

	performance.mark("ready");
	document.documentElement.dataset.ready = "yes";
})();
