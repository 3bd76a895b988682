/* SPDX-License-Identifier: GPL-2.0-only */
/* The sources of facts about a kernel: an image, BTF, symbols, a configuration. */
#ifndef THPRACE_CHECK_SOURCE_H
#define THPRACE_CHECK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "check_facts.h"

struct btf;
struct code;
struct image;

struct check_source {
	struct btf *btf; /* or NULL */
	struct image *image; /* or NULL */
	struct code *code; /* or NULL, and the reason: */
	char no_code[200];
	char *kallsyms; /* text of /proc/kallsyms, or NULL: then the image's symbols are used */
	char *config; /* text, or NULL */
	bool running; /* it is the running kernel */
	char banner[512]; /* the kernel's version string, "" if there is none */
	char from[256]; /* what was read, for people */
	char build_id[65]; /* in hexadecimal, "" if it is not known */
};

/* Files to read; NULL: none. Without kernel and btf, the running kernel is used. */
struct check_files {
	const char *kernel;
	const char *btf;
	const char *config;
	int image; /* open file of the running kernel's image, tried before the usual places; 0: none */
};

/*
 * Read everything. Returns 0, and source must be released; or negative errno and a message in why
 * that names the file.
 */
int check_source__open(struct check_source *source, const struct check_files *files, char *why,
		       size_t why_size);

/*
 * The same for an image that is already in memory, and of which it takes ownership. The message
 * does not name it.
 */
int check_source__of_image(struct check_source *source, struct image *image, char *why,
			   size_t why_size);
void check_source__release(struct check_source *source);

/* Is there a function of that name, possibly with a compiler's suffix? */
enum check_answer check_source__symbol(const struct check_source *source, const char *name);

/* Is an option set, as y or m? */
enum check_answer check_source__config(const struct check_source *source, const char *option);

/*
 * Does BTF have the function? The names of its parameters are compared with param unless that is
 * NULL.
 */
enum check_answer check_source__function(const struct check_source *source, const char *name,
					 const char *param);

/*
 * Does a structure have this member, and where (bytes)? CHECK_NOT_KNOWN: BTF has no such structure.
 */
enum check_answer check_source__member(const struct check_source *source, const char *type,
				       const char *member, uint32_t *offset);

/* The number of an enumerator; CHECK_NOT_KNOWN: BTF has no such enum. */
enum check_answer check_source__enumerator(const struct check_source *source, const char *type,
					   const char *name, uint32_t *value);

#endif
