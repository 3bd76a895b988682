// SPDX-License-Identifier: GPL-2.0-only
#include "top.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include "base/json.h"
#include "base/names.h"

/* What grew, per second; 0 if the daemon was started anew. */
static double rate(uint64_t before, uint64_t now, double seconds)
{
	return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

static void take_text(const struct top *top, char *buf, size_t size, struct json_object *object,
		      const char *name)
{
	const char *text = json__get_text(object, name);

	names__clean(buf, size, text, strlen(text), top->utf8);
}

/* NULL: it was not there before. */
static const struct top_class *find(const struct top *top, const char *name)
{
	unsigned int i;

	for (i = 0; i < top->nr_classes; i++) {
		if (!strcmp(top->classes[i].name, name))
			return &top->classes[i];
	}
	return NULL;
}

static struct top_class class_of(const struct top *top, struct json_object *object, double seconds)
{
	const struct top_class *before;
	struct top_class class = {
		.observable = json__get_bool(object, "observable"),
		.walkers = json__get_number(object, "walkers"),
		.overlaps = json__get_number(object, "overlaps"),
		.contained = json__get_number(object, "contained"),
		.escapes = json__get_number(object, "escapes"),
		.others = json__get_number(object, "remained") +
			  json__get_number(object, "unattributed") +
			  json__get_number(object, "unproven"),
	};

	take_text(top, class.name, sizeof(class.name), object, "class");
	take_text(top, class.reason, sizeof(class.reason), object, "reason");
	before = find(top, class.name);
	if (before) {
		class.walkers_per_s = rate(before->walkers, class.walkers, seconds);
		class.overlaps_per_s = rate(before->overlaps, class.overlaps, seconds);
	}
	return class;
}

static void take_classes(struct top *top, struct json_object *array, double seconds)
{
	struct top_class classes[THPRACE_CLASS_MAX] = {0};
	unsigned int nr;

	for (nr = 0; nr < json__length(array) && nr < THPRACE_CLASS_MAX; nr++)
		classes[nr] = class_of(top, json__at(array, nr), seconds);
	memcpy(top->classes, classes, nr * sizeof(classes[0]));
	top->nr_classes = nr;
}

static void add_sample(struct top *top, double value)
{
	if (top->nr_spark == TOP_SPARK)
		memmove(top->spark, top->spark + 1, (--top->nr_spark) * sizeof(top->spark[0]));
	top->spark[top->nr_spark++] = value;
}

static void take_windows(struct top *top, struct json_object *phases, double seconds)
{
	uint64_t before = top->whole.count;
	struct json_object *phase;
	size_t i;

	for (i = 0; i < json__length(phases); i++) {
		phase = json__at(phases, i);
		if (strcmp(json__get_text(phase, "phase"), "whole"))
			continue;
		top->whole = (struct top_phase){
			.count = json__get_number(phase, "count"),
			.p50 = json__get_number(phase, "p50_ns"),
			.p99 = json__get_number(phase, "p99_ns"),
			.max = json__get_number(phase, "max_ns"),
		};
	}
	if (!seconds)
		return;
	top->windows_per_s = rate(before, top->whole.count, seconds);
	add_sample(top, top->windows_per_s);
}

static void take_cost(struct top *top, struct json_object *answer)
{
	struct json_object *overhead = json__get_object(answer, "overhead");
	struct json_object *probes = json__get_array(answer, "probes");
	size_t i;

	top->measured = json__get_bool(overhead, "measured");
	top->share = json__get_real(overhead, "share");
	top->budget = json__get_real(overhead, "budget");
	top->over = json__get_bool(overhead, "over");
	top->shed = 0;
	for (i = 0; i < json__length(probes); i++)
		top->shed += !strcmp(json__get_text(json__at(probes, i), "state"), "shed");
}

void top__status(struct top *top, struct json_object *answer)
{
	struct json_object *totals = json__get_object(answer, "totals");
	struct json_object *loss = json__get_object(answer, "loss");
	uint64_t now = json__get_number(answer, "now_ns"), lost = json__get_number(loss, "lost");
	uint64_t started = json__get_number(answer, "started_ns");
	double seconds = 0;

	/* Another daemon's counts have nothing to do with these. */
	if (top->answers && started == top->started && now > top->now)
		seconds = (double)(now - top->now) / 1e9;
	top->answers++;
	top->now = now;
	top->started = started;
	take_text(top, top->version, sizeof(top->version), answer, "version");
	take_text(top, top->kernel, sizeof(top->kernel), answer, "kernel");
	take_text(top, top->mode, sizeof(top->mode), answer, "mode");
	top->escapes = json__get_number(totals, "escapes");
	top->likely = json__get_number(totals, "likely");
	take_classes(top, json__get_array(answer, "classes"), seconds);
	take_windows(top, json__get_array(answer, "phases"), seconds);
	top->lost_per_s = rate(top->lost, lost, seconds);
	top->lost = lost;
	top->seen = json__get_number(loss, "seen");
	take_cost(top, answer);
}

static void take_task(const struct top *top, char buf[TOP_TASK_LEN], struct json_object *side)
{
	char comm[TOP_TASK_LEN - 11];

	take_text(top, comm, sizeof(comm), side, "comm");
	if (side)
		snprintf(buf, TOP_TASK_LEN, "%s/%u", comm,
			 (unsigned int)json__get_number(side, "pid"));
	else
		snprintf(buf, TOP_TASK_LEN, "-");
}

void top__incident(struct top *top, struct json_object *line)
{
	struct top_incident *incident = &top->incidents[top->nr_incidents % TOP_INCIDENTS];
	struct json_object *known = NULL;
	int class = names__find_class(json__get_text(line, "class"));
	int verdict = names__find_verdict(json__get_text(line, "verdict"));

	if (!strcmp(json__get_text(line, "type"), "end"))
		top->next = json__get_number(line, "next");
	if (strcmp(json__get_text(line, "type"), "incident"))
		return;
	top->nr_incidents++;
	*incident = (struct top_incident){
		.number = json__get_number(line, "number"),
		.wall = json__get_number(line, "wall_ns"),
		.class = class < 0 ? 0 : (unsigned int)class,
		.verdict = verdict < 0 ? 0 : (unsigned int)verdict,
		.overlap = json__get_number(line, "overlap_ns"),
	};
	incident->overlap_known = json_object_object_get_ex(line, "overlap_ns", &known) && known;
	take_task(top, incident->opener, json__get_object(line, "window"));
	take_task(top, incident->walker, json__get_object(line, "walker"));
}

static double weight(const struct top_class *class, enum top_order order)
{
	if (order == TOP_BY_WALKERS)
		return class->walkers_per_s;
	if (order == TOP_BY_OVERLAPS)
		return (double)class->overlaps;
	return order == TOP_BY_ESCAPES ? (double)class->escapes : 0;
}

/* Equal ones stay in the daemon's order. */
void top__order(const struct top *top, enum top_order order, unsigned int *list)
{
	unsigned int i, at;

	for (i = 0; i < top->nr_classes; i++) {
		for (at = i; at > 0 && weight(&top->classes[list[at - 1]], order) <
					       weight(&top->classes[i], order);
		     at--)
			list[at] = list[at - 1];
		list[at] = i;
	}
}

size_t top__latest(const struct top *top, unsigned int verdict, const struct top_incident **list,
		   size_t max)
{
	uint64_t oldest = top->nr_incidents > TOP_INCIDENTS ? top->nr_incidents - TOP_INCIDENTS : 0;
	const struct top_incident *incident;
	uint64_t at = top->nr_incidents;
	size_t nr = 0;

	while (at > oldest && nr < max) {
		incident = &top->incidents[--at % TOP_INCIDENTS];
		if (!verdict || incident->verdict == verdict)
			list[nr++] = incident;
	}
	return nr;
}

const char *top__spark(const struct top *top, char buf[TOP_SPARK_LEN])
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	double most = 0;
	unsigned int i, step;
	char *at = buf;

	for (i = 0; i < top->nr_spark; i++)
		most = top->spark[i] > most ? top->spark[i] : most;
	*at = '\0';
	for (i = 0; i < top->nr_spark; i++) {
		step = most > 0 ? (unsigned int)(top->spark[i] * 7 / most + 0.5) : 0;
		at = stpcpy(at, (top->utf8 ? blocks : ascii)[step]);
	}
	return buf;
}
