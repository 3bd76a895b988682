// SPDX-License-Identifier: GPL-2.0-only
/* The spool if it is killed, if the disk is full, and if the folder cannot be written to. */
#include "base/clock.h"
#include "spool_support.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <thprace/race.h>

static struct spool_state state_of(const struct spool *spool)
{
	struct spool_state now;

	spool__state(spool, &now);
	return now;
}

/* As if 10 s had passed. */
static void let_it_try(struct spool *spool)
{
	spool->retry_at = 0;
	spool__flush(spool, false);
}

static rlim_t limit_files(rlim_t bytes)
{
	struct rlimit limit;
	rlim_t before;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	before = limit.rlim_cur;
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	return before;
}

/* --- killed ------------------------------------------------------------------------------------------ */

/* Add and flush forever, reporting what was flushed. */
static void work(_Atomic uint64_t *flushed, _Atomic uint64_t *added)
{
	struct spool *spool = open_spool();
	unsigned int round;

	for (round = 0;; round++) {
		add_incidents(spool, round % 2 ? THPRACE_ESCAPE : THPRACE_CONTAINED,
			      1 + round % 150);
		*added = spool->next - 1;
		spool__flush(spool, round % 16 == 0);
		*flushed = spool->next - 1;
	}
}

static void test_killed(void **state)
{
	_Atomic uint64_t *flushed, *added;
	unsigned int round, rest = 12345;
	uint64_t at_least, highest = 0;
	struct found found;
	int status;
	pid_t child;

	(void)state;
	config.spool.max_size = 64 << 20;
	flushed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(flushed != MAP_FAILED);
	added = flushed + 1;
	for (round = 0; round < 12; round++) {
		*flushed = 0;
		child = fork();
		if (child == 0)
			work(flushed, added);
		assert_true(child > 0);
		/* At any time after the first flush. */
		while (!*flushed && !waitpid(child, &status, WNOHANG))
			usleep(100);
		rest = rest * 1103515245 + 12345;
		usleep(rest / 65536 % 30000);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		at_least = *flushed;
		assert_true(at_least > highest);
		read_spool(&found);
		assert_in_range(found.last, at_least, *added + 150);
		/* Numbers that were reported are not used again. */
		highest = *added;
	}
	assert_true(found.incidents > 1000);
	assert_int_equal(healths, 0);
	munmap(flushed, 4096);
}

/* --- the disk is full -------------------------------------------------------------------------------- */

/* The limit on a file's size replaces a full disk: these tests need no mount. */
static void test_full_and_recovered(void **state)
{
	struct thprace_incident incident;
	struct spool_state now;
	struct found found;
	struct spool *spool = open_spool();
	char path[256];
	rlim_t before;

	(void)state;
	add_incidents(spool, THPRACE_ESCAPE, 100);
	spool__flush(spool, false);
	before = limit_files(size_of("incidents-000000000001.thpr") + 100);
	/* Four complete blocks would be written: the first fails. */
	add_incidents(spool, THPRACE_CONTAINED, 256);
	assert_int_equal(healths, 1);
	assert_int_equal(health, -EFBIG);
	now = state_of(spool);
	assert_int_equal(now.health, SPOOL_DEGRADED);
	assert_non_null(now.reason);
	assert_int_equal(now.stored, 100);
	assert_int_equal(now.memory, 256);
	assert_int_equal(now.dropped, 0);
	assert_int_equal(spool__recent(spool, 300, &incident), 0);
	assert_int_equal(incident.walk.enter, 300);
	assert_false(spool__file_of(spool, 300, path, sizeof(path)));
	assert_true(spool__file_of(spool, 100, path, sizeof(path)));
	/* Not every second, and reported once. */
	spool__flush(spool, false);
	let_it_try(spool);
	assert_true(spool->retry_at > clock__now() + 9 * SECOND);
	assert_int_equal(healths, 1);
	assert_int_equal(state_of(spool).memory, 256);
	read_spool(&found);
	assert_int_equal(found.incidents, 100);
	/* Room again. */
	limit_files(before);
	spool__flush(spool, false);
	assert_int_equal(state_of(spool).health, SPOOL_DEGRADED);
	let_it_try(spool);
	now = state_of(spool);
	assert_int_equal(now.health, SPOOL_OK);
	assert_null(now.reason);
	assert_int_equal(healths, 2);
	assert_int_equal(health, 0);
	assert_int_equal(now.memory, 0);
	assert_int_equal(now.stored, 356);
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 357);
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.incidents, 357);
	assert_int_equal(found.files, 2);
	assert_int_equal(found.ended, 1);
	assert_int_equal(found.reported_lost, 0);
}

/* Memory holds this many; contained ones are dropped first, and the others keep their numbers. */
static void test_more_than_memory_holds(void **state)
{
	struct spool_state now;
	struct found found;
	struct spool *spool = open_spool();
	unsigned int i, refused = 0;
	rlim_t before = limit_files(10);

	(void)state;
	for (i = 0; i < SPOOL_MEMORY; i++)
		add_incidents(spool, i % 8 ? THPRACE_ESCAPE : THPRACE_CONTAINED, 1);
	assert_int_equal(state_of(spool).health, SPOOL_DEGRADED);
	assert_int_equal(state_of(spool).memory, SPOOL_MEMORY);
	assert_int_equal(state_of(spool).dropped, 0);
	/* There is no space for contained ones any more; escapes take that of contained ones. */
	assert_int_equal(add_incident(spool, 0, THPRACE_CONTAINED), 0);
	add_incidents(spool, THPRACE_ESCAPE, SPOOL_MEMORY / 8);
	for (i = 0; i < 10; i++)
		refused += add_incident(spool, 0, THPRACE_ESCAPE) == 0;
	assert_int_equal(refused, 10);
	now = state_of(spool);
	assert_int_equal(now.memory, SPOOL_MEMORY);
	assert_int_equal(now.dropped, 1 + SPOOL_MEMORY / 8 + 10);
	assert_int_equal(now.next_id, 1 + SPOOL_MEMORY + SPOOL_MEMORY / 8);
	limit_files(before);
	let_it_try(spool);
	assert_int_equal(state_of(spool).health, SPOOL_OK);
	assert_int_equal(state_of(spool).memory, 0);
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), now.next_id);
	spool__close(spool);
	read_spool(&found);
	/* All escapes, each with the number that it got. */
	assert_int_equal(found.incidents, SPOOL_MEMORY + 1);
	assert_int_equal(found.first, 2);
	assert_int_equal(found.last, now.next_id);
	assert_int_equal(found.reported_lost, now.dropped);
}

/* Records that failed with their block are reported; the incidents of that time are not lost. */
static void test_records_that_were_lost(void **state)
{
	struct spool *spool = open_spool();
	struct thprace_record record = {.type = THPRACE_REC_ZAP_OPEN};
	struct found found;
	unsigned int i;
	rlim_t before;

	(void)state;
	add_incidents(spool, THPRACE_ESCAPE, 10);
	spool__flush(spool, false);
	for (i = 0; i < 1000; i++) {
		record.ts = i;
		spool__record(spool, &record, true);
	}
	before = limit_files(size_of("incidents-000000000001.thpr") + 100);
	add_incidents(spool, THPRACE_ESCAPE, 1);
	spool__flush(spool, false);
	assert_int_equal(health, -EFBIG);
	limit_files(before);
	let_it_try(spool);
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.incidents, 11);
	assert_int_equal(found.context, 0);
	assert_int_equal(found.reported_lost, 1000);
}

static void test_closed_while_full(void **state)
{
	struct spool *spool = open_spool();
	struct found found;
	rlim_t before;

	(void)state;
	add_incidents(spool, THPRACE_ESCAPE, 10);
	spool__rotate(spool);
	/* Header and META fit, no incident does. */
	before = limit_files(120);
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 5), 11);
	spool__close(spool);
	limit_files(before);
	/* Nothing incomplete is left, and their numbers are not used again. */
	read_spool(&found);
	assert_int_equal(found.files, 1);
	spool = open_spool();
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 16);
	spool__close(spool);
}

/*
 * --- a separate file system
 * --------------------------------------------------------------------------
 */

static int mount_small(void)
{
	if (mkdir(folder, 0750) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return mount("tmpfs", folder, "tmpfs", 0, "size=4m,mode=0750") ? -errno : 0;
}

/* Use up all space. */
static void fill(void)
{
	static const char zeros[4096];
	int fd = open(in_folder("filler"), O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void on_small_disk(void)
{
	struct spool *spool = open_spool();
	struct found found;
	int round;

	for (round = 1; round <= 3; round++) {
		fill();
		add_incidents(spool, THPRACE_ESCAPE, 900);
		spool__flush(spool, true);
		assert_int_equal(healths, 2 * round - 1);
		assert_int_equal(health, -ENOSPC);
		let_it_try(spool);
		assert_int_equal(state_of(spool).health, SPOOL_DEGRADED);
		unlink(in_folder("filler"));
		let_it_try(spool);
		assert_int_equal(healths, 2 * round);
		assert_int_equal(health, 0);
		assert_int_equal(state_of(spool).stored, 900 * round);
	}
	/* Read-only, then not again. */
	spool__rotate(spool);
	assert_int_equal(mount(NULL, folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	add_incidents(spool, THPRACE_ESCAPE, 10);
	assert_int_equal(health, -EROFS);
	assert_int_equal(mount(NULL, folder, NULL, MS_REMOUNT | MS_BIND, NULL), 0);
	let_it_try(spool);
	assert_int_equal(health, 0);
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.incidents, 2710);
	assert_int_equal(found.last, 2710);
}

static void test_small_disk(void **state)
{
	int status, err;
	pid_t child;

	(void)state;
	/* A child, so that the mount disappears with it. */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		err = mount_small();
		if (err) {
			print_message("no file system of its own: %s\n", strerror(-err));
			_exit(77);
		}
		on_small_disk();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("test_small_disk is skipped: it needs root, who may mount\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- the folder -------------------------------------------------------------------------------------- */

static void test_folder_missing(void **state)
{
	struct spool *spool;
	struct found found;
	uint64_t first;

	(void)state;
	/* It cannot be created either. */
	snprintf(folder, sizeof(folder), "%s/no/spool", base);
	snprintf(config.spool.directory, sizeof(config.spool.directory), "%s", folder);
	spool = open_spool();
	assert_int_equal(healths, 1);
	assert_int_equal(health, -ENOENT);
	/* The used numbers are not known: a number that cannot have been used. */
	first = add_incidents(spool, THPRACE_ESCAPE, 20);
	assert_true(first > 100000000000);
	assert_int_equal(state_of(spool).memory, 20);
	*strrchr(folder, '/') = 0;
	assert_int_equal(mkdir(folder, 0755), 0);
	strcat(folder, "/spool");
	/* A reload tries at once. */
	spool__configure(spool, &config);
	assert_int_equal(healths, 2);
	assert_int_equal(state_of(spool).stored, 20);
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.first, first);
	assert_int_equal(found.incidents, 20);
}

static void test_folder_is_a_file(void **state)
{
	struct spool *spool;
	int fd = creat(folder, 0600);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	spool = open_spool();
	assert_int_equal(health, -ENOTDIR);
	add_incidents(spool, THPRACE_ESCAPE, 3);
	unlink(folder);
	let_it_try(spool);
	assert_int_equal(health, 0);
	assert_int_equal(state_of(spool).stored, 3);
	spool__close(spool);
	assert_int_equal(trace_files(), 1);
}

static void test_folder_not_writable(void **state)
{
	struct spool *spool;

	(void)state;
	if (geteuid() == 0) {
		print_message("as nobody: root may write everywhere\n");
		assert_int_equal(chown(base, 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	assert_int_equal(mkdir(folder, 0500), 0);
	spool = open_spool();
	assert_int_equal(health, -EACCES);
	add_incidents(spool, THPRACE_ESCAPE, 3);
	assert_int_equal(chmod(folder, 0750), 0);
	let_it_try(spool);
	assert_int_equal(health, 0);
	assert_int_equal(state_of(spool).stored, 3);
	spool__close(spool);
	assert_int_equal(trace_files(), 1);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

/* Removed, moved and replaced while it is written to. */
static void test_folder_replaced(void **state)
{
	struct spool *spool = open_spool();
	struct found found;
	char away[96];
	int fd;

	(void)state;
	add_incidents(spool, THPRACE_ESCAPE, 70);
	spool__flush(spool, false);
	add_incidents(spool, THPRACE_ESCAPE, 5);
	snprintf(away, sizeof(away), "%s/away", base);
	assert_int_equal(rename(folder, away), 0);
	spool__flush(spool, false);
	assert_int_equal(healths, 0);
	/* A new one, with what the old one does not have. */
	read_spool(&found);
	assert_int_equal(found.first, 71);
	assert_int_equal(found.incidents, 5);
	/* A file instead of the folder: degraded. */
	remove_all(folder);
	fd = creat(folder, 0600);
	assert_true(fd >= 0);
	close(fd);
	add_incidents(spool, THPRACE_ESCAPE, 2);
	spool__flush(spool, false);
	assert_int_equal(health, -ENOTDIR);
	assert_int_equal(state_of(spool).memory, 2);
	/* Another folder, whose numbers are higher: waiting incidents get numbers above. */
	unlink(folder);
	assert_int_equal(mkdir(folder, 0750), 0);
	store("incidents-000000009000.thpr", "", 0);
	let_it_try(spool);
	assert_int_equal(health, 0);
	assert_int_equal(spool->next, 13002);
	unlink(in_folder("incidents-000000009000.thpr"));
	spool__close(spool);
	assert_true(size_of("incidents-000000013000.thpr") > 0);
}

/* Another process has a file with the next number. */
static void test_name_is_taken(void **state)
{
	struct spool *spool = open_spool();

	(void)state;
	store("incidents-000000000001.thpr", "", 0);
	add_incidents(spool, THPRACE_ESCAPE, 1);
	assert_int_equal(health, -EEXIST);
	let_it_try(spool);
	assert_int_equal(health, 0);
	assert_int_equal(size_of("incidents-000000000001.thpr"), 0);
	assert_int_equal(state_of(spool).stored, 1);
	spool__close(spool);
	assert_int_equal(trace_files(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(test_killed),
		SPOOL_TEST(test_full_and_recovered),
		SPOOL_TEST(test_more_than_memory_holds),
		SPOOL_TEST(test_records_that_were_lost),
		SPOOL_TEST(test_closed_while_full),
		SPOOL_TEST(test_small_disk),
		SPOOL_TEST(test_folder_missing),
		SPOOL_TEST(test_folder_is_a_file),
		SPOOL_TEST(test_folder_not_writable),
		SPOOL_TEST(test_folder_replaced),
		SPOOL_TEST(test_name_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
