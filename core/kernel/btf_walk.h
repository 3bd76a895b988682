/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BTF of files, and walks over it. A file holds what somebody wrote: typedefs that go in circles, names
 * outside of the strings, structures that nest by the thousand. So BTF of a file is checked once, when
 * it is read; and what follows the references of types does so here, where every step is counted.
 */
#ifndef THPRACE_BTF_WALK_H
#define THPRACE_BTF_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct btf_type;

/* More than twice what any distribution's kernel has. */
#define BTF_SIZE_MAX (16UL << 20)

/* Do these bytes begin as BTF does? */
bool btf_walk__magic(const void *data, size_t size);

/*
 * Take in BTF of a file: size bytes at data, which are copied. Returns 0 and *btf, to be freed with
 * btf__free(); or the reason in why, to be put behind "is BTF, but ", and
 * -EINVAL: libbpf cannot parse it, or it is too large;
 * -EBADMSG: a name or a type lies outside, a name cannot be printed, a chain of types does not end, or
 * structures nest without bound.
 */
int btf_walk__parse(struct btf **btf, const void *data, size_t size, char *why, size_t why_size);

/* A name. "" where it lies outside. */
const char *btf_walk__name(const struct btf *btf, uint32_t offset);

/*
 * What a type is behind its typedefs and qualifiers; with pointers not NULL, behind its pointers as well,
 * which are counted there. NULL: no such type, or a chain without end.
 */
const struct btf_type *btf_walk__resolve(const struct btf *btf, uint32_t id,
					 unsigned int *pointers);

/*
 * Look for a member of a structure or union, also within members without a name. True and its offset in
 * bytes; or false.
 */
bool btf_walk__member(const struct btf *btf, const struct btf_type *type, const char *name,
		      uint32_t *offset);

#endif
