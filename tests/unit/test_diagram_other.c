// SPDX-License-Identifier: GPL-2.0-only
/* Diagrams of other cases: splits, check points, passes, reused pages; and the text below. */
#include "diagram_support.h"

#include "classes/race_class.h"
#include "report/summary.h"
#include "class_ids.h"

static void draws_head(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_SPLIT_HEAD, THPRACE_CONTAINED);

	(void)state;
	incident.walk.enter = T0 + 13500;
	incident.walk.leave = T0 + 16200;
	incident.walk.flags = THPRACE_KF_RESULT;
	incident.walk.result = -11;
	assert_drawn(
		&incident,
		"  incident 3: split-head, pmd level, contained\n"
		"  folio 0xffffea0004e38000   overlap 2.7 µs   proof: the split's result, -11 (EAGAIN)\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"              zap_huge_pmd()\n"
		"      0.0 µs    __pmd_trans_huge_lock(): lock held\n"
		"                clears the pmd (time not seen)\n"
		"     12.9 µs    page_remove_rmap(): mapcount decremented\n"
		"                                                          split_huge_page_to_list()\n"
		"     13.5 µs                                                unmapped: mapcount 0, the split goes on\n"
		"     16.2 µs                                              returns -11 (EAGAIN): not split\n"
		"     17.3 µs  zap_huge_pmd() returns\n"
		"\n"
		"  contained: the split gave up, -11 (EAGAIN): the zap still held its reference\n"
		"\n");
}

static void draws_check(void **state)
{
	struct thprace_incident incident =
		incident_of(THPRACE_TRUNCATE_UNMAP, THPRACE_UNATTRIBUTED);

	(void)state;
	memset(&incident.window, 0, sizeof(incident.window));
	incident.type = THPRACE_MSG_CHECK;
	incident.walk.enter = incident.walk.leave;
	incident.walk.residual = 1;
	assert_drawn(
		&incident,
		"  incident 3: truncate-unmap, unattributed\n"
		"  folio 0xffffea0004e38000   proof: the kernel's own check point, mapcount 1\n"
		"\n"
		"              (no window seen)                            CPU1 stress-walker/813\n"
		"    0.000 µs                                              filemap_unaccount_folio(): still mapped,\n"
		"                                                              mapcount 1\n"
		"\n"
		"  UNATTRIBUTED: the kernel took the folio out of the page cache while it was mapped (\"BUG: Bad page\n"
		"    cache\"), and no window was seen\n"
		"\n");
}

static void assert_closest(const struct thprace_incident *pair, const char *expected)
{
	const struct summary_closest closest = {
		.distance = 12300, .window = pair->window, .walk = pair->walk};
	struct diagram_options options = {0};
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	diagram__closest(out, NULL, &closest, &options);
	fclose(out);
	assert_string_equal(text, expected);
	assert_fits(text);
	free(text);
}

static void draws_closest(void **state)
{
	struct thprace_incident pair = incident_of(THPRACE_SPLIT_MIGRATE, THPRACE_CLEAN);

	(void)state;
	pair.walk.enter = T0 + 29600;
	pair.walk.leave = T0 + 40000;
	assert_closest(
		&pair,
		"  closest pass: split-migrate, missed each other by 12.3 us\n"
		"  folio 0xffffea0004e38000\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"              zap_huge_pmd()\n"
		"      0.0 us    __pmd_trans_huge_lock(): lock held\n"
		"                clears the pmd (time not seen)\n"
		"     12.9 us    page_remove_rmap(): mapcount decremented\n"
		"     17.3 us  zap_huge_pmd() returns\n"
		"     29.6 us                                              try_to_migrate()\n"
		"     40.0 us                                              returns\n"
		"\n"
		"  no overlap: the walker came after the window had closed\n"
		"\n");
	/* Only the near ends are known, and of the tasks only the thread. */
	memset(pair.window.comm, 0, sizeof(pair.window.comm));
	memset(pair.walk.comm, 0, sizeof(pair.walk.comm));
	pair.window.removed = 0;
	pair.window.close = 0;
	pair.walk.enter = 0;
	pair.walk.leave = T0 - 12300;
	assert_closest(
		&pair,
		"  closest pass: split-migrate, missed each other by 12.3 us\n"
		"  folio 0xffffea0004e38000\n"
		"\n"
		"              thread 812                                  thread 813\n"
		"    -12.3 us                                              try_to_migrate() returns\n"
		"              zap_huge_pmd()\n"
		"      0.0 us    __pmd_trans_huge_lock(): lock held\n"
		"                clears the pmd (time not seen)\n"
		"\n"
		"  no overlap: the walker had returned before the window opened\n"
		"\n");
}

/* A race from a file: of the first of both only the end is known, of the other one its begin. */
static void draws_closest_of_file(void **state)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	const unsigned int class = race_class__add_file("a-race", event);
	struct thprace_incident pair = {.window = {.close = T0, .pid = 812, .folio = 7},
					.walk = {.enter = T0 + 12300, .pid = 813, .folio = 7}};

	(void)state;
	pair.walk.class = (uint8_t) class;
	assert_closest(&pair,
		       "  closest pass: a-race, missed each other by 12.3 us\n"
		       "  key 0x7\n"
		       "\n"
		       "              thread 812                                  thread 813\n"
		       "      0.0 us  f return\n"
		       "     12.3 us                                              g entry\n"
		       "\n"
		       "  no overlap: the walker came after the window had closed\n\n");
	pair.window.close = 0;
	pair.window.open = T0 + 12300;
	pair.walk.enter = 0;
	pair.walk.leave = T0;
	assert_closest(&pair,
		       "  closest pass: a-race, missed each other by 12.3 us\n"
		       "  key 0x7\n"
		       "\n"
		       "              thread 812                                  thread 813\n"
		       "    -12.3 us                                              g entry\n"
		       "      0.0 us  f entry\n"
		       "\n"
		       "  no overlap: the walker was gone before the window opened\n\n");
	race_class__forget_foreign();
}

static void save(struct thprace_stack *stack, unsigned int section, unsigned int values,
		 const uint64_t *value)
{
	unsigned int i;

	stack->values = (uint8_t)values;
	stack->section = (uint8_t)section;
	for (i = 0; i < values; i++)
		stack->ip[THPRACE_STACK_MAX - 1 - i] = value[i];
}

/* A race from a file: each side begins with what it has saved. */
static void draws_saved(void **state)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	const unsigned int class = race_class__add_file("a-race", event);
	struct thprace_incident pair = incident_of(THPRACE_SPLIT_MIGRATE, THPRACE_ESCAPE);
	char *text;

	(void)state;
	race_class__save(class, 0, "flags error");
	race_class__save(class, 2, "page");
	pair.walk.class = (uint8_t) class;
	pair.walk.leave = pair.walk.enter;
	save(&pair.opener_stack, 0, 2, (const uint64_t[]){4096, (uint64_t)-12});
	save(&pair.walker_stack, 2, 2, (const uint64_t[]){0xffffea0000001000, 4095});
	text = draw(&pair, 1);
	assert_non_null(strstr(text, "  f entry: flags=0x1000 error=-12\n"));
	/* One has no name: it was cut off. */
	assert_non_null(strstr(text, "  g entry: page=0xffffea0000001000"));
	assert_non_null(strstr(text, " value-2=4095\n"));
	assert_fits(text);
	free(text);
	/* A stack that has no room for them. */
	pair.opener_stack.nr = THPRACE_STACK_MAX - 1;
	pair.walker_stack.values = THPRACE_STACK_VALUES_MAX + 1;
	text = draw(&pair, 0);
	assert_null(strstr(text, "flags"));
	assert_null(strstr(text, "page"));
	assert_non_null(strstr(text, "  g entry\n"));
	free(text);
	race_class__forget_foreign();
}

/* A race with two walkers: each side is drawn with the events of its own section. */
static void draws_sections(void **state)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	const unsigned int class = race_class__add_file("a-race", event);
	struct thprace_incident pair = incident_of(THPRACE_SPLIT_MIGRATE, THPRACE_ESCAPE);
	char *text;

	(void)state;
	race_class__locate(class, 0, (const char *const[RACE_PLACES]){"f entry", "f return"});
	race_class__locate(class, 1, (const char *const[RACE_PLACES]){"g entry", NULL});
	race_class__locate(class, 2, (const char *const[RACE_PLACES]){"h entry", "h return"});
	pair.walk.class = (uint8_t) class;
	save(&pair.opener_stack, 0, 0, NULL);
	save(&pair.walker_stack, 2, 0, NULL);
	text = draw(&pair, 1);
	assert_non_null(strstr(text, "  f entry\n"));
	assert_non_null(strstr(text, "  h entry\n"));
	assert_non_null(strstr(text, "  h return\n"));
	assert_null(strstr(text, "g entry"));
	free(text);
	/* A section that no file has: the first walker's. */
	pair.walker_stack.section = 200;
	text = draw(&pair, 1);
	assert_non_null(strstr(text, "  g entry\n"));
	free(text);
	race_class__forget_foreign();
}

static void draws_reuse(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_COLLAPSE_REUSE, THPRACE_ESCAPE);
	char *text;

	(void)state;
	incident.window.close = T0 + 14000;
	incident.window.flags = THPRACE_WF_SETTLED | THPRACE_WF_REUSED | THPRACE_WF_ELSEWHERE;
	incident.window.address = 0x200000;
	incident.window.mm = 0x400000;
	incident.window.pages = 1;
	incident.walk.residual = 1;
	text = draw(&incident, 0);
	assert_fits(text);
	assert_non_null(strstr(text, "incident 3: collapse-reuse, escape\n"));
	assert_non_null(strstr(text, "0.0 µs  collapse_file(): offset 0x200000\n"));
	assert_non_null(strstr(text, "lock_page(): waits\n"));
	assert_non_null(strstr(text, "collapse_file() fails: the page is revoked\n"));
	assert_non_null(strstr(text, "collapse_file(): offset 0x400000, the same\n"));
	free(text);
	assert_verdict_text(
		&incident,
		"ESCAPE: the page was used again for another offset while the holder waited "
		"for its lock, which it got 1.0 µs later");
	incident.walk.leave = 0;
	text = draw(&incident, 0);
	assert_fits(text);
	assert_non_null(strstr(text, "(return not seen)\n"));
	free(text);
	incident.verdict = THPRACE_CONTAINED;
	incident.window.flags = THPRACE_WF_SETTLED;
	text = draw(&incident, 1);
	assert_fits(text);
	assert_non_null(strstr(text, "contained: the page was released instead\n"));
	free(text);
	memset(&incident.window, 0, sizeof(incident.window));
	incident.verdict = THPRACE_UNATTRIBUTED;
	incident.walk.leave = T0 + 14000;
	text = draw(&incident, 1);
	assert_fits(text);
	assert_non_null(strstr(text, "(holder not seen)"));
	free(text);
}

static void says_what_decided(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_SPLIT_UNMAP, THPRACE_CONTAINED);

	(void)state;
	incident.walk.leave = T0 + 12840;
	assert_verdict_text(&incident,
			    "contained: the walker's return is stamped 60 ns before the end of "
			    "phase 1, but nothing was mapped any more: the decrement was done");
	incident.walk.leave = T0 + 13900;
	incident.walk.residual = 2;
	assert_verdict_text(&incident, "contained: this mapping was gone 1.0 µs before the walker "
				       "returned; the mapcount of 2 is another mapping's");
	incident.verdict = THPRACE_ESCAPE;
	incident.attribution = THPRACE_CAUSAL;
	incident.close_call = 1;
	incident.walk.leave = T0 + 12960;
	incident.walk.residual = 1;
	incident.walk.left.entire = 1;
	assert_verdict_text(&incident,
			    "ESCAPE: the walker returned and the mapping was still counted; its "
			    "removal is stamped 60 ns earlier, too close to tell: the mapcount "
			    "decides");
	/* Each reason for "likely". */
	incident.close_call = 0;
	incident.attribution = THPRACE_LIKELY;
	incident.walk.leave = T0 + 10000;
	assert_verdict_text(
		&incident,
		"ESCAPE: the walker returned while the mapping was still counted, 2.9 µs before it was removed, and the count had fallen by then; likely, not proved: other zaps were under way as well, or this kernel fails to unmap by itself too");
	incident.window.flags = THPRACE_WF_VAGUE;
	assert_verdict_text(
		&incident,
		"ESCAPE: the walker returned while the mapping was still counted, 2.9 µs before it was removed, and the count had fallen by then; likely, not proved: when the zap began was not seen");
	incident.window.flags = 0;
	incident.window.left = THPRACE_LEFT_LATE;
	assert_verdict_text(
		&incident,
		"ESCAPE: the walker returned while the mapping was still counted, 2.9 µs before it was removed; likely, not proved: what was left at the zap's end was not seen");
	incident.window.left = 1;
	incident.walk.flags = THPRACE_RF_REMAP;
	incident.walk.before.entire = 2;
	incident.walk.outer.entire = 1;
	incident.walk.outer_at = T0 + 30000;
	assert_verdict_text(
		&incident,
		"ESCAPE: the walker returned while the mapping was still counted, 2.9 µs before it was removed; likely, not proved: the split mapped again what it had taken, so when it went was not seen");
	incident.walk.residual = 0;
	incident.walk.flags = THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED;
	assert_verdict_text(
		&incident,
		"ESCAPE: the walker found the folio still mapped and gave up; by its return the mapcount was 0; likely, not proved: which of the zaps of that time it met was not seen");
	incident.attribution = THPRACE_EXACT;
	assert_verdict_text(&incident,
			    "ESCAPE: the walker found the folio still mapped and gave up; by "
			    "its return the mapcount was 0");
	incident.verdict = THPRACE_UNPROVEN;
	assert_verdict_text(
		&incident, "UNPROVEN: a record was lost in this interval, so no statement is made");
	incident.verdict = THPRACE_ESCAPE;
	incident.walk.class = THPRACE_SPLIT_HEAD;
	incident.walk.leave = T0 + 15000;
	assert_verdict_text(&incident,
			    "ESCAPE: the split completed in phase 2, 2.3 µs before the window "
			    "closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_head),
		cmocka_unit_test(draws_check),
		cmocka_unit_test(draws_closest),
		cmocka_unit_test(draws_reuse),
		cmocka_unit_test(draws_closest_of_file),
		cmocka_unit_test(draws_saved),
		cmocka_unit_test(draws_sections),
		cmocka_unit_test(says_what_decided),
	};

	return cmocka_run_group_tests_name("other diagrams", tests, NULL, NULL);
}
