// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that all classes of the stressor need: time, signals, CPUs, memory, files, kernel
 * settings.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"

#include "stress.h"

#define RESERVED_FROM (64 * GIB)
#define GIB (1UL << 30)
#define TMPFS_MAGIC_NUMBER 0x01021994
#define THP "/sys/kernel/mm/transparent_hugepage/"
#define KHUGEPAGED THP "khugepaged/"
#define MAX_SETTINGS 16
#define PRIVATE_CAPACITY ((size_t)512 << 20)

static volatile sig_atomic_t interrupted;
static __thread sigjmp_buf *volatile guarded; /* where SIGBUS continues */

static struct {
	char path[160];
	char old[64];
} settings[MAX_SETTINGS];
static unsigned int setting_count;

int64_t stress__now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool stress__interrupted(void)
{
	return interrupted;
}

bool stress__over(const struct stress *s)
{
	return interrupted || stress__now() >= s->deadline;
}

static void on_end(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void on_sigbus(int signal)
{
	static const char text[] = "thprace-stress: SIGBUS where none was expected\n";

	if (guarded)
		siglongjmp(*guarded, 1);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(128 + signal);
}

void stress__catch_signals(void)
{
	struct sigaction end = {.sa_handler = on_end};
	struct sigaction bus = {.sa_handler = on_sigbus};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	sigaction(SIGBUS, &bus, NULL);
}

int stress__refuse(struct stress *s, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->reason, sizeof(s->reason), fmt, args);
	va_end(args);
	return err;
}

void support__pin(const struct stress_options *options, unsigned int slot)
{
	unsigned int others = options->cpu_count - 1;
	cpu_set_t set;

	if (slot > 0)
		slot = 1 + (slot - 1) % others;
	CPU_ZERO(&set);
	CPU_SET(options->cpus[slot], &set);
	sched_setaffinity(0, sizeof(set), &set); /* without it the threads also overlap, but less */
}

/*
 * Far below the place where the kernel puts mappings without an address: a range unmapped here
 * between two rounds would otherwise be given to a thread's stack, and be mapped over in the next.
 */
char *support__reserve(size_t size)
{
	static atomic_uintptr_t next = RESERVED_FROM;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	uintptr_t at = atomic_fetch_add(&next, (size + GIB - 1) & ~(GIB - 1));
	char *area = mmap((void *)at, size, PROT_NONE, flags, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	if (area == (char *)at)
		return area;
	munmap(area, size); /* a kernel before 4.17, and the range is in use */
	return NULL;
}

bool support__touch(const char *address)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 1)) {
		guarded = NULL;
		return false;
	}
	guarded = &here;
	(void)*(const volatile char *)address;
	guarded = NULL;
	return true;
}

bool support__poison(char *page)
{
	sigjmp_buf here;
	bool done;

	if (sigsetjmp(here, 1)) {
		guarded = NULL;
		return true;
	}
	guarded = &here;
	done = !madvise(page, STRESS_PAGE, MADV_HWPOISON);
	guarded = NULL;
	return done;
}

unsigned long support__frame(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / STRESS_PAGE * 8)) !=
	    (ssize_t)sizeof(entry))
		entry = 0;
	close(fd);
	return entry >> 63 ? (unsigned long)(entry & ((1ULL << 55) - 1)) : 0;
}

uint64_t support__faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_minflt;
}

long support__huge_kib(const void *address, size_t size)
{
	static const char *const names[] = {"AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:"};
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long from, to, kib;
	bool inside = false;
	char line[512];
	long sum = 0;

	if (!smaps)
		return -errno;
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from < (uintptr_t)address + size && (uintptr_t)address < to;
		for (size_t i = 0; inside && i < sizeof(names) / sizeof(names[0]); i++)
			if (!strncmp(line, names[i], strlen(names[i])) &&
			    sscanf(line + strlen(names[i]), "%lu", &kib) == 1)
				sum += (long)kib;
	}
	fclose(smaps);
	return sum;
}

int support__read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	int err;

	if (fd < 0)
		return -errno;
	got = read(fd, text, size - 1);
	err = got < 0 ? -errno : 0;
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return err;
}

int support__write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* In "always [madvise] never" the word in brackets is the value. */
static void chosen_word(char *text)
{
	char *open = strchr(text, '['), *close = strchr(text, ']');

	if (open && close && close > open) {
		*close = '\0';
		memmove(text, open + 1, (size_t)(close - open));
	}
}

int support__set(const char *path, const char *text)
{
	char old[64];
	int err = support__read(path, old, sizeof(old));

	if (err)
		return err;
	chosen_word(old);
	if (!strcmp(old, text))
		return 0;
	if (setting_count == MAX_SETTINGS)
		return -E2BIG;
	err = support__write(path, text);
	if (err)
		return err;
	snprintf(settings[setting_count].path, sizeof(settings[0].path), "%s", path);
	snprintf(settings[setting_count].old, sizeof(settings[0].old), "%s", old);
	setting_count++;
	return 0;
}

void support__restore(void)
{
	while (setting_count > 0) {
		setting_count--;
		support__write(settings[setting_count].path, settings[setting_count].old);
	}
}

int support__mount(const char *type, const char *data, char *where, size_t size)
{
	static const char *const places[] = {"/tmp", "/run", "/dev/shm", "/var/tmp", ""};
	int err = -ENOENT;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(where, size, "%s/thprace-stress.XXXXXX", places[i]);
		if (mkdtemp(where))
			break;
		err = -errno;
		where[0] = '\0';
	}
	if (!where[0] || !mount("thprace-stress", where, type, 0, data))
		return where[0] ? 0 : err;
	err = -errno;
	rmdir(where);
	return err;
}

void support__leave(const char *where)
{
	umount2(where, MNT_DETACH);
	rmdir(where);
}

/* Adds the values of /proc/meminfo for each name; the rest of @names is NULL. */
static long meminfo_kib(const char *const names[4])
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128], name[64];
	long kib, sum = 0;

	while (file && fgets(line, sizeof(line), file))
		for (int i = 0; i < 4 && names[i]; i++)
			if (sscanf(line, "%63[^:]: %ld", name, &kib) == 2 &&
			    !strcmp(name, names[i]))
				sum += kib;
	if (file)
		fclose(file);
	return sum;
}

long support__unowned_kib(void)
{
	static const char *const listed[4] = {"Active(file)", "Inactive(file)", "Shmem"};
	static const char *const cached[4] = {"Cached", "Buffers"};

	return meminfo_kib(listed) - meminfo_kib(cached);
}

long support__spare_kib(void)
{
	static const char *const free_or_clean[4] = {"MemFree", "Cached", "Buffers"};
	static const char *const shmem[4] = {"Shmem"};

	return meminfo_kib(free_or_clean) - meminfo_kib(shmem);
}

int support__khugepaged(void)
{
	int err = support__set(KHUGEPAGED "scan_sleep_millisecs", "0");

	if (!err)
		err = support__set(KHUGEPAGED "alloc_sleep_millisecs", "0");
	if (!err)
		err = support__set(KHUGEPAGED "pages_to_scan", "8192");
	return err;
}

unsigned long support__khugepaged_count(const char *name)
{
	char path[96], text[32] = "";
	uint64_t count = 0;

	snprintf(path, sizeof(path), KHUGEPAGED "%s", name);
	if (!support__read(path, text, sizeof(text)))
		number__parse(text, 0, UINT64_MAX, &count);
	return count;
}

int support__debugfs(const char *name)
{
	char where[64], path[160];
	int fd, err;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	err = support__mount("debugfs", NULL, where, sizeof(where));
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/%s", where, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : fd;
	support__leave(where);
	return err;
}

int support__file_in(const char *dir, off_t size, int flags)
{
	char name[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0600);
	int err;

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		snprintf(name, sizeof(name), "%s/thprace-stress.XXXXXX", dir);
		fd = mkostemp(name, O_CLOEXEC | flags);
		if (fd >= 0)
			unlink(name);
	}
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int support__private_tmpfs_file(struct stress *s, off_t size, size_t capacity)
{
	char where[64], options[80];
	int fd;

	snprintf(options, sizeof(options), "mode=0700,size=%zu,huge=advise", capacity);
	fd = support__mount("tmpfs", options, where, sizeof(where));
	if (fd == -EINVAL && !support__has_thp()) {
		*strstr(options, ",huge=") = '\0';
		fd = support__mount("tmpfs", options, where, sizeof(where));
	}
	if (fd < 0)
		return stress__refuse(s, fd,
				      "cannot mount a tmpfs with huge=advise (%s); run as root, or "
				      "name a huge tmpfs by --dir",
				      strerror(-fd));
	fd = support__file_in(where, size, 0);
	support__leave(where);
	if (fd < 0)
		return stress__refuse(s, fd, "no file in the private tmpfs: %s", strerror(-fd));
	return fd;
}

int support__tmpfs_file(struct stress *s, off_t size)
{
	const char *dir = s->options->dir;
	struct statfs fs;
	int fd;

	if (dir && !statfs(dir, &fs) && fs.f_type == TMPFS_MAGIC_NUMBER) {
		fd = support__file_in(dir, size, 0);
		if (fd < 0)
			return stress__refuse(s, fd, "no file in %s: %s", dir, strerror(-fd));
		return fd;
	}
	return support__private_tmpfs_file(s, size, PRIVATE_CAPACITY);
}

bool support__has_thp(void)
{
	return !access(THP "enabled", F_OK);
}

int support__thp_on(struct stress *s)
{
	char text[128] = "";
	int err = support__read(THP "hpage_pmd_size", text, sizeof(text));
	uint64_t size = 0;

	if (err)
		return stress__refuse(
			s, err,
			"this kernel has no transparent huge pages, or no sysfs "
			"(%s: %s); needs CONFIG_TRANSPARENT_HUGEPAGE and /sys mounted",
			THP "hpage_pmd_size", strerror(-err));
	if (number__parse(text, 0, UINT64_MAX, &size) || size != STRESS_HPAGE)
		return stress__refuse(s, -EOPNOTSUPP,
				      "huge pages of %s bytes; this program knows 2 MiB only",
				      text);
	if (!support__read(THP "enabled", text, sizeof(text)) && strstr(text, "[never]"))
		err = support__set(THP "enabled", "madvise");
	if (!err && !support__read(THP "shmem_enabled", text, sizeof(text)) &&
	    strstr(text, "[deny]"))
		err = support__set(THP "shmem_enabled", "never");
	if (err)
		return stress__refuse(s, err,
				      "transparent huge pages are off (%senabled, shmem_enabled) "
				      "and cannot be turned on: %s; run as root",
				      THP, strerror(-err));
	return 0;
}
