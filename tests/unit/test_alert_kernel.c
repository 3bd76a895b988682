// SPDX-License-Identifier: GPL-2.0-only
/* Alerts about complaints of the kernel, and that everything is in exactly one message. */
#include "alert_support.h"
#include "classes/race_class.h"
#include "class_ids.h"

static void confirmed_after(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	struct complaint complaint = complain(THPRACE_SPLIT_UNMAP, 21, START + 2 * S);
	struct alert_state totals;

	(void)state;
	alert__incident(alert, &incident, 17, "/x", START);
	alert__complaint(alert, &complaint, complaint.when);
	assert_int_equal(sent, 2);
	assert_string_equal(kept[1].id, LOG_ID_CONFIRMED);
	assert_int_equal(kept[1].priority, LOG_CRIT);
	assert_int_equal(
		strncmp(kept[1].text,
			"confirmed by the kernel: \"kernel BUG at mm/huge_memory.c:1!\" (it names the "
			"walker's task): escape: split-unmap",
			100),
		0);
	expect_field(&kept[1], "THPRACE_ID", "17");
	expect_field(&kept[1], "THPRACE_FILE", "/x");
	expect_field(&kept[1], "THPRACE_CLASS", "split-unmap");
	expect_field(&kept[1], "THPRACE_KERNEL_LINE", "kernel BUG at mm/huge_memory.c:1!");
	expect_field(&kept[1], "THPRACE_KERNEL_PID", "21");
	assert_int_equal(alert__deadline(alert), 0);
	alert__state(alert, &totals);
	assert_int_equal(totals.kernel_complaints, 1);
	assert_int_equal(totals.kernel_confirmed, 1);
	alert__free(alert);
	assert_int_equal(sent, 2);
}

static void confirmed_before(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_UNPROVEN);
	struct complaint complaint = complain(THPRACE_SPLIT_UNMAP, 21, START);

	(void)state;
	alert__complaint(alert, &complaint, complaint.when);
	assert_int_equal(sent, 0);
	assert_int_equal(alert__deadline(alert), START + 2 * S);
	alert__incident(alert, &incident, 17, "/x", START + 2 * S);
	assert_int_equal(sent, 2);
	assert_string_equal(kept[0].id, LOG_ID_UNPROVEN);
	assert_string_equal(kept[1].id, LOG_ID_CONFIRMED);
	assert_null(field(&kept[1], "THPRACE_KERNEL_PFN"));
	assert_int_equal(alert__deadline(alert), 0);
	alert__free(alert);
	assert_int_equal(sent, 2);
}

/* Too late, too early, another class, contained: each is no confirmation. */
static void not_confirmed(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	struct thprace_incident contained = make(THPRACE_SPLIT_UNMAP, THPRACE_CONTAINED);
	struct thprace_incident other = make(THPRACE_TRUNCATE_UNMAP, THPRACE_ESCAPE);
	struct complaint complaint;
	struct alert_state totals;

	(void)state;
	alert__incident(alert, &incident, 1, NULL, START);
	complaint = complain(THPRACE_SPLIT_UNMAP, 21, START + 2 * S + 1);
	complaint.classes |= 1U << THPRACE_SPLIT_MIGRATE;
	alert__complaint(alert, &complaint, complaint.when);
	alert__incident(alert, &contained, 2, NULL, START + 3 * S);
	alert__incident(alert, &other, 3, NULL, START + 3 * S);
	assert_int_equal(sent, 3);
	alert__tick(alert, START + 4 * S);
	assert_int_equal(sent, 3);
	alert__tick(alert, START + 4 * S + 1);
	assert_int_equal(sent, 4);
	assert_string_equal(kept[3].id, LOG_ID_COMPLAINT);
	assert_int_equal(kept[3].priority, LOG_ERR);
	assert_string_equal(kept[3].text,
			    "the kernel complained, and no incident explains it: \"kernel BUG at "
			    "mm/huge_memory.c:1!\", PID 21; it may belong to split-unmap, "
			    "split-migrate");
	expect_field(&kept[3], "THPRACE_CLASS", "split-unmap");
	assert_string_equal(field_at(&kept[3], "THPRACE_CLASS", 1), "split-migrate");
	expect_field(&kept[3], "THPRACE_KERNEL_LINE", "kernel BUG at mm/huge_memory.c:1!");
	expect_field(&kept[3], "THPRACE_KERNEL_PID", "21");
	alert__incident(alert, &incident, 4, NULL, START + 4 * S + 2);
	alert__state(alert, &totals);
	assert_int_equal(totals.kernel_complaints, 1);
	assert_int_equal(totals.kernel_confirmed, 0);
	alert__free(alert);
}

/* A complaint belongs to the task that it names: it waits for that task's incident. */
static void by_task(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident mine = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE), other = mine;
	struct complaint complaint;

	(void)state;
	other.walk.pid = 99;
	other.window.pid = 98;
	alert__incident(alert, &other, 1, NULL, START);
	complaint = complain(THPRACE_SPLIT_UNMAP, 11, START + S);
	alert__complaint(alert, &complaint, START + S);
	assert_int_equal(sent, 1);
	alert__incident(alert, &mine, 2, NULL, START + 2 * S);
	assert_int_equal(sent, 2);
	assert_string_equal(kept[1].id, LOG_ID_CONFIRMED);
	expect_field(&kept[1], "THPRACE_ID", "2");
	assert_non_null(strstr(kept[1].text, "(it names the opener's task)"));
	complaint = complain(THPRACE_SPLIT_UNMAP, 77, START + 3 * S);
	alert__complaint(alert, &complaint, START + 3 * S);
	/* It names nothing. */
	complaint = complain(THPRACE_SPLIT_UNMAP, 0, START + 3 * S);
	alert__complaint(alert, &complaint, START + 3 * S);
	assert_int_equal(sent, 2);
	alert__tick(alert, START + 5 * S);
	assert_int_equal(sent, 4);
	assert_string_equal(kept[2].id, LOG_ID_COMPLAINT);
	assert_string_equal(kept[3].id, LOG_ID_COMPLAINT);
	alert__free(alert);
}

/*
 * The named page must be the incident's, in a huge page any part of it; so must the task, if one is
 * named.
 */
static void by_page(void **state)
{
	static const struct {
		uint64_t folio; /* as a page frame */
		uint64_t pfn;
		uint32_t pid;
		bool confirmed;
	} cases[] = {
		{512, 512, 0, true}, /* the head */
		{512, 1023, 0, true}, /* its last page */
		{512, 1024, 0, false}, /* the next one */
		{512, 511, 0, false},	    {512, 600, 21, true}, {512, 600, 99, false},
		{512, 1024, 21, false},	    {513, 513, 0, true},  {513, 514, 0, false},
		{0xc53c, 0xc0bb, 0, false},
	};
	struct thprace_incident incident;
	struct complaint complaint;
	struct alert *alert;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		alert = begin(60, 10);
		alert__compare_pages(alert, pfn_of, NULL, 512);
		incident = make(THPRACE_HWPOISON_UNMAP, THPRACE_ESCAPE);
		incident.walk.folio = PAGES + cases[i].folio * 64;
		alert__incident(alert, &incident, 1, NULL, START);
		complaint = complain(THPRACE_HWPOISON_UNMAP, cases[i].pid, START + S);
		complaint.has_pfn = true;
		complaint.pfn = cases[i].pfn;
		alert__complaint(alert, &complaint, START + S);
		alert__tick(alert, START + 4 * S);
		assert_int_equal(sent, 2);
		if (has_id(&kept[1], LOG_ID_CONFIRMED) != cases[i].confirmed)
			fail_msg("case %u: '%s'", i, kept[1].text);
		if (cases[i].confirmed)
			assert_non_null(
				strstr(kept[1].text, cases[i].pid ? "(it names this page and the "
								    "walker's task)"
								  : "(it names this page)"));
		alert__free(alert);
	}
	/* By its address, if the kernel does not hide it; no match if nothing can be compared. */
	for (i = 0; i < 4; i++) {
		alert = begin(60, 10);
		if (i == 2)
			alert__compare_pages(alert, pfn_of, NULL, 512);
		incident = make(THPRACE_HWPOISON_UNMAP, THPRACE_ESCAPE);
		alert__incident(alert, &incident, 1, NULL, START);
		complaint = complain(THPRACE_HWPOISON_UNMAP, 0, START + S);
		complaint.has_pfn = i == 3;
		complaint.pfn = 512;
		complaint.page = i == 3 ? 0 : incident.walk.folio + 64 * i;
		alert__complaint(alert, &complaint, START + S);
		alert__tick(alert, START + 4 * S);
		assert_int_equal(has_id(&kept[1], LOG_ID_CONFIRMED), i == 0 || i == 2);
		alert__free(alert);
	}
}

/* A complaint that can belong to no class is ignored here. */
static void no_class(void **state)
{
	struct alert *alert = begin(60, 10);
	struct complaint complaint = complain(THPRACE_SPLIT_UNMAP, 21, START);
	struct alert_state totals;

	(void)state;
	complaint.classes = 0;
	alert__complaint(alert, &complaint, START);
	assert_int_equal(alert__deadline(alert), 0);
	alert__state(alert, &totals);
	assert_int_equal(totals.kernel_complaints, 0);
	alert__free(alert);
	assert_int_equal(sent, 0);
}

/* Each kind has its own limit, and a complaint with an incident is always reported. */
static void limits_of_their_own(void **state)
{
	struct alert *alert = begin(60, 1);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	struct complaint complaint;
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		complaint = complain(THPRACE_SPLIT_UNMAP, 99, START + i);
		alert__complaint(alert, &complaint, START + i);
	}
	complaint.kind = COMPLAINT_MEMORY_FAILURE;
	alert__complaint(alert, &complaint, START + 10);
	alert__tick(alert, START + 3 * S);
	assert_int_equal(sent, 2);
	alert__incident(alert, &incident, 1, NULL, START + 4 * S);
	assert_int_equal(sent, 3);
	for (i = 0; i < 10; i++) {
		complaint = complain(THPRACE_SPLIT_UNMAP, 21, START + 4 * S + i);
		alert__complaint(alert, &complaint, START + 4 * S + i);
		assert_int_equal(sent, 4 + i);
		assert_string_equal(kept[3 + i].id, LOG_ID_CONFIRMED);
	}
	alert__free(alert);
	assert_int_equal(complaints_counted, 21);
}

/* Of several incidents the latest is chosen, but a confirmed one only if there is no other. */
static void which_incident(void **state)
{
	static const char *const expected[] = {"3", "2", "1", "3"};
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	struct complaint complaint;
	unsigned int i;

	(void)state;
	for (i = 1; i <= 3; i++)
		alert__incident(alert, &incident, i, NULL, START + i);
	assert_int_equal(sent, 1);
	for (i = 0; i < 4; i++) {
		complaint = complain(THPRACE_SPLIT_UNMAP, 21, START + 10 + i);
		alert__complaint(alert, &complaint, complaint.when);
		assert_int_equal(sent, 2 + i);
		assert_string_equal(kept[1 + i].id, LOG_ID_CONFIRMED);
		expect_field(&kept[1 + i], "THPRACE_ID", expected[i]);
	}
	alert__free(alert);
	/* Also when the confirmed one comes before the others. */
	alert = begin(60, 10);
	for (i = 1; i <= 3; i++) {
		alert__incident(alert, &incident, i, NULL, START + i);
		complaint = complain(THPRACE_SPLIT_UNMAP, 21, START + i);
		if (i != 2)
			alert__complaint(alert, &complaint, complaint.when);
	}
	assert_int_equal(sent, 3);
	alert__complaint(alert, &complaint, complaint.when);
	assert_int_equal(sent, 4);
	expect_field(&kept[3], "THPRACE_ID", "2");
	alert__free(alert);
}

static void many_complaints(void **state)
{
	struct alert *alert = begin(60, 5);
	struct complaint complaint;
	struct alert_state totals;
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		complaint = complain(THPRACE_SPLIT_UNMAP, i, START + i);
		alert__complaint(alert, &complaint, complaint.when);
	}
	alert__tick(alert, START + 3 * S);
	assert_int_equal(sent, 5);
	alert__tick(alert, START + 63 * S);
	assert_int_equal(sent, 6);
	assert_string_equal(kept[5].id, LOG_ID_FOLDED);
	assert_string_equal(kept[5].text,
			    "95 more of the kernel's complaints (BUG), above the limit "
			    "of 5 messages a minute");
	assert_int_equal(kept[5].priority, LOG_ERR);
	assert_null(field(&kept[5], "THPRACE_CLASS"));
	assert_int_equal(complaints_counted, 100);
	alert__state(alert, &totals);
	assert_int_equal(totals.kernel_complaints, 100);
	/* At the end, the waiting ones are reported. */
	complaint = complain(THPRACE_SPLIT_UNMAP, 0, START + 200 * S);
	alert__complaint(alert, &complaint, complaint.when);
	alert__free(alert);
	assert_int_equal(complaints_counted, 101);
}

/*
 * Random storms: in any order, the messages account for every incident and every complaint; no
 * class has more than its messages per minute; and the deadline is never in the past after a tick.
 */
static void storms(void **state)
{
	unsigned int round, i, class, c;

	(void)state;
	for (round = 0; round < 60; round++) {
		uint64_t expected[THPRACE_CLASS_MAX] = {0}, now = START, nr_complaints = 0;
		uint64_t in_total = 0, per_minute;
		struct alert_state totals;
		struct alert *alert;
		unsigned int comms;
		size_t messages;

		srand(round);
		per_minute = 1 + (uint64_t)rand() % 20;
		comms = 1 + (unsigned int)rand() % (round % 2 ? 3 : 300);
		alert = begin(1 + (uint64_t)rand() % 100, per_minute);
		for (i = 0; i < 4000; i++) {
			struct thprace_incident incident;
			struct complaint complaint;

			now += (uint64_t)rand() % (round % 3 ? S / 20 : 2 * S);
			class = 1 + (unsigned int)rand() % (race_class__end() - 1);
			if (rand() % 10 == 0)
				alert__tick(alert, now);
			if (rand() % 20 == 0) {
				complaint = complain(class, (uint32_t)rand() % 30, now);
				complaint.kind = (enum complaint_kind)(
					1 + (unsigned int)rand() % (COMPLAINT_KIND_MAX - 1));
				alert__complaint(alert, &complaint, now);
				nr_complaints++;
				continue;
			}
			incident =
				make(class, THPRACE_CONTAINED + (unsigned int)rand() %
									(THPRACE_VERDICT_MAX - 1));
			snprintf(incident.walk.comm, sizeof(incident.walk.comm), "%u",
				 (unsigned int)rand() % comms);
			alert__incident(alert, &incident, i, NULL, now);
			if (incident.verdict == THPRACE_CONTAINED)
				continue;
			expected[class]++;
			in_total++;
		}
		/* All deadlines, one after the other. */
		for (i = 0; alert__deadline(alert) && i < 1000; i++) {
			uint64_t deadline = alert__deadline(alert);

			alert__tick(alert, deadline);
			assert_true(!alert__deadline(alert) || alert__deadline(alert) > deadline);
			now = deadline > now ? deadline : now;
		}
		assert_int_equal(alert__deadline(alert), 0);
		alert__state(alert, &totals);
		assert_int_equal(totals.sent, sent);
		messages = sent;
		alert__free(alert);
		assert_int_equal(sent, messages);
		for (c = 1; c < race_class__end(); c++)
			assert_int_equal(accounted[c], expected[c]);
		assert_int_equal(complaints_counted, nr_complaints);
		assert_true(totals.folded <= in_total);
		/*
		 * A minute begins with its first message, so there are at most this many minutes.
		 */
		assert_true(sent <=
			    ALERT_DEDUP_LIMITS * per_minute * ((now - START) / (60 * S) + 1) +
				    2 * ALERT_DEDUP_LIMITS + totals.kernel_confirmed);
	}
}

/* The same with an end in the middle: what is counted then is reported by alert__free(). */
static void ended_storms(void **state)
{
	unsigned int round, i, class, c;

	(void)state;
	for (round = 0; round < 200; round++) {
		uint64_t expected[THPRACE_CLASS_MAX] = {0}, now = START;
		struct alert *alert;

		srand(round);
		alert = begin(1 + (uint64_t)rand() % 100, 1 + (uint64_t)rand() % 5);
		for (i = 0; i < 300; i++) {
			struct thprace_incident incident;

			now += (uint64_t)rand() % S;
			class = 1 + (unsigned int)rand() % 3;
			incident = make(class, THPRACE_ESCAPE + (unsigned int)rand() % 3);
			incident.walk.comm[0] = (char)('a' + rand() % 20);
			alert__incident(alert, &incident, 0, NULL, now);
			expected[class]++;
		}
		alert__free(alert);
		for (c = 1; c < race_class__end(); c++)
			assert_int_equal(accounted[c], expected[c]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confirmed_after),
		cmocka_unit_test(confirmed_before),
		cmocka_unit_test(not_confirmed),
		cmocka_unit_test(by_task),
		cmocka_unit_test(by_page),
		cmocka_unit_test(no_class),
		cmocka_unit_test(limits_of_their_own),
		cmocka_unit_test(which_incident),
		cmocka_unit_test(many_complaints),
		cmocka_unit_test(storms),
		cmocka_unit_test(ended_storms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
