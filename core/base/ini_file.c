// SPDX-License-Identifier: GPL-2.0-only
#include "ini_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "names.h"

#define BOM "\xef\xbb\xbf"
#define BLANKS " \t\r\n\f\v"
#define SHOWN 48 /* bytes of a word that a message shows */
#define TEXT_SPARE 32 /* bytes of the list, for "(and N more)" */

struct ini_file {
	const struct ini_reader *reader;
	struct ini_errors *errors;
	const char *path;
	unsigned int lineno;
	unsigned int column; /* of the value */
	char section[SHOWN];
	bool begun; /* there was a section */
	bool known; /* the reader knows this section */
};

void ini_errors__begin(struct ini_errors *errors, char *text, size_t size)
{
	*errors = (struct ini_errors){.text = text, .size = size};
	if (size)
		text[0] = '\0';
}

static void add(struct ini_errors *errors, int err, const char *where, const char *format,
		va_list args)
{
	const char *between = errors->used ? "\n" : "";
	char text[PATH_MAX + 256];
	size_t length;

	if (!errors->err)
		errors->err = err;
	vsnprintf(text, sizeof(text), format, args);
	length = strlen(between) + strlen(where) + strlen(": ") + strlen(text);
	if (errors->left_out || errors->used + length + TEXT_SPARE > errors->size) {
		errors->left_out++;
		return;
	}
	snprintf(errors->text + errors->used, errors->size - errors->used, "%s%s: %s", between,
		 where, text);
	errors->used += length;
}

void ini_errors__add(struct ini_errors *errors, int err, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(errors, err, where, format, args);
	va_end(args);
}

int ini_errors__end(struct ini_errors *errors)
{
	if (errors->left_out && errors->used < errors->size)
		snprintf(errors->text + errors->used, errors->size - errors->used,
			 "%s(and %u more)", errors->used ? "\n" : "", errors->left_out);
	return errors->err;
}

const char *ini_file__path(const struct ini_file *file)
{
	return file->path;
}

unsigned int ini_file__line(const struct ini_file *file)
{
	return file->lineno;
}

unsigned int ini_file__column(const struct ini_file *file)
{
	return file->column;
}

void ini_file__complain(const struct ini_file *file, const char *format, ...)
{
	char where[PATH_MAX + 16];
	va_list args;

	snprintf(where, sizeof(where), "%.*s:%u", PATH_MAX, file->path, file->lineno);
	va_start(args, format);
	add(file->errors, -EINVAL, where, format, args);
	va_end(args);
}

/* "[name]", and a comment. */
static void take_section(struct ini_file *file, const char *line)
{
	const char *end = strchr(line, ']'), *rest;
	char shown[SHOWN];
	size_t length;

	file->begun = true;
	file->known = false;
	if (!end) {
		ini_file__complain(file, "the section's ']' is missing");
		return;
	}
	rest = end + 1 + strspn(end + 1, BLANKS);
	if (*rest && *rest != ';' && *rest != '#')
		ini_file__complain(file, "only a comment may follow a section's name");
	length = (size_t)(end - line - 1);
	if (length < sizeof(file->section)) {
		snprintf(file->section, sizeof(file->section), "%.*s", (int)length, line + 1);
		file->known = file->reader->section(file->reader->context, file, file->section);
	}
	if (!file->known) {
		names__clean(shown, sizeof(shown), line + 1, length, 1);
		ini_file__complain(file, "unknown section [%s]; %s lists them", shown,
				   file->reader->manual);
	}
}

/* Remove blanks at the end. */
static void trim(char *text)
{
	size_t length = strlen(text);

	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	text[length] = '\0';
}

/* End a line where a comment begins: at a ';' after a blank. */
static void cut_comment(char *line)
{
	while ((line = strchr(line + 1, ';'))) {
		if (isspace((unsigned char)line[-1])) {
			*line = '\0';
			return;
		}
	}
}

/* "key = value", and a comment. before: number of blanks before it. */
static void take_key(struct ini_file *file, char *line, size_t before)
{
	char shown[SHOWN], *value;

	cut_comment(line);
	value = strpbrk(line, "=:");
	if (!value) {
		ini_file__complain(file, "neither a [section] nor key = value");
		return;
	}
	*value++ = '\0';
	value += strspn(value, BLANKS);
	file->column = (unsigned int)(before + (size_t)(value - line)) + 1;
	trim(line);
	trim(value);
	names__clean(shown, sizeof(shown), line, strlen(line), 1);
	if (!file->begun)
		ini_file__complain(file, "'%s' is before the first [section]", shown);
	else if (!file->known)
		; /* reported where the section began */
	else if (*value && value[strlen(value) - 1] == '\\')
		ini_file__complain(file, "%s=: a line cannot be continued by '\\'", shown);
	else if (!file->reader->key(file->reader->context, file, file->section, line, value))
		ini_file__complain(file, "unknown key '%s' in [%s]; %s lists them", shown,
				   file->section, file->reader->manual);
}

/* A line of length bytes, without its '\n'. */
static void take_line(struct ini_file *file, const char *text, size_t length)
{
	char line[INI_FILE_LINE_MAX + 1];
	size_t before = 0;

	if (memchr(text, '\0', length)) {
		ini_file__complain(file, "a NUL byte: this is not a text file");
		return;
	}
	if (file->lineno == 1 && length >= strlen(BOM) && !memcmp(text, BOM, strlen(BOM)))
		before = strlen(BOM);
	while (before < length && strchr(BLANKS, text[before]))
		before++;
	while (length > before && text[length - 1] == '\r')
		length--;
	text += before;
	length -= before;
	if (!length || *text == ';' || *text == '#')
		return;
	if (length > INI_FILE_LINE_MAX) {
		ini_file__complain(file, "longer than %d bytes", INI_FILE_LINE_MAX);
		return;
	}
	memcpy(line, text, length);
	line[length] = '\0';
	if (*line == '[')
		take_section(file, line);
	else
		take_key(file, line, before);
}

void ini_file__read_text(const char *path, const char *text, size_t size,
			 const struct ini_reader *reader, struct ini_errors *errors)
{
	struct ini_file file = {.reader = reader, .errors = errors, .path = path};
	const char *end = text + size, *next;

	for (; text < end; text = next + 1) {
		next = memchr(text, '\n', (size_t)(end - text));
		if (!next)
			next = end;
		file.lineno++;
		take_line(&file, text, (size_t)(next - text));
	}
}

/* Open a regular file, or /dev/null. Returns 0, or negative errno, and the error is added. */
static int open_file(FILE **file, const char *path, const struct ini_reader *reader,
		     struct ini_errors *errors)
{
	/* O_NONBLOCK: otherwise open() would wait for a FIFO's writer. */
	CLEANUP(cleanup__fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int err;

	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		ini_errors__add(errors, err, path, "cannot be opened: %s%s%s", strerror(-err),
				err == -EACCES && reader->account ? "; " : "",
				err == -EACCES && reader->account ? reader->account : "");
		return err;
	}
	if (!S_ISREG(st.st_mode) && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))) {
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
		ini_errors__add(errors, err, path, "is %s, not a file",
				S_ISDIR(st.st_mode) ? "a directory" : "something special");
		return err;
	}
	*file = fdopen(fd, "re");
	if (!*file) {
		ini_errors__add(errors, -ENOMEM, path, "cannot be opened: %m");
		return -ENOMEM;
	}
	cleanup__take_fd(&fd); /* owned by the file now */
	return 0;
}

void ini_file__read(const char *path, const struct ini_reader *reader, struct ini_errors *errors)
{
	FILE *file = NULL;
	size_t size;
	char *text;

	if (open_file(&file, path, reader, errors))
		return;
	text = malloc(reader->limit + 1);
	size = text ? fread(text, 1, reader->limit + 1, file) : 0;
	if (!text)
		ini_errors__add(errors, -ENOMEM, path, "out of memory");
	else if (ferror(file))
		ini_errors__add(errors, -EIO, path, "cannot be read: %m");
	else if (size > reader->limit)
		ini_errors__add(errors, -EFBIG, path, "is larger than %zu KiB: this is %s",
				reader->limit >> 10, reader->kind);
	else
		ini_file__read_text(path, text, size, reader, errors);
	fclose(file);
	free(text);
}
