// SPDX-License-Identifier: GPL-2.0-only
#include "disassembler.h"

#include <dlfcn.h>

#define TEXT_OF(word) #word
#define LIBRARY(major) "libcapstone.so." TEXT_OF(major)

bool disassembler__load(struct disassembler *capstone)
{
	void *library = dlopen(LIBRARY(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return false;
	capstone->library = library;
	capstone->open = (typeof(&cs_open))dlsym(library, "cs_open");
	capstone->option = (typeof(&cs_option))dlsym(library, "cs_option");
	capstone->malloc = (typeof(&cs_malloc))dlsym(library, "cs_malloc");
	capstone->disasm_iter = (typeof(&cs_disasm_iter))dlsym(library, "cs_disasm_iter");
	capstone->regs_access = (typeof(&cs_regs_access))dlsym(library, "cs_regs_access");
	capstone->insn_group = (typeof(&cs_insn_group))dlsym(library, "cs_insn_group");
	capstone->free = (typeof(&cs_free))dlsym(library, "cs_free");
	capstone->close = (typeof(&cs_close))dlsym(library, "cs_close");
	if (capstone->open && capstone->option && capstone->malloc && capstone->disasm_iter &&
	    capstone->regs_access && capstone->insn_group && capstone->free && capstone->close)
		return true;
	dlclose(library);
	return false;
}

void disassembler__unload(struct disassembler *capstone)
{
	dlclose(capstone->library);
}
