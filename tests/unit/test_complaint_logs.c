// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel logs as people paste them, tests/complaints/NAME.log: the head of each has a line "#
 * expect:" for each complaint that must be found in it.
 */
#include "complaint_support.h"
#include <dirent.h>
#include <libgen.h>

#define LOG_MAX 16384

static char folder[512];

struct log {
	char name[256];
	char text[LOG_MAX];
	char expected[FOUND_MAX][FOUND_LEN];
	size_t nr_expected;
};

static void read_log(struct log *log)
{
	char path[1024], *line, *next;
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, log->name);
	file = fopen(path, "r");
	assert_non_null(file);
	length = fread(log->text, 1, LOG_MAX - 1, file);
	assert_true(length > 0 && length < LOG_MAX - 1);
	fclose(file);
	log->text[length] = '\0';
	log->nr_expected = 0;
	for (line = log->text; line; line = next) {
		next = strchr(line, '\n');
		next = next ? next + 1 : NULL;
		if (!strncmp(line, "# expect: ", 10))
			snprintf(log->expected[log->nr_expected++], FOUND_LEN, "%.*s",
				 (int)strcspn(line + 10, "\n"), line + 10);
	}
}

/* Feed the log, without its comments, up to the end or up to `bytes` of it. */
static void feed(struct found *found, const struct log *log, size_t bytes)
{
	struct complaint_kernel kernel = {0};
	struct complaint_parser *parser = complaint_parser__new(&kernel, keep_found, found);
	const char *line = log->text, *past = log->text + bytes;
	size_t length;

	assert_non_null(parser);
	found->nr = 0;
	while (line < past) {
		length = strcspn(line, "\n");
		if (length > (size_t)(past - line))
			length = (size_t)(past - line);
		if (*line != '#')
			complaint_parser__line(parser, line, length);
		line += length + 1;
	}
	complaint_parser__finish(parser);
	complaint_parser__free(parser);
}

static void each_log(void (*check)(const struct log *log))
{
	DIR *dir = opendir(folder);
	unsigned int logs = 0;
	struct dirent *entry;
	struct log log;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".log"))
			continue;
		snprintf(log.name, sizeof(log.name), "%s", entry->d_name);
		read_log(&log);
		check(&log);
		logs++;
	}
	closedir(dir);
	assert_true(logs > 30);
}

static void check_whole(const struct log *log)
{
	struct found found = {0};
	char text[FOUND_LEN];
	size_t i;

	feed(&found, log, strlen(log->text));
	for (i = 0; i < found.nr && i < log->nr_expected; i++) {
		if (strcmp(describe(text, &found.complaint[i]), log->expected[i]) != 0)
			fail_msg("%s: '%s', not '%s'", log->name, text, log->expected[i]);
	}
	if (found.nr != log->nr_expected)
		fail_msg("%s: %zu complaints, not %zu", log->name, found.nr, log->nr_expected);
}

static void as_their_heads_say(void **state)
{
	(void)state;
	each_log(check_whole);
}

/*
 * A log that is truncated anywhere has no more complaints than the whole log, and no other tasks in
 * its complete lines.
 */
static void check_cut(const struct log *log)
{
	struct found whole = {0}, found = {0};
	size_t bytes, i;

	feed(&whole, log, strlen(log->text));
	for (bytes = 0; bytes < strlen(log->text); bytes++) {
		feed(&found, log, bytes);
		assert_true(found.nr <= whole.nr);
		for (i = 0; i < found.nr && i < whole.nr; i++) {
			const struct complaint *cut = &found.complaint[i],
					       *full = &whole.complaint[i];

			if (cut->pid && full->pid && log->text[bytes] == '\n')
				assert_int_equal(cut->pid, full->pid);
		}
	}
}

static void cut_anywhere(void **state)
{
	(void)state;
	each_log(check_cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_their_heads_say),
		cmocka_unit_test(cut_anywhere),
	};
	char self[] = __FILE__;

	snprintf(folder, sizeof(folder), "%s/../complaints", dirname(self));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
