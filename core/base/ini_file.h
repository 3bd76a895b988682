/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of [section] and key = value: the configuration, and races. A key is followed by '=' or
 * ':'. A line that begins with ';' or '#' is a comment, and so is the rest of a line after a blank
 * and ';'. Anything else is an error, and each message names file and line.
 */
#ifndef THPRACE_INI_FILE_H
#define THPRACE_INI_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define INI_FILE_TEXT_MAX (1UL << 20) /* bytes of a file; the longest useful one has some 10,000 */
#define INI_FILE_LINE_MAX 197 /* bytes, without leading blanks */

/* Error messages, one per line. Those that do not fit are only counted. */
struct ini_errors {
	char *text;
	size_t size; /* of text, bytes */
	size_t used;
	unsigned int left_out;
	int err; /* of the first error: negative errno; 0: no error */
};

/* Initialise, with size bytes of text, which may be 0. */
void ini_errors__begin(struct ini_errors *errors, char *text, size_t size);

/* Add "WHERE: …". */
__attribute__((format(printf, 4, 5))) void
ini_errors__add(struct ini_errors *errors, int err, const char *where, const char *format, ...);

/* The last line says how many did not fit, if any. Returns the error of the first, or 0. */
int ini_errors__end(struct ini_errors *errors);

struct ini_file;

/* What a kind of file contains. */
struct ini_reader {
	const char *manual; /* that lists sections and keys: "thprace.conf(5)" */
	const char *kind; /* of file, with its article: "not a configuration" */
	size_t limit; /* bytes of a file, at most INI_FILE_TEXT_MAX */
	const char *account; /* who must be able to read it, for a message; or NULL */
	/*
	 * A section begins. Returns whether this section exists; if not, that is an error, and its
	 * keys are ignored.
	 */
	bool (*section)(void *context, const struct ini_file *file, const char *name);
	/*
	 * A key of the current section, and its value, which may be "". Returns false for a key
	 * that this section does not have.
	 */
	bool (*key)(void *context, const struct ini_file *file, const char *section,
		    const char *name, const char *value);
	void *context;
};

/* Read a file. After an error, the rest is still read. */
void ini_file__read(const char *path, const struct ini_reader *reader, struct ini_errors *errors);

/* The same for size bytes of text, at most INI_FILE_TEXT_MAX; messages name path. */
void ini_file__read_text(const char *path, const char *text, size_t size,
			 const struct ini_reader *reader, struct ini_errors *errors);

/* --- for section() and key(): where the line is --- */

const char *ini_file__path(const struct ini_file *file);
unsigned int ini_file__line(const struct ini_file *file);

/* The column, from 1, at which the value begins; in bytes. */
unsigned int ini_file__column(const struct ini_file *file);

/* Add "PATH:LINE: …". */
__attribute__((format(printf, 2, 3))) void ini_file__complain(const struct ini_file *file,
							      const char *format, ...);

#endif
