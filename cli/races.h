/* SPDX-License-Identifier: GPL-2.0-only */
/* thprace races: the kernel for which races are checked, and their output. */
#ifndef THPRACE_CLI_RACES_H
#define THPRACE_CLI_RACES_H

#include <stdbool.h>

#include "check/check_source.h"
#include "engine/race_load.h"
#include "probe/probe.h"
#include "race/race_files.h"
#include "race/race_kernel.h"

/* The running kernel, or the kernel of files. */
struct races_kernel {
	struct target *target;
	struct probe_plan plan; /* of the built-in races */
	struct check_source source; /* of files */
	bool elsewhere;
	struct btf *btf; /* of the running kernel */
	struct types *types;
	struct race_kernel race;
	struct race_loader *loader; /* to try each point's program; or NULL */
};

/*
 * Open it. image, btf: files, or NULL. Returns 0; or negative errno, and the reason in why. Must be
 * closed either way.
 */
int races_kernel__open(struct races_kernel *kernel, const char *image, const char *btf,
		       const struct race_files *files, char *why, size_t why_size);
void races_kernel__close(struct races_kernel *kernel);

/* One line per race; or all details of one race. class: a built-in one. */
void races_print__head(void);
void races_print__class(const struct races_kernel *kernel, int class, bool whole, bool json);
/* Returns how many programs were refused, if they are tried. */
int races_print__file(const struct races_kernel *kernel, const struct race_file *file,
		      const struct race_on_kernel *on, bool whole, bool json);

#endif
