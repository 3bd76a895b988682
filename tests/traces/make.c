// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the traces vN-each of this folder: each race class, verdict, level and type of record that
 * version N of the format has. It is compiled at the commit that README.md names, against its
 * headers and its libthprace.a:
 *
 *	make FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fill.h"
#if THPRACE_TRACE_VERSION < 3
#include "trace_writer.h"
#else
#include "trace/trace_writer.h"
#endif

static struct trace_writer *writer;

static void check(int err)
{
	if (!err)
		return;
	fprintf(stderr, "make: %s\n", strerror(-err));
	exit(1);
}

/* Each class, each verdict, both levels; then what the kernel's own check point saw. */
static void add_incidents(void)
{
	unsigned int class, i, number = 0;
	struct thprace_incident found;

	for (class = 1; class <= CLASSES; class ++) {
		for (i = 0; i < 2; i++, number++) {
			fill_incident(&found, class,
				      i ? 2 + class % (THPRACE_VERDICT_MAX - 2) : THPRACE_CONTAINED,
				      class == 4 || number % 4 == 3, number);
			check(trace_writer__incident(writer, &found));
		}
	}
	memset(&found, 0, sizeof(found));
	found.type = THPRACE_MSG_CHECK;
	found.verdict = found.FIRST_VERDICT = THPRACE_UNATTRIBUTED;
	fill_walk(&found.walk, 5, 2, START + (number + 1ULL) * STEP);
	found.walk.flags |= THPRACE_KF_CHECK;
	check(trace_writer__incident(writer, &found));
}

static int begins(unsigned int type)
{
	return type == THPRACE_REC_ZAP_OPEN || type == THPRACE_REC_WALK_ENTER ||
	       type == THPRACE_REC_SPLIT_ENTER || type == THPRACE_REC_COLLAPSE_ENTER ||
	       type == THPRACE_REC_POISON_ENTER || type == THPRACE_REC_HOLD_ENTER;
}

/* Each type, often enough that a later one is predicted by an earlier one. */
static void add_records(enum thprace_block_type block, unsigned int rounds)
{
	unsigned long long ts = START, entry = 0;
	struct thprace_record record;
	unsigned int round, type;

	for (round = 0; round < rounds; round++) {
		for (type = 1; type < THPRACE_REC_MAX; type++) {
			memset(&record, 0, sizeof(record));
			ts += 500 + 37 * type + 1000 * round;
			if (begins(type))
				entry = ts;
			record.ts = ts;
			record.entry = entry;
			record.folio = FOLIO + 0x8000ULL * (round % 2);
			record.arg = type == THPRACE_REC_LOST ? 3 : 0x1000 + type;
			record.arg2 =
				type % 3 ? 0
					 : 0x7f0000200000ULL + ((unsigned long long)round << 21);
			record.pid = 812 + round % 2;
			record.tgid = 810;
			record.value = type == THPRACE_REC_LOST ? (int)(round % THPRACE_LOSS_MAX)
								: (int)(round % 3) - 1;
			record.cpu = (__u16)(round % 2);
			record.type = (__u8)type;
			record.flags = (__u16)(type % 2 ? 0 : 1);
#if THPRACE_TRACE_VERSION >= 3
			if (type >= THPRACE_REC_RACE_BEGIN)
				record.class = RACE;
#endif
			if (type == THPRACE_REC_WALK_ENTER || type == THPRACE_REC_WALK_RETURN) {
				record.class = (__u8)(1 + round % CLASSES);
				record.ORIGIN = (__u8)origin_of(record.class);
			}
			if (block == THPRACE_BLOCK_CONTEXT)
				record.seq = round * 32 + type;
			check(trace_writer__record(writer, block, &record));
		}
	}
}

static void add_symbols(void)
{
	static const char *const functions[] = {
		"zap_huge_pmd",
		"unmap_page_range",
		"unmap_vmas",
		"__vm_munmap",
		"do_syscall_64",
		"try_to_unmap",
		"split_huge_page_to_list",
		"split_huge_pages_all",
		"vfs_write",
	};
	const size_t nr = sizeof(functions) / sizeof(functions[0]);
	char text[1024], *at = text;
	size_t i;

	for (i = 0; i < nr; i++)
		at += sprintf(at, "%c\"0x%llx\":\"%s+0x%zx\"", i ? ',' : '{', TEXT + 0x1000ULL * i,
			      functions[i], 16 + i);
#if THPRACE_TRACE_VERSION >= 4
	at += sprintf(at, ",\"cgroup 2917\":\"/system.slice/web.service\",\"cgroup 2918\":"
			  "\"/machine.slice/libpod-0123456789abcdef0123456789abcdef0123456789abcdef"
			  "0123456789abcdef.scope/container\"");
#endif
	strcpy(at, "}");
	check(trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, text));
}

#if THPRACE_TRACE_VERSION >= 3
/* That of a race from a file, after the built-in ones. Both sides have saved values. */
static void add_race(void)
{
	const unsigned long long base = START + 900ULL * STEP;
	struct thprace_incident incident;

	memset(&incident, 0, sizeof(incident));
	incident.type = THPRACE_MSG_INCIDENT;
	incident.verdict = incident.first_verdict = THPRACE_ESCAPE;
	incident.attribution = THPRACE_EXACT;
	fill_window(&incident.window, 0, base);
	fill_stack(&incident.opener_stack, 3, 0);
	fill_walk(&incident.walk, RACE, 1, base);
	fill_stack(&incident.walker_stack, 3, 5);
	incident.opener_stack.values = 2;
	incident.opener_stack.section = 0;
	incident.opener_stack.ip[THPRACE_STACK_MAX - 1] = 17;
	incident.opener_stack.ip[THPRACE_STACK_MAX - 2] = 0xffffea0004e38000ULL;
	incident.walker_stack.values = 1;
	incident.walker_stack.section = 1;
	incident.walker_stack.ip[THPRACE_STACK_MAX - 1] = 18;
	check(trace_writer__incident(writer, &incident));
}

#define CLASSES_META                                                                                   \
	",\"classes\":[{\"id\":1,\"name\":\"split-unmap\",\"shape\":\"walk\"},"                        \
	"{\"id\":2,\"name\":\"split-migrate\"},{\"id\":3,\"name\":\"split-head\",\"shape\":"           \
	"\"split\"},{\"id\":4,\"name\":\"hwpoison-unmap\"},{\"id\":5,\"name\":\"truncate-unmap\","     \
	"\"deletes\":true},{\"id\":6,\"name\":\"invalidate-unmap\"},{\"id\":7,\"name\":"               \
	"\"collapse-reuse\",\"shape\":\"reuse\"},{\"id\":12,\"name\":\"toy-race\",\"shape\":\"file\"," \
	"\"open\":\"entry of f\",\"close\":\"return of f\",\"enter\":\"entry of g\",\"leave\":"        \
	"\"return of g\",\"saved\":[\"count page\",\"count\"]}]"
#else
#define CLASSES_META ""
#endif

#if THPRACE_TRACE_VERSION >= 4
#define HOST_META                                                                                \
	",\"hostname\":\"db7\",\"machine_id\":\"9f86d081884c4d659a2feaa0c55ad015\",\"boot_id\":" \
	"\"7d3c7a10-51f2-4c8e-9a6b-0f1e2d3c4b5a\""
#else
#define HOST_META ""
#endif

static const char meta[] =
	"{\"tool\":\"thprace\",\"version\":\"0.1\",\"kernel\":\"6.1.0-18-amd64\",\"machine\":"
	"\"x86_64\",\"cpus\":2,\"mode\":\"precise\",\"all\":false,\"attach\":\"auto\",\"clock\":"
	"\"CLOCK_MONOTONIC\",\"probes\":[{\"point\":\"zap\",\"function\":\"zap_huge_pmd\",\"kind\":"
	"\"fentry+fexit\",\"state\":\"attached\"}],\"not_observable\":[]" CLASSES_META HOST_META
	"}";
static const char tasks[] = "[{\"pid\":812,\"tgid\":810,\"comm\":\"opener\",\"windows\":35}]";
static const char stats[] =
	"{\"ended\":1005000000000,\"seconds\":5,\"seen\":800,\"submitted\":797,\"filtered\":0,"
	"\"lost\":{\"stream\":3},\"identity\":true,\"windows\":35,\"pte_removals\":12,"
	"\"classes\":{\"truncate-unmap\":{\"walkers\":16,\"failed\":4,\"overlaps\":3}},"
	"\"phases\":{\"whole\":{\"count\":35,\"max\":17300,\"sum\":605500,\"buckets\":[[52,35]]}}}";

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	check(trace_writer__open(&writer, argv[1], START, WALL, 0));
	check(trace_writer__json(writer, THPRACE_BLOCK_META, meta));
	add_records(THPRACE_BLOCK_RECORDS, 2);
	add_records(THPRACE_BLOCK_CONTEXT, 1);
	add_incidents();
#if THPRACE_TRACE_VERSION >= 3
	add_race();
#endif
	check(trace_writer__flush(writer));
	add_symbols();
	check(trace_writer__json(writer, THPRACE_BLOCK_TASKS, tasks));
	check(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats));
	check(trace_writer__close(writer));
	return 0;
}
