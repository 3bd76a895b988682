// SPDX-License-Identifier: GPL-2.0-only
#include "log_reader.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "base/number.h"

/* The relevant part of a journal entry. */
struct entry {
	char *message; /* LOG_READER_LINE bytes */
	size_t length;
	bool has_message;
	bool kernel; /* the kernel wrote it: other processes may write the same text */
	uint64_t when; /* ns CLOCK_MONOTONIC; 0: not known */
	bool any; /* it has a field */
	bool damaged;
};

struct log_reader {
	FILE *in;
	struct complaint_parser *parser;
	struct log_reader_counts *counts;
	char *line; /* LOG_READER_LINE bytes and a NUL */
	size_t length;
	bool cut; /* the line was longer */
	struct entry entry;
};

/* The next line, without its newline; false: there is none. */
static bool next_line(struct log_reader *reader)
{
	int c;

	reader->length = 0;
	reader->cut = false;
	while ((c = getc_unlocked(reader->in)) != EOF && c != '\n') {
		if (reader->length < LOG_READER_LINE)
			reader->line[reader->length++] = (char)c;
		else
			reader->cut = true;
	}
	reader->line[reader->length] = '\0';
	return c != EOF || reader->length;
}

static void take_line(struct log_reader *reader)
{
	reader->counts->lines++;
	complaint_parser__line(reader->parser, reader->line, reader->length);
}

static void begin_entry(struct entry *entry)
{
	char *message = entry->message;

	memset(entry, 0, sizeof(*entry));
	entry->message = message;
}

static void end_entry(struct log_reader *reader)
{
	struct entry *entry = &reader->entry;

	if (entry->damaged) {
		reader->counts->unread++;
	} else if (entry->any && !entry->kernel) {
		reader->counts->others++;
	} else if (entry->has_message) {
		reader->counts->lines++;
		complaint_parser__record(reader->parser, entry->message, entry->length, NULL,
					 entry->when);
	}
	begin_entry(entry);
}

/* A field of an entry: of the kernel's time stamps, printk's is preferred. */
static void take_field(struct entry *entry, const char *name, const char *value, size_t length)
{
	char number[24];
	const char *at = number;
	uint64_t when = 0;

	entry->any = true;
	if (!strcmp(name, "MESSAGE")) {
		entry->has_message = true;
		entry->length = length < LOG_READER_LINE ? length : LOG_READER_LINE;
		memcpy(entry->message, value, entry->length);
	} else if (!strcmp(name, "_TRANSPORT")) {
		entry->kernel = length == 6 && !memcmp(value, "kernel", 6);
	} else if ((!strcmp(name, "__MONOTONIC_TIMESTAMP") && !entry->when) ||
		   !strcmp(name, "_SOURCE_MONOTONIC_TIMESTAMP")) {
		snprintf(number, sizeof(number), "%.*s", (int)(length < 20 ? length : 20), value);
		number__take(&at, 10, &when);
		entry->when = when < UINT64_MAX / 1000 ? when * 1000 : 0;
	}
}

/*
 * A value after its length, because it may contain any bytes: 8 bytes, little-endian, the value, a
 * newline.
 */
static bool read_binary_field(struct log_reader *reader, const char *name)
{
	uint64_t size, i;
	char byte;
	int c;

	if (fread(&size, sizeof(size), 1, reader->in) != 1)
		return false;
	size = le64toh(size);
	reader->length = 0;
	for (i = 0; i < size; i++) {
		c = getc_unlocked(reader->in);
		if (c == EOF)
			return false;
		byte = (char)c;
		if (reader->length < LOG_READER_LINE)
			reader->line[reader->length++] = byte;
	}
	take_field(&reader->entry, name, reader->line, reader->length);
	return getc_unlocked(reader->in) == '\n';
}

/*
 * journalctl -o export: FIELD=value, or only FIELD and a binary value; an empty line ends the
 * entry.
 */
static void read_export(struct log_reader *reader)
{
	char name[64], *value;

	do {
		if (!reader->length) {
			end_entry(reader);
			continue;
		}
		value = strchr(reader->line, '=');
		if (value) {
			*value++ = '\0';
			take_field(&reader->entry, reader->line, value,
				   reader->length - (size_t)(value - reader->line));
		} else {
			snprintf(name, sizeof(name), "%s", reader->line);
			if (!read_binary_field(reader, name)) {
				reader->entry.damaged = true;
				break;
			}
		}
	} while (next_line(reader));
	end_entry(reader);
}

/* A member's value: text, or an array of bytes if it is not UTF-8. */
static void take_member(struct log_reader *reader, const char *name, struct json_object *value)
{
	size_t i, length;

	if (json_object_is_type(value, json_type_string)) {
		take_field(&reader->entry, name, json_object_get_string(value),
			   (size_t)json_object_get_string_len(value));
	} else if (json_object_is_type(value, json_type_array)) {
		length = json_object_array_length(value);
		for (i = 0; i < length && i < LOG_READER_LINE; i++)
			reader->line[i] =
				(char)json_object_get_int(json_object_array_get_idx(value, i));
		take_field(&reader->entry, name, reader->line, i);
	}
}

/* journalctl -o json: one object per line. One tokener serves all lines: a journal has millions. */
static int read_json(struct log_reader *reader)
{
	static const char *const names[] = {"MESSAGE", "_TRANSPORT", "__MONOTONIC_TIMESTAMP",
					    "_SOURCE_MONOTONIC_TIMESTAMP"};
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object, *value;
	size_t i;

	if (!tokener)
		return -ENOMEM;
	do {
		if (!reader->length)
			continue;
		json_tokener_reset(tokener);
		object = reader->cut ? NULL
				     : json_tokener_parse_ex(tokener, reader->line,
							     (int)reader->length + 1);
		reader->entry.damaged = !json_object_is_type(object, json_type_object);
		for (i = 0; i < sizeof(names) / sizeof(*names) && !reader->entry.damaged; i++)
			if (json_object_object_get_ex(object, names[i], &value))
				take_member(reader, names[i], value);
		json_object_put(object);
		end_entry(reader);
	} while (next_line(reader));
	json_tokener_free(tokener);
	return 0;
}

/* FIELD=…: entries of the journal begin with the cursor. */
static bool is_export(const char *line)
{
	return !strncmp(line, "__CURSOR=", 9) || !strncmp(line, "__REALTIME_TIMESTAMP=", 21);
}

int log_reader__read(FILE *in, struct complaint_parser *parser, struct log_reader_counts *counts)
{
	struct log_reader reader = {.in = in, .parser = parser, .counts = counts};
	int err = 0;

	reader.line = malloc(LOG_READER_LINE + 1);
	reader.entry.message = malloc(LOG_READER_LINE);
	if (!reader.line || !reader.entry.message) {
		err = -ENOMEM;
		goto out;
	}
	flockfile(in);
	while (next_line(&reader)) {
		if (!reader.length)
			continue;
		if (*reader.line == '{')
			err = read_json(&reader);
		else if (is_export(reader.line))
			read_export(&reader);
		else
			do {
				take_line(&reader);
			} while (next_line(&reader));
	}
	if (!err && ferror(in))
		err = errno ? -errno : -EIO;
	funlockfile(in);
out:
	free(reader.line);
	free(reader.entry.message);
	return err;
}
