// SPDX-License-Identifier: GPL-2.0-only
/* Diagrams of incidents, as a user sees them: whole outputs, and that they fit their columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/record.h>
#include "report/diagram.h"
#include "base/names.h"

#define T0 5000000000ULL

static struct thprace_incident incident_of(enum thprace_class class, enum thprace_verdict verdict)
{
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT,
		.verdict = verdict,
		.said = verdict,
		.mode = THPRACE_PRECISE,
		.window = {.open = T0,
			   .removed = T0 + 12900,
			   .close = T0 + 17300,
			   .folio = 0xffffea0004e38000,
			   .address = 0x7f0000000000,
			   .pid = 812,
			   .tgid = 810,
			   .cpu = 0,
			   .comm = "stress-opener"},
		.walk = {.enter = T0 + 3100,
			 .leave = T0 + 15000,
			 .folio = 0xffffea0004e38000,
			 .pid = 813,
			 .tgid = 810,
			 .cpu = 1,
			 .class = class,
			 .comm = "stress-walker"},
	};

	return incident;
}

static char *draw_of_width(const struct thprace_incident *incident, int stacks, int width)
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

static char *draw(const struct thprace_incident *incident, int stacks)
{
	return draw_of_width(incident, stacks, 0);
}

static void assert_fits_into(const char *text, int width)
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

static void assert_fits(const char *text)
{
	assert_fits_into(text, DIAGRAM_COLUMNS);
}

static void assert_drawn(const struct thprace_incident *incident, const char *expected)
{
	char *text = draw(incident, 0);

	assert_string_equal(text, expected);
	assert_fits(text);
	free(text);
}

static void assert_words(const struct thprace_incident *incident, const char *expected)
{
	char words[DIAGRAM_WORDS_LEN];

	assert_string_equal(diagram__words(words, sizeof(words), incident, 1), expected);
}

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

/* In a file of version 2: a removal of small pages, by which a walker was explained then. */
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
	assert_words(
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
	struct diagram_options options = {0};
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	diagram__closest(out, NULL, 12300, &pair->window, &pair->walk, &options);
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
	/* Only the near ends are known, and of the tasks the thread. */
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

/* Whatever a damaged trace holds, the drawing stays a drawing. */
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
	assert_words(&incident,
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

static void says_what_decided(void **state)
{
	struct thprace_incident incident = incident_of(THPRACE_SPLIT_UNMAP, THPRACE_CONTAINED);

	(void)state;
	incident.walk.leave = T0 + 12840;
	assert_words(&incident, "contained: the walker's return is stamped 60 ns before the end of "
				"phase 1, but nothing was mapped any more: the decrement was done");
	incident.walk.leave = T0 + 13900;
	incident.walk.residual = 2;
	assert_words(&incident, "contained: this mapping was gone 1.0 µs before the walker "
				"returned; the mapcount of 2 is another mapping's");
	incident.verdict = THPRACE_ESCAPE;
	incident.attribution = THPRACE_CAUSAL;
	incident.close_call = 1;
	incident.walk.leave = T0 + 12960;
	incident.walk.residual = 1;
	incident.walk.left.entire = 1;
	assert_words(&incident,
		     "ESCAPE: the walker returned and the mapping was still counted; its "
		     "removal is stamped 60 ns earlier, too close to tell: the mapcount "
		     "decides");
	/* Each reason for which no more than "likely" is said. */
	incident.close_call = 0;
	incident.attribution = THPRACE_LIKELY;
	incident.walk.leave = T0 + 10000;
	assert_words(
		&incident,
		"ESCAPE: the walker returned while the mapping was still counted, 2.9 µs before it was removed, and the count had fallen by then; likely, not proved: other zaps were under way as well, or this kernel fails to unmap by itself too");
	incident.window.flags = THPRACE_WF_VAGUE;
	assert_words(
		&incident,
		"ESCAPE: the walker returned while the mapping was still counted, 2.9 µs before it was removed, and the count had fallen by then; likely, not proved: when the zap began was not seen");
	incident.window.flags = 0;
	incident.window.left = THPRACE_LEFT_LATE;
	assert_words(
		&incident,
		"ESCAPE: the walker returned while the mapping was still counted, 2.9 µs before it was removed; likely, not proved: what was left at the zap's end was not seen");
	incident.window.left = 1;
	incident.walk.flags = THPRACE_RF_REMAP;
	incident.walk.before.entire = 2;
	incident.walk.outer.entire = 1;
	incident.walk.outer_at = T0 + 30000;
	assert_words(
		&incident,
		"ESCAPE: the walker returned while the mapping was still counted, 2.9 µs before it was removed; likely, not proved: the split mapped again what it had taken, so when it went was not seen");
	incident.walk.residual = 0;
	incident.walk.flags = THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED;
	assert_words(
		&incident,
		"ESCAPE: the walker found the folio still mapped and gave up; by its return the mapcount was 0; likely, not proved: which of the zaps of that time it met was not seen");
	incident.attribution = THPRACE_EXACT;
	assert_words(&incident, "ESCAPE: the walker found the folio still mapped and gave up; by "
				"its return the mapcount was 0");
	incident.verdict = THPRACE_UNPROVEN;
	assert_words(&incident, "UNPROVEN: a record was lost in this interval: no statement");
	incident.verdict = THPRACE_ESCAPE;
	incident.walk.class = THPRACE_SPLIT_HEAD;
	incident.walk.leave = T0 + 15000;
	assert_words(&incident, "ESCAPE: the split completed in phase 2, 2.3 µs before the window "
				"closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_range),	      cmocka_unit_test(draws_removal),
		cmocka_unit_test(draws_remained),     cmocka_unit_test(draws_contained),
		cmocka_unit_test(draws_escape),	      cmocka_unit_test(draws_narrow),
		cmocka_unit_test(draws_light),	      cmocka_unit_test(draws_pte),
		cmocka_unit_test(draws_unattributed), cmocka_unit_test(draws_head),
		cmocka_unit_test(draws_open),	      cmocka_unit_test(draws_check),
		cmocka_unit_test(draws_closest),      cmocka_unit_test(draws_close_stamps),
		cmocka_unit_test(draws_reuse),	      cmocka_unit_test(draws_anything),
		cmocka_unit_test(says_what_decided),
	};

	return cmocka_run_group_tests_name("diagram", tests, NULL, NULL);
}
