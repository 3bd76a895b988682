/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the verbs that ask the daemon: a control socket and a spool, and a verb's
 * output.
 */
#ifndef TESTS_CLI_SUPPORT_H
#define TESTS_CLI_SUPPORT_H

#include "control_support.h"

#include <sys/wait.h>
#include "base/names.h"
#include "cli.h"

#define WALL 1700000000000000000ULL /* when the spool's file began */
#define DAY 86400000000000ULL

static struct server *server;
static char spool_file[96], out[1 << 16], err[1 << 14];

/* A spool of five incidents; the daemon has those from 4 on in memory. */
static inline void make_spool(void)
{
	static const char meta[] = "{\"kernel\":\"6.1.0\",\"probes\":[{\"point\":\"zap\","
				   "\"function\":\"the_zap\",\"state\":\"attached\"}]}";
	static const char symbols[] = "{\"0xffffffff81000000\":\"zap_huge_pmd+0x10\"}";
	struct thprace_incident incident;
	struct trace_writer *writer;
	uint64_t i;

	snprintf(spool_file, sizeof(spool_file), "%s/incidents-000000000001.thpr", server->folder);
	assert_int_equal(trace_writer__open(&writer, spool_file, 0, WALL, 0), 0);
	trace_writer__json(writer, THPRACE_BLOCK_META, meta);
	for (i = 1; i <= 5; i++) {
		incident = fake_incident(i);
		incident.walk.leave += i == 1 ? 0 : DAY;
		trace_writer__incident(writer, &incident);
	}
	trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, symbols);
	assert_int_equal(trace_writer__close(writer), 0);
}

static inline int start(void **state)
{
	(void)state;
	server = server_new();
	make_spool();
	server->fake.next = 4;
	server->fake.first = 4;
	server_start(server);
	poke(server, 'i');
	poke(server, 'i');
	return server->err;
}

static inline int stop(void **state)
{
	(void)state;
	server_stop(server);
	unlink(spool_file);
	server_free(server);
	return 0;
}

static inline void slurp(FILE *from, char *buf, size_t size)
{
	size_t got;

	rewind(from);
	got = fread(buf, 1, size - 1, from);
	buf[got] = '\0';
	fclose(from);
}

/* Run a verb; its output is in out and err. The last argument is NULL. */
static inline int run(int (*verb)(int argc, char **argv), ...)
{
	char *argv[16] = {(char *)"thprace verb"}, *arg;
	FILE *outs = tmpfile(), *errs = tmpfile();
	int kept_out, kept_err, argc = 1, status;
	va_list args;

	va_start(args, verb);
	while ((arg = va_arg(args, char *)) && argc < 15)
		argv[argc++] = arg;
	va_end(args);
	assert_non_null(outs);
	assert_non_null(errs);
	fflush(NULL);
	kept_out = dup(1);
	kept_err = dup(2);
	dup2(fileno(outs), 1);
	dup2(fileno(errs), 2);
	status = verb(argc, argv);
	fflush(NULL);
	dup2(kept_out, 1);
	dup2(kept_err, 2);
	close(kept_out);
	close(kept_err);
	slurp(outs, out, sizeof(out));
	slurp(errs, err, sizeof(err));
	return status;
}

#define RUN(verb, ...) run(verb, "--socket", server->socket, __VA_ARGS__, NULL)
#define RUN_ALONE(verb) run(verb, "--socket", server->socket, NULL)

static inline void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in: %s", part, text);
}

static inline void expect_narrow(const char *text)
{
	char line[512];
	size_t length;

	for (; *text; text += length + !!text[length]) {
		length = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (names__columns(line) > 100)
			fail_msg("too wide: %s", line);
	}
}

static inline unsigned int lines(const char *text)
{
	unsigned int nr = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		nr++;
	}
	return nr;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

#endif
