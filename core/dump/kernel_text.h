/* SPDX-License-Identifier: GPL-2.0-only */
/* The log buffer of a dead kernel (kernel/printk/printk_ringbuffer.c, 5.10 and later). */
#ifndef THPRACE_KERNEL_TEXT_H
#define THPRACE_KERNEL_TEXT_H

#include "memory.h"

/* text: length bytes, without a stamp; caller: "T123", "C1" or "". when: ns since boot. */
typedef void (*kernel_text_fn)(void *ctx, const char *text, size_t length, const char *caller,
			       uint64_t when);

/*
 * Pass all messages that the buffer holds, in their order. Returns 0 or negative errno: -ENOENT: the
 * dump does not say where the buffer is (VMCOREINFO).
 */
int kernel_text__read(const struct memory *memory, kernel_text_fn text, void *ctx);

#endif
