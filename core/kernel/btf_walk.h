/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BTF from files, and walks over it. Anybody may have written such a file: typedefs in circles,
 * names outside of the strings, structures nested by the thousand. So BTF from a file is checked
 * once, when it is read; and references between types are followed here, where every step is
 * counted.
 */
#ifndef THPRACE_BTF_WALK_H
#define THPRACE_BTF_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct btf_type;

/* The largest of a known kernel, with types that are not merged: 27 MB. */
#define BTF_SIZE_MAX (32UL << 20)

/* Do these bytes start like BTF? */
bool btf_walk__magic(const void *data, size_t size);

/*
 * Parse BTF from a file: size bytes at data, which are copied. Returns 0 and *btf, to be freed with
 * btf__free(); or the reason in why, to follow "is BTF, but ", and -EINVAL: libbpf cannot parse it,
 * or it is too large; -EBADMSG: a name or a type is outside, a name cannot be printed, a chain of
 * types does not end, or structures nest too deeply.
 */
int btf_walk__parse(struct btf **btf, const void *data, size_t size, char *why, size_t why_size);

/* Are there functions? Old tools wrote a kernel's types only. */
bool btf_walk__has_functions(const struct btf *btf);

/* A name. "" if it is outside of the strings. */
const char *btf_walk__name(const struct btf *btf, uint32_t offset);

/*
 * The type behind typedefs and qualifiers; with pointers not NULL, also behind pointers, which are
 * counted there. NULL: no such type, or a chain without end.
 */
const struct btf_type *btf_walk__resolve(const struct btf *btf, uint32_t id,
					 unsigned int *pointers);

/*
 * Look for a member of a structure or union, also inside members without a name. True and its
 * offset in bytes; or false.
 */
bool btf_walk__member(const struct btf *btf, const struct btf_type *type, const char *name,
		      uint32_t *offset);

#endif
