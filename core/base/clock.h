/* SPDX-License-Identifier: GPL-2.0-only */
/* The clocks. */
#ifndef THPRACE_CLOCK_H
#define THPRACE_CLOCK_H

#include <stdint.h>

/* ns CLOCK_MONOTONIC, as the BPF programs stamp. */
uint64_t clock__now(void);

/* ns CLOCK_REALTIME: wall-clock time. */
uint64_t clock__wall(void);

/* ns CLOCK_BOOTTIME: since boot, including sleep. */
uint64_t clock__boot(void);

#endif
