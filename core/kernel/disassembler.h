/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The functions of libcapstone that the reader of arguments uses. The library is only loaded while
 * code is read: the dynamic linker writes to 3 MiB of its tables, which a daemon would keep for
 * something that few kernels need, and only once. Static programs have it anyway, and another
 * implementation of this header (packaging/static/disassembler.c).
 */
#ifndef THPRACE_DISASSEMBLER_H
#define THPRACE_DISASSEMBLER_H

#include <stdbool.h>

#include <capstone/capstone.h>

struct disassembler {
	void *library;
	typeof(&cs_open) open;
	typeof(&cs_option) option;
	typeof(&cs_malloc) malloc;
	typeof(&cs_disasm_iter) disasm_iter;
	typeof(&cs_regs_access) regs_access;
	typeof(&cs_insn_group) insn_group;
	typeof(&cs_free) free;
	typeof(&cs_close) close;
};

/* Fills in capstone. False: this machine has no such library, or one that lacks a function. */
bool disassembler__load(struct disassembler *capstone);

/* After a successful load, once its functions are not used any more. */
void disassembler__unload(struct disassembler *capstone);

#endif
