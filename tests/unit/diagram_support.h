/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of diagrams: an incident, its drawing, and a check that this fits its
 * columns.
 */
#ifndef TESTS_DIAGRAM_SUPPORT_H
#define TESTS_DIAGRAM_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/record.h>
#include "base/names.h"
#include "build_incident.h"
#include "report/diagram.h"

#define T0 5000000000ULL

static inline struct thprace_incident incident_of(enum thprace_class class,
						  enum thprace_verdict verdict)
{
	struct thprace_incident incident = build_race(class, verdict, T0);

	incident.window.address = 0x7f0000000000;
	strcpy(incident.window.comm, "stress-opener");
	strcpy(incident.walk.comm, "stress-walker");
	return incident;
}

static inline char *draw_of_width(const struct thprace_incident *incident, int stacks, int width)
{
	struct diagram_options options = {.utf8 = 1, .stacks = stacks, .width = width};
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	diagram__incident(out, NULL, 3, incident, &options);
	fclose(out);
	return text;
}

static inline char *draw(const struct thprace_incident *incident, int stacks)
{
	return draw_of_width(incident, stacks, 0);
}

static inline void assert_fits_into(const char *text, int width)
{
	char line[1024];
	size_t length;

	while (*text) {
		length = strcspn(text, "\n");
		assert_true(length < sizeof(line));
		memcpy(line, text, length);
		line[length] = '\0';
		if ((int)names__columns(line) > width)
			fail_msg("wider than %d columns: %s", width, line);
		assert_true(!length || line[length - 1] != ' ');
		text += length + (text[length] == '\n');
	}
}

static inline void assert_fits(const char *text)
{
	assert_fits_into(text, DIAGRAM_COLUMNS);
}

static inline void assert_drawn(const struct thprace_incident *incident, const char *expected)
{
	char *text = draw(incident, 0);

	assert_string_equal(text, expected);
	assert_fits(text);
	free(text);
}

static inline void assert_verdict_text(const struct thprace_incident *incident,
				       const char *expected)
{
	char text[DIAGRAM_TEXT_LEN];

	assert_string_equal(diagram__verdict(text, sizeof(text), incident, 1), expected);
}

#endif
