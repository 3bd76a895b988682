// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the wall clock can be trusted. The age of files depends on it, and a clock that jumps
 * would make all of them old.
 */
#include "spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define NOTE "clock"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define DAY (24 * SPOOL_HOUR_NS)

/* Returns the number of bytes read, 0 on failure too; the text ends with a NUL. */
static size_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = 0;

	if (fd >= 0) {
		got = read(fd, text, size - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

void spool_clock__now(struct spool_instant *now)
{
	now->wall = clock__wall();
	now->boot = clock__boot();
	read_text(BOOT_ID, now->boot_id, sizeof(now->boot_id));
	now->boot_id[strcspn(now->boot_id, "\n")] = '\0';
}

static bool is_far(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) > DAY;
}

/* In place, as spool_files__note() does it. */
static void write_note(const struct spool_clock *clock, const char *directory,
		       const struct spool_instant *now)
{
	char path[CONFIG_PATH_MAX + SPOOL_NAME_LEN], text[128];
	int length, fd;

	snprintf(path, sizeof(path), "%s/" NOTE, directory);
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0640);
	if (fd < 0)
		return;
	length = snprintf(text, sizeof(text),
			  "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %-36s\n", now->wall,
			  now->boot, clock->agreed, now->boot_id);
	(void)!pwrite(fd, text, (size_t)length, 0);
	close(fd);
}

/* Continue from the note, or from the time of the newest file (0: there is none). */
static void begin(struct spool_clock *clock, const char *directory, const struct spool_instant *now,
		  uint64_t newest)
{
	char path[CONFIG_PATH_MAX + SPOOL_NAME_LEN], text[128], boot_id[SPOOL_BOOT_ID_LEN] = "";
	uint64_t wall, boot, agreed;

	snprintf(path, sizeof(path), "%s/" NOTE, directory);
	read_text(path, text, sizeof(text));
	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %36s", &wall, &boot, &agreed,
		   boot_id) < 3) {
		wall = newest ? newest : now->wall;
		agreed = DAY;
	}
	/*
	 * Within one boot both clocks advance equally; across a boot the machine was off for a
	 * while.
	 */
	if (boot_id[0] && !strcmp(boot_id, now->boot_id))
		wall += now->boot - boot;
	clock->agreed = is_far(wall, now->wall) ? 0 : agreed;
	clock->known = true;
}

bool spool_clock__check(struct spool_clock *clock, const char *directory,
			const struct spool_instant *now, uint64_t newest)
{
	bool doubted = clock->known && clock->agreed < DAY;
	uint64_t passed = clock->known ? now->boot - clock->last.boot : 0;

	if (!clock->known)
		begin(clock, directory, now, newest);
	else if (is_far(clock->last.wall + passed, now->wall))
		clock->agreed = 0;
	else if (clock->agreed < DAY)
		clock->agreed += passed;
	clock->last = *now;
	if (!clock->noted || now->boot - clock->noted >= SPOOL_HOUR_NS ||
	    doubted != (clock->agreed < DAY)) {
		write_note(clock, directory, now);
		clock->noted = now->boot;
	}
	return clock->agreed >= DAY;
}
