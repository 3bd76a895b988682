/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel image shows about the kernel of a trace. */
#ifndef THPRACE_CLI_IMAGE_CHECK_H
#define THPRACE_CLI_IMAGE_CHECK_H

#include <stddef.h>
#include "classes/race_class.h"

struct summary;

#define IMAGE_CHECK_RELEASE_LEN 128

struct image_check {
	char release[IMAGE_CHECK_RELEASE_LEN]; /* as `uname -r` prints it */
	enum check_status status[THPRACE_CLASS_MAX];
};

/* Judge an image. 0; or negative errno, and a message in why that names the file. */
int image_check__read(struct image_check *check, const char *path, char *why, size_t why_size);

/*
 * Add it to the report of a trace. 0; or -EINVAL if the trace is not of this kernel, and a message
 * in why.
 */
int image_check__add(const struct image_check *check, struct summary *summary, char *why,
		     size_t why_size);

#endif
