// SPDX-License-Identifier: GPL-2.0-only
/* The reader of BPF ring buffers, on a file that looks like one: two pages of positions, the data twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include <linux/bpf.h>

#include "chance.h"
#include "engine/ring.h"

#define SIZE 65536

static struct {
	int fd;
	size_t page;
	struct ring *ring;
	unsigned long written; /* the producer's position */
	uint32_t next; /* number of the next record that is made … */
	uint32_t got; /* … and that is read */
	int more; /* records that are made while one is read */
} world;

static void put(const void *data, size_t size, size_t at)
{
	assert_int_equal(pwrite(world.fd, data, size, (off_t)at), (ssize_t)size);
}

static unsigned long position(size_t page)
{
	unsigned long value;

	assert_int_equal(pread(world.fd, &value, sizeof(value), (off_t)(page * world.page)),
			 sizeof(value));
	return value;
}

/* As the kernel sees it: the data is one piece of memory, which the file has twice. */
static void put_data(const void *data, size_t size, unsigned long at)
{
	size_t place = at & (SIZE - 1), i;

	for (i = 0; i < size; i += sizeof(uint32_t)) {
		put((const char *)data + i, sizeof(uint32_t),
		    2 * world.page + ((place + i) & (SIZE - 1)));
		put((const char *)data + i, sizeof(uint32_t),
		    2 * world.page + SIZE + ((place + i) & (SIZE - 1)));
	}
}

/* A record of `words' times its number. Returns its position. */
static unsigned long make(uint32_t words, uint32_t flags)
{
	const uint32_t size = words * sizeof(uint32_t);
	unsigned long at = world.written;
	uint32_t head[2] = {size | flags, 0}, i;

	if (!(flags & BPF_RINGBUF_DISCARD_BIT))
		world.next++;
	for (i = 0; i < words; i++)
		put_data(&world.next, sizeof(world.next),
			 at + sizeof(head) + i * sizeof(world.next));
	put_data(head, sizeof(head), at);
	world.written += (sizeof(head) + size + 7) & ~7U;
	put(&world.written, sizeof(world.written), world.page);
	return at;
}

static void commit(unsigned long at, uint32_t size)
{
	put_data(&size, sizeof(size), at);
}

/* How often the file is mapped. */
static int mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int count = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "/memfd:ring") != NULL;
	fclose(maps);
	return count;
}

static void take(void *ctx, const void *data, size_t size)
{
	const uint32_t *words = data;
	size_t i;

	assert_ptr_equal(ctx, &world);
	world.got++;
	assert_int_equal(size % sizeof(*words), 0);
	for (i = 0; i < size / sizeof(*words); i++)
		assert_int_equal(words[i], world.got);
	if (world.more-- > 0)
		make(1, 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.page = (size_t)sysconf(_SC_PAGESIZE);
	world.fd = memfd_create("ring", MFD_CLOEXEC);
	assert_true(world.fd >= 0);
	assert_int_equal(ftruncate(world.fd, (off_t)(2 * world.page + 2 * SIZE)), 0);
	assert_int_equal(ring__open(&world.ring, world.fd, SIZE, take, &world), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ring__free(world.ring);
	assert_int_equal(mappings(), 0);
	close(world.fd);
	return 0;
}

/* Everything that is complete arrives once, in order, however it lies in the ring. */
static void test_all(void **state)
{
	uint64_t random = 20;
	uint32_t made, i;
	int round;

	(void)state;
	for (round = 0; round < 300; round++) {
		made = below(&random, 5);
		for (i = 0; i < made; i++)
			make(below(&random, 1500),
			     one_in(&random, 4) ? BPF_RINGBUF_DISCARD_BIT : 0);
		assert_int_equal(ring__consume(world.ring), 0);
		assert_int_equal(world.got, world.next);
		assert_int_equal(position(0), world.written);
	}
	assert_true(world.written > 10 * SIZE);
}

/* One that is not complete holds up those after it. */
static void test_busy(void **state)
{
	unsigned long busy;

	(void)state;
	make(3, 0);
	busy = make(2, BPF_RINGBUF_BUSY_BIT);
	make(1, 0);
	assert_int_equal(ring__consume(world.ring), 0);
	assert_int_equal(world.got, 1);
	assert_int_equal(position(0), busy);
	commit(busy, 2 * sizeof(uint32_t));
	assert_int_equal(ring__consume(world.ring), 0);
	assert_int_equal(world.got, 3);
}

/* What is made meanwhile is read too: it would wake nobody. */
static void test_meanwhile(void **state)
{
	(void)state;
	world.more = 50;
	make(1, 0);
	assert_int_equal(ring__consume(world.ring), 0);
	assert_int_equal(world.got, 51);
}

/* Its data is not mapped while it is not read: a mapping of BPF memory is resident. */
static void test_mapped(void **state)
{
	(void)state;
	make(1000, 0);
	assert_int_equal(ring__consume(world.ring), 0);
	assert_int_equal(world.got, 1);
	assert_int_equal(mappings(), 2);
}

/* A file that has no such pages. */
static void test_refused(void **state)
{
	struct ring *ring = NULL;

	(void)state;
	assert_true(ring__open(&ring, -1, SIZE, take, &world) < 0);
	assert_null(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
