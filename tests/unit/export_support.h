/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads exported timelines as viewers do, and checks the rules of their formats. Perfetto's fields
 * are those of tests/traces/perfetto.proto.
 */
#ifndef TESTS_EXPORT_SUPPORT_H
#define TESTS_EXPORT_SUPPORT_H

#include "report_support.h"

#include <stdbool.h>
#include "export/timeline.h"

/* --- both formats as one list of what a viewer draws --- */

#define SHOWN_MAX 40000

struct shown {
	uint64_t track;
	uint64_t begin; /* ns */
	uint64_t end; /* the same as begin: an instant */
	char name[48];
};

struct timeline_shown {
	unsigned int nr;
	struct shown events[SHOWN_MAX];
};

static struct timeline_shown json_shown, perfetto_shown;

static inline struct shown *show(struct timeline_shown *shown, uint64_t track, uint64_t begin,
				 const char *name)
{
	struct shown *event = &shown->events[shown->nr++];

	assert_true(shown->nr < SHOWN_MAX);
	event->track = track;
	event->begin = event->end = begin;
	snprintf(event->name, sizeof(event->name), "%s", name);
	return event;
}

/* Outer slices before inner ones. */
static inline int by_track(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;

	if (x->track != y->track)
		return x->track < y->track ? -1 : 1;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	return strcmp(x->name, y->name);
}

static inline int by_time(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* On each track, two slices are apart, or one is in the other. */
static inline void assert_nested(struct timeline_shown *shown)
{
	uint64_t ends[64], track = 0;
	unsigned int depth = 0, i;

	qsort(shown->events, shown->nr, sizeof(shown->events[0]), by_track);
	for (i = 0; i < shown->nr; i++) {
		const struct shown *event = &shown->events[i];

		if (event->track != track)
			depth = 0;
		track = event->track;
		while (depth && ends[depth - 1] <= event->begin)
			depth--;
		if (depth && event->end > ends[depth - 1])
			fail_msg("%s overlaps another slice of its track", event->name);
		assert_true(depth < 64);
		ends[depth++] = event->end;
	}
}

static inline char *exported(enum timeline_format format, size_t *size)
{
	struct summary *summary = read_summary();
	struct trace_reader *reader = NULL;
	char *text = NULL, why[256];
	FILE *out = open_memstream(&text, size);

	assert_non_null(out);
	assert_int_equal(trace_reader__open(&reader, path, why, sizeof(why)), 0);
	assert_int_equal(timeline__write(out, format, summary, reader), 0);
	trace_reader__close(reader);
	summary__free(summary);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* --- Chrome's JSON --- */

static inline struct json_object *get(struct json_object *object, const char *name,
				      enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value) || json_object_get_type(value) != type)
		fail_msg("no %s in %s", name, json_object_to_json_string(object));
	return value;
}

static inline const char *get_text(struct json_object *object, const char *name)
{
	return json_object_get_string(get(object, name, json_type_string));
}

/* µs with three decimals, exactly. */
static inline uint64_t get_ns(struct json_object *object, const char *name)
{
	const char *text = json_object_get_string(get(object, name, json_type_double));
	unsigned long long us = 0;
	unsigned int ns = 0;
	int length = 0;

	assert_int_equal(sscanf(text, "%llu.%3u%n", &us, &ns, &length), 2);
	assert_int_equal(text[length], '\0');
	return us * 1000 + ns;
}

static inline uint64_t get_track(struct json_object *object)
{
	return (uint64_t)json_object_get_int64(get(object, "pid", json_type_int)) << 32 ^
	       (uint64_t)json_object_get_int64(get(object, "tid", json_type_int));
}

/* Flows by number: each has a begin, then an end that is not earlier. */
static inline void check_flow(struct json_object *event, uint64_t *flows, size_t max)
{
	uint64_t id = (uint64_t)json_object_get_int64(get(event, "id", json_type_int));

	assert_true(id && id < max);
	if (!strcmp(get_text(event, "ph"), "s")) {
		assert_int_equal(flows[id], 0);
		flows[id] = get_ns(event, "ts");
	} else {
		assert_string_equal(get_text(event, "bp"), "e");
		assert_true(flows[id] && get_ns(event, "ts") >= flows[id]);
		flows[id] = 1;
	}
}

static inline void check_event(struct json_object *event, uint64_t *flows, size_t max)
{
	const char *ph = get_text(event, "ph"), *name = get_text(event, "name");
	struct shown *shown;

	get_track(event);
	if (!strcmp(ph, "M")) {
		get(event, "args", json_type_object);
		return;
	}
	get_text(event, "cat");
	if (!strcmp(ph, "X")) {
		shown = show(&json_shown, get_track(event), get_ns(event, "ts"), name);
		shown->end += get_ns(event, "dur");
	} else if (!strcmp(ph, "i")) {
		assert_string_equal(get_text(event, "s"), "t");
		show(&json_shown, get_track(event), get_ns(event, "ts"), name);
	} else if (!strcmp(ph, "s") || !strcmp(ph, "f")) {
		check_flow(event, flows, max);
	} else {
		fail_msg("no kind of event: %s", ph);
	}
}

/* Returns the text, after its rules were checked and json_shown was filled. */
static inline char *export_json(void)
{
	static uint64_t flows[4096];
	size_t size = 0, i;
	char *text = exported(TIMELINE_CHROME, &size);
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object, *events;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)size);
	assert_int_equal(json_tokener_get_error(tokener), json_tokener_success);
	json_tokener_free(tokener);
	assert_string_equal(get_text(object, "displayTimeUnit"), "ns");
	events = get(object, "traceEvents", json_type_array);
	memset(flows, 0, sizeof(flows));
	json_shown.nr = 0;
	for (i = 0; i < json_object_array_length(events); i++)
		check_event(json_object_array_get_idx(events, i), flows, 4096);
	for (i = 0; i < 4096; i++)
		assert_true(flows[i] < 2);
	json_object_put(object);
	assert_nested(&json_shown);
	return text;
}

/* --- Perfetto's packets --- */

#define PACKETS_MAX 100000
#define NAMES_MAX 256

struct packet {
	uint64_t time;
	uint64_t track;
	uint64_t type; /* 1 begin, 2 end, 3 instant; 0: no event */
	uint64_t name;
	uint64_t flow;
	uint64_t flow_end;
	unsigned int seq;
};

struct field {
	unsigned int number;
	uint64_t value;
	const unsigned char *bytes;
	size_t size;
};

static char names[NAMES_MAX][48];
static struct packet packets[PACKETS_MAX];
static unsigned int nr_packets;

static inline uint64_t read_varint(const unsigned char **at, const unsigned char *end)
{
	uint64_t value = 0;
	unsigned int shift;

	for (shift = 0; shift < 64; shift += 7) {
		assert_true(*at < end);
		value |= (uint64_t)(**at & 0x7f) << shift;
		if (!(*(*at)++ & 0x80))
			return value;
	}
	fail_msg("a number of more than ten bytes");
	return 0;
}

/* False at the end of the message. */
static inline bool next_field(const unsigned char **at, const unsigned char *end,
			      struct field *field)
{
	uint64_t tag;

	if (*at == end)
		return false;
	tag = read_varint(at, end);
	memset(field, 0, sizeof(*field));
	field->number = (unsigned int)(tag >> 3);
	if ((tag & 7) == 0) {
		field->value = read_varint(at, end);
	} else if ((tag & 7) == 1) {
		assert_true(end - *at >= 8);
		memcpy(&field->value, *at, 8);
		*at += 8;
	} else {
		assert_int_equal(tag & 7, 2);
		field->size = read_varint(at, end);
		field->bytes = *at;
		assert_true(field->size <= (size_t)(end - *at));
		*at += field->size;
	}
	return true;
}

static inline void read_names(const struct field *interned)
{
	const unsigned char *at = interned->bytes, *inner;
	struct field entry, member;
	uint64_t id = 0;

	while (next_field(&at, interned->bytes + interned->size, &entry)) {
		if (entry.number != 2)
			continue;
		inner = entry.bytes;
		while (next_field(&inner, entry.bytes + entry.size, &member)) {
			if (member.number == 1)
				id = member.value;
			assert_true(id && id < NAMES_MAX);
			if (member.number == 2)
				snprintf(names[id], sizeof(names[id]), "%.*s", (int)member.size,
					 (const char *)member.bytes);
		}
	}
}

static inline void read_event(struct packet *packet, const struct field *event)
{
	const unsigned char *at = event->bytes;
	struct field field;

	while (next_field(&at, event->bytes + event->size, &field)) {
		if (field.number == 9)
			packet->type = field.value;
		else if (field.number == 11)
			packet->track = field.value;
		else if (field.number == 10)
			packet->name = field.value;
		else if (field.number == 47)
			packet->flow = field.value;
		else if (field.number == 48)
			packet->flow_end = field.value;
	}
}

/* Every track of an event was described before. */
static uint64_t described[1024];
static unsigned int nr_described;

static inline void read_track(const struct field *track)
{
	const unsigned char *at = track->bytes;
	struct field field;

	while (next_field(&at, track->bytes + track->size, &field)) {
		if (field.number == 1) {
			assert_true(nr_described < 1024);
			described[nr_described++] = field.value;
		}
	}
}

static inline void assert_described(uint64_t track)
{
	unsigned int i;

	for (i = 0; i < nr_described; i++) {
		if (described[i] == track)
			return;
	}
	fail_msg("an event on a track that was not described");
}

static inline void read_packet(const struct field *bytes)
{
	const unsigned char *at = bytes->bytes;
	struct packet packet = {0};
	struct field field;

	while (next_field(&at, bytes->bytes + bytes->size, &field)) {
		if (field.number == 8)
			packet.time = field.value;
		else if (field.number == 11)
			read_event(&packet, &field);
		else if (field.number == 12)
			read_names(&field);
		else if (field.number == 60)
			read_track(&field);
	}
	if (!packet.type)
		return;
	assert_described(packet.track);
	assert_true(nr_packets < PACKETS_MAX);
	packet.seq = nr_packets;
	packets[nr_packets++] = packet;
}

/* As the viewer does: by time; the order of the file where it is the same. */
static inline int by_packet(const void *a, const void *b)
{
	const struct packet *x = a, *y = b;

	if (x->track != y->track)
		return x->track < y->track ? -1 : 1;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

static inline void close_slices(void)
{
	struct shown *open[64], *shown;
	unsigned int depth = 0, i;

	for (i = 0; i < nr_packets; i++) {
		const struct packet *packet = &packets[i];

		if (i && packet->track != packets[i - 1].track)
			assert_int_equal(depth, 0);
		if (packet->type == 2) {
			assert_true(depth > 0);
			open[--depth]->end = packet->time;
			continue;
		}
		assert_true(packet->name && packet->name < NAMES_MAX);
		shown = show(&perfetto_shown, packet->track, packet->time, names[packet->name]);
		assert_true(depth < 64);
		if (packet->type == 1)
			open[depth++] = shown;
	}
	assert_int_equal(depth, 0);
}

/* Fills packets and perfetto_shown. */
static inline void export_perfetto(void)
{
	size_t size = 0;
	char *text = exported(TIMELINE_PERFETTO, &size);
	const unsigned char *at = (const unsigned char *)text;
	struct field packet;

	nr_packets = nr_described = 0;
	perfetto_shown.nr = 0;
	while (next_field(&at, (const unsigned char *)text + size, &packet)) {
		assert_int_equal(packet.number, 1);
		read_packet(&packet);
	}
	qsort(packets, nr_packets, sizeof(packets[0]), by_packet);
	close_slices();
	free(text);
}

/* Both show the same; returns the JSON. */
static inline char *export_both(void)
{
	char *text = export_json();
	unsigned int i;

	export_perfetto();
	assert_int_equal(json_shown.nr, perfetto_shown.nr);
	qsort(json_shown.events, json_shown.nr, sizeof(json_shown.events[0]), by_time);
	qsort(perfetto_shown.events, perfetto_shown.nr, sizeof(perfetto_shown.events[0]), by_time);
	for (i = 0; i < json_shown.nr; i++) {
		assert_int_equal(json_shown.events[i].begin, perfetto_shown.events[i].begin);
		assert_int_equal(json_shown.events[i].end, perfetto_shown.events[i].end);
		assert_string_equal(json_shown.events[i].name, perfetto_shown.events[i].name);
	}
	return text;
}

static inline unsigned int count_shown(const char *name, uint64_t begin, uint64_t end)
{
	unsigned int nr = 0, i;

	for (i = 0; i < json_shown.nr; i++) {
		const struct shown *event = &json_shown.events[i];

		nr += !strcmp(event->name, name) && event->begin == START + begin &&
		      event->end == START + end;
	}
	return nr;
}

#endif
