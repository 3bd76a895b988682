/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kprobes that an engine opens for a race from a file, for somebody who opens them beforehand
 * with more rights (daemon/fd_store.c).
 */
#ifndef THPRACE_RACE_KPROBES_H
#define THPRACE_RACE_KPROBES_H

#include "kernel/kprobe.h"
#include "race/race.h"

struct target;
struct types;

/* Returns 0, or negative errno, which ends it. */
typedef int (*race_kprobe_fn)(void *ctx, const struct kprobe_place *place);

/*
 * Call fn for each of them, if the race can be observed. target: the running kernel, with the names
 * of race_kernel__names(). Those that are only needed because the kernel refuses a trampoline are
 * not known here. Returns 0, or negative errno: of fn, or -ENOMEM.
 */
int race_kprobes__each(struct target *target, const struct types *types, const struct race *race,
		       race_kprobe_fn fn, void *ctx);

#endif
