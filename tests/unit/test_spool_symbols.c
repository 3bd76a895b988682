// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of functions in the spool: each file has those of its own stacks, however they are found.
 */
#include "spool_support.h"

#include "kernel/kallsyms.h"
#include "kernel/symbols.h"

static FILE *fake_kallsyms;
static int kallsyms_read;

/* Replaces core/kernel/kallsyms.c. */
FILE *kallsyms__open(void)
{
	FILE *file;
	int fd;

	if (!fake_kallsyms)
		return NULL;
	kallsyms_read++;
	fd = dup(fileno(fake_kallsyms));
	lseek(fd, 0, SEEK_SET);
	file = fdopen(fd, "r");
	assert_non_null(file);
	return file;
}

bool kallsyms__is_latest(const FILE *file)
{
	(void)file;
	return true;
}

/* Names of functions: each file has those of its own stacks. */
static void test_symbols(void **state)
{
	static const char kallsyms[] = "0000000000001000 T first_function\n"
				       "0000000000002000 t second_function\t[module]\n";
	struct thprace_incident incident;
	struct spool *spool;
	struct found found;
	uint64_t number;
	char name[SYMBOLS_NAME_LEN];

	(void)state;
	fake_kallsyms = tmpfile();
	assert_non_null(fake_kallsyms);
	fputs(kallsyms, fake_kallsyms);
	fflush(fake_kallsyms);
	spool = open_spool();
	for (number = 1; number <= 4; number++) {
		make_incident(&incident, number, THPRACE_ESCAPE);
		incident.walker_stack.nr = 1;
		incident.walker_stack.ip[0] = number == 2 ? 0x2008 : 0x1004;
		assert_int_equal(spool__incident(spool, &incident), number);
		assert_int_equal(spool__name_of(spool, incident.walker_stack.ip[0], name),
				 number > 2);
		spool->output.names_at = 0;
		spool__flush(spool, false);
		if (number == 3)
			spool__rotate(spool);
	}
	assert_true(spool__name_of(spool, 0x2008, name));
	assert_string_equal(name, "second_function+0x8");
	assert_false(spool__name_of(spool, 0x2009, name));
	spool__close(spool);
	fclose(fake_kallsyms);
	fake_kallsyms = NULL;
	/* Once for each address, not for each file. */
	assert_int_equal(kallsyms_read, 2);
	read_spool(&found);
	assert_int_equal(found.symbols, 3);
	assert_string_equal(found.last_symbols, "{\"0x1004\":\"first_function+0x4\"}");
	assert_string_equal(found.first_symbols, "{\"0x1004\":\"first_function+0x4\"}");
}

static struct symbols *requested;

static void hook_find_names(void *ctx, struct symbols *symbols)
{
	(void)ctx;
	requested = symbols;
}

/* Names that are found in pieces: nothing is read before, and a full file waits for them. */
static void test_symbols_in_pieces(void **state)
{
	static const struct spool_hooks hooks = {
		.meta = hook_meta,
		.stats = hook_stats,
		.health = hook_health,
		.find_names = hook_find_names,
	};
	struct thprace_incident incident;
	struct spool *spool;
	struct found found;
	uint64_t number;

	(void)state;
	fake_kallsyms = tmpfile();
	assert_non_null(fake_kallsyms);
	fputs("0000000000001000 T first_function\n", fake_kallsyms);
	fflush(fake_kallsyms);
	kallsyms_read = 0;
	requested = NULL;
	config.spool.file_size = 64 << 10;
	assert_int_equal(spool__open(&spool, &config, &hooks), 0);
	for (number = 1; number == 1 || size_of("incidents-000000000001.thpr") < 66 << 10;
	     number++) {
		make_incident(&incident, number, THPRACE_ESCAPE);
		incident.walker_stack.nr = 1;
		incident.walker_stack.ip[0] = 0x1004;
		assert_int_equal(spool__incident(spool, &incident), number);
		spool->output.names_at = 0;
		spool__flush(spool, false);
	}
	assert_int_equal(trace_files(), 1);
	assert_int_equal(kallsyms_read, 0);
	assert_non_null(requested);
	while (!symbols__step(requested, 1))
		;
	add_incidents(spool, THPRACE_ESCAPE, 1);
	spool__close(spool);
	fclose(fake_kallsyms);
	fake_kallsyms = NULL;
	assert_int_equal(kallsyms_read, 1);
	assert_int_equal(trace_files(), 2);
	read_spool(&found);
	assert_string_equal(found.first_symbols, "{\"0x1004\":\"first_function+0x4\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(test_symbols),
		SPOOL_TEST(test_symbols_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
