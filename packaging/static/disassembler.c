// SPDX-License-Identifier: GPL-2.0-only
/* A static program has libcapstone: nothing is loaded. */
#include "kernel/disassembler.h"

bool disassembler__load(struct disassembler *capstone)
{
	*capstone = (struct disassembler){
		.open = cs_open,
		.option = cs_option,
		.malloc = cs_malloc,
		.disasm_iter = cs_disasm_iter,
		.regs_access = cs_regs_access,
		.insn_group = cs_insn_group,
		.free = cs_free,
		.close = cs_close,
	};
	return true;
}

void disassembler__unload(struct disassembler *capstone)
{
	(void)capstone;
}
