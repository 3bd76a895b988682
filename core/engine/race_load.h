/* SPDX-License-Identifier: GPL-2.0-only */
/* Does the running kernel's verifier take what a race file's expressions became? */
#ifndef THPRACE_RACE_LOAD_H
#define THPRACE_RACE_LOAD_H

#include "race/race_kernel.h"

struct race_loader;

/* Needs what loading a BPF program takes. Returns 0 and *loader; or negative errno. */
int race_loader__open(struct race_loader **loader);
void race_loader__close(struct race_loader *loader);

/* Of one point. */
struct race_loaded {
	int instructions; /* 0: refused */
	char why[160]; /* what the verifier said, of the trampoline where kprobes are taken */
};

/*
 * Load a program of the point's expressions, of the kind that the point is planned for, and drop it again. Where a
 * trampoline is refused and a kprobe taken, that becomes the plan. Nothing is attached.
 */
void race_loader__try(struct race_loader *loader, struct race_point *point,
		      const struct types *types, struct race_loaded *loaded);

#endif
