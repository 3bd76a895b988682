// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration files: which ones, in which order, line by line. inih splits lines; what it passes over
 * in silence (lines that are too long or no key, sections without keys) and which line a key stood on
 * is known by the function that hands it the lines.
 */
#include "config_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/names.h"

#define BOM "\xef\xbb\xbf"
#define SHOWN 48 /* bytes of a word that a complaint shows */
#define PLACE_MAX (PATH_MAX + 16)
#define TEXT_MAX (1UL << 20) /* bytes; the longest that anybody needs has some 10,000 */
#define LINE_SPARE 3 /* of inih's buffer: CR, LF and NUL */
#define IGNORED_SECTION "[?]\n" /* what a bad section is for inih */

/* The three places, most important first. */
static const char *const places[] = {"/etc/thprace", "/run/thprace", "/usr/lib/thprace"};

#define NR_PLACES (sizeof(places) / sizeof(places[0]))

struct reading {
	struct config config;
	char where[CONFIG_KEYS][PLACE_MAX]; /* where a key was set last, "" for nowhere */
	/* The file. */
	const char *path;
	char text[TEXT_MAX + 1]; /* all of it */
	FILE *file; /* the text */
	char *line;
	size_t line_size;
	unsigned int lineno;
	bool pending; /* this line has to bring a key */
	/* The complaints. */
	char *why;
	size_t why_size;
	size_t used;
	unsigned int left_out;
	int err; /* of the first */
};

/* One line of complaint, prefixed by where. */
__attribute__((format(printf, 4, 5))) static void
complain(struct reading *reading, int err, const char *where, const char *format, ...)
{
	char text[PATH_MAX + 256];
	int length, prefix;
	va_list args;

	if (!reading->err)
		reading->err = err;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	prefix = reading->used ? 1 : 0;
	length = snprintf(NULL, 0, "%s: %s", where, text) + prefix;
	/* Room for "(and N more)" is kept. */
	if (reading->left_out || reading->used + (size_t)length + 32 > reading->why_size) {
		reading->left_out++;
		return;
	}
	snprintf(reading->why + reading->used, reading->why_size - reading->used, "%s%s: %s",
		 prefix ? "\n" : "", where, text);
	reading->used += (size_t)length;
}

static void place(const struct reading *reading, char buf[PLACE_MAX])
{
	snprintf(buf, PLACE_MAX, "%.*s:%u", PATH_MAX, reading->path, reading->lineno);
}

__attribute__((format(printf, 2, 3))) static void complain_line(struct reading *reading,
								const char *format, ...)
{
	char where[PLACE_MAX], text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	place(reading, where);
	complain(reading, -EINVAL, where, "%s", text);
}

/* "[name]": complain of it. Returns the line that inih gets. */
static const char *check_section(struct reading *reading, const char *line)
{
	const char *end = strchr(line, ']'), *rest;
	char name[SHOWN];

	if (!end) {
		complain_line(reading, "the section's ']' is missing");
		return IGNORED_SECTION;
	}
	rest = end + 1 + strspn(end + 1, " \t\r\n");
	if (*rest && *rest != ';' && *rest != '#')
		complain_line(reading, "nothing but a comment may stand behind a section's name");
	snprintf(name, sizeof(name), "%.*s", (int)(end - line - 1), line + 1);
	if (end - line - 1 < SHOWN && config_key__section(name))
		return line;
	names__clean(name, sizeof(name), line + 1, (size_t)(end - line - 1), 1);
	complain_line(reading, "unknown section [%s]; thprace.conf(5) lists them", name);
	return IGNORED_SECTION;
}

/* Returns the line that inih gets; num: the size of its buffer. */
static const char *check_line(struct reading *reading, size_t length, int num)
{
	const char *line = reading->line;

	if (reading->lineno == 1 && !strncmp(line, BOM, strlen(BOM)))
		line += strlen(BOM);
	/* inih would take an indented line for the continuation of the one before. */
	line += strspn(line, " \t\r\n\f\v");
	if (strlen(reading->line) < length) {
		complain_line(reading, "a NUL byte: this is no text");
		return "\n";
	}
	if (!*line || *line == ';' || *line == '#')
		return "\n";
	length = strlen(line);
	while (length && strchr("\r\n", line[length - 1]))
		length--;
	if (length > (size_t)num - LINE_SPARE) {
		complain_line(reading, "longer than %d bytes", num - LINE_SPARE);
		return "\n";
	}
	if (*line == '[')
		return check_section(reading, line);
	reading->pending = true;
	return line;
}

static void check_pending(struct reading *reading)
{
	if (reading->pending)
		complain_line(reading, "neither a [section] nor key = value");
	reading->pending = false;
}

/* fgets() for inih. */
static char *next_line(char *buf, int num, void *ctx)
{
	struct reading *reading = ctx;
	ssize_t length;

	check_pending(reading);
	length = getline(&reading->line, &reading->line_size, reading->file);
	if (length < 0) {
		if (!feof(reading->file))
			complain(reading, -ENOMEM, reading->path, "out of memory");
		return NULL;
	}
	reading->lineno++;
	snprintf(buf, (size_t)num, "%s", check_line(reading, (size_t)length, num));
	return buf;
}

static int take_key(void *ctx, const char *section, const char *name, const char *value)
{
	struct reading *reading = ctx;
	char why[CONFIG_WHY_MAX], shown[SHOWN];
	int index;

	reading->pending = false;
	names__clean(shown, sizeof(shown), name, strlen(name), 1);
	if (!*section) {
		complain_line(reading, "'%s' stands before the first [section]", shown);
		return 1;
	}
	if (!config_key__section(section))
		return 1; /* reported where it began */
	index = config_key__find(section, name);
	if (index < 0) {
		complain_line(reading, "unknown key '%s' in [%s]; thprace.conf(5) lists them",
			      shown, section);
		return 1;
	}
	if (*value && value[strlen(value) - 1] == '\\')
		complain_line(reading, "%s=: a line cannot be continued by '\\'", name);
	else if (config_key__set(&config_keys[index], &reading->config, value, why))
		complain_line(reading, "%s=: %s", name, why);
	else
		place(reading, reading->where[index]);
	return 1;
}

/* Open a regular file, or /dev/null. Returns 0, or negative errno and why. */
static int open_file(FILE **file, const char *path, char why[CONFIG_WHY_MAX])
{
	/* Without O_NONBLOCK a FIFO would be waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		int err = -errno;

		snprintf(why, CONFIG_WHY_MAX, "cannot be opened: %m%s",
			 err == -EACCES ? "; thpraced's account has to be able to read it" : "");
		if (fd >= 0)
			close(fd);
		return err;
	}
	if (!S_ISREG(st.st_mode) && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))) {
		snprintf(why, CONFIG_WHY_MAX, "is %s, not a file",
			 S_ISDIR(st.st_mode) ? "a directory" : "something special");
		close(fd);
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	*file = fdopen(fd, "re");
	if (!*file) {
		snprintf(why, CONFIG_WHY_MAX, "cannot be opened: %m");
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

/* Returns the bytes that are in reading->text, or -1 with a complaint. */
static ssize_t read_text(struct reading *reading, const char *path)
{
	char why[CONFIG_WHY_MAX];
	FILE *file = NULL;
	size_t size;
	int err;

	err = open_file(&file, path, why);
	if (err) {
		complain(reading, err, path, "%s", why);
		return -1;
	}
	size = fread(reading->text, 1, sizeof(reading->text), file);
	if (ferror(file))
		complain(reading, -EIO, path, "cannot be read: %m");
	else if (size > TEXT_MAX)
		complain(reading, -EFBIG, path, "is larger than %lu KiB: no configuration is",
			 TEXT_MAX >> 10);
	err = ferror(file) || size > TEXT_MAX;
	fclose(file);
	return err ? -1 : (ssize_t)size;
}

static void read_file(struct reading *reading, const char *path)
{
	ssize_t size = read_text(reading, path);

	if (size < 0)
		return;
	reading->file = fmemopen(reading->text, (size_t)size, "r");
	if (!reading->file) {
		complain(reading, -ENOMEM, path, "out of memory");
		return;
	}
	reading->path = path;
	reading->lineno = 0;
	reading->pending = false;
	if (ini_parse_stream(next_line, reading, take_key, reading) == -2)
		complain(reading, -ENOMEM, path, "out of memory");
	fclose(reading->file);
}

static bool exists(const char *path)
{
	struct stat st;

	/* A link that leads nowhere exists: opening it says what is wrong. */
	return !lstat(path, &st) || (errno != ENOENT && errno != ENOTDIR);
}

static void read_main(struct reading *reading, const char *root)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < NR_PLACES; i++) {
		snprintf(path, sizeof(path), "%s%s/thprace.conf", root, places[i]);
		if (exists(path)) {
			read_file(reading, path);
			return;
		}
	}
}

/* File names of the drop-ins of all places, each once. */
struct names {
	char (*list)[NAME_MAX + 1];
	size_t nr;
};

static int add_name(struct names *names, const char *name)
{
	void *list;
	size_t i;

	for (i = 0; i < names->nr; i++) {
		if (!strcmp(names->list[i], name))
			return 0;
	}
	list = reallocarray(names->list, names->nr + 1, sizeof(names->list[0]));
	if (!list)
		return -ENOMEM;
	names->list = list;
	snprintf(names->list[names->nr++], NAME_MAX + 1, "%s", name);
	return 0;
}

static void list_folder(struct reading *reading, struct names *names, const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir) {
		if (errno != ENOENT)
			complain(reading, -errno, path, "cannot be listed: %m");
		return;
	}
	while ((entry = readdir(dir))) {
		const char *suffix = strrchr(entry->d_name, '.');

		if (entry->d_name[0] == '.' || !suffix || strcmp(suffix, ".conf"))
			continue;
		if (add_name(names, entry->d_name)) {
			complain(reading, -ENOMEM, path, "out of memory");
			break;
		}
	}
	closedir(dir);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void read_drop_ins(struct reading *reading, const char *root)
{
	struct names names = {0};
	char path[PATH_MAX];
	size_t i, j;

	for (i = 0; i < NR_PLACES; i++) {
		snprintf(path, sizeof(path), "%s%s/thprace.conf.d", root, places[i]);
		list_folder(reading, &names, path);
	}
	if (names.nr)
		qsort(names.list, names.nr, sizeof(names.list[0]), by_name);
	for (j = 0; j < names.nr; j++) {
		for (i = 0; i < NR_PLACES; i++) {
			int length = snprintf(path, sizeof(path), "%s%s/thprace.conf.d/%s", root,
					      places[i], names.list[j]);

			if (length < (int)sizeof(path) && exists(path)) {
				read_file(reading, path);
				break;
			}
		}
	}
	free(names.list);
}

/* What only the whole shows. After other complaints it would blame what was not read. */
static void check_whole(struct reading *reading)
{
	char why[CONFIG_WHY_MAX];
	size_t i;

	if (reading->err)
		return;
	for (i = 0; i < CONFIG_ORDERS; i++) {
		const struct config_order *order = &config_orders[i];
		const char *where = reading->where[config_key__find(order->section, order->lesser)];

		/* One of both was set: the defaults agree. */
		if (!*where)
			where = reading->where[config_key__find(order->section, order->greater)];
		if (config_order__check(order, &reading->config, why))
			complain(reading, -EINVAL, where, "%s", why);
	}
}

int config__load(struct config *config, const char *root, const char *path, char *why,
		 size_t why_size)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	int err;

	if (why_size)
		why[0] = '\0';
	if (!reading)
		return -ENOMEM;
	reading->why = why;
	reading->why_size = why_size;
	config__defaults(&reading->config);
	if (path) {
		read_file(reading, path);
	} else {
		read_main(reading, root);
		read_drop_ins(reading, root);
	}
	check_whole(reading);
	if (reading->left_out && reading->used < why_size)
		snprintf(why + reading->used, why_size - reading->used, "%s(and %u more)",
			 reading->used ? "\n" : "", reading->left_out);
	err = reading->err;
	if (!err)
		*config = reading->config;
	free(reading->line);
	free(reading);
	return err;
}
