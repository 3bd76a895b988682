// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the folders spool-vN: what a thpraced leaves that is killed. Compiled as make.c is, against
 * libthpraced.a as well:
 *
 *	make_spool FOLDER
 *
 * Two files, the second one without an end, and the daemon's notes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "config.h"
#include "fill.h"
#include "spool.h"
#if THPRACE_TRACE_VERSION >= 3
#include "last_boot.h"
#endif

static char *meta(void *ctx)
{
	(void)ctx;
	return strdup("{\"tool\":\"thprace\",\"version\":\"0.1\",\"mode\":\"light\",\"cpus\":2}");
}

static char *stats(void *ctx)
{
	(void)ctx;
	return strdup("{\"seen\":1}");
}

static void health(void *ctx, int err, const char *path)
{
	(void)ctx;
	fprintf(stderr, "make_spool: %s: %s\n", path, strerror(-err));
	exit(1);
}

static void add(struct spool *spool, unsigned int from, unsigned int nr)
{
	struct thprace_record record = {.ts = START, .entry = START, .folio = FOLIO, .pid = 812};
	struct thprace_incident incident;
	unsigned int number;

	for (record.type = THPRACE_REC_ZAP_OPEN; record.type <= THPRACE_REC_ZAP_CLOSE;
	     record.type++, record.seq++)
		spool__record(spool, &record, true);
	for (number = from; number < from + nr; number++) {
		fill_incident(&incident, 1 + number % CLASSES,
			      number % 2 ? THPRACE_ESCAPE : THPRACE_CONTAINED, 0, number - 1);
		if (spool__incident(spool, &incident) != number)
			exit(1);
	}
	spool__flush(spool, true);
}

int main(int argc, char **argv)
{
	const struct spool_hooks hooks = {.meta = meta, .stats = stats, .health = health};
	static struct config config;
	struct spool *spool;

	if (argc != 2)
		return 2;
	snprintf(config.spool.directory, sizeof(config.spool.directory), "%s", argv[1]);
	config.spool.max_size = 1 << 20;
	config.spool.file_size = 128 << 10;
	config.spool.max_age = 1000;
	config.spool.file_age = 1000;
	config.spool.contained_per_hour = 1000;
	if (spool__open(&spool, &config, &hooks))
		return 1;
	add(spool, 1, 3);
	spool__rotate(spool);
	add(spool, 4, 2);
#if THPRACE_TRACE_VERSION >= 3
	last_boot__report(memfd_create("log", 0), argv[1], NULL);
#endif
	_exit(0);
}
