/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a timeline consists of: tracks, and events on them. timeline*.c makes them from a trace,
 * and an encoder writes them in the format of a viewer.
 */
#ifndef THPRACE_EVENT_H
#define THPRACE_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <thprace/incident.h>

struct summary;

enum track_kind {
	TRACK_PROCESS, /* has no events, but a name */
	TRACK_THREAD,
	TRACK_CPU,
	TRACK_LOSS,
};

struct track {
	enum track_kind kind;
	uint32_t id; /* thread, process or CPU */
	uint32_t tgid; /* of a thread */
	unsigned int lane; /* slices that overlap without nesting are in different lanes */
};

enum event_value {
	VALUE_NUMBER,
	VALUE_SIGNED, /* an int64_t, as uint64_t */
	VALUE_ADDRESS,
	VALUE_NAME, /* the program's own text: printable, nothing to quote */
	VALUE_TEXT, /* any text: the encoder cleans it */
	VALUE_STACK,
};

/* One detail. Its name is the program's own, and lives as long as the program. */
struct event_arg {
	const char *name;
	enum event_value as;
	union {
		uint64_t number;
		const char *text;
		const struct thprace_stack *stack;
	};
};

#define EVENT_ARGS 28
#define EVENT_PARTS 2

/* A part of a slice, drawn in it. */
struct event_part {
	const char *name;
	uint64_t begin;
	uint64_t end;
};

/* Times: ns CLOCK_MONOTONIC. Names live as long as the timeline. */
struct event {
	struct track track;
	const char *name;
	const char *category;
	bool instant; /* at begin; end is not used */
	uint64_t begin;
	uint64_t end;
	uint64_t flow; /* an arrow begins or ends here: its number; 0: none */
	bool flow_ends;
	uint64_t flow_at; /* a time within the slice that the arrow belongs to */
	unsigned int nr_args;
	struct event_arg args[EVENT_ARGS];
	unsigned int nr_parts;
	struct event_part parts[EVENT_PARTS]; /* in order of time */
};

static inline struct event_arg *event__arg(struct event *event, const char *name,
					   enum event_value as)
{
	/* The last place is for one that is too many. */
	unsigned int at = event->nr_args < EVENT_ARGS - 1 ? event->nr_args++ : EVENT_ARGS - 1;

	event->args[at] = (struct event_arg){.name = name, .as = as};
	return &event->args[at];
}

static inline void event__number(struct event *event, const char *name, uint64_t number)
{
	event__arg(event, name, VALUE_NUMBER)->number = number;
}

static inline void event__signed(struct event *event, const char *name, int64_t number)
{
	event__arg(event, name, VALUE_SIGNED)->number = (uint64_t)number;
}

static inline void event__address(struct event *event, const char *name, uint64_t address)
{
	event__arg(event, name, VALUE_ADDRESS)->number = address;
}

static inline void event__name(struct event *event, const char *name, const char *text)
{
	event__arg(event, name, VALUE_NAME)->text = text;
}

static inline void event__text(struct event *event, const char *name, const char *text)
{
	event__arg(event, name, VALUE_TEXT)->text = text;
}

/* Writes to `out`; a failed write shows in ferror(). */
struct encoder {
	FILE *out;
	const struct summary *summary; /* names the frames of stacks */
	void (*begin)(struct encoder *encoder);
	/* Before the first event of a track; again if its name became known. name: as in the file. */
	void (*track)(struct encoder *encoder, const struct track *track, const char *name);
	void (*event)(struct encoder *encoder, const struct event *event);
	void (*end)(struct encoder *encoder);
};

/* New encoders, to be freed with free(); NULL: no memory. */
struct encoder *perfetto__new(FILE *out, const struct summary *summary);
struct encoder *chrome__new(FILE *out, const struct summary *summary);

#endif
