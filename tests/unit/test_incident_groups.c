// SPDX-License-Identifier: GPL-2.0-only
/* Incidents in groups: what joins one, how many there are, their order, and the names of both sides. */
#include "report_support.h"
#include "report/incident_groups.h"

static struct trace_writer *writer;

static void add(const struct thprace_incident *one)
{
	assert_int_equal(trace_writer__incident(writer, one), 0);
}

static struct summary *finish(const char *symbols)
{
	if (symbols)
		assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, symbols), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	return read_summary();
}

static const struct incident_group *group(const struct summary *summary, size_t i)
{
	assert_true(i < incident_groups__count(summary->groups));
	return incident_groups__get(summary->groups, i);
}

static struct thprace_stack stack(uint64_t inner, uint64_t outer)
{
	return (struct thprace_stack){.nr = 2, .ip = {inner, outer}};
}

/* Class, verdict, certainty, and the stack of each side keep groups apart; times do not. */
static void what_is_alike(void **state)
{
	struct thprace_incident one = incident(THPRACE_CONTAINED, 100000);
	struct summary *summary;

	(void)state;
	writer = begin(0);
	add(&one);
	one = incident(THPRACE_CONTAINED, 900000);
	one.window.pid = 77;
	add(&one);
	one.walk.class = THPRACE_SPLIT_UNMAP;
	add(&one);
	one = incident(THPRACE_CONTAINED, 300000);
	one.opener_stack.ip[0]++;
	add(&one);
	one = incident(THPRACE_CONTAINED, 300000);
	one.walker_stack.nr--;
	add(&one);
	one = incident(THPRACE_CONTAINED, 300000);
	one.window.level = THPRACE_LEVEL_PTE;
	add(&one);
	one = incident(THPRACE_ESCAPE, 400000);
	one.attribution = THPRACE_LIKELY;
	add(&one);
	one.attribution = THPRACE_EXACT;
	add(&one);
	summary = finish(NULL);
	assert_int_equal(incident_groups__count(summary->groups), 7);
	assert_int_equal(group(summary, 6)->level, THPRACE_LEVEL_PTE);
	assert_int_equal(group(summary, 0)->level, THPRACE_LEVEL_PMD);
	assert_int_equal(group(summary, 0)->attribution, THPRACE_EXACT);
	assert_int_equal(group(summary, 1)->attribution, THPRACE_LIKELY);
	assert_int_equal(group(summary, 2)->class, THPRACE_SPLIT_UNMAP);
	assert_int_equal(group(summary, 3)->count, 2);
	assert_int_equal(group(summary, 3)->class, THPRACE_TRUNCATE_UNMAP);
	assert_true(group(summary, 3)->first == START + 100000 + 15000);
	assert_true(group(summary, 3)->last == START + 900000 + 15000);
	summary__free(summary);
}

/* Escapes that are proved, likely, unattributed, remained, unproven, contained; then by count. */
static void order(void **state)
{
	static const enum thprace_verdict verdicts[] = {THPRACE_CONTAINED, THPRACE_CONTAINED,
							THPRACE_UNPROVEN,  THPRACE_REMAINED,
							THPRACE_ESCAPE,	   THPRACE_UNATTRIBUTED};
	static const enum thprace_verdict sorted[] = {THPRACE_ESCAPE,	 THPRACE_UNATTRIBUTED,
						      THPRACE_REMAINED,	 THPRACE_UNPROVEN,
						      THPRACE_CONTAINED, THPRACE_CONTAINED};
	struct thprace_incident one;
	struct summary *summary;
	unsigned int i, k;

	(void)state;
	writer = begin(0);
	for (i = 0; i < 6; i++) {
		for (k = 0; k <= i; k++) {
			one = incident(verdicts[i], 100000 * (i + 1));
			one.opener_stack.ip[0] += i;
			add(&one);
		}
	}
	summary = finish(NULL);
	assert_int_equal(incident_groups__count(summary->groups), 6);
	for (i = 0; i < 6; i++)
		assert_int_equal(group(summary, i)->verdict, sorted[i]);
	assert_int_equal(group(summary, 4)->count, 2);
	assert_int_equal(group(summary, 5)->count, 1);
	summary__free(summary);
}

/* The closest of contained ones is shown; of others, the one that overlapped longest. */
static void example(void **state)
{
	struct thprace_incident one;
	struct summary *summary;

	(void)state;
	writer = begin(0);
	one = incident(THPRACE_CONTAINED, 100000);
	add(&one);
	one = incident(THPRACE_CONTAINED, 200000);
	one.walk.leave = one.window.removed + 700;
	add(&one);
	one = incident(THPRACE_CONTAINED, 300000);
	one.walk.enter = one.window.open;
	add(&one);
	one = incident(THPRACE_ESCAPE, 400000);
	add(&one);
	one = incident(THPRACE_ESCAPE, 500000);
	one.walk.enter = one.window.open;
	add(&one);
	summary = finish(NULL);
	assert_int_equal(incident_groups__count(summary->groups), 2);
	assert_false(group(summary, 0)->has_closest);
	assert_int_equal(group(summary, 0)->example.number, 5);
	assert_int_equal(group(summary, 0)->longest, 10000);
	assert_true(group(summary, 1)->has_closest);
	assert_int_equal(group(summary, 1)->closest, 700);
	assert_int_equal(group(summary, 1)->example.number, 2);
	assert_int_equal(group(summary, 1)->longest, 15000);
	summary__free(summary);
}

/* Light mode, and a split that gave up: nothing says how close it was. */
static void closeness_not_known(void **state)
{
	struct thprace_incident one = incident(THPRACE_CONTAINED, 100000);
	uint64_t ns = 0;

	(void)state;
	assert_int_equal(summary__closeness(&one, &ns), 1);
	assert_int_equal(ns, 2100);
	one.window.removed = 0;
	assert_int_equal(summary__closeness(&one, &ns), 0); /* it returned before the end */
	one.walk.leave = one.window.close + 5;
	assert_int_equal(summary__closeness(&one, &ns), 1);
	assert_int_equal(ns, 5);
	one = incident(THPRACE_CONTAINED, 100000);
	one.walk.class = THPRACE_SPLIT_HEAD;
	assert_int_equal(summary__closeness(&one, &ns), 0);
	one.walk.flags = THPRACE_KF_RESULT;
	one.walk.leave = one.window.close + 9;
	assert_int_equal(summary__closeness(&one, &ns), 1);
	assert_int_equal(ns, 9);
	one.walk.result = -11;
	assert_int_equal(summary__closeness(&one, &ns), 0);
	one = incident(THPRACE_ESCAPE, 100000);
	assert_int_equal(summary__closeness(&one, &ns), 0);
}

/* More pairs of stacks than are kept apart: all are counted, and each verdict has its "others". */
static void hostile_number(void **state)
{
	const unsigned int all = INCIDENT_GROUPS_MAX + 500;
	char name[INCIDENT_GROUP_NAME_LEN];
	struct thprace_incident one;
	struct summary *summary;
	uint64_t counted = 0;
	unsigned int others = 0;
	size_t i;

	(void)state;
	writer = begin(0);
	for (i = 0; i < all; i++) {
		one = incident(i % 5 ? THPRACE_CONTAINED : THPRACE_UNPROVEN, 1000 * (i + 1));
		one.walker_stack.ip[1] = i * i;
		add(&one);
	}
	one = incident(THPRACE_CONTAINED, 1000);
	one.walker_stack.ip[1] = 1; /* a group of the first ones */
	add(&one);
	summary = finish(NULL);
	assert_int_equal(incident_groups__count(summary->groups), INCIDENT_GROUPS_MAX + 2);
	for (i = 0; i < INCIDENT_GROUPS_MAX + 2; i++) {
		counted += group(summary, i)->count;
		if (!group(summary, i)->others)
			continue;
		others++;
		assert_int_equal(group(summary, i)->count,
				 group(summary, i)->verdict == THPRACE_UNPROVEN ? 100 : 400);
		assert_string_equal(incident_groups__name(name, sizeof(name), group(summary, i), 1),
				    "others");
	}
	assert_int_equal(others, 2);
	assert_int_equal(counted, all + 1);
	one.walker_stack.ip[1] = 0xdead;
	assert_true(incident_groups__find(summary->groups, summary, &one)->others);
	one.walker_stack.ip[1] = 1;
	assert_int_equal(incident_groups__find(summary->groups, summary, &one)->count, 2);
	summary__free(summary);
}

/* Programs that were attached anew have other addresses, which make no other group. */
static void observer_left_out(void **state)
{
	struct thprace_incident one = incident(THPRACE_CONTAINED, 100000);
	struct summary *summary;

	(void)state;
	writer = begin(0);
	one.opener_stack = stack(0x10, 0x20);
	add(&one);
	one.opener_stack = stack(0x11, 0x20);
	add(&one);
	one.opener_stack = (struct thprace_stack){.nr = 1, .ip = {0x20}};
	one.walk.leave = one.window.removed + 1;
	add(&one);
	summary = finish("{\"0x10\":\"bpf_prog_1_zap+0x1\",\"0x11\":\"bpf_trampoline_5+0x2\","
			 "\"0x20\":\"__x64_sys_munmap+0x3\"}");
	assert_int_equal(incident_groups__count(summary->groups), 1);
	assert_int_equal(group(summary, 0)->count, 3);
	assert_int_equal(group(summary, 0)->closest, 1);
	assert_int_equal(group(summary, 0)->example.number, 3);
	one.opener_stack = stack(0x11, 0x20);
	assert_ptr_equal(incident_groups__find(summary->groups, summary, &one), group(summary, 0));
	one.opener_stack = stack(0x12, 0x20);
	assert_null(incident_groups__find(summary->groups, summary, &one));
	summary__free(summary);
}

static void names(void **state)
{
	static const struct {
		const char *outer, *inner, *task;
	} of[] = {
		{"__x64_sys_munmap+0x1b", "__vm_munmap+0x1", "munmap"},
		{"__ia32_compat_sys_fallocate+0x1b", "x", "fallocate"},
		{"__arm64_sys_madvise+0x1b", "x", "madvise"},
		{"__se_sys_exit_group.constprop.0+0x1", "x", "exit_group"},
		{"do_syscall_64+0x31", "__x64_sys_write+0x5", "write"},
		{"kthread+0x11", "khugepaged+0x99", "khugepaged"},
		{"worker_thread+0x11", "memory_failure_work_func+0x4", "memory_failure_work_func"},
		{"asm_exc_page_fault+0x1e", "do_user_addr_fault+0x2", "page fault"},
		{"exit_to_user_mode_loop+0x1e", "get_signal+0x2", "fatal signal"},
		{"shmem_undo_range.isra.0+0x7 [shmem]", "x", "shmem_undo_range"},
		{"ret_from_fork+0x1", "kthread+0x1", "ret_from_fork"},
		{"+0x1", "x", "?"},
	};
	char text[64], symbols[256];
	struct thprace_incident one = incident(THPRACE_CONTAINED, 100000);
	struct summary *summary;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		writer = begin(0);
		snprintf(symbols, sizeof(symbols), "{\"0x2\":\"%s\",\"0x1\":\"%s\"}", of[i].outer,
			 of[i].inner);
		one.opener_stack = stack(1, 2);
		one.walker_stack = stack(1, 1);
		one.walker_stack.nr = 0;
		add(&one);
		summary = finish(symbols);
		assert_string_equal(group(summary, 0)->opener, of[i].task);
		assert_string_equal(group(summary, 0)->walker, "?");
		snprintf(symbols, sizeof(symbols), "%s <-> ?", of[i].task);
		assert_string_equal(incident_groups__name(text, sizeof(text), group(summary, 0), 0),
				    symbols);
		summary__free(summary);
	}
}

/* A walker alone has one side. */
static void alone(void **state)
{
	struct thprace_incident one = incident(THPRACE_UNATTRIBUTED, 100000);
	char text[INCIDENT_GROUP_NAME_LEN];
	struct summary *summary;

	(void)state;
	writer = begin(0);
	memset(&one.window, 0, sizeof(one.window));
	one.opener_stack.nr = 0;
	add(&one);
	summary = finish("{\"0xffffffff81000002\":\"__x64_sys_fallocate+0x1\"}");
	assert_string_equal(incident_groups__name(text, sizeof(text), group(summary, 0), 1),
			    "fallocate alone");
	assert_int_equal(group(summary, 0)->level, -1);
	summary__free(summary);
}

/* A race from a file has no level. */
static void of_file(void **state)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	struct thprace_incident one = incident(THPRACE_CONTAINED, 100000);
	struct incident_groups *groups = incident_groups__new();
	struct summary *summary;

	(void)state;
	writer = begin(0);
	summary = finish("{}");
	one.walk.class = (uint8_t)race_class__add_file("a-race", event);
	assert_int_equal(incident_groups__add(groups, 1, &one), 0);
	incident_groups__finish(groups, summary);
	assert_int_equal(incident_groups__count(groups), 1);
	assert_int_equal(incident_groups__get(groups, 0)->level, -1);
	incident_groups__free(groups);
	summary__free(summary);
	race_class__forget_foreign();
}

static void none(void **state)
{
	struct summary *summary;

	(void)state;
	writer = begin(0);
	summary = finish(NULL);
	assert_int_equal(incident_groups__count(summary->groups), 0);
	summary__free(summary);
}

/* One example of each group comes first, then the rest. */
static void examples_matter_most(void **state)
{
	const struct summary_incident *list[5];
	struct thprace_incident one;
	struct summary *summary;
	unsigned int i;

	(void)state;
	writer = begin(0);
	for (i = 0; i < 3; i++) {
		one = incident(THPRACE_CONTAINED, 100000 * (i + 1));
		add(&one);
	}
	one.opener_stack.ip[0]++;
	add(&one);
	summary = finish(NULL);
	assert_int_equal(summary__matter(summary, list, 5), 4);
	assert_int_equal(list[0]->number, 1);
	assert_int_equal(list[1]->number, 4);
	assert_int_equal(list[2]->number, 2);
	assert_int_equal(list[3]->number, 3);
	assert_int_equal(summary__matter(summary, list, 1), 1);
	summary__free(summary);
}

static void in_json(void **state)
{
	char *text;

	(void)state;
	write_trace(1);
	text = report(0, 1);
	assert_has(
		text,
		"{\"type\":\"group\",\"class\":\"truncate-unmap\",\"verdict\":\"escape\","
		"\"attribution\":\"causal\",\"level\":\"pmd\",\"name\":\"zap_huge_pmd \xe2\x86\x94 ?\","
		"\"opener\":\"zap_huge_pmd\",\"walker\":\"?\",\"others\":false,\"count\":1,"
		"\"first_ns\":1000000910000,\"last_ns\":1000000910000,\"closest_ns\":null,"
		"\"longest_ns\":6900,\"incident\":8}\n");
	assert_has(text, "\"verdict\":\"contained\",\"attribution\":null,");
	assert_has(text, "\"count\":7,\"first_ns\":1000000115000,\"last_ns\":1000000715000,"
			 "\"closest_ns\":2100,\"longest_ns\":14990,\"incident\":1}\n");
	assert_int_equal(occurrences(text, "\"type\":\"group\""), 2);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_alike),  cmocka_unit_test(order),
		cmocka_unit_test(example),	  cmocka_unit_test(closeness_not_known),
		cmocka_unit_test(hostile_number), cmocka_unit_test(observer_left_out),
		cmocka_unit_test(names),	  cmocka_unit_test(alone),
		cmocka_unit_test(none),		  cmocka_unit_test(examples_matter_most),
		cmocka_unit_test(in_json),	  cmocka_unit_test(of_file),
	};

	return cmocka_run_group_tests_name("incident groups", tests, make_file, remove_file);
}
