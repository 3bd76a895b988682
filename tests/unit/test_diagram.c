// SPDX-License-Identifier: GPL-2.0-only
/*
 * Diagrams of a zap and a walker, as a user sees them: complete outputs, and that they fit their
 * columns.
 */
#include "diagram_support.h"
#include "class_ids.h"

static void draws_contained(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_TRUNCATE_UNMAP, THPRACE_CONTAINED);

	(void)state;
	assert_drawn(
		&incident,
		"  incident 3: truncate-unmap, pmd level, contained\n"
		"  folio 0xffffea0004e38000   overlap 11.9 µs   proof: residual mapcount 0 at the walker's return\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"              zap_huge_pmd()\n"
		"      0.0 µs    __pmd_trans_huge_lock(): lock held\n"
		"                clears the pmd (time not seen)\n"
		"      3.1 µs                                              truncate_cleanup_folio()\n"
		"     12.9 µs    page_remove_rmap(): mapcount decremented\n"
		"     15.0 µs                                              returns: mapcount 0\n"
		"     17.3 µs  zap_huge_pmd() returns\n"
		"\n"
		"  the walker waited: it returned 2.1 µs after phase 1 had closed\n"
		"\n");
}

/* The right column begins below the left one. */
static void draws_narrow(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_TRUNCATE_UNMAP, THPRACE_CONTAINED);
	char *text;

	(void)state;
	text = draw_of_width(&incident, 0, 60);
	assert_string_equal(text, "  incident 3: truncate-unmap, pmd level, contained\n"
				  "  folio 0xffffea0004e38000   overlap 11.9 µs   proof:\n"
				  "    residual mapcount 0 at the walker's return\n"
				  "\n"
				  "              CPU0 stress-opener/812\n"
				  "                        CPU1 stress-walker/813\n"
				  "              zap_huge_pmd()\n"
				  "      0.0 µs    __pmd_trans_huge_lock(): lock held\n"
				  "                clears the pmd (time not seen)\n"
				  "      3.1 µs            truncate_cleanup_folio()\n"
				  "     12.9 µs    page_remove_rmap(): mapcount decremented\n"
				  "     15.0 µs            returns: mapcount 0\n"
				  "     17.3 µs  zap_huge_pmd() returns\n"
				  "\n"
				  "  the walker waited: it returned 2.1 µs after phase 1 had\n"
				  "    closed\n"
				  "\n");
	free(text);
}

static void draws_escape(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);

	(void)state;
	incident.attribution = THPRACE_EXACT;
	incident.walk.leave = T0 + 10800;
	incident.walk.residual = 1;
	incident.walk.left.entire = 1;
	incident.walk.flags = THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED | THPRACE_KF_RESULT;
	incident.walk.result = -16;
	assert_drawn(
		&incident,
		"  incident 3: split-unmap, pmd level, exact escape\n"
		"  folio 0xffffea0004e38000   overlap 7.7 µs   proof: residual mapcount 1 at the walker's return (1\n"
		"    mapping by PMDs, 0 by PTEs), its own result: still mapped\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"              zap_huge_pmd()\n"
		"      0.0 µs    __pmd_trans_huge_lock(): lock held\n"
		"                clears the pmd (time not seen)\n"
		"      3.1 µs                                              try_to_unmap()\n"
		"     10.8 µs                                              returns: still mapped; mapcount 1\n"
		"                                                          its split_huge_page_to_list() returns -16\n"
		"                                                              (EBUSY): not split\n"
		"     12.9 µs    page_remove_rmap(): mapcount decremented\n"
		"     17.3 µs  zap_huge_pmd() returns: 0 of 1 mapping by\n"
		"                  PMDs left\n"
		"\n"
		"  ESCAPE: the walker returned while the mapping was still counted, 2.1 µs before it was removed, and\n"
		"    the count had fallen by then\n"
		"\n");
}

static void draws_light(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_SPLIT_MIGRATE, THPRACE_CONTAINED);

	(void)state;
	incident.window.removed = 0;
	incident.mode = THPRACE_LIGHT;
	assert_drawn(
		&incident,
		"  incident 3: split-migrate, pmd level, contained\n"
		"  folio 0xffffea0004e38000   overlap 11.9 µs   proof: residual mapcount 0 at the walker's return\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"              zap_huge_pmd()\n"
		"      0.0 µs    __pmd_trans_huge_lock(): lock held\n"
		"                clears the pmd (time not seen)\n"
		"      3.1 µs                                              try_to_migrate()\n"
		"     15.0 µs                                              returns: mapcount 0\n"
		"                page_remove_rmap() (time not seen)\n"
		"     17.3 µs  zap_huge_pmd() returns\n"
		"\n"
		"  contained: nothing was mapped any more at the walker's return, so phase 1 had closed by then, at a\n"
		"    time not seen (light mode)\n"
		"\n");
}

static void draws_pte(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_HWPOISON_UNMAP, THPRACE_ESCAPE);

	(void)state;
	incident.attribution = THPRACE_CAUSAL;
	incident.mode = THPRACE_LIGHT;
	incident.window.level = THPRACE_LEVEL_PTE;
	incident.window.flags = THPRACE_WF_SETTLED | THPRACE_WF_RANGE;
	incident.window.open = 0; /* before the walker */
	incident.window.removed = 0;
	incident.window.close = T0 + 21000;
	incident.window.left = 2;
	incident.walk.residual = 3;
	incident.walk.left.small = 3;
	assert_drawn(
		&incident,
		"  incident 3: hwpoison-unmap, pte level, causal escape\n"
		"  folio 0xffffea0004e38000   proof: residual mapcount 3 at the walker's return (0 mappings by PMDs,\n"
		"    3 by PTEs)\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"              unmap_page_range() began before the walker\n"
		"                clears the pte (time not seen)\n"
		"      0.0 µs                                              try_to_unmap()\n"
		"     11.9 µs                                              returns: mapcount 3\n"
		"                page_remove_rmap() (time not seen)\n"
		"     17.9 µs  unmap_page_range() returns: 2 of 3 mappings\n"
		"                  by PTEs left\n"
		"\n"
		"  ESCAPE: the walker returned while the mapping was still counted, 6.0 µs before the zap's end, and\n"
		"    the count had fallen by then\n"
		"\n");
}

static void draws_range(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_HWPOISON_UNMAP, THPRACE_ESCAPE);

	(void)state;
	incident.attribution = THPRACE_EXACT;
	incident.window.level = THPRACE_LEVEL_PTE;
	incident.window.flags = THPRACE_WF_SETTLED | THPRACE_WF_RANGE;
	incident.window.pages = 2;
	incident.window.removed = T0 + 19000;
	incident.window.close = T0 + 21000;
	incident.walk.residual = 1;
	incident.walk.left.small = 1;
	assert_drawn(
		&incident,
		"  incident 3: hwpoison-unmap, pte level, exact escape\n"
		"  folio 0xffffea0004e38000   proof: residual mapcount 1 at the walker's return (0 mappings by PMDs,\n"
		"    1 by PTEs)\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"      0.0 µs  unmap_page_range()\n"
		"                clears the pte (time not seen)\n"
		"      3.1 µs                                              try_to_unmap()\n"
		"     15.0 µs                                              returns: mapcount 1\n"
		"     19.0 µs    page_remove_rmap(): the last of 2 pages\n"
		"     21.0 µs  unmap_page_range() returns: 0 of 1 mapping\n"
		"                  by PTEs left\n"
		"\n"
		"  ESCAPE: the walker returned while the mapping was still counted, 4.0 µs before it was removed, and\n"
		"    the count had fallen by then\n"
		"\n");
}

/* In a file of version 2: a removal of small pages, which explained a walker then. */
static void draws_removal(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_HWPOISON_UNMAP, THPRACE_ESCAPE);

	(void)state;
	incident.attribution = THPRACE_LIKELY;
	incident.window.level = THPRACE_LEVEL_PTE;
	incident.window.pages = 1;
	incident.window.open = T0 + 21000;
	incident.window.removed = T0 + 21000;
	incident.window.close = T0 + 21000;
	incident.window.left = THPRACE_LEFT_UNREAD;
	incident.walk.residual = 1;
	assert_drawn(
		&incident,
		"  incident 3: hwpoison-unmap, pte level, likely escape\n"
		"  folio 0xffffea0004e38000   proof: residual mapcount 1 at the walker's return\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"    -17.9 µs                                              try_to_unmap()\n"
		"              unmap_page_range()\n"
		"                clears the pte (time not seen)\n"
		"     -6.0 µs                                              returns: mapcount 1\n"
		"      0.0 µs    page_remove_rmap(): one page\n"
		"\n"
		"  ESCAPE: the walker returned while the mapping was still counted, 6.0 µs before it was removed;\n"
		"    likely, not proved: what was left at the zap's end was not seen\n"
		"\n");
}

static void draws_remained(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_SPLIT_MIGRATE, THPRACE_REMAINED);

	(void)state;
	memset(&incident.window, 0, sizeof(incident.window));
	incident.walk.residual = 3;
	incident.walk.left = (struct thprace_counts){.entire = 1, .small = 2};
	incident.walk.outer = incident.walk.left;
	incident.walk.outer_at = T0 + 25000;
	assert_drawn(
		&incident,
		"  incident 3: split-migrate, remained\n"
		"  folio 0xffffea0004e38000   proof: residual mapcount 3 at the walker's return (1 mapping by PMDs, 2\n"
		"    by PTEs)\n"
		"\n"
		"              (nobody unmapping)                          CPU1 stress-walker/813\n"
		"      0.0 µs                                              try_to_migrate()\n"
		"     11.9 µs                                              returns: mapcount 3\n"
		"     21.9 µs                                                mapped by 1 PMD and 2 PTEs then\n"
		"\n"
		"  REMAINED: the walker left 1 mapping by PMDs, 2 by PTEs, nobody was unmapping, and nothing of it\n"
		"    had gone when the function around it returned: the kernel failed to unmap by itself, this is no\n"
		"    race\n"
		"\n");
	incident.walk.flags = THPRACE_KF_RESULT;
	incident.walk.result = -16;
	assert_drawn(
		&incident,
		"  incident 3: split-migrate, remained\n"
		"  folio 0xffffea0004e38000   proof: residual mapcount 3 at the walker's return (1 mapping by PMDs, 2\n"
		"    by PTEs)\n"
		"\n"
		"              (nobody unmapping)                          CPU1 stress-walker/813\n"
		"      0.0 µs                                              try_to_migrate()\n"
		"     11.9 µs                                              returns: mapcount 3\n"
		"     21.9 µs                                              its split_huge_page_to_list() returns -16\n"
		"                                                              (EBUSY): not split\n"
		"                                                            mapped by 1 PMD and 2 PTEs then\n"
		"\n"
		"  REMAINED: the walker left 1 mapping by PMDs, 2 by PTEs, nobody was unmapping, and nothing of it\n"
		"    had gone when the function around it returned: the kernel failed to unmap by itself, this is no\n"
		"    race\n"
		"\n");
	incident.walk.outer_at = 0;
	assert_verdict_text(
		&incident,
		"REMAINED: the walker left 1 mapping by PMDs, 2 by PTEs, and the zap that took a mapping later began only after its return: the kernel failed to unmap by itself, this is no race");
}

static void draws_unattributed(void **state)
{
	struct thprace_incident incident =
		incident_of(THPRACE_INVALIDATE_UNMAP, THPRACE_UNATTRIBUTED);

	(void)state;
	memset(&incident.window, 0, sizeof(incident.window));
	incident.walk.residual = 2;
	incident.walk.flags = THPRACE_KF_CHECK;
	assert_drawn(
		&incident,
		"  incident 3: invalidate-unmap, unattributed\n"
		"  folio 0xffffea0004e38000   proof: residual mapcount 2 at the walker's return, and a check point of\n"
		"    the kernel saw it mapped\n"
		"\n"
		"              (no window seen)                            CPU1 stress-walker/813\n"
		"      0.0 µs                                              unmap_mapping_folio()\n"
		"     11.9 µs                                              returns: mapcount 2\n"
		"                                                          filemap_unaccount_folio(): the folio is\n"
		"                                                              still mapped\n"
		"\n"
		"  UNATTRIBUTED: the walker failed, and no zap was seen that explains it\n"
		"\n");
}

static void draws_open(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);

	(void)state;
	incident.attribution = THPRACE_LIKELY;
	incident.window.removed = 0;
	incident.window.close = 0;
	incident.walk.residual = 1;
	incident.walk.left.entire = 1;
	assert_drawn(
		&incident,
		"  incident 3: split-unmap, pmd level, likely escape\n"
		"  folio 0xffffea0004e38000   overlap 11.9 µs   proof: residual mapcount 1 at the walker's return (1\n"
		"    mapping by PMDs, 0 by PTEs)\n"
		"\n"
		"              CPU0 stress-opener/812                      CPU1 stress-walker/813\n"
		"              zap_huge_pmd()\n"
		"      0.0 µs    __pmd_trans_huge_lock(): lock held\n"
		"                clears the pmd (time not seen)\n"
		"      3.1 µs                                              try_to_unmap()\n"
		"     15.0 µs                                              returns: mapcount 1\n"
		"              (return not seen)\n"
		"\n"
		"  ESCAPE: the walker returned while the mapping was still counted; likely, not proved: what was left\n"
		"    at the zap's end was not seen\n"
		"\n");
}

/* Stamps that a tenth of a microsecond would show as equal. */
static void draws_close_stamps(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_SPLIT_UNMAP, THPRACE_CONTAINED);
	char *text;

	(void)state;
	incident.close_call = 1;
	incident.walk.leave = incident.window.removed - 10;
	text = draw(&incident, 0);
	assert_fits(text);
	assert_non_null(strstr(text, "contained, close call\n"));
	assert_non_null(strstr(text, "\n   12.890 µs "));
	assert_non_null(strstr(text, "\n   12.900 µs "));
	assert_true(strstr(text, "12.890") < strstr(text, "12.900"));
	free(text);
}

/* Whatever a damaged trace contains, the drawing stays a drawing. */
static void draws_anything(void **state)
{
	struct thprace_incident incident;
	unsigned int seed = 1, round, i;
	char *text;

	(void)state;
	for (round = 0; round < 2000; round++) {
		for (i = 0; i < sizeof(incident); i++)
			((unsigned char *)&incident)[i] = (unsigned char)(rand_r(&seed) >> 3);
		if (round % 2)
			incident.window.level %= THPRACE_LEVEL_MAX;
		if (round % 3)
			incident.verdict %= THPRACE_VERDICT_MAX;
		if (round % 5)
			incident.walk.class %= THPRACE_CLASS_MAX;
		text = draw_of_width(&incident, 1, 60);
		assert_fits_into(text, 60);
		free(text);
		text = draw(&incident, 1);
		assert_fits(text);
		assert_null(strchr(text, '\033'));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_range),	      cmocka_unit_test(draws_removal),
		cmocka_unit_test(draws_remained),     cmocka_unit_test(draws_contained),
		cmocka_unit_test(draws_escape),	      cmocka_unit_test(draws_narrow),
		cmocka_unit_test(draws_light),	      cmocka_unit_test(draws_pte),
		cmocka_unit_test(draws_unattributed), cmocka_unit_test(draws_open),
		cmocka_unit_test(draws_close_stamps), cmocka_unit_test(draws_anything),
	};

	return cmocka_run_group_tests_name("diagram", tests, NULL, NULL);
}
