// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds arbitrary lines to the reader of the kernel's complaints: as people paste them, and again
 * as records of several callers.
 *
 * With clang -fsanitize=fuzzer -DTHPRACE_FUZZER: a libFuzzer target. Without: a program that
 * replays the given files.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "complaint/complaint.h"
#include "replay.h"
#include "classes/race_class.h"

#define ANY race_class__all()

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_complaint: %s\n", what);
	abort();
}

/* What the header promises about a complaint. */
static void check(void *ctx, const struct complaint *complaint)
{
	const struct complaint_kernel *kernel = ctx;
	size_t i;

	must(complaint->kind > COMPLAINT_OTHER && complaint->kind < COMPLAINT_KIND_MAX, "kind");
	must(!(complaint->classes & ~kernel->possible), "a class that cannot happen");
	must(!complaint->classes == !!*complaint->reason, "a reason");
	must(strnlen(complaint->text, sizeof(complaint->text)) < sizeof(complaint->text), "text");
	must(strnlen(complaint->release, sizeof(complaint->release)) < sizeof(complaint->release),
	     "release");
	for (i = 0; complaint->text[i]; i++)
		must(complaint->text[i] >= ' ' && complaint->text[i] < 127, "text is not clean");
}

static void feed(const uint8_t *data, size_t size, int records)
{
	static const char *const callers[] = {"T1", "C2", "", NULL};
	struct complaint_kernel kernel = {records, ANY, records ? 9 : 0};
	struct complaint_parser *parser = complaint_parser__new(&kernel, check, &kernel);
	const char *line = (const char *)data, *end = line + size, *next;
	uint64_t now = 0;

	must(parser != NULL, "out of memory");
	for (; line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			next = end;
		if (records)
			complaint_parser__record(parser, line, (size_t)(next - line),
						 callers[*line & 3], now += 300000000);
		else
			complaint_parser__line(parser, line, (size_t)(next - line));
	}
	complaint_parser__finish(parser);
	must(!complaint_parser__deadline(parser), "finished");
	complaint_parser__free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed(data, size, 0);
	feed(data, size, 1);
	return 0;
}

#ifndef THPRACE_FUZZER
int main(int argc, char **argv)
{
	int failed = 0, i;

	for (i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
#endif
