// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a trace for the tests of the page.
 *   make_trace hostile FILE   names of tasks and symbols, and texts, that want to be markup
 *   make_trace many FILE      2,000 incidents that the page keeps, with stacks of 24 frames
 *   make_trace real FILE      escapes, contained ones and a loss, as a recording has them
 *   make_trace empty FILE     nothing happened
 *   make_trace records FILE   10 million records
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/record.h>
#include "build_incident.h"
#include "class_ids.h"
#include "trace/trace_writer.h"

#define START 1000000000000ULL
#define WALL 1764400000000000000ULL
#define TEXT 0xffffffff81000000ULL /* where the kernel's code begins */
#define SYMBOLS 96
#define INCIDENTS 2000
#define CGROUP 2917

static struct trace_writer *writer;

static void check(int err)
{
	if (!err)
		return;
	fprintf(stderr, "make_trace: %s\n", strerror(-err));
	exit(1);
}

static void json(enum thprace_block_type type, const char *text)
{
	check(trace_writer__json(writer, type, text));
}

/* A number between 0 and below, the same ones in each run. */
static uint64_t chance(uint64_t below)
{
	static uint64_t state = 0x9e3779b97f4a7c15ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 20) % below;
}

static void set_stack(struct thprace_stack *stack, unsigned int nr, unsigned int from)
{
	unsigned int i;

	/* The opener is a service's, the walker root's. */
	stack->flags = THPRACE_STACK_WHO;
	stack->uid = from ? 0 : 1000;
	stack->cgroup = from ? 0 : CGROUP;
	stack->nr = nr;
	for (i = 0; i < nr; i++)
		stack->ip[i] = TEXT + 0x1000 * ((from + i) % SYMBOLS);
}

/* An incident of any class and verdict, START + at ns. */
static struct thprace_incident incident_of(unsigned int class, unsigned int verdict, uint64_t at)
{
	struct thprace_incident incident = build_race(class, verdict, START + at);

	incident.window.flags = THPRACE_WF_SETTLED;
	incident.window.removed += chance(40000);
	incident.window.close = incident.window.removed + 300 + chance(9000);
	incident.walk.enter += chance(9000);
	incident.walk.leave = incident.window.removed + 50 + chance(3000);
	snprintf(incident.window.comm, sizeof(incident.window.comm), "opener");
	snprintf(incident.walk.comm, sizeof(incident.walk.comm), "walker");
	if (verdict == THPRACE_CONTAINED)
		return incident;
	incident.walk.leave = incident.window.removed - 500 - chance(2000);
	build_left(&incident.walk, 1, 0);
	if (verdict == THPRACE_ESCAPE)
		incident.attribution = THPRACE_CAUSAL;
	if (verdict == THPRACE_UNATTRIBUTED || verdict == THPRACE_REMAINED)
		memset(&incident.window, 0, sizeof(incident.window));
	return incident;
}

static void add(const struct thprace_incident *incident)
{
	check(trace_writer__incident(writer, incident));
}

/* A window and a walker, as records; and sometimes a loss. */
static void add_records(unsigned int nr)
{
	struct thprace_record record;
	uint64_t ts = START;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		ts += 20000 + chance(2000000);
		record = (struct thprace_record){.ts = ts, .entry = ts - chance(20000), .pid = 812};
		record.type = i % 3 ? THPRACE_REC_ZAP_CLOSE : THPRACE_REC_WALK_RETURN;
		if (record.type == THPRACE_REC_WALK_RETURN) {
			record.class = THPRACE_TRUNCATE_UNMAP;
			record.origin = THPRACE_ORIGIN_TRUNCATE;
		}
		check(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &record));
	}
	record = (struct thprace_record){.ts = START + 2100000000ULL,
					 .entry = START + 2000000000ULL,
					 .arg = 4711,
					 .value = THPRACE_LOSS_STREAM,
					 .type = THPRACE_REC_LOST};
	check(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &record));
}

/* Names of 96 functions, the hostile ones first; and the path of a cgroup. */
static void add_symbols(const char *const *hostile, size_t nr, const char *path)
{
	static const char *const functions[] = {
		"zap_huge_pmd",
		"unmap_page_range",
		"unmap_vmas",
		"unmap_region",
		"do_mas_align_munmap",
		"__vm_munmap",
		"__x64_sys_munmap",
		"do_syscall_64",
		"entry_SYSCALL_64_after_hwframe",
		"truncate_cleanup_folio",
		"truncate_inode_pages_range",
		"shmem_undo_range",
		"shmem_fallocate",
		"vfs_fallocate",
		"__x64_sys_fallocate",
		"do_syscall_64",
	};
	const size_t nr_functions = sizeof(functions) / sizeof(functions[0]);
	char text[SYMBOLS * 160], *at = text;
	unsigned int i;

	for (i = 0; i < SYMBOLS; i++)
		at += sprintf(at, "%s\"0x%llx\":\"%s+0x%x\"", i ? "," : "{", TEXT + 0x1000 * i,
			      i < nr ? hostile[i] : functions[i % nr_functions], 16 + i);
	sprintf(at, ",\"cgroup %d\":\"%s\"}", CGROUP, path);
	json(THPRACE_BLOCK_SYMBOLS, text);
}

static const char meta[] =
	"{\"tool\":\"thprace\",\"version\":\"0.1\",\"kernel\":\"6.1.0-18-amd64\",\"machine\":"
	"\"x86_64\",\"cpus\":2,\"mode\":\"precise\",\"all\":true,\"attach\":\"auto\",\"clock\":"
	"\"CLOCK_MONOTONIC\",\"clock_source\":\"tsc\",\"clock_step_ns\":26,\"command\":["
	"\"thprace-stress\",\"truncate-unmap\"],\"probes\":[{\"point\":\"zap\",\"function\":"
	"\"zap_huge_pmd\",\"kind\":\"fentry+fexit\",\"state\":\"attached\"},{\"point\":"
	"\"rmap-pmd\",\"function\":\"page_remove_rmap\",\"kind\":\"fexit\",\"state\":\"attached\"},"
	"{\"point\":\"truncate\",\"function\":\"truncate_cleanup_folio\",\"kind\":\"kprobe\","
	"\"state\":\"attached\"}],\"not_observable\":[{\"class\":\"hwpoison-unmap\",\"reason\":"
	"\"no memory_failure\"}]}";

static const char stats[] =
	"{\"ended\":1005000000000,\"seconds\":5,\"seen\":8000,\"submitted\":3289,\"filtered\":0,"
	"\"lost\":{\"stream\":4711},\"identity\":true,\"windows\":5699,\"pte_removals\":12,"
	"\"touching\":994,\"classes\":{\"truncate-unmap\":{\"walkers\":1562,\"overlaps\":44}},"
	"\"phases\":{\"phase1\":{\"count\":4000,\"max\":62900,\"sum\":40000000,\"buckets\":"
	"[[44,40],[45,220],[46,700],[47,1400],[48,900],[49,500],[50,180],[51,50],[53,10]]},"
	"\"whole\":{\"count\":4000,\"max\":92900,\"sum\":60000000,\"buckets\":"
	"[[45,20],[46,160],[47,500],[48,1500],[49,1100],[50,500],[51,150],[52,50],[55,20]]}},"
	"\"programs\":[{\"name\":\"zap_enter\",\"runs\":5699,\"run_ns\":570000,\"missed\":0,"
	"\"insns\":120,\"verified\":241}]}";

static const char tasks[] =
	"[{\"pid\":813,\"tgid\":810,\"comm\":\"walker\",\"windows\":0,\"walks\":1562},"
	"{\"pid\":812,\"tgid\":810,\"comm\":\"opener\",\"windows\":5699}]";

static void make_real(void)
{
	struct thprace_incident incident;
	unsigned int i;

	json(THPRACE_BLOCK_META, meta);
	add_records(3000);
	for (i = 0; i < 44; i++) {
		incident = incident_of(THPRACE_TRUNCATE_UNMAP,
				       i % 22 == 7 ? THPRACE_ESCAPE : THPRACE_CONTAINED,
				       40000000ULL + i * 60000000ULL);
		incident.walk.origin = THPRACE_ORIGIN_TRUNCATE;
		set_stack(&incident.opener_stack, 9, 0);
		set_stack(&incident.walker_stack, 7, 9);
		add(&incident);
	}
	incident = incident_of(THPRACE_SPLIT_UNMAP, THPRACE_UNATTRIBUTED, 1500000000ULL);
	incident.walk.origin = THPRACE_ORIGIN_SPLIT;
	set_stack(&incident.walker_stack, 6, 12);
	add(&incident);
	add_symbols(NULL, 0, "/system.slice/web.service");
	json(THPRACE_BLOCK_TASKS, tasks);
	json(THPRACE_BLOCK_STATS, stats);
}

static void make_many(void)
{
	static const unsigned int verdicts[] = {THPRACE_CONTAINED, THPRACE_ESCAPE,
						THPRACE_UNATTRIBUTED, THPRACE_UNPROVEN,
						THPRACE_REMAINED};
	struct thprace_incident incident;
	unsigned int i;

	json(THPRACE_BLOCK_META, meta);
	add_records(3000);
	for (i = 0; i < INCIDENTS; i++) {
		incident = incident_of(THPRACE_SPLIT_UNMAP + i % 7, verdicts[i / 7 % 5],
				       i * 2000000ULL);
		set_stack(&incident.opener_stack, THPRACE_STACK_MAX, i / 35 % 4);
		set_stack(&incident.walker_stack, THPRACE_STACK_MAX, 40 + i / 35 % 3);
		add(&incident);
	}
	add_symbols(NULL, 0, "/system.slice/web.service");
	json(THPRACE_BLOCK_STATS, stats);
}

/* Each of them in each place that holds text. */
static const char *const comms[] = {
	"<img src=x>",	  "</script><b>",   "\"><svg onload=", "'onfocus='a",
	"<!--",		  "]]><x",	    "&lt;b&amp;",      "\xe2\x80\xa8\xe2\x80\xa9x",
	"\\u003cb>",	  "\x1b[2J<i>",	    "</style><u>",     "</pre><s>",
	"<a href=//e.x>", "javascript:a()",
};

static const char hostile_meta[] =
	"{\"tool\":\"<script>window.hacked=1</script>\",\"version\":\"</title><b>\",\"kernel\":"
	"\"</title><script>window.hacked=2</script>\",\"machine\":\"<img src=x "
	"onerror=window.hacked=3>\",\"cpus\":2,\"mode\":\"precise\",\"clock_source\":\"<u>\","
	"\"clock_step_ns\":1,\"command\":[\"</script><script>window.hacked=4</script>\",\"&<>\"],"
	"\"probes\":[{\"point\":\"zap\",\"function\":\"<svg/onload=window.hacked=5>\",\"kind\":"
	"\"'\\\"><b>\",\"state\":\"attached\",\"reason\":\"<iframe src=//example.com>\"}],"
	"\"not_observable\":[{\"class\":\"hwpoison-unmap\",\"reason\":\"<img src=http://"
	"example.com/x onerror=window.hacked=6>\"}]}";

static const char hostile_stats[] =
	"{\"seen\":1,\"silent\":[{\"point\":\"unmap\",\"returns\":45,\"reason\":\"<script>window."
	"hacked=7</script>\"}],\"programs\":[{\"name\":\"<script>window.hacked=8</script>\","
	"\"runs\":1}]}";

static const char hostile_tasks[] =
	"[{\"pid\":7,\"tgid\":7,\"comm\":\"<img src=x>\",\"windows\":3}]";

static void make_hostile(void)
{
	static const char *const symbols[] = {
		"<script>window.hacked=9</script>",
		"</script><img src=x onerror=window.hacked=10>",
		"</pre></details><h1>no escape</h1>",
		"<!--<script>",
		"&lt;i&gt;",
		"' onclick='window.hacked=11",
		"<link rel=stylesheet href=http://example.com/x.css>",
		"<base href=http://example.com/>",
	};
	const size_t nr = sizeof(comms) / sizeof(comms[0]);
	struct thprace_incident incident;
	unsigned int i;

	json(THPRACE_BLOCK_META, hostile_meta);
	for (i = 0; i < 2 * nr; i++) {
		incident = incident_of(THPRACE_SPLIT_UNMAP + i % 7,
				       i % 3 ? THPRACE_CONTAINED : THPRACE_ESCAPE, i * 1000000);
		snprintf(incident.window.comm, sizeof(incident.window.comm), "%s", comms[i % nr]);
		snprintf(incident.walk.comm, sizeof(incident.walk.comm), "%s", comms[(i + 1) % nr]);
		set_stack(&incident.opener_stack, 4, 0);
		set_stack(&incident.walker_stack, 4 + i % 2, 4);
		add(&incident);
	}
	add_symbols(symbols, sizeof(symbols) / sizeof(symbols[0]),
		    "/<img src=x onerror=window.hacked=12>");
	json(THPRACE_BLOCK_TASKS, hostile_tasks);
	json(THPRACE_BLOCK_STATS, hostile_stats);
}

static void make_empty(void)
{
	json(THPRACE_BLOCK_META, "{\"kernel\":\"6.1.0-18-amd64\",\"machine\":\"x86_64\",\"cpus\":2,"
				 "\"mode\":\"light\"}");
	json(THPRACE_BLOCK_STATS, "{\"seconds\":5,\"seen\":0,\"windows\":0}");
}

static void make_records(void)
{
	json(THPRACE_BLOCK_META, meta);
	add_records(10000000);
	json(THPRACE_BLOCK_STATS, stats);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(void);
	} kinds[] = {
		{"hostile", make_hostile}, {"many", make_many},	      {"real", make_real},
		{"empty", make_empty},	   {"records", make_records},
	};
	size_t i;

	if (argc != 3) {
		fprintf(stderr, "usage: make_trace hostile|many|real|empty|records FILE\n");
		return 2;
	}
	check(trace_writer__open(&writer, argv[2], START, WALL,
				 strcmp(argv[1], "hostile") ? THPRACE_TF_ALL : 0));
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kinds[i].name, argv[1]))
			kinds[i].make();
	}
	check(trace_writer__close(writer));
	return 0;
}
