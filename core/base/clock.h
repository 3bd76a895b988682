/* SPDX-License-Identifier: GPL-2.0-only */
/* What time it is. */
#ifndef THPRACE_CLOCK_H
#define THPRACE_CLOCK_H

#include <stdint.h>

/* ns CLOCK_MONOTONIC, as the BPF programs stamp. */
uint64_t clock__now(void);

/* ns CLOCK_REALTIME: what a clock on the wall shows. */
uint64_t clock__wall(void);

/* ns CLOCK_BOOTTIME: since the boot, sleep included. */
uint64_t clock__boot(void);

#endif
