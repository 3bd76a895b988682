// SPDX-License-Identifier: GPL-2.0-only
/* Alerts: what becomes a message, and its content. */
#include "alert_support.h"
#include "folio_name.h"
#include "classes/race_class.h"
#include <sys/stat.h>
#include <unistd.h>
#include "class_ids.h"
#include "kernel/cgroups.h"

static void an_escape(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	const struct log_message *message = &kept[0];

	(void)state;
	alert__incident(alert, &incident, 17, "/var/lib/thprace/x.thpr", START);
	assert_int_equal(sent, 1);
	assert_int_equal(message->priority, LOG_CRIT);
	assert_string_equal(message->id, LOG_ID_ESCAPE);
	assert_string_equal(message->text,
			    "escape: split-unmap, pte level, the first since the start: opener "
			    "opens/11 on CPU3, walker walks/21 on CPU4 (split); "
			    "proof: residual mapcount 1 at the walker's return; thprace show 17");
	expect_field(message, "THPRACE_CLASS", "split-unmap");
	expect_field(message, "THPRACE_VERDICT", "escape");
	expect_field(message, "THPRACE_LEVEL", "pte");
	expect_field(message, "THPRACE_MODE", "precise");
	expect_field(message, "THPRACE_ID", "17");
	expect_field(message, "THPRACE_FILE", "/var/lib/thprace/x.thpr");
	assert_int_equal(strlen(field(message, "THPRACE_FOLIO")), 12);
	assert_null(strstr(field(message, "THPRACE_FOLIO"), "ffea8000"));
	expect_field(message, "THPRACE_OPENER_PID", "11");
	expect_field(message, "THPRACE_OPENER_TGID", "10");
	expect_field(message, "THPRACE_OPENER_COMM", "opens");
	expect_field(message, "THPRACE_OPENER_CPU", "3");
	expect_field(message, "THPRACE_WALKER_PID", "21");
	expect_field(message, "THPRACE_WALKER_TGID", "20");
	expect_field(message, "THPRACE_WALKER_COMM", "walks");
	expect_field(message, "THPRACE_WALKER_CPU", "4");
	expect_field(message, "THPRACE_WALKER_KIND", "split");
	expect_field(message, "THPRACE_WINDOW_NS", "22100");
	/* Only the end of a window of small pages is known, not how long both sides overlapped. */
	assert_null(field(message, "THPRACE_OVERLAP_NS"));
	expect_field(message, "THPRACE_WALKER_NS", "5000");
	expect_field(message, "THPRACE_PROOF", "residual mapcount 1 at the walker's return");
	expect_field(message, "THPRACE_RESIDUAL", "1");
	expect_field(message, "THPRACE_CLOSE_CALL", "1");
	expect_field(message, "THPRACE_OPEN_NS", "5000000");
	expect_field(message, "THPRACE_FIRST", "1");
	assert_non_null(strstr(field(message, "THPRACE_WORDS"), "ESCAPE"));
	alert__free(alert);
	assert_int_equal(sent, 1);
}

/* A range that began before anybody looked: only its end is known, and no length. */
static void a_beginning_unseen(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	const struct log_message *message = &kept[0];

	(void)state;
	incident.window.open = 0;
	incident.window.close = 5022100;
	alert__incident(alert, &incident, 17, "/var/lib/thprace/x.thpr", START);
	assert_null(field(message, "THPRACE_OPEN_NS"));
	assert_null(field(message, "THPRACE_WINDOW_NS"));
	expect_field(message, "THPRACE_CLOSE_NS", "5022100");
	alert__free(alert);
}

/* The value that SipHash-2-4's authors give for eight bytes, and what the name of a folio hides. */
static void folio_names(void **state)
{
	const uint64_t key[2] = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
	const uint64_t folio = 0xffffea0004e38000ULL;
	char name[FOLIO_NAME_LEN], again[FOLIO_NAME_LEN], next[FOLIO_NAME_LEN];

	(void)state;
	assert_true(folio_name__hash(key, 0x0706050403020100ULL) == 0x93f5f5799a932462ULL);
	assert_string_equal(folio_name(name, folio), folio_name(again, folio));
	assert_string_not_equal(name, folio_name(next, folio + 0x8000));
	assert_int_equal(strspn(name, "0123456789abcdef"), FOLIO_NAME_LEN - 1);
	assert_null(strstr(name, "4e38"));
}

/* Every incident's message: no field has the address, and a folio has one name. */
static void no_address(void **state)
{
	struct alert *alert = begin(0, 1000);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_CONTAINED);
	char name[LOG_VALUE_MAX] = "";
	unsigned int i;
	size_t f;

	(void)state;
	incident.walk.folio = incident.window.folio = 0xffffea0004e38000ULL;
	for (i = THPRACE_CONTAINED; i < THPRACE_VERDICT_MAX; i++) {
		incident.verdict = (__u8)i;
		alert__incident(alert, &incident, i, NULL, START);
	}
	assert_true(sent >= 4);
	for (i = 0; i < sent; i++) {
		assert_null(strstr(kept[i].text, "04e38000"));
		for (f = 0; f < kept[i].nr_fields; f++)
			assert_null(strstr(kept[i].fields[f].value, "04e38000"));
		if (!name[0])
			snprintf(name, sizeof(name), "%s", field(&kept[i], "THPRACE_FOLIO"));
		assert_int_equal(strspn(name, "0123456789abcdef"), FOLIO_NAME_LEN - 1);
		expect_field(&kept[i], "THPRACE_FOLIO", name);
	}
	alert__free(alert);
}

static void priorities(void **state)
{
	static const struct {
		unsigned int verdict;
		unsigned int attribution;
		int priority;
		const char *id;
		const char *says;
	} expected[] = {
		{THPRACE_CONTAINED, 0, LOG_INFO, LOG_ID_OVERLAP, "contained: "},
		{THPRACE_ESCAPE, THPRACE_EXACT, LOG_CRIT, LOG_ID_ESCAPE, "escape: "},
		{THPRACE_UNATTRIBUTED, 0, LOG_ERR, LOG_ID_UNATTRIBUTED, "no window seen"},
		{THPRACE_UNPROVEN, 0, LOG_WARNING, LOG_ID_UNPROVEN, "no statement"},
		{THPRACE_REMAINED, 0, LOG_WARNING, LOG_ID_REMAINED, "this is no race"},
		{THPRACE_ESCAPE, THPRACE_LIKELY, LOG_ERR, LOG_ID_LIKELY, "it is not proved"},
	};
	const size_t nr = sizeof(expected) / sizeof(expected[0]);
	struct thprace_incident incident;
	unsigned int c;
	size_t i;

	(void)state;
	for (c = 1; c < race_class__end(); c++) {
		struct alert *alert = begin(60, 10);

		for (i = 0; i < nr; i++) {
			incident = make(c, expected[i].verdict);
			incident.attribution = (__u8)expected[i].attribution;
			if (incident.verdict == THPRACE_UNATTRIBUTED ||
			    incident.verdict == THPRACE_REMAINED)
				no_window(&incident);
			alert__incident(alert, &incident, 0, NULL, START);
			assert_int_equal(sent, i + 1);
			assert_int_equal(kept[i].priority, expected[i].priority);
			assert_string_equal(kept[i].id, expected[i].id);
			assert_non_null(strstr(kept[i].text, names__class(c)));
			assert_non_null(strstr(kept[i].text, expected[i].says));
			if (expected[i].attribution)
				expect_field(&kept[i], "THPRACE_ATTRIBUTION",
					     names__attribution(expected[i].attribution));
			else
				assert_null(field(&kept[i], "THPRACE_ATTRIBUTION"));
			assert_null(strstr(kept[i].text, "thprace show"));
			assert_null(field(&kept[i], "THPRACE_ID"));
			assert_null(field(&kept[i], "THPRACE_FILE"));
		}
		assert_null(field(&kept[2], "THPRACE_OPENER_PID"));
		assert_null(field(&kept[2], "THPRACE_LEVEL"));
		alert__free(alert);
		assert_int_equal(sent, nr);
	}
}

/* Only the end of a window of small pages is known: overlaps of other windows have a length. */
static void overlap_of_pmd(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);

	(void)state;
	incident.window.level = THPRACE_LEVEL_PMD;
	alert__incident(alert, &incident, 17, NULL, START);
	assert_int_equal(sent, 1);
	assert_non_null(strstr(kept[0].text, "; overlap 5.0 us; proof: "));
	alert__free(alert);
}

/* A contained overlap is no alert; the first of each class is reported. */
static void overlaps(void **state)
{
	struct alert *alert = begin(60, 1);
	struct alert_state totals;
	unsigned int i, c;

	(void)state;
	for (i = 0; i < 5; i++) {
		for (c = 1; c < race_class__end(); c++) {
			struct thprace_incident incident = make(c, THPRACE_CONTAINED);

			alert__incident(alert, &incident, i, NULL, START + i * 100 * S);
		}
	}
	assert_int_equal(sent, race_class__end() - 1);
	assert_int_equal(alert__deadline(alert), 0);
	alert__state(alert, &totals);
	assert_int_equal(totals.sent, race_class__end() - 1);
	assert_int_equal(totals.folded, 0);
	assert_int_equal(totals.failed, 0);
	assert_string_equal(totals.target, "stderr");
	alert__free(alert);
	assert_int_equal(sent, race_class__end() - 1);
}

/* The message about a first overlap reassures only if the kernel's code has the fix. */
static void overlap_by_the_code(void **state)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	static const char *const texts[CHECK_STATUS_MAX] = {
		[CHECK_FIXED] = "; the kernel's code has the fix",
		[CHECK_VULNERABLE] = "; the kernel's code lacks the fix: it was luck, and the "
				     "next one may escape",
		[CHECK_CANNOT_HAPPEN] =
			"; according to the kernel's code, no overlap of this class can escape",
		[CHECK_UNKNOWN] =
			"; whether the kernel's code has the fix is not known: thprace check",
	};
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_CONTAINED);
	static struct check_state check;
	struct alert *alert;
	int status;

	(void)state;
	for (status = 0; status < CHECK_STATUS_MAX; status++) {
		alert = begin(60, 10);
		check.progress = CHECK_DONE;
		check.classes[THPRACE_SPLIT_UNMAP].status = status;
		alert__checked(alert, &check);
		alert__incident(alert, &incident, 17, NULL, START);
		assert_int_equal(sent, 1);
		assert_non_null(strstr(kept[0].text, texts[status]));
		expect_field(&kept[0], "THPRACE_CHECK", statuses[status]);
		expect_field(&kept[0], "THPRACE_CHECK_WORDS", texts[status] + 2);
		alert__free(alert);
	}
	/* Before the code was read. */
	alert = begin(60, 10);
	alert__incident(alert, &incident, 17, NULL, START);
	expect_field(&kept[0], "THPRACE_CHECK", "unknown");
	alert__free(alert);
}

static struct thprace_record lost(unsigned int cause, uint64_t count, uint64_t from, uint64_t to)
{
	struct thprace_record record = {.type = THPRACE_REC_LOST,
					.entry = from,
					.ts = to,
					.arg = count,
					.value = (__s32)cause};

	return record;
}

static void losses(void **state)
{
	struct alert *alert = begin(60, 1);
	struct thprace_record record;

	(void)state;
	record = lost(THPRACE_LOSS_INCIDENT, 12, 100, 200);
	alert__lost(alert, &record, START);
	assert_int_equal(sent, 1);
	assert_string_equal(kept[0].id, LOG_ID_LOSS_BEGAN);
	assert_int_equal(kept[0].priority, LOG_WARNING);
	expect_field(&kept[0], "THPRACE_CAUSE", "incident");
	expect_field(&kept[0], "THPRACE_COUNT", "12");
	expect_field(&kept[0], "THPRACE_FROM_NS", "100");
	expect_field(&kept[0], "THPRACE_TO_NS", "200");
	record = lost(THPRACE_LOSS_SLOT, 3, 150, 5000);
	alert__lost(alert, &record, START + 9 * S);
	record = lost(THPRACE_LOSS_INCIDENT, 5, 90, 300);
	alert__lost(alert, &record, START + 18 * S);
	assert_int_equal(sent, 1);
	expect_sent_at(alert, START + 28 * S);
	assert_string_equal(kept[1].id, LOG_ID_LOSS_ENDED);
	assert_int_equal(kept[1].priority, LOG_NOTICE);
	assert_string_equal(kept[1].text, "no more records are being lost; lost: 17 incident, 3 "
					  "slot, within 4.9 us");
	expect_field(&kept[1], "THPRACE_COUNT", "20");
	expect_field(&kept[1], "THPRACE_CAUSE", "incident");
	assert_string_equal(field_at(&kept[1], "THPRACE_CAUSE", 1), "slot");
	expect_field(&kept[1], "THPRACE_FROM_NS", "90");
	expect_field(&kept[1], "THPRACE_TO_NS", "5000");
	assert_int_equal(alert__deadline(alert), 0);
	/* Again, and it lasts until the end. */
	record = lost(THPRACE_LOSS_MISSED, 1, 6000, 7000);
	alert__lost(alert, &record, START + 30 * S);
	assert_int_equal(sent, 3);
	expect_field(&kept[2], "THPRACE_FROM_NS", "6000");
	/* Nothing lost, or an unknown cause: no loss. */
	record = lost(THPRACE_LOSS_MISSED, 0, 6000, 7000);
	alert__lost(alert, &record, START + 50 * S);
	record = lost(THPRACE_LOSS_MAX, 1, 6000, 7000);
	alert__lost(alert, &record, START + 50 * S);
	assert_int_equal(alert__deadline(alert), START + 40 * S);
	alert__free(alert);
	assert_int_equal(sent, 4);
	assert_string_equal(kept[3].id, LOG_ID_LOSS_ENDED);
	assert_non_null(strstr(kept[3].text, "when thpraced ended"));
}

static void failing_target(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	struct alert_state totals;

	(void)state;
	send_fails = -ENOENT;
	alert__incident(alert, &incident, 1, NULL, START);
	alert__state(alert, &totals);
	assert_int_equal(totals.failed, 1);
	assert_int_equal(totals.sent, 0);
	alert__free(alert);
}

/* Data from a damaged incident or a hostile comm does no harm. */
static void odd_values(void **state)
{
	struct alert *alert = begin(60, 1000);
	struct thprace_incident incident;
	char file[2000];
	unsigned int i;

	(void)state;
	for (i = 0; i < 256; i++) {
		memset(&incident, (int)i, sizeof(incident));
		incident.verdict = THPRACE_ESCAPE + i % 3;
		alert__incident(alert, &incident, i, NULL, START);
	}
	incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	memset(file, 'x', sizeof(file));
	file[sizeof(file) - 1] = '\0';
	memcpy(incident.walk.comm, "\033[2J\n\xff 123456789", THPRACE_COMM_LEN);
	alert__incident(alert, &incident, 5, file, START);
	incident.verdict = THPRACE_CLEAN;
	alert__incident(alert, &incident, 5, file, START);
	incident.verdict = THPRACE_VERDICT_MAX;
	alert__incident(alert, &incident, 5, file, START);
	alert__free(alert);
	alert__free(NULL);
}

/* A race from a file: no level, no kind of walker, and its key instead of a page. */
static void of_a_file(void **state)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	const unsigned int class = race_class__add_file("a-race", event);
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(class, THPRACE_ESCAPE);
	const struct log_message *message = &kept[0];

	(void)state;
	incident.walk.folio = 0x2;
	incident.attribution = THPRACE_CAUSAL;
	alert__incident(alert, &incident, 17, NULL, START);
	assert_int_equal(sent, 1);
	assert_string_equal(message->id, LOG_ID_ESCAPE);
	assert_string_equal(message->text,
			    "escape: a-race, the first since the start: opener opens/11 on CPU3, "
			    "walker walks/21 on CPU4; proof: its escape holds; thprace show 17");
	expect_field(message, "THPRACE_CLASS", "a-race");
	expect_field(message, "THPRACE_KEY", "0x2");
	assert_null(field(message, "THPRACE_LEVEL"));
	assert_null(field(message, "THPRACE_WALKER_KIND"));
	assert_null(field(message, "THPRACE_RESIDUAL"));
	assert_null(field(message, "THPRACE_FOLIO"));
	incident.verdict = THPRACE_CONTAINED;
	incident.attribution = 0;
	alert__incident(alert, &incident, 18, NULL, START);
	assert_int_equal(sent, 2);
	assert_non_null(strstr(kept[1].text, "is not known: thprace check --race a-race"));
	alert__free(alert);
	race_class__forget_foreign();
}

/* Who both tasks are, in the text and in fields. */
static void identity(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	char root[] = "/tmp/thprace-alert-XXXXXX", slice[64], service[96];
	struct cgroups *cgroups;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(slice, sizeof(slice), "%s/system.slice", root);
	snprintf(service, sizeof(service), "%s/web.service", slice);
	assert_int_equal(mkdir(slice, 0700) | mkdir(service, 0700) | stat(service, &st), 0);
	cgroups = cgroups__new(root);
	alert__name_cgroups(alert, cgroups);
	incident.opener_stack.flags = THPRACE_STACK_WHO;
	incident.opener_stack.uid = 1000;
	incident.opener_stack.cgroup = st.st_ino;
	incident.walker_stack.flags = THPRACE_STACK_WHO;
	incident.walker_stack.cgroup = 12345678;
	alert__incident(alert, &incident, 17, NULL, START);
	alert__incident(alert, &incident, 18, NULL, START);
	assert_non_null(strstr(kept[0].text, " [user 1000, web.service], walker "));
	assert_non_null(strstr(kept[0].text, " (split) [user 0, cgroup 12345678]"));
	expect_field(&kept[0], "THPRACE_OPENER_UID", "1000");
	expect_field(&kept[0], "THPRACE_OPENER_UNIT", "web.service");
	expect_field(&kept[0], "THPRACE_OPENER_CGROUP", "/system.slice/web.service");
	assert_null(field(&kept[0], "THPRACE_OPENER_CONTAINER"));
	expect_field(&kept[0], "THPRACE_WALKER_UID", "0");
	assert_null(field(&kept[0], "THPRACE_WALKER_CGROUP"));
	expect_sent_at(alert, START + 60 * S);
	assert_non_null(strstr(kept[1].text, "; by web.service;"));
	expect_field(&kept[1], "THPRACE_SOURCE_UNIT", "web.service");
	expect_field(&kept[1], "THPRACE_SOURCE_CGROUP", "/system.slice/web.service");
	alert__free(alert);
	cgroups__free(cgroups);
	assert_int_equal(rmdir(service) | rmdir(slice) | rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_escape),   cmocka_unit_test(a_beginning_unseen),
		cmocka_unit_test(folio_names), cmocka_unit_test(no_address),
		cmocka_unit_test(priorities),  cmocka_unit_test(overlap_of_pmd),
		cmocka_unit_test(overlaps),    cmocka_unit_test(overlap_by_the_code),
		cmocka_unit_test(losses),      cmocka_unit_test(failing_target),
		cmocka_unit_test(odd_values),  cmocka_unit_test(of_a_file),
		cmocka_unit_test(identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
