// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages: how they are built, and what the journal, syslog and standard error get. The sockets of
 * the first two are the test's own, in a separate mount namespace; if that is not possible, these
 * tests are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>
#include "log.h"
#include "log_limit.h"

#define JOURNAL "/run/systemd/journal/socket"
#define SYSLOG "/dev/log"

static bool own_namespace;

static int enter_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return 0;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) || mount("tmpfs", "/dev", "tmpfs", 0, NULL))
		return 0;
	own_namespace = !mkdir("/run/systemd", 0755) && !mkdir("/run/systemd/journal", 0755);
	return 0;
}

/* A socket that receives what is logged. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_return_code(fd, errno);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	return fd;
}

/* The datagram that was received, as text; "" for none. */
static const char *received(int fd)
{
	static char text[65536];
	ssize_t length = recv(fd, text, sizeof(text) - 1, 0);

	text[length < 0 ? 0 : length] = '\0';
	return text;
}

/* Standard error, into a pipe. */
struct capture {
	int saved;
	int pipe[2];
	char text[4096];
};

static void capture_begin(struct capture *capture)
{
	capture->saved = dup(STDERR_FILENO);
	assert_int_equal(pipe2(capture->pipe, O_NONBLOCK), 0);
	assert_return_code(dup2(capture->pipe[1], STDERR_FILENO), errno);
}

static const char *capture_end(struct capture *capture)
{
	ssize_t length;

	fflush(stderr);
	assert_return_code(dup2(capture->saved, STDERR_FILENO), errno);
	close(capture->saved);
	close(capture->pipe[1]);
	length = read(capture->pipe[0], capture->text, sizeof(capture->text) - 1);
	close(capture->pipe[0]);
	capture->text[length < 0 ? 0 : length] = '\0';
	return capture->text;
}

static void built(void **state)
{
	struct log_message message;
	char name[32];
	unsigned int i;

	(void)state;
	log__begin(&message, LOG_ERR, LOG_ID_STARTED, "%s and %d\n\x01\xff µs", "this", 7);
	assert_int_equal(message.priority, LOG_ERR);
	assert_string_equal(message.id, LOG_ID_STARTED);
	assert_string_equal(message.text, "this and 7??? µs");
	for (i = 0; i < LOG_FIELDS_MAX + 5; i++) {
		snprintf(name, sizeof(name), "THPRACE_%u", i);
		log__field(&message, name, "%u\n", i);
	}
	assert_int_equal(message.nr_fields, LOG_FIELDS_MAX);
	assert_string_equal(message.fields[39].name, "THPRACE_39");
	assert_string_equal(message.fields[39].value, "39?");
	/* Text that is too long is truncated. */
	log__begin(&message, LOG_ERR, NULL, "%02000d", 7);
	assert_int_equal(message.nr_fields, 0);
	assert_int_equal(strlen(message.text), sizeof(message.text) - 1);
	log__field(&message, "THPRACE_X", "%02000d", 7);
	assert_int_equal(strlen(message.fields[0].value), LOG_VALUE_MAX - 1);
}

/* This one comes before log__open(). */
/*
 * Text that the kernel's own lines and errors of libraries may quote: digits are removed, the rest
 * stays.
 */
static void kernel_addresses(void **state)
{
	struct log_message message;

	(void)state;
	log__begin(&message, LOG_ERR, NULL, "page:ffffea0004e38000 at 0xffff888101234567, %s",
		   "fffE000000000001");
	assert_string_equal(message.text,
			    "page:???????????????? at 0x????????????????, ????????????????");
	log__field(&message, "THPRACE_KERNEL_LINE", "RIP ffffffff81234567: %d %s", 16,
		   "ffffffff8123456 ffffffff812345678 0000000012345678");
	assert_string_equal(message.fields[0].value,
			    "RIP ????????????????: 16 ffffffff8123456 ffffffff812345678 "
			    "0000000012345678");
	log__begin(&message, LOG_ERR, LOG_ID_STARTED, "fixed by %s",
		   "fff1b1c2d3e4f5061728394a5b6c7d8e9f001122");
	assert_string_equal(message.text, "fixed by fff1b1c2d3e4f5061728394a5b6c7d8e9f001122");
}

/* Users can cause only this many messages per minute; the rest is counted. */
static void limited(void **state)
{
	const uint64_t second = 1000000000ULL, start = 77 * second;
	struct log_limit limit = {0};
	unsigned int i, logged = 0;

	(void)state;
	for (i = 0; i < 1000; i++)
		logged += log_limit__take(&limit, 10, start + i * second / 100);
	assert_int_equal(logged, 10);
	assert_int_equal(log_limit__due(&limit, start + 59 * second), 0);
	assert_int_equal(log_limit__due(&limit, start + 60 * second), 990);
	assert_int_equal(log_limit__due(&limit, start + 61 * second), 0);
	assert_true(log_limit__take(&limit, 10, start + 61 * second));
}

static void standard_error(void **state)
{
	struct capture capture;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(log__target_name(), "stderr");
	capture_begin(&capture);
	log__print(LOG_WARNING, LOG_ID_STARTED, "one %s", "line\n");
	assert_string_equal(capture_end(&capture), "thpraced: one line?\n");
	assert_int_equal(log__open(LOG_TARGET_STDERR, LOG_DAEMON), LOG_TARGET_STDERR);
	assert_string_equal(log__target_name(), "stderr");
	capture_begin(&capture);
	log__print(LOG_WARNING, NULL, "two");
	assert_string_equal(capture_end(&capture), "thpraced: two\n");
}

/* systemd sets JOURNAL_STREAM; standard error may be something else by now. */
static void standard_error_of_the_journal(void **state)
{
	struct capture capture;
	char stream[64];
	struct stat st;

	(void)state;
	capture_begin(&capture);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log__open(LOG_TARGET_STDERR, LOG_DAEMON);
	log__print(LOG_WARNING, NULL, "one");
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log__open(LOG_TARGET_STDERR, LOG_DAEMON);
	log__print(LOG_WARNING, NULL, "two");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log__open(LOG_TARGET_STDERR, LOG_DAEMON);
	log__print(LOG_WARNING, NULL, "three");
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(capture_end(&capture), "<4>one\nthpraced: two\nthpraced: three\n");
}

static void automatic(void **state)
{
	int fd;

	(void)state;
	if (!own_namespace)
		skip();
	assert_int_equal(log__open(LOG_TARGET_AUTO, LOG_DAEMON), LOG_TARGET_STDERR);
	fd = listen_at(SYSLOG);
	assert_int_equal(log__open(LOG_TARGET_AUTO, LOG_DAEMON), LOG_TARGET_SYSLOG);
	assert_string_equal(log__target_name(), "syslog");
	close(fd);
	fd = listen_at(JOURNAL);
	assert_int_equal(log__open(LOG_TARGET_AUTO, LOG_DAEMON), LOG_TARGET_JOURNAL);
	assert_string_equal(log__target_name(), "journal");
	close(fd);
	assert_int_equal(unlink(JOURNAL), 0);
	assert_int_equal(unlink(SYSLOG), 0);
}

static void journal(void **state)
{
	struct log_message message;
	struct capture capture;
	int fd;

	(void)state;
	if (!own_namespace)
		skip();
	fd = listen_at(JOURNAL);
	log__open(LOG_TARGET_JOURNAL, LOG_LOCAL2);
	log__begin(&message, LOG_CRIT, LOG_ID_ESCAPE, "an escape");
	log__field(&message, "THPRACE_CLASS", "%s", "split-unmap");
	log__field(&message, "THPRACE_ID", "%d", 17);
	capture_begin(&capture);
	assert_int_equal(log__send(&message), 0);
	assert_string_equal(capture_end(&capture), "");
	/* Only this: no CODE_FILE and similar fields. */
	assert_string_equal(received(fd), "MESSAGE=an escape\n"
					  "PRIORITY=2\n"
					  "SYSLOG_IDENTIFIER=thpraced\n"
					  "SYSLOG_FACILITY=18\n"
					  "MESSAGE_ID=" LOG_ID_ESCAPE "\n"
					  "THPRACE_CLASS=split-unmap\n"
					  "THPRACE_ID=17\n");
	log__print(LOG_INFO, NULL, "no id");
	assert_string_equal(received(fd), "MESSAGE=no id\nPRIORITY=6\nSYSLOG_IDENTIFIER=thpraced\n"
					  "SYSLOG_FACILITY=18\n");
	/* The journal has gone: nothing is lost. */
	close(fd);
	assert_int_equal(unlink(JOURNAL), 0);
	capture_begin(&capture);
	assert_int_equal(log__send(&message), -ENOENT);
	assert_string_equal(capture_end(&capture), "thpraced: an escape\n");
}

/* The maximum number of fields, all of the maximum length. */
static void full_message(void **state)
{
	struct log_message message;
	char name[32];
	unsigned int i;
	const char *got;
	int fd;

	(void)state;
	if (!own_namespace)
		skip();
	fd = listen_at(JOURNAL);
	log__open(LOG_TARGET_JOURNAL, LOG_DAEMON);
	log__begin(&message, LOG_CRIT, LOG_ID_ESCAPE, "%02000d", 7);
	for (i = 0; i < LOG_FIELDS_MAX; i++) {
		snprintf(name, sizeof(name), "THPRACE_%02u_%020u", i, 0);
		log__field(&message, name, "%02000d", 7);
	}
	assert_int_equal(log__send(&message), 0);
	got = received(fd);
	assert_int_equal(strlen(got), strlen("MESSAGE=\nPRIORITY=2\nSYSLOG_IDENTIFIER=thpraced\n"
					     "SYSLOG_FACILITY=3\nMESSAGE_ID=\n") +
					      32 + 1023 + LOG_FIELDS_MAX * (31 + 1 + 511 + 1));
	close(fd);
	assert_int_equal(unlink(JOURNAL), 0);
}

static void to_syslog(void **state)
{
	struct log_message message;
	struct capture capture;
	const char *got;
	int fd;

	(void)state;
	if (!own_namespace)
		skip();
	fd = listen_at(SYSLOG);
	log__open(LOG_TARGET_SYSLOG, LOG_LOCAL2);
	log__begin(&message, LOG_CRIT, LOG_ID_ESCAPE, "an escape: 100%%s");
	log__field(&message, "THPRACE_ID", "%d", 17);
	capture_begin(&capture);
	assert_int_equal(log__send(&message), 0);
	assert_string_equal(capture_end(&capture), "");
	got = received(fd);
	/* local2, critical */
	assert_int_equal(strncmp(got, "<146>", 5), 0);
	assert_non_null(strstr(got, " thpraced["));
	assert_non_null(strstr(got, "]: an escape: 100%s"));
	close(fd);
	assert_int_equal(unlink(SYSLOG), 0);
	capture_begin(&capture);
	assert_int_equal(log__send(&message), -ENOENT);
	assert_string_equal(capture_end(&capture), "thpraced: an escape: 100%s\n");
	log__open(LOG_TARGET_STDERR, LOG_DAEMON);
}

/* journalctl -x has an explanation for each message. */
static void catalog(void **state)
{
	static const char *const ids[] = {
		LOG_ID_ESCAPE,	       LOG_ID_UNATTRIBUTED,    LOG_ID_UNPROVEN,	  LOG_ID_OVERLAP,
		LOG_ID_FOLDED,	       LOG_ID_LOSS_BEGAN,      LOG_ID_LOSS_ENDED, LOG_ID_SHED,
		LOG_ID_RESTORED,       LOG_ID_OVER_BUDGET,     LOG_ID_CONFIRMED,  LOG_ID_COMPLAINT,
		LOG_ID_SPOOL_DEGRADED, LOG_ID_SPOOL_RECOVERED, LOG_ID_STARTED,	  LOG_ID_RELOADED,
		LOG_ID_RELOAD_FAILED,  LOG_ID_CLOCK_STEP,      LOG_ID_VULNERABLE, LOG_ID_REMAINED,
		LOG_ID_LIKELY,	       LOG_ID_LAST_BOOT,
	};
	const size_t nr = sizeof(ids) / sizeof(ids[0]);
	FILE *file = fopen("systemd/thprace.catalog", "r");
	size_t i, entries = 0, found = 0, subjects = 0;
	char line[256];

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		subjects += !strncmp(line, "Subject: ", 9);
		if (strncmp(line, "-- ", 3))
			continue;
		entries++;
		for (i = 0; i < nr; i++)
			found += !strcmp(line + 3, ids[i]);
	}
	fclose(file);
	assert_int_equal(found, nr);
	assert_int_equal(entries, nr);
	assert_int_equal(subjects, nr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built),
		cmocka_unit_test(limited),
		cmocka_unit_test(kernel_addresses),
		cmocka_unit_test(standard_error),
		cmocka_unit_test(automatic),
		cmocka_unit_test(standard_error_of_the_journal),
		cmocka_unit_test(journal),
		cmocka_unit_test(full_message),
		cmocka_unit_test(to_syslog),
		cmocka_unit_test(catalog),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
