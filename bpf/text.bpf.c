// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the running kernel's code for core/kernel/text.c, which finds the calls of a function in
 * it. An object of its own, because it runs before anything is planned; nothing in it is relocated.
 */
#include "kernel.bpf.h"

#include <thprace/text.h>

volatile __u64 text_from = 0; /* address */
volatile __u32 text_size = 0; /* bytes, at most THPRACE_TEXT_CHUNK */
volatile __s32 text_error = 0; /* of the last run: 0, or negative errno */
__u8 text[THPRACE_TEXT_CHUNK] = {};

SEC("raw_tp")
int text_read(void *ctx)
{
	u64 size = text_size;

	if (size > sizeof(text))
		size = sizeof(text);
	text_error = bpf_probe_read_kernel(text, size, (void *)text_from);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
