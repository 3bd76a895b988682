// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chrome's format: one object of JSON, whose traceEvents have a line each. Times are in µs.
 *
 * A track is a thread of a process there. So CPUs and the loss are processes with ids that no
 * process has, and a lane is a thread with an id that no thread has.
 */
#include "event.h"

#include <stdlib.h>
#include <string.h>
#include "base/format.h"
#include "base/names.h"
#include "report/summary.h"

#define PID_END (1U << 22) /* PID_MAX_LIMIT of 64-bit kernels */
#define PID_CPUS (PID_END + 1)
#define PID_LOSS (PID_END + 2)
#define LANE_STEP (1ULL << 23)

#define LINE_MAX (64 << 10) /* the longest has two texts and a stack: some 10 KiB */
#define TEXT_MAX 1024

struct chrome {
	struct encoder encoder;
	bool going; /* there was a line before */
	char line[LINE_MAX];
};

/* The line goes on with the separator; returns its begin. */
static char *begin_line(struct chrome *chrome)
{
	char *at = format__text(chrome->line, chrome->going ? ",\n" : "\n");

	chrome->going = true;
	return at;
}

static void end_line(struct chrome *chrome, const char *at)
{
	fwrite_unlocked(chrome->line, 1, (size_t)(at - chrome->line), chrome->encoder.out);
}

/* A string. Cleaned text has no control characters, so only these two need a backslash. */
static char *put_text(char *at, const char *text, size_t length)
{
	char clean[TEXT_MAX], *from;

	names__clean(clean, sizeof(clean), text, length, 1);
	*at++ = '"';
	for (from = clean; *from; from++) {
		if (*from == '"' || *from == '\\')
			*at++ = '\\';
		*at++ = *from;
	}
	*at++ = '"';
	return at;
}

static char *put_us(char *at, uint64_t ns)
{
	at = format__number(at, ns / 1000);
	*at++ = '.';
	return format__fixed(at, 3, (uint32_t)(ns % 1000));
}

static uint64_t pid_of(const struct track *track)
{
	if (track->kind == TRACK_CPU)
		return PID_CPUS;
	if (track->kind == TRACK_LOSS)
		return PID_LOSS;
	return track->kind == TRACK_PROCESS ? track->id : track->tgid;
}

static uint64_t tid_of(const struct track *track)
{
	return track->id + (track->kind == TRACK_CPU) + track->lane * LANE_STEP;
}

static char *put_ids(char *at, const struct track *track)
{
	at = format__number(format__text(at, ",\"pid\":"), pid_of(track));
	return format__number(format__text(at, ",\"tid\":"), tid_of(track));
}

/* What a viewer shows of a track: "process_name", "thread_sort_index" ... */
static char *begin_metadata(struct chrome *chrome, const char *name, const struct track *track)
{
	char *at = format__text(begin_line(chrome), "{\"ph\":\"M\",\"name\":\"");

	at = put_ids(format__text(format__text(at, name), "\""), track);
	return format__text(at, ",\"args\":{");
}

static void put_name(struct chrome *chrome, const char *of, const struct track *track,
		     const char *name)
{
	char *at = begin_metadata(chrome, of, track);

	at = put_text(format__text(at, "\"name\":"), name, THPRACE_COMM_LEN + 32);
	end_line(chrome, format__text(at, "}}"));
}

static void put_sort_index(struct chrome *chrome, const char *of, const struct track *track,
			   int64_t index)
{
	char *at = begin_metadata(chrome, of, track);

	at = format__signed(format__text(at, "\"sort_index\":"), index);
	end_line(chrome, format__text(at, "}}"));
}

static void begin(struct encoder *encoder)
{
	struct chrome *chrome = (struct chrome *)encoder;
	struct track cpus = {.kind = TRACK_CPU}, loss = {.kind = TRACK_LOSS};

	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", encoder->out);
	/* Above all processes. */
	put_name(chrome, "process_name", &cpus, "CPUs");
	put_sort_index(chrome, "process_sort_index", &cpus, -2);
	put_name(chrome, "process_name", &loss, "Loss");
	put_sort_index(chrome, "process_sort_index", &loss, -1);
}

static void end(struct encoder *encoder)
{
	const struct summary *summary = encoder->summary;
	struct chrome *chrome = (struct chrome *)encoder;
	char *at = format__text(chrome->line, "\n],\"otherData\":{\"clock\":\"CLOCK_MONOTONIC\"");

	at = format__number(format__text(at, ",\"started_ns\":"), summary->header.started);
	at = format__number(format__text(at, ",\"started_wall_ns\":"),
			    summary->header.started_wall);
	at = put_text(format__text(at, ",\"kernel\":"), summary->kernel, sizeof(summary->kernel));
	end_line(chrome, format__text(at, "}}\n"));
}

static void track(struct encoder *encoder, const struct track *track, const char *name)
{
	struct chrome *chrome = (struct chrome *)encoder;
	char clean[4 * THPRACE_COMM_LEN], text[sizeof(clean) + 32];

	names__clean(clean, sizeof(clean), name, THPRACE_COMM_LEN, 1);
	if (track->kind == TRACK_PROCESS) {
		if (*clean)
			put_name(chrome, "process_name", track, clean);
		return;
	}
	if (track->kind == TRACK_CPU)
		snprintf(text, sizeof(text), "CPU %u", track->id);
	else if (track->kind == TRACK_LOSS)
		snprintf(text, sizeof(text), "lost");
	else if (track->lane)
		snprintf(text, sizeof(text), "%u, at the same time", track->id);
	else if (*clean)
		snprintf(text, sizeof(text), "%s", clean);
	else
		return;
	put_name(chrome, "thread_name", track, text);
	if (track->kind == TRACK_CPU)
		put_sort_index(chrome, "thread_sort_index", track,
			       (int64_t)track->id << 8 | track->lane);
}

static char *put_frame(char *at, const struct summary *summary, uint64_t ip)
{
	const char *symbol = summary__symbol(summary, ip);

	if (symbol)
		return put_text(at, symbol, SUMMARY_NAME_LEN);
	at = format__hex(format__text(at, "\"0x"), ip);
	return format__text(at, "\"");
}

static char *put_stack(char *at, const struct summary *summary, const struct thprace_stack *stack)
{
	unsigned int i;

	*at++ = '[';
	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		if (i)
			*at++ = ',';
		at = put_frame(at, summary, stack->ip[i]);
	}
	*at++ = ']';
	return at;
}

static char *put_arg(const struct chrome *chrome, char *at, const struct event_arg *arg)
{
	at = format__text(format__text(format__text(at, "\""), arg->name), "\":");
	switch (arg->as) {
	case VALUE_NUMBER:
		return format__number(at, arg->number);
	case VALUE_SIGNED:
		return format__signed(at, (int64_t)arg->number);
	case VALUE_ADDRESS:
		at = format__hex(format__text(at, "\"0x"), arg->number);
		return format__text(at, "\"");
	case VALUE_NAME:
		return format__text(format__text(format__text(at, "\""), arg->text), "\"");
	case VALUE_TEXT:
		return put_text(at, arg->text, TEXT_MAX);
	case VALUE_STACK:
		return put_stack(at, chrome->encoder.summary, arg->stack);
	}
	return at;
}

/* Up to the details: name, kind, time and track. */
static char *begin_event(struct chrome *chrome, const struct event *event, const char *name,
			 const char *ph, uint64_t time)
{
	char *at = format__text(format__text(begin_line(chrome), "{\"ph\":\""), ph);

	at = format__text(format__text(at, "\",\"name\":\""), name);
	at = format__text(format__text(at, "\",\"cat\":\""), event->category);
	at = put_us(format__text(at, "\",\"ts\":"), time);
	return put_ids(at, &event->track);
}

static char *put_duration(char *at, uint64_t begin, uint64_t end)
{
	return put_us(format__text(at, ",\"dur\":"), end - begin);
}

static void put_event(struct chrome *chrome, const struct event *event)
{
	char *at =
		begin_event(chrome, event, event->name, event->instant ? "i" : "X", event->begin);
	unsigned int i;

	if (event->instant)
		at = format__text(at, ",\"s\":\"t\"");
	else
		at = put_duration(at, event->begin, event->end);
	at = format__text(at, ",\"args\":{");
	for (i = 0; i < event->nr_args; i++) {
		if (i)
			*at++ = ',';
		at = put_arg(chrome, at, &event->args[i]);
	}
	end_line(chrome, format__text(at, "}}"));
}

static void put_parts(struct chrome *chrome, const struct event *event)
{
	const struct event_part *part;
	unsigned int i;
	char *at;

	for (i = 0; i < event->nr_parts && !event->instant; i++) {
		part = &event->parts[i];
		at = begin_event(chrome, event, part->name, "X", part->begin);
		at = put_duration(at, part->begin, part->end);
		end_line(chrome, format__text(at, "}"));
	}
}

/* The arrow is drawn between the slices around these times; its begin must come first. */
static void put_flow(struct chrome *chrome, const struct event *event)
{
	char *at;

	if (!event->flow)
		return;
	at = begin_event(chrome, event, "overlap", event->flow_ends ? "f" : "s", event->flow_at);
	if (event->flow_ends)
		at = format__text(at, ",\"bp\":\"e\"");
	at = format__number(format__text(at, ",\"id\":"), event->flow);
	end_line(chrome, format__text(at, "}"));
}

static void event(struct encoder *encoder, const struct event *event)
{
	struct chrome *chrome = (struct chrome *)encoder;

	put_event(chrome, event);
	put_parts(chrome, event);
	put_flow(chrome, event);
}

struct encoder *chrome__new(FILE *out, const struct summary *summary)
{
	struct chrome *chrome = calloc(1, sizeof(*chrome));

	if (!chrome)
		return NULL;
	chrome->encoder = (struct encoder){
		.out = out,
		.summary = summary,
		.begin = begin,
		.track = track,
		.event = event,
		.end = end,
	};
	return &chrome->encoder;
}
