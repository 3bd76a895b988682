// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tiny kernel's functions for arm64, as gcc 12 compiles them with -O2 -mgeneral-regs-only
 * -mbranch-protection=pac-ret; the constants are inserted.
 */
#include "tiny_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tiny__words(struct tiny *tiny, const char *words)
{
	char token[64], bytes[12];
	unsigned int word;
	int used;

	while (sscanf(words, "%63s%n", token, &used) == 1) {
		words += used;
		if (!strncmp(token, "bl:", 3)) {
			tiny__call(tiny, token + 3);
			continue;
		}
		word = (unsigned int)strtoul(token, NULL, 16);
		snprintf(bytes, sizeof(bytes), "%02x%02x%02x%02x", word & 0xff, word >> 8 & 0xff,
			 word >> 16 & 0xff, word >> 24);
		tiny__code(tiny, bytes);
	}
}

static void leaf(struct tiny *tiny, const char *name)
{
	tiny__function(tiny, name);
	tiny__words(tiny, "d65f03c0");
}

/* w1 = flags | 4 if a call says so, | 8 if a bit in memory does; try_to_unmap(page, w1) */
static void split(struct tiny *tiny, unsigned int flags)
{
	char constants[24];

	tiny__function(tiny, "split_huge_page_to_list");
	tiny__words(tiny, "d503233f a9be7bfd 910003fd f9000bf3 aa0003f3 bl:big 7100001f");
	snprintf(constants, sizeof(constants), "%08x %08x", 0x52800001 | (flags | 4) << 5,
		 0x52800000 | flags << 5);
	tiny__words(tiny, constants);
	tiny__words(tiny, "f9400e63 1a801021 321d0022 aa1303e0 f240007f 1a811041 bl:try_to_unmap");
	/* add x0, x19, #0x34; casal w1, w2, [x0] */
	tiny__words(tiny, "9100d260 88e1fc02");
	tiny__words(tiny, "f9400bf3 52800000 a8c27bfd d50323bf d65f03c0");
}

/* The flags, or those and 0x20, kept in w21 over two calls; one of try_to_unmap with 0x80 as well. */
static void poison(struct tiny *tiny, unsigned int flags)
{
	char constants[24];

	tiny__function(tiny, "memory_failure");
	tiny__words(tiny, "d503233f a9bd7bfd 910003fd f9400002 a9025bf5 2a0103f6");
	snprintf(constants, sizeof(constants), "%08x %08x", 0x52800001 | flags << 5,
		 0x52800015 | (flags | 0x20) << 5);
	tiny__words(tiny, constants);
	tiny__words(tiny, "f27a005f a90153f3 1a8112b5 aa0003f3 bl:big 7100001f 2a0003f4 7a401ac4 "
			  "54000181 aa1303e0 bl:other 2a1503e1 aa1303e0 bl:try_to_unmap a9425bf5 "
			  "2a1403e0 a94153f3 a8c37bfd d50323bf d65f03c0 321902a1 aa1303e0 "
			  "bl:try_to_unmap 17fffff2");
}

/* A structure on the stack is set to 0 by a call, and its member at 48 to 1 if w3 has bit 4. */
static void walker(struct tiny *tiny, bool honours)
{
	tiny__function(tiny, "try_to_unmap_one");
	tiny__words(tiny, "d503233f a9b97bfd 910003fd a90153f3 aa0003f4 aa0303f3 a9025bf5 aa0103f5 "
			  "aa0203f6 52800001 d2800702 8b2263e0 bl:other f9400280 f9001be0 a904dbf5 "
			  "2a1303f4");
	if (honours) /* tbz w19, #4, over the next two */
		tiny__words(tiny, "36200073 52800020 b90063e0");
	tiny__words(tiny,
		    "37100273 121f0294 9100c3f5 52800033 14000005 f9402fe0 7100029f 1a9f0273 "
		    "bl:other aa1503e0 bl:page_vma_mapped_walk 72001c1f 54ffff21 a9425bf5 "
		    "2a1303e0 a94153f3 a8c77bfd d50323bf d65f03c0 aa1503e0 bl:other 17ffffec");
}

/* ldr w0, [x1, #0x34]; cmp w0, #1; b.gt: the next one */
static const char compares[] = "b9403420 7100041f 5400002c";

void tiny__fill_arm64(struct tiny *tiny, const struct tiny_kernel *kernel)
{
	static const char *const leaves[] = {
		"zap_huge_pmd", "__split_huge_pmd",    "page_vma_mapped_walk",
		"try_to_unmap", "unmap_mapping_pages", "big",
		"other"};
	size_t i;

	for (i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		leaf(tiny, leaves[i]);
	if (kernel->single)
		leaf(tiny, "unmap_mapping_page");
	walker(tiny, kernel->honours);
	split(tiny, kernel->split_flags);
	poison(tiny, kernel->poison_flags);
	tiny__function(tiny, "truncate_cleanup_page");
	tiny__call(tiny, kernel->truncate_calls ? "unmap_mapping_page" : "unmap_mapping_pages");
	tiny__words(tiny, "d65f03c0");
	tiny__function(tiny, "invalidate_inode_pages2_range");
	tiny__call(tiny, kernel->invalidate_calls ? "unmap_mapping_page" : "unmap_mapping_pages");
	tiny__words(tiny, "d65f03c0");
	tiny__function(tiny, "khugepaged");
	if (kernel->releases)
		tiny__words(tiny, compares);
	tiny__words(tiny, "d65f03c0");
}
