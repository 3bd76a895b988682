// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds a dead kernel's memory with arbitrary damage to `thprace recover', and reads the trace that
 * comes out. The input is a list of damages: an offset in the memory (3 bytes), and a value that is
 * stored there (8 bytes); offsets beyond the memory change VMCOREINFO, or take away a page.
 *
 * With clang -fsanitize=fuzzer -DTHPRACE_FUZZER: a libFuzzer target. Without: a program that replays
 * the given files, or writes seeds (--seed FOLDER).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "crash_support.h"
#include "dump/recovery.h"
#include "replay.h"
#include "report/summary.h"
#include "trace/trace_reader.h"

#define DAMAGE 11

static struct crash crash;

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_recover: %s\n", what);
	abort();
}

/* A kernel that died with something of everything. */
static void make(void)
{
	struct thprace_incident failed = crash_failed(8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	struct thprace_split split = {.type = THPRACE_MSG_SPLIT, .pid = 8};
	struct thprace_outer outer = {.type = THPRACE_MSG_OUTER, .pid = 8};
	struct thprace_hold hold = {.type = THPRACE_MSG_HOLD};
	struct thprace_race_end ended = crash_race_end(THPRACE_RACE_WALKER, 12, CRASH_STARTED + 200,
						       CRASH_STARTED + 300, THPRACE_RACE_ESCAPED);
	struct thprace_race_pair pair =
		crash_race_pair(11, CRASH_STARTED + 100, 12, CRASH_STARTED + 200);

	race_class__forget_foreign();
	crash_make(&crash);
	crash_make_race(&crash);
	crash_race(&crash, 1, THPRACE_RACE_WINDOW, 11, CRASH_STARTED + 100);
	crash_race(&crash, 2, THPRACE_RACE_WALKER, 13, CRASH_STARTED + 200);
	crash_message(&crash, &pair, sizeof(pair), 0);
	crash_message(&crash, &ended, sizeof(ended), 0);
	crash_window(&crash, 1, 7, CRASH_STARTED + 100);
	crash_message(&crash, &crash_slot(&crash, 1)->opener, sizeof(struct thprace_opener), 0);
	crash_range(&crash, 2, 9, CRASH_STARTED + 100);
	crash_walker(&crash, 0, 8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	crash_walker(&crash, 1, 10, CRASH_STARTED + 250, 0);
	crash_message(&crash, &failed, sizeof(failed), 0);
	failed.type = THPRACE_MSG_CHECK;
	crash_message(&crash, &failed, sizeof(failed), 0);
	crash_message(&crash, &split, sizeof(split), 0);
	crash_message(&crash, &outer, sizeof(outer), 0);
	crash_message(&crash, &hold, sizeof(hold), 0);
	crash_message(&crash, &hold, sizeof(hold), 1U << 31);
	crash_record(&crash, 0,
		     (struct thprace_record){.ts = CRASH_STARTED + 5,
					     .type = THPRACE_REC_ZAP_OPEN});
	crash_stream(&crash,
		     (struct thprace_record){.ts = CRASH_STARTED + 5, .type = THPRACE_REC_ZAP_OPEN},
		     0);
}

static void damage(const uint8_t *data, size_t size)
{
	uint64_t offset, value;

	for (; size >= DAMAGE; data += DAMAGE, size -= DAMAGE) {
		offset = data[0] | data[1] << 8 | (uint64_t)data[2] << 16;
		memcpy(&value, data + 3, sizeof(value));
		if (offset <= CRASH_BYTES - sizeof(value))
			memcpy(crash.bytes + offset, &value, sizeof(value));
		else if (offset < CRASH_BYTES + sizeof(crash.info) - sizeof(value))
			memcpy(crash.info + (offset & 4095) % (sizeof(crash.info) - sizeof(value)),
			       &value, sizeof(value));
		else
			crash.missing = value % CRASH_BYTES;
	}
	crash.info[sizeof(crash.info) - 1] = '\0';
}

/* A trace that was written can be read: unless names in META, which are the engine's, are damaged. */
static void read_trace(const char *path)
{
	struct trace_reader *reader;
	struct summary *summary;
	char why[256];
	int err;

	must(!trace_reader__open(&reader, path, why, sizeof(why)), "the trace cannot be opened");
	err = summary__read(&summary, reader, why, sizeof(why));
	trace_reader__close(reader);
	must(!err || err == -E2BIG, "the trace cannot be read");
	if (err)
		return;
	must(!summary->bad_blocks && summary->ended, "the trace is damaged");
	must(summary__identity(summary), "counts do not add up");
	summary__free(summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recovery_options options = {.format = "fuzz"};
	struct recovery recovery;
	char path[64], why[256] = "";
	int fd = memfd_create("trace", MFD_CLOEXEC), err;

	must(fd >= 0, "no memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	options.path = path;
	make();
	damage(data, size);
	err = recovery__make(&recovery, &crash.memory, &options, why, sizeof(why));
	must(!err || *why, "a failure has no reason");
	if (!err)
		read_trace(path);
	close(fd);
	return 0;
}

#ifndef THPRACE_FUZZER
/* Damages of members that lead elsewhere. */
static int seed(const char *folder)
{
	static const uint32_t offsets[] = {
		CRASH_BEACON,
		CRASH_BEACON + offsetof(struct thprace_beacon_head, ring_mask),
		CRASH_BEACON + offsetof(struct thprace_beacon_head, cpus),
		CRASH_BEACON + sizeof(struct thprace_beacon_head),
		CRASH_RING + 0x1000,
		CRASH_RING + 0x2000,
		CRASH_RING_DATA,
		CRASH_SLOTS + sizeof(struct thprace_slot),
		CRASH_PENDING,
		CRASH_CPUS + offsetof(struct thprace_cpu, head),
		CRASH_LOG + 0x20,
		CRASH_NAMES + 0x700,
		CRASH_BYTES + 100,
		CRASH_BYTES + 8000,
	};
	uint8_t bytes[DAMAGE] = {0};
	char path[512];
	FILE *file;
	size_t i;

	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		bytes[0] = (uint8_t)offsets[i];
		bytes[1] = (uint8_t)(offsets[i] >> 8);
		bytes[2] = (uint8_t)(offsets[i] >> 16);
		bytes[3] = (uint8_t)(i + 1);
		snprintf(path, sizeof(path), "%s/%zu", folder, i);
		file = fopen(path, "wb");
		if (!file || fwrite(bytes, sizeof(bytes), 1, file) != 1) {
			perror(path);
			return 1;
		}
		fclose(file);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int i, status = 0;

	if (argc == 3 && !strcmp(argv[1], "--seed"))
		return seed(argv[2]);
	for (i = 1; i < argc; i++)
		status |= replay(argv[i]);
	return status;
}
#endif
