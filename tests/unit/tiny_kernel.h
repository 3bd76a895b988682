/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel image of a few functions, made in memory: for tests of code that reads images, and as
 * seed for its fuzzer.
 */
#ifndef TINY_KERNEL_H
#define TINY_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tiny;

/* Where the symbols are. */
enum tiny_symbols {
	TINY_SYMTAB, /* in the ELF file's .symtab */
	TINY_KALLSYMS_5, /* as up to 6.4: addresses before the names */
	TINY_KALLSYMS_6, /* as in 6.12: after the tokens */
	TINY_KALLSYMS_7, /* as in 7.x: relative to their own place, all at multiples of 4 */
	TINY_NONE,
	TINY_SYMBOLS_MAX
};

struct tiny *tiny__new(void);
struct tiny *tiny__new_arm64(void);
void tiny__free(struct tiny *tiny);

/* Begin a function; its code: bytes in hexadecimal, and calls of functions by name. */
void tiny__function(struct tiny *tiny, const char *name);
void tiny__code(struct tiny *tiny, const char *hex);
void tiny__call(struct tiny *tiny, const char *callee);

/* Code of arm64: words in hexadecimal, as a disassembler shows them, and "bl:FUNCTION". */
void tiny__words(struct tiny *tiny, const char *words);

/* Properties of the judged kernel. */
struct tiny_kernel {
	bool flag; /* enum ttu_flags has TTU_SYNC, 0x10 */
	uint8_t split_flags, poison_flags; /* what is passed to try_to_unmap */
	bool honours; /* try_to_unmap_one walks with PVMW_SYNC */
	bool single; /* there is unmap_mapping_page, and zap_details.single_page */
	bool truncate_calls, invalidate_calls; /* these call it */
	bool numa;
	bool releases; /* khugepaged gives up a page that others hold */
	const char
		*variant; /* code of collapse_file.constprop.0, the only variant; NULL: BTF has the
			  * function */
};

/* A 5.10 with these properties: its functions, and its BTF (malloc'ed). */
void tiny__fill(struct tiny *tiny, const struct tiny_kernel *kernel);
void tiny__fill_arm64(struct tiny *tiny, const struct tiny_kernel *kernel);
void *tiny__btf(const struct tiny_kernel *kernel, size_t *size);

/* The vmlinux, with BTF in it if btf is not NULL; malloc'ed. */
void *tiny__vmlinux(struct tiny *tiny, enum tiny_symbols symbols, const void *btf, size_t btf_size,
		    size_t *size);

/* arm64's Image; malloc'ed. With TINY_KALLSYMS_5 the addresses in it are left to the loader. */
void *tiny__image(struct tiny *tiny, enum tiny_symbols symbols, const void *btf, size_t btf_size,
		  size_t *size);

/* Packed: "gzip", "bzip2", "lzma", "xz", "lzo", "lz4", "zstd"; malloc'ed. */
void *tiny__pack(const char *how, const void *data, size_t size, size_t *packed);

/* In a bzImage; malloc'ed. */
void *tiny__bzimage(const void *payload, size_t size, size_t *whole);

#endif
