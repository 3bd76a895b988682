// SPDX-License-Identifier: GPL-2.0-only
#include "page_files.h"

#include <stdint.h>
#include "page_build.h"

/* The assembler reads the file. */
#define EMBED(name, path)                                                               \
	__asm__(".pushsection .rodata\n" #name "_text:\n\t.incbin \"" path "\"\n" #name \
		"_end:\n\t.balign 8\n" #name "_size:\n\t.quad " #name "_end - " #name   \
		"_text\n.popsection\n");                                                \
	extern const char name##_text[];                                                \
	extern const uint64_t name##_size;                                              \
	struct page_file page_files__##name(void)                                       \
	{                                                                               \
		return (struct page_file){name##_text, name##_size};                    \
	}

EMBED(style, PAGE_STYLE)
EMBED(script, PAGE_SCRIPT)
EMBED(library, PAGE_LIBRARY)
EMBED(licence, PAGE_LICENCE)
