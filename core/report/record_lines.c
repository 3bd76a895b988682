// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line of JSON takes 29 ns, with fprintf() 272 ns (2026-11-29, build/bench/gain of a trace of
 * split-migrate with --all). Without the cached times and tasks it would take 45 ns.
 */
#include "record_lines.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/names.h"
#include "base/format.h"
#include "record_meaning.h"

#define BUFFER_SIZE (128 << 10)
#define LINE_MAX 1024 /* the longest line has some 450 bytes */
#define PIECE_SIZE 64
#define NUMBER_MAX 20
#define EIGHT_DIGITS 100000000 /* the first number with more digits */

/* A fragment of a line: always copied as a whole, with a constant length. */
struct fragment {
	char text[PIECE_SIZE - 1];
	unsigned char length;
};

/*
 * The names of a class and a kind, with the text around them: a class's name has at most
 * RACE_NAME_MAX characters.
 */
struct who_fragment {
	char text[95];
	unsigned char length;
};

/*
 * For a type: its name with the text around it, and the names of the members whose meaning depends
 * on it.
 */
struct type_fragments {
	struct fragment name[2]; /* for a record of the stream, and for one of a flight recorder */
	struct fragment value;
	struct fragment arg;
	struct fragment arg2;
};

/* The part of a line about its task. Tasks occur again and again. */
struct task_fragment {
	uint32_t pid;
	uint32_t tgid;
	uint16_t cpu;
	struct fragment fragment; /* length 0: none yet */
};

#define TASKS 64 /* a power of two */

struct record_lines {
	enum render_format format;
	uint64_t started;
	int utf8;
	/* The last ones are for values that are out of range. */
	struct type_fragments types[THPRACE_REC_MAX + 1];
	struct who_fragment who[THPRACE_CLASS_MAX + 1][THPRACE_ORIGIN_MAX + 1];
	bool made[THPRACE_CLASS_MAX + 1][THPRACE_ORIGIN_MAX + 1];
	struct task_fragment tasks[TASKS];
	uint64_t upper; /* of the last time */
	struct fragment upper_digits; /* length 0: none yet */
	char buffer[BUFFER_SIZE];
};

__attribute__((format(printf, 2, 3))) static void make(struct fragment *fragment,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fragment->length =
		(unsigned char)vsnprintf(fragment->text, sizeof(fragment->text), format, args);
	va_end(args);
}

/* The name of a member of the record, and the text before its value. */
static void make_member(const struct record_lines *lines, struct fragment *fragment,
			const char *name, enum record_shape shape)
{
	if (name && lines->format == RENDER_JSON)
		make(fragment, ",\"%s%s\":%s", name, shape == RECORD_TIME ? "_ns" : "",
		     shape == RECORD_ADDRESS ? "\"0x" : "");
	else if (name)
		make(fragment, " %s=%s", name, shape == RECORD_ADDRESS ? "0x" : "");
}

static void make_type(struct record_lines *lines, unsigned int type)
{
	static const char *const sources[] = {"stream", "context"};
	struct type_fragments *fragments = &lines->types[type];
	const char *name = names__record(type);
	int context;

	for (context = 0; context < 2; context++) {
		if (lines->format == RENDER_JSON)
			make(&fragments->name[context], "%s\",\"source\":\"%s\",\"time_ns\":", name,
			     sources[context]);
		else if (lines->format == RENDER_CSV)
			make(&fragments->name[context], ",%s,", name);
		else
			make(&fragments->name[context], "  %-15s 0x", name);
	}
	make_member(lines, &fragments->value, record_meanings[type].value, RECORD_COUNT);
	make_member(lines, &fragments->arg, record_meanings[type].arg,
		    record_meanings[type].arg_as);
	make_member(lines, &fragments->arg2, record_meanings[type].arg2,
		    record_meanings[type].arg2_as);
}

static void make_who(struct record_lines *lines, unsigned int class, unsigned int origin)
{
	const char *class_name = names__class(class), *origin_name = names__origin(origin);
	struct who_fragment *who = &lines->who[class][origin];
	const size_t size = sizeof(who->text);
	int length;

	if (lines->format == RENDER_JSON)
		length = snprintf(who->text, size,
				  ",\"class\":\"%s\",\"kind\":\"%s\",\"flags\":", class_name,
				  origin_name);
	else if (lines->format == RENDER_CSV)
		length = snprintf(who->text, size, "%s,%s,", class_name, origin_name);
	else
		length = snprintf(who->text, size, "%s%s%s%s", class ? " class=" : "",
				  class ? class_name : "", origin ? " kind=" : "",
				  origin ? origin_name : "");
	who->length = (unsigned char)length;
	lines->made[class][origin] = true;
}

struct record_lines *record_lines__new(const struct render_record *render)
{
	struct record_lines *lines = calloc(1, sizeof(*lines));
	unsigned int type;

	if (!lines)
		return NULL;
	lines->format = render->format;
	lines->started = render->started;
	lines->utf8 = render->utf8;
	for (type = 0; type <= THPRACE_REC_MAX; type++)
		make_type(lines, type);
	return lines;
}

void record_lines__free(struct record_lines *lines)
{
	free(lines);
}

static inline unsigned int at_most(unsigned int value, unsigned int max)
{
	return value < max ? value : max;
}

static inline unsigned int type_of(const struct thprace_record *record)
{
	return at_most(record->type, THPRACE_REC_MAX);
}

/* Made when needed, because a file may name classes later. */
static inline const struct who_fragment *who_of(struct record_lines *lines,
						const struct thprace_record *record)
{
	unsigned int class = at_most(record->class, THPRACE_CLASS_MAX);
	unsigned int origin = at_most(record->origin, THPRACE_ORIGIN_MAX);

	if (!lines->made[class][origin])
		make_who(lines, class, origin);
	return &lines->who[class][origin];
}

static inline char *format_fragment(char *at, const struct fragment *fragment)
{
	memcpy(at, fragment, sizeof(*fragment));
	return at + fragment->length;
}

static inline char *format_who(char *at, const struct who_fragment *who)
{
	memcpy(at, who, sizeof(*who));
	return at + who->length;
}

/* The digits of a time except the last eight, which stay the same for 100 ms. */
static inline const struct fragment *upper_digits(struct record_lines *lines, uint64_t upper)
{
	if (upper != lines->upper || !lines->upper_digits.length) {
		lines->upper = upper;
		lines->upper_digits.length =
			(unsigned char)(format__number(lines->upper_digits.text, upper) -
					lines->upper_digits.text);
	}
	return &lines->upper_digits;
}

static inline char *format_time(struct record_lines *lines, char *at, uint64_t ns)
{
	const struct fragment *upper;

	if (ns < EIGHT_DIGITS)
		return format__number(at, ns);
	upper = upper_digits(lines, ns / EIGHT_DIGITS);
	memcpy(at, upper->text, NUMBER_MAX);
	return format__fixed(at + upper->length, 8, (uint32_t)(ns % EIGHT_DIGITS));
}

/* ts and entry. */
static inline __attribute__((always_inline)) char *format_times(struct record_lines *lines,
								char *at,
								const struct thprace_record *record,
								const char *between)
{
	at = format__text(format_time(lines, at, record->ts), between);
	return format_time(lines, at, record->entry);
}

static inline char *json_value(char *at, const struct fragment *name, enum record_shape shape,
			       uint64_t value)
{
	if (shape == RECORD_UNUSED)
		return at;
	at = format_fragment(at, name);
	if (shape == RECORD_TIME && !value)
		return format__text(at, "null");
	if (shape == RECORD_PAGES && value >> 32) {
		at = format__number(at, (uint32_t)value);
		return format__number(format__text(at, ",\"taking_ns\":"), value >> 32);
	}
	if (shape != RECORD_ADDRESS)
		return format__number(at, value);
	at = format__hex(at, value);
	*at++ = '"';
	return at;
}

static inline char *json_task(struct record_lines *lines, char *at,
			      const struct thprace_record *record)
{
	struct task_fragment *task = &lines->tasks[(record->pid ^ record->cpu << 3) & (TASKS - 1)];
	char *begin = at;

	if (task->pid == record->pid && task->tgid == record->tgid && task->cpu == record->cpu &&
	    task->fragment.length)
		return format_fragment(at, &task->fragment);
	at = format__short(format__text(at, ",\"cpu\":"), record->cpu);
	at = format__number(format__text(at, ",\"pid\":"), record->pid);
	at = format__number(format__text(at, ",\"tgid\":"), record->tgid);
	task->pid = record->pid;
	task->tgid = record->tgid;
	task->cpu = record->cpu;
	memcpy(task->fragment.text, begin,
	       sizeof(task->fragment.text)); /* and the bytes after it */
	task->fragment.length = (unsigned char)(at - begin); /* 49 at most */
	return at;
}

/* Names are the program's own and need no quoting. */
static char *json_line(struct record_lines *lines, char *at, const struct thprace_record *record,
		       int context)
{
	const struct type_fragments *fragments = &lines->types[type_of(record)];
	const struct record_meaning *meaning = &record_meanings[type_of(record)];

	at = format__text(at, "{\"type\":\"record\",\"record\":\"");
	at = format_fragment(at, &fragments->name[context]);
	at = format_times(lines, at, record, ",\"begin_ns\":");
	at = json_task(lines, at, record);
	if (record->folio) {
		at = format__hex(format__text(at, ",\"folio\":\"0x"), record->folio);
		*at++ = '"';
	} else {
		at = format__text(at, ",\"folio\":null");
	}
	at = format__short(format_who(at, who_of(lines, record)), record->flags);
	if (record->type == THPRACE_REC_LOST) {
		at = format__text(at, ",\"cause\":\"");
		at = format__text(at, names__loss((unsigned int)record->value));
		*at++ = '"';
	} else if (meaning->value) {
		at = format__signed(format_fragment(at, &fragments->value), record->value);
	}
	at = json_value(at, &fragments->arg, meaning->arg_as, record->arg);
	at = json_value(at, &fragments->arg2, meaning->arg2_as, record->arg2);
	return format__text(at, "}\n");
}

static char *csv_line(struct record_lines *lines, char *at, const struct thprace_record *record,
		      int context)
{
	at = context ? format__text(at, "context,,") : format__text(at, "record,,");
	at = format_times(lines, at, record, ",");
	at = format_fragment(at, &lines->types[type_of(record)].name[0]);
	at = format_who(at, who_of(lines, record));
	at = format__short(at, record->cpu);
	*at++ = ',';
	at = format__number(at, record->pid);
	*at++ = ',';
	at = format__number(at, record->tgid);
	at = format__hex(format__text(at, ",0x"), record->folio);
	*at++ = ',';
	at = format__signed(at, record->value);
	*at++ = ',';
	at = format__short(at, record->flags);
	at = format__hex(format__text(at, ",0x"), record->arg);
	at = format__hex(format__text(at, ",0x"), record->arg2);
	/* The columns of incidents: those up to walker_saved, and who both tasks are. */
	return format__text(at, ",,,,,,,,,,,,,,,,,,,"
				",,,,,,,,,,,,,,\n");
}

static inline char *text_value(const struct record_lines *lines, char *at,
			       const struct fragment *name, enum record_shape shape, uint64_t value)
{
	if (shape == RECORD_UNUSED)
		return at;
	at = format_fragment(at, name);
	if (shape == RECORD_ADDRESS)
		return format__hex(at, value);
	if (shape == RECORD_PAGES && value >> 32) {
		at = format__text(format__number(at, (uint32_t)value), " taking=");
		return format__duration(at, value >> 32, lines->utf8);
	}
	if (shape == RECORD_PAGES)
		return format__number(at, value);
	if (shape == RECORD_COUNT)
		return format__number(at, value);
	return value ? format__seconds(at, (int64_t)(value - lines->started))
		     : format__text(at, "unknown");
}

/* %15s of the time since the start. */
static inline char *text_time(char *at, int64_t ns)
{
	char text[32 + FORMAT_SLACK];
	size_t length, width;

	if (ns >= 0)
		return format__nanoseconds(format__right(at, 5, (uint64_t)ns / 1000000000),
					   (uint64_t)ns);
	/* Before the start: the sign is part of the padded text. */
	length = (size_t)(format__seconds(text, ns) - text);
	for (width = length; width < 15; width++)
		*at++ = ' ';
	memcpy(at, text, length);
	return at + length;
}

static char *text_flags(char *at, unsigned int flags)
{
	size_t i;

	if (flags & THPRACE_RF_OWN_FAILED)
		at = format__text(at, " own=still-mapped");
	else if (flags & THPRACE_RF_OWN)
		at = format__text(at, " own=unmapped");
	for (i = 0; record_flags[i].flag; i++) {
		if (flags & record_flags[i].flag)
			at = format__text(format__text(at, " "), record_flags[i].name);
	}
	return at;
}

static char *text_line(struct record_lines *lines, char *at, const struct thprace_record *record,
		       int context)
{
	const struct type_fragments *fragments = &lines->types[type_of(record)];
	const struct record_meaning *meaning = &record_meanings[type_of(record)];
	int lost = record->type == THPRACE_REC_LOST;

	at = text_time(at, (int64_t)(record->ts - lines->started));
	*at++ = ' ';
	at = format__right(at, 5, record->cpu);
	*at++ = ' ';
	at = format__right(at, 8, record->pid);
	*at++ = ' ';
	at = format__right(at, 8, record->tgid);
	at = format__hex16(format_fragment(at, &fragments->name[0]), record->folio);
	at = format_who(at, who_of(lines, record));
	if (meaning->interval && record->ts >= record->entry) {
		at = lost ? format__text(at, " within=") : format__text(at, " took=");
		at = format__duration(at, record->ts - record->entry, lines->utf8);
	}
	if (lost)
		at = format__text(format__text(at, " cause="),
				  names__loss((unsigned int)record->value));
	else if (meaning->value)
		at = format__signed(format_fragment(at, &fragments->value), record->value);
	if (record->type == THPRACE_REC_ZAP_CLOSE && record->flags)
		at = format__signed(format__text(at, " left="), thprace_left_decode(record->flags));
	else if (record->flags)
		at = text_flags(at, record->flags);
	at = text_value(lines, at, &fragments->arg, meaning->arg_as, record->arg);
	at = text_value(lines, at, &fragments->arg2, meaning->arg2_as, record->arg2);
	return context ? format__text(at, " context\n") : format__text(at, "\n");
}

/* Compose lines until the buffer is full; returns their number. */
static size_t compose(struct record_lines *lines, const struct record_place *records, size_t count,
		      int context, size_t *size)
{
	char *at = lines->buffer, *full = lines->buffer + BUFFER_SIZE - LINE_MAX;
	size_t i;

	for (i = 0; i < count && at < full; i++) {
		if (lines->format == RENDER_JSON)
			at = json_line(lines, at, records[i].record, context);
		else if (lines->format == RENDER_CSV)
			at = csv_line(lines, at, records[i].record, context);
		else
			at = text_line(lines, at, records[i].record, context);
	}
	*size = (size_t)(at - lines->buffer);
	return i;
}

void record_lines__print(struct record_lines *lines, FILE *out, const struct record_place *records,
			 size_t count, int context)
{
	size_t done, size;

	for (done = 0; done < count && !ferror(out);) {
		done += compose(lines, &records[done], count - done, !!context, &size);
		fwrite(lines->buffer, 1, size, out);
	}
}
