// SPDX-License-Identifier: GPL-2.0-only
#include "last_boot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "base/names.h"
#include "classes/race_class.h"
#include "complaint/complaint.h"
#include "complaint/log_reader.h"
#include "complaint/pstore.h"
#include "log.h"

#define KERNELS_FOLDER "/sys/fs/pstore"
#define ARCHIVE "/var/lib/systemd/pstore"
#define MARK "last-boot"
#define COPY_MAX (64 << 20) /* bytes: pstore's are far smaller */
#define READ_MAX (4 << 20) /* the end of a copy that is parsed */
#define ENTRIES_MAX 20000 /* of the journal, the last ones */
#define SOURCE_MAX 512

/*
 * The copy's last line names the source: "pstore /var/lib/systemd/pstore/1", "journal BOOT". It
 * comes last because only the end of a long copy is read.
 */
enum source {
	SOURCE_PSTORE,
	SOURCE_JOURNAL,
};

static const char *const sources[] = {"pstore ", "journal "};

static int copy_part(void *ctx, FILE *file)
{
	FILE *out = ctx;
	char line[4096];
	size_t length;

	while (fgets(line, sizeof(line), file) && ftell(out) < COPY_MAX) {
		length = strlen(line);
		fputs(line, out);
		if (length && line[length - 1] != '\n' && length < sizeof(line) - 1)
			putc('\n', out);
	}
	return ferror(file) ? -EIO : 0;
}

/* When this boot began, by the wall clock. */
static struct timespec boot_began(void)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	now.tv_sec -= up.tv_sec + (up.tv_nsec > now.tv_nsec);
	return now;
}

/*
 * The log in pstore. systemd-pstore moves it at each boot: what is there since this boot began is
 * the last boot's. In the kernel's own folder, a log from before is; a later one is this boot's.
 */
static int copy_pstore(FILE *out, char *why, size_t why_size)
{
	struct timespec began = boot_began(), when;
	char path[PATH_MAX];

	if ((pstore__newest(ARCHIVE, path, sizeof(path), &when) || when.tv_sec < began.tv_sec) &&
	    (pstore__newest(KERNELS_FOLDER, path, sizeof(path), &when) ||
	     when.tv_sec >= began.tv_sec))
		return -ENOENT;
	if (pstore__read(path, copy_part, out, why, why_size))
		return -EIO;
	fprintf(out, "%s%s\n", sources[SOURCE_PSTORE], path);
	return 0;
}

/* Match kernel lines, of one boot, or of all: "" */
static int match(sd_journal *journal, const char *boot)
{
	char text[sizeof("_BOOT_ID=") + SD_ID128_STRING_MAX];
	int err;

	sd_journal_flush_matches(journal);
	err = sd_journal_add_match(journal, "_TRANSPORT=kernel", 0);
	snprintf(text, sizeof(text), "_BOOT_ID=%s", boot);
	if (!err && *boot)
		err = sd_journal_add_match(journal, text, 0);
	return err;
}

/* The boot whose kernel wrote the line before this boot's first. */
static int find_last_boot(sd_journal *journal, char boot[SD_ID128_STRING_MAX])
{
	sd_id128_t this, id;
	uint64_t first, usec;
	int err;

	err = sd_id128_get_boot(&this);
	if (err < 0)
		return err;
	err = match(journal, sd_id128_to_string(this, boot));
	if (!err)
		err = sd_journal_seek_head(journal);
	if (!err)
		err = sd_journal_next(journal);
	if (err <= 0)
		return err ? err : -ENOENT;
	err = sd_journal_get_realtime_usec(journal, &first);
	if (!err)
		err = match(journal, "");
	if (!err)
		err = sd_journal_seek_realtime_usec(journal, first);
	if (err)
		return err;
	do {
		err = sd_journal_previous(journal);
		if (err <= 0)
			return err ? err : -ENOENT;
		err = sd_journal_get_monotonic_usec(journal, &usec, &id);
		if (err)
			return err;
	} while (sd_id128_equal(id, this));
	sd_id128_to_string(id, boot);
	return 0;
}

/* One entry as dmesg prints it. */
static void copy_entry(sd_journal *journal, FILE *out)
{
	static const char name[] = "MESSAGE=";
	const void *data;
	uint64_t usec = 0;
	sd_id128_t boot;
	size_t length, i;

	if (sd_journal_get_data(journal, "MESSAGE", &data, &length) || length < sizeof(name) - 1)
		return;
	sd_journal_get_monotonic_usec(journal, &usec, &boot);
	fprintf(out, "[%5" PRIu64 ".%06" PRIu64 "] ", usec / 1000000, usec % 1000000);
	for (i = sizeof(name) - 1; i < length; i++) {
		char c = ((const char *)data)[i];

		putc(c == '\n' || !c ? ' ' : c, out);
	}
	putc('\n', out);
}

static int copy_boot(sd_journal *journal, FILE *out)
{
	char boot[SD_ID128_STRING_MAX];
	int err;

	sd_journal_set_data_threshold(journal, 4096);
	err = find_last_boot(journal, boot);
	if (!err)
		err = match(journal, boot);
	if (!err)
		err = sd_journal_seek_tail(journal);
	if (!err)
		err = sd_journal_previous_skip(journal, ENTRIES_MAX);
	if (err < 0)
		return err;
	do {
		copy_entry(journal, out);
		err = sd_journal_next(journal);
	} while (err > 0);
	fprintf(out, "%s%s\n", sources[SOURCE_JOURNAL], boot);
	return err;
}

static int copy_journal(FILE *out, char *why, size_t why_size)
{
	sd_journal *journal;
	int err;

	err = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	if (!err) {
		err = copy_boot(journal, out);
		sd_journal_close(journal);
	}
	if (err && err != -ENOENT)
		snprintf(why, why_size, "cannot read the last boot's journal: %s", strerror(-err));
	return err;
}

int last_boot__copy(char *why, size_t why_size)
{
	int fd = memfd_create("thprace-last-boot", MFD_CLOEXEC), copy, err;
	FILE *out;

	copy = fd < 0 ? -1 : dup(fd);
	out = copy < 0 ? NULL : fdopen(copy, "w");
	if (!out) {
		err = -errno;
		snprintf(why, why_size, "cannot copy the last boot's log: %s", strerror(-err));
		if (copy >= 0)
			close(copy);
		if (fd >= 0)
			close(fd);
		return err;
	}
	err = copy_pstore(out, why, why_size);
	if (err == -ENOENT)
		err = copy_journal(out, why, why_size);
	if (fclose(out) && !err) {
		err = -errno;
		snprintf(why, why_size, "cannot copy the last boot's log: %s", strerror(-err));
	}
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* The copy, as it is parsed. */
struct report {
	struct complaint complaint; /* the last one; one that names a class counts more */
	size_t naming; /* complaints that name a class */
	size_t others;
};

static void found(void *ctx, const struct complaint *complaint)
{
	struct report *report = ctx;

	if (complaint->classes || !report->naming)
		report->complaint = *complaint;
	if (complaint->classes)
		report->naming++;
	else
		report->others++;
}

/* Parse the copy without its last line, which becomes source. Returns 0 or negative errno. */
static int parse(int fd, struct report *report, char *source, size_t source_size)
{
	const struct complaint_kernel kernel = {};
	struct complaint_parser *parser;
	char *text, *last;
	struct stat info;
	ssize_t length;
	off_t from;
	FILE *in;
	int err;

	if (fstat(fd, &info))
		return -errno;
	from = info.st_size > READ_MAX ? info.st_size - READ_MAX : 0;
	text = malloc(READ_MAX + 1);
	parser = complaint_parser__new(&kernel, found, report);
	err = text && parser ? 0 : -ENOMEM;
	length = err ? 0 : pread(fd, text, READ_MAX, from);
	if (length < 0)
		err = -errno;
	if (!err && (!length || text[length - 1] != '\n'))
		err = -ENODATA;
	if (!err) {
		text[length - 1] = '\0';
		last = memrchr(text, '\n', (size_t)length);
		snprintf(source, source_size, "%s", last ? last + 1 : text);
		in = last ? fmemopen(text, (size_t)(last - text) + 1, "r") : NULL;
		if (in) {
			struct log_reader_counts counts = {};

			err = log_reader__read(in, parser, &counts);
			complaint_parser__finish(parser);
			fclose(in);
		}
	}
	complaint_parser__free(parser);
	free(text);
	return err;
}

/* Their names, joined by "or". */
static const char *class_names(char *text, size_t size, uint32_t classes)
{
	size_t at = 0;
	unsigned int class;

	text[0] = '\0';
	for (class = 1; class < race_class__end() && at < size; class ++) {
		if (classes >> class & 1)
			at += (size_t)snprintf(text + at, size - at, "%s%s", at ? " or " : "",
					       names__class(class));
	}
	return text;
}

static void compose(struct log_message *message, const struct report *report, enum source source,
		    const char *where)
{
	const struct complaint *complaint = &report->complaint;
	const char *said = source == SOURCE_PSTORE ? "the last boot ended in"
						   : "in the last boot the kernel complained:";
	char read[SOURCE_MAX + 64], names[256];
	unsigned int class;

	if (source == SOURCE_PSTORE)
		snprintf(read, sizeof(read), "thprace explain %s", where);
	else
		snprintf(read, sizeof(read), "journalctl -k -b %s | thprace explain", where);
	if (report->naming)
		log__begin(message, LOG_WARNING, LOG_ID_LAST_BOOT,
			   "%s \"%s\", which may belong to %s; the details: %s", said,
			   complaint->text, class_names(names, sizeof(names), complaint->classes),
			   read);
	else if (report->others)
		log__begin(message, LOG_NOTICE, LOG_ID_LAST_BOOT,
			   "%s \"%s\", which belongs to no race that thprace knows (%s); the "
			   "details: %s",
			   said, complaint->text, complaint->reason, read);
	else
		log__begin(message, LOG_NOTICE, LOG_ID_LAST_BOOT,
			   "the kernel of the last boot died and left its log, and no complaint "
			   "about pages is in it: %s",
			   where);
	for (class = 1; class < race_class__end(); class ++) {
		if (complaint->classes >> class & 1)
			log__field(message, "THPRACE_CLASS", "%s", names__class(class));
	}
	if (*complaint->text)
		log__field(message, "THPRACE_KERNEL_LINE", "%s", complaint->text);
	if (*complaint->release)
		log__field(message, "THPRACE_KERNEL", "%s", complaint->release);
	log__field(message, "THPRACE_LOG", "%s", where);
	log__field(message, "THPRACE_READ", "%s", read);
}

/*
 * Was it reported since this boot? Notes that it is now. If this cannot be noted, each start of the
 * service reports it.
 */
static bool is_old(const char *directory)
{
	char path[PATH_MAX], boot[SD_ID128_STRING_MAX], noted[SD_ID128_STRING_MAX] = "";
	sd_id128_t id;
	FILE *file;

	if (sd_id128_get_boot(&id) < 0)
		return false;
	sd_id128_to_string(id, boot);
	snprintf(path, sizeof(path), "%s/" MARK, directory);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(noted, sizeof(noted), file))
			noted[0] = '\0';
		fclose(file);
		if (!strcmp(noted, boot))
			return true;
	}
	file = fopen(path, "we");
	if (file) {
		fputs(boot, file);
		fclose(file);
	}
	return false;
}

int last_boot__report(int fd, const char *directory, alert_send_fn send)
{
	char source[SOURCE_MAX] = "";
	struct report report = {};
	struct log_message message;
	size_t i;
	int err;

	if (fd < 0 || is_old(directory))
		return 0;
	err = parse(fd, &report, source, sizeof(source));
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]) && !err; i++) {
		size_t length = strlen(sources[i]);

		if (strncmp(source, sources[i], length) != 0)
			continue;
		/* A journal without a complaint is that of a boot that ended well. */
		if (i == SOURCE_JOURNAL && !report.naming && !report.others)
			return 0;
		compose(&message, &report, i, source + length);
		send(&message);
		return 1;
	}
	log__print(LOG_WARNING, NULL, "cannot read what the last boot left: %s",
		   err ? strerror(-err) : "it is damaged");
	return 0;
}
