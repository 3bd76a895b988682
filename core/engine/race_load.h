/* SPDX-License-Identifier: GPL-2.0-only */
/* Does the running kernel's verifier accept the instructions of a race file's expressions? */
#ifndef THPRACE_RACE_LOAD_H
#define THPRACE_RACE_LOAD_H

#include "race/race_kernel.h"

struct race_loader;

/* Needs the rights to load a BPF program. Returns 0 and *loader; or negative errno. */
int race_loader__open(struct race_loader **loader);
void race_loader__close(struct race_loader *loader);

/* Of one point. */
struct race_loaded {
	int instructions; /* 0: refused */
	char why[160]; /* the verifier's message; about the trampoline if kprobes are used */
};

/*
 * Load a program with the point's expressions, of the kind planned for the point, and drop it
 * again. If a trampoline is refused and a kprobe accepted, the plan is changed to that. Nothing is
 * attached.
 */
void race_loader__try(struct race_loader *loader, struct race_point *point,
		      const struct types *types, struct race_loaded *loaded);

#endif
