/* SPDX-License-Identifier: GPL-2.0-only */
/* Replaces libFuzzer: files are passed to the fuzzer one by one. */
#ifndef THPRACE_TESTS_REPLAY_H
#define THPRACE_TESTS_REPLAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef THPRACE_FUZZER
#define REPLAY_ROOM (1UL << 30) /* of one file; touched only as far as needed */

/* Returns 0, or 1 if the file cannot be read, which is reported. */
static int replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(REPLAY_ROOM);
	int status = 1;

	if (!file || !data) {
		perror(path);
	} else {
		LLVMFuzzerTestOneInput(data, fread(data, 1, REPLAY_ROOM, file));
		status = 0;
	}
	if (file)
		fclose(file);
	free(data);
	return status;
}
#endif

#endif
