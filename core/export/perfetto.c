// SPDX-License-Identifier: GPL-2.0-only
/*
 * Perfetto's format: packets of protobuf, with the field numbers of its published schema
 * (protos/perfetto/trace in its source; tests/traces/perfetto.proto has the ones that are used).
 *
 * Names that occur again and again are sent once, with a number for each ("interned").
 */
#include "event.h"

#include <stdlib.h>
#include "base/hash.h"
#include "base/names.h"
#include "proto.h"
#include "report/summary.h"

/* Trace */
#define TRACE_PACKET 1
/* TracePacket */
#define PACKET_CLOCKS 6
#define PACKET_TIME 8
#define PACKET_SEQUENCE 10
#define PACKET_EVENT 11
#define PACKET_INTERNED 12
#define PACKET_FLAGS 13
#define PACKET_DEFAULTS 59
#define PACKET_TRACK 60
#define FLAG_CLEARED 1
#define FLAG_NEEDS_STATE 2
/* TracePacketDefaults */
#define DEFAULT_CLOCK 58
/* ClockSnapshot, and Clock in it */
#define CLOCKS_CLOCK 1
#define CLOCKS_PRIMARY 2
#define CLOCK_ID 1
#define CLOCK_TIME 2
#define BUILTIN_REALTIME 1
#define BUILTIN_MONOTONIC 3
/* InternedData, and an entry of it */
#define INTERNED_CATEGORY 1
#define INTERNED_NAME 2
#define INTERNED_ARG 3
#define ENTRY_ID 1
#define ENTRY_NAME 2
/* TrackDescriptor */
#define TRACK_ID 1
#define TRACK_NAME 2
#define TRACK_OF_PROCESS 3
#define TRACK_OF_THREAD 4
#define TRACK_PARENT 5
/* ProcessDescriptor */
#define PROCESS_PID 1
#define PROCESS_NAME 6
/* ThreadDescriptor */
#define THREAD_PID 1
#define THREAD_TID 2
#define THREAD_NAME 5
/* TrackEvent */
#define EVENT_CATEGORY 3
#define EVENT_ARG 4
#define EVENT_TYPE 9
#define EVENT_NAME 10
#define EVENT_TRACK 11
#define EVENT_PLAIN_CATEGORY 22
#define EVENT_PLAIN_NAME 23
#define EVENT_FLOW 47
#define EVENT_FLOW_END 48
#define TYPE_BEGIN 1
#define TYPE_END 2
#define TYPE_INSTANT 3
/* DebugAnnotation */
#define ARG_NAME 1
#define ARG_NUMBER 3
#define ARG_SIGNED 4
#define ARG_TEXT 6
#define ARG_POINTER 7
#define ARG_PLAIN_NAME 10
#define ARG_ARRAY 12

#define SEQUENCE 1
#define NAMES 512 /* places, a power of two */
#define PACKET_MAX (64 << 10) /* the longest has two texts and a stack: some 5 KiB */
#define TEXT_MAX 1024

/* Names that were sent, by the address of their text. */
struct interned {
	const char *names[NAMES];
	unsigned int ids[NAMES];
	unsigned int nr;
};

struct perfetto {
	struct encoder encoder;
	struct interned categories;
	struct interned names;
	struct interned args;
	/* Entries of InternedData that the packet has to bring along. */
	unsigned char fresh[PACKET_MAX / 2];
	size_t fresh_size;
	unsigned char packet[PACKET_MAX];
};

/* The number of a name; 0: the table is full, the name must be written out. */
static unsigned int intern(struct perfetto *perfetto, struct interned *table, unsigned int field,
			   const char *name)
{
	unsigned int place = (unsigned int)hash__number((uintptr_t)name) & (NAMES - 1);
	unsigned char *at = perfetto->fresh + perfetto->fresh_size, *begin;

	while (table->names[place] && table->names[place] != name)
		place = (place + 1) & (NAMES - 1);
	if (table->names[place])
		return table->ids[place];
	if (table->nr == NAMES / 2)
		return 0;
	table->names[place] = name;
	table->ids[place] = ++table->nr;
	begin = proto__open(at, field);
	at = proto__text(proto__number(begin, ENTRY_ID, table->nr), ENTRY_NAME, name);
	perfetto->fresh_size = (size_t)(proto__close(begin, at) - perfetto->fresh);
	return table->nr;
}

static unsigned char *begin_packet(struct perfetto *perfetto)
{
	return proto__open(perfetto->packet, TRACE_PACKET);
}

/* With what every packet has. */
static void end_packet(struct perfetto *perfetto, unsigned char *at, unsigned int flags)
{
	unsigned char *begin = begin_packet(perfetto), *interned;

	if (perfetto->fresh_size) {
		interned = proto__open(at, PACKET_INTERNED);
		memcpy(interned, perfetto->fresh, perfetto->fresh_size);
		at = proto__close(interned, interned + perfetto->fresh_size);
		perfetto->fresh_size = 0;
	}
	at = proto__number(at, PACKET_SEQUENCE, SEQUENCE);
	at = proto__close(begin, proto__number(at, PACKET_FLAGS, flags));
	fwrite_unlocked(perfetto->packet, 1, (size_t)(at - perfetto->packet),
			perfetto->encoder.out);
}

static unsigned char *put_clock(unsigned char *at, unsigned int clock, uint64_t time)
{
	unsigned char *begin = proto__open(at, CLOCKS_CLOCK);

	at = proto__number(begin, CLOCK_ID, clock);
	return proto__close(begin, proto__number(at, CLOCK_TIME, time));
}

/* All times are of CLOCK_MONOTONIC; one instant is also given in CLOCK_REALTIME. */
static void begin(struct encoder *encoder)
{
	const struct thprace_trace_header *header = &encoder->summary->header;
	struct perfetto *perfetto = (struct perfetto *)encoder;
	unsigned char *message, *at = begin_packet(perfetto);

	message = proto__open(at, PACKET_DEFAULTS);
	at = proto__close(message, proto__number(message, DEFAULT_CLOCK, BUILTIN_MONOTONIC));
	message = proto__open(at, PACKET_CLOCKS);
	at = put_clock(message, BUILTIN_MONOTONIC, header->started);
	at = put_clock(at, BUILTIN_REALTIME, header->started_wall);
	at = proto__close(message, proto__number(at, CLOCKS_PRIMARY, BUILTIN_MONOTONIC));
	end_packet(perfetto, at, FLAG_CLEARED);
}

static void end(struct encoder *encoder)
{
	(void)encoder;
}

/* CPUs and losses have a parent of their kind, whose id is UINT32_MAX. */
static uint64_t id_of(const struct track *track)
{
	uint64_t who = (uint64_t)track->tgid << 32 | track->id;

	return hash__pair(who, (uint64_t)track->kind << 8 | track->lane) | 1;
}

static uint64_t parent_of(const struct track *track)
{
	struct track parent = *track;

	if (track->kind != TRACK_THREAD)
		parent.id = UINT32_MAX;
	parent.lane = 0;
	return id_of(&parent);
}

static unsigned char *put_process(unsigned char *at, const struct track *track, const char *name)
{
	unsigned char *begin = proto__open(at, TRACK_OF_PROCESS);

	at = proto__number(begin, PROCESS_PID, (uint64_t)(int32_t)track->id);
	if (*name)
		at = proto__text(at, PROCESS_NAME, name);
	return proto__close(begin, at);
}

static unsigned char *put_thread(unsigned char *at, const struct track *track, const char *name)
{
	unsigned char *begin = proto__open(at, TRACK_OF_THREAD);

	at = proto__number(begin, THREAD_PID, (uint64_t)(int32_t)track->tgid);
	at = proto__number(at, THREAD_TID, (uint64_t)(int32_t)track->id);
	if (*name)
		at = proto__text(at, THREAD_NAME, name);
	return proto__close(begin, at);
}

static void put_track(struct perfetto *perfetto, const struct track *track, const char *name)
{
	unsigned char *at = begin_packet(perfetto), *message = proto__open(at, PACKET_TRACK);
	char text[64];

	at = proto__number(message, TRACK_ID, id_of(track));
	if (track->kind == TRACK_PROCESS) {
		at = put_process(at, track, name);
	} else if (track->kind == TRACK_THREAD && !track->lane) {
		at = put_thread(at, track, name);
	} else if (track->id != UINT32_MAX) {
		at = proto__number(at, TRACK_PARENT, parent_of(track));
		if (track->kind == TRACK_CPU)
			snprintf(text, sizeof(text), "CPU %u", track->id);
		else
			snprintf(text, sizeof(text), "%s",
				 track->kind == TRACK_LOSS ? "lost" : "at the same time");
		at = proto__text(at, TRACK_NAME, text);
	} else {
		at = proto__text(at, TRACK_NAME, track->kind == TRACK_CPU ? "CPUs" : "Loss");
	}
	end_packet(perfetto, proto__close(message, at), FLAG_NEEDS_STATE);
}

static void track(struct encoder *encoder, const struct track *track, const char *name)
{
	struct perfetto *perfetto = (struct perfetto *)encoder;
	struct track parent = {.kind = track->kind, .id = UINT32_MAX};
	char clean[4 * THPRACE_COMM_LEN];

	if (track->kind == TRACK_CPU || track->kind == TRACK_LOSS)
		put_track(perfetto, &parent, "");
	put_track(perfetto, track, names__clean(clean, sizeof(clean), name, THPRACE_COMM_LEN, 1));
}

/* A frame's name, or its address. */
static unsigned char *put_frame(unsigned char *at, const struct summary *summary, uint64_t ip)
{
	const char *symbol = summary__symbol(summary, ip);
	unsigned char *begin = proto__open(at, ARG_ARRAY);
	char clean[SUMMARY_NAME_LEN];

	if (symbol)
		at = proto__text(begin, ARG_TEXT,
				 names__clean(clean, sizeof(clean), symbol, SUMMARY_NAME_LEN, 1));
	else
		at = proto__number(begin, ARG_POINTER, ip);
	return proto__close(begin, at);
}

static unsigned char *put_value(const struct perfetto *perfetto, unsigned char *at,
				const struct event_arg *arg)
{
	char clean[TEXT_MAX];
	unsigned int i;

	switch (arg->as) {
	case VALUE_NUMBER:
		return proto__number(at, ARG_NUMBER, arg->number);
	case VALUE_SIGNED:
		return proto__number(at, ARG_SIGNED, arg->number);
	case VALUE_ADDRESS:
		return proto__number(at, ARG_POINTER, arg->number);
	case VALUE_NAME:
		return proto__text(at, ARG_TEXT, arg->text);
	case VALUE_TEXT:
		return proto__text(at, ARG_TEXT,
				   names__clean(clean, sizeof(clean), arg->text, TEXT_MAX, 1));
	case VALUE_STACK:
		for (i = 0; i < arg->stack->nr && i < THPRACE_STACK_MAX; i++)
			at = put_frame(at, perfetto->encoder.summary, arg->stack->ip[i]);
		return at;
	}
	return at;
}

static unsigned char *put_arg(struct perfetto *perfetto, unsigned char *at,
			      const struct event_arg *arg)
{
	unsigned int name = intern(perfetto, &perfetto->args, INTERNED_ARG, arg->name);
	unsigned char *begin = proto__open(at, EVENT_ARG);

	at = name ? proto__number(begin, ARG_NAME, name)
		  : proto__text(begin, ARG_PLAIN_NAME, arg->name);
	return proto__close(begin, put_value(perfetto, at, arg));
}

/* One packet. name: NULL for the end of a slice; event: its details, or NULL. */
static void put_event(struct perfetto *perfetto, unsigned int type, uint64_t time, uint64_t track,
		      const char *name, const char *category, const struct event *details)
{
	unsigned char *at = proto__number(begin_packet(perfetto), PACKET_TIME, time), *message;
	unsigned int id, i;

	message = proto__open(at, PACKET_EVENT);
	at = proto__number(message, EVENT_TYPE, type);
	at = proto__number(at, EVENT_TRACK, track);
	if (name) {
		id = intern(perfetto, &perfetto->names, INTERNED_NAME, name);
		at = id ? proto__number(at, EVENT_NAME, id)
			: proto__text(at, EVENT_PLAIN_NAME, name);
		id = intern(perfetto, &perfetto->categories, INTERNED_CATEGORY, category);
		at = id ? proto__number(at, EVENT_CATEGORY, id)
			: proto__text(at, EVENT_PLAIN_CATEGORY, category);
	}
	for (i = 0; details && i < details->nr_args; i++)
		at = put_arg(perfetto, at, &details->args[i]);
	if (details && details->flow)
		at = proto__fixed64(at, details->flow_ends ? EVENT_FLOW_END : EVENT_FLOW,
				    details->flow);
	end_packet(perfetto, proto__close(message, at), FLAG_NEEDS_STATE);
}

static void event(struct encoder *encoder, const struct event *event)
{
	struct perfetto *perfetto = (struct perfetto *)encoder;
	uint64_t track = id_of(&event->track);
	unsigned int i;

	put_event(perfetto, event->instant ? TYPE_INSTANT : TYPE_BEGIN, event->begin, track,
		  event->name, event->category, event);
	if (event->instant)
		return;
	for (i = 0; i < event->nr_parts; i++) {
		put_event(perfetto, TYPE_BEGIN, event->parts[i].begin, track, event->parts[i].name,
			  event->category, NULL);
		put_event(perfetto, TYPE_END, event->parts[i].end, track, NULL, NULL, NULL);
	}
	put_event(perfetto, TYPE_END, event->end, track, NULL, NULL, NULL);
}

struct encoder *perfetto__new(FILE *out, const struct summary *summary)
{
	struct perfetto *perfetto = calloc(1, sizeof(*perfetto));

	if (!perfetto)
		return NULL;
	perfetto->encoder = (struct encoder){
		.out = out,
		.summary = summary,
		.begin = begin,
		.track = track,
		.event = event,
		.end = end,
	};
	return &perfetto->encoder;
}
