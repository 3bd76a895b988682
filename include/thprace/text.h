/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by bpf/text.bpf.c and core/kernel/text.c. */
#ifndef THPRACE_TEXT_H
#define THPRACE_TEXT_H

#define THPRACE_TEXT_CHUNK 4096U /* bytes of code that one run reads, at most */

#endif
