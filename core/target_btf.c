// SPDX-License-Identifier: GPL-2.0-only
#include "target_btf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define OWN_BTF "/sys/kernel/btf/vmlinux"
#define SYMBOL_MAX 256

struct btf_function {
	const char *name;
	bool is_symbol;
};

struct btf_functions {
	size_t count;
	struct btf_function list[];
};

bool target_btf__own(void)
{
	return !access(OWN_BTF, R_OK);
}

bool target_btf__search(const char *release, char *path, size_t size)
{
	static const char *const folders[] = {"/usr/lib/thprace/btf", "/usr/local/lib/thprace/btf"};
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if ((size_t)snprintf(path, size, "%s/%s.btf", folders[i], release) < size &&
		    !access(path, R_OK))
			return true;
	path[0] = '\0';
	return false;
}

/* Does the file begin as raw BTF does? */
static bool has_magic(const char *path)
{
	FILE *file = fopen(path, "re");
	uint16_t magic = 0;
	bool has;

	if (!file)
		return false;
	has = fread(&magic, sizeof(magic), 1, file) == 1 && magic == BTF_MAGIC;
	fclose(file);
	return has;
}

/* What no kernel's BTF is without. That of a BPF object has some types, too, but not such a function. */
static bool is_kernels(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, "page", BTF_KIND_STRUCT) > 0 &&
	       btf__find_by_name_kind(btf, "io_schedule", BTF_KIND_FUNC) > 0;
}

struct btf *target_btf__read(const char *path, char *why, size_t why_size)
{
	libbpf_print_fn_t print;
	struct stat status;
	struct btf *btf;

	/* libbpf's own errors do not tell a file that is not there from one that is not BTF. */
	if (stat(path, &status) || access(path, R_OK)) {
		snprintf(why, why_size, "cannot read BTF from %s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(status.st_mode)) {
		snprintf(why, why_size, "cannot read BTF from %s: not a regular file", path);
		return NULL;
	}
	print = libbpf_set_print(NULL); /* what fails is told here */
	btf = btf__parse(path, NULL);
	libbpf_set_print(print);
	if (!btf && has_magic(path)) {
		snprintf(why, why_size,
			 "%s is BTF, but cut off or damaged, or a module's: copy it again", path);
		return NULL;
	}
	if (!btf) {
		snprintf(why, why_size,
			 "%s holds no BTF: wanted is a copy of a kernel's " OWN_BTF
			 ", or a vmlinux that was built with CONFIG_DEBUG_INFO_BTF",
			 path);
		return NULL;
	}
	if (!is_kernels(btf)) {
		snprintf(why, why_size,
			 "%s is BTF, but no kernel's: it lacks struct page or io_schedule()", path);
		btf__free(btf);
		return NULL;
	}
	return btf;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct btf_function *)a)->name,
		      ((const struct btf_function *)b)->name);
}

struct btf_functions *btf_functions__new(const struct btf *btf)
{
	__u32 id, types = btf__type_cnt(btf);
	struct btf_functions *functions;
	const struct btf_type *type;

	functions = calloc(1, sizeof(*functions) + types * sizeof(functions->list[0]));
	if (!functions)
		return NULL;
	for (id = 1; id < types; id++) {
		type = btf__type_by_id(btf, id);
		if (btf_is_func(type))
			functions->list[functions->count++].name =
				btf__name_by_offset(btf, type->name_off);
	}
	qsort(functions->list, functions->count, sizeof(functions->list[0]), by_name);
	return functions;
}

void btf_functions__note(struct btf_functions *functions, const char *symbol)
{
	struct btf_function *found, *end = functions->list + functions->count;
	char base[SYMBOL_MAX];
	const struct btf_function key = {.name = base};

	snprintf(base, sizeof(base), "%s", symbol);
	base[strcspn(base, ".")] = '\0';
	found = bsearch(&key, functions->list, functions->count, sizeof(key), by_name);
	if (!found)
		return;
	/* Static functions of different files may share a name. */
	while (found > functions->list && !by_name(found - 1, &key))
		found--;
	for (; found < end && !by_name(found, &key); found++)
		found->is_symbol = true;
}

size_t btf_functions__strange(const struct btf_functions *functions, size_t *count,
			      const char **example)
{
	size_t i, strange = 0;

	*count = functions->count;
	*example = NULL;
	for (i = 0; i < functions->count; i++) {
		if (functions->list[i].is_symbol)
			continue;
		if (!strange++)
			*example = functions->list[i].name;
	}
	return strange;
}

void btf_functions__free(struct btf_functions *functions)
{
	free(functions);
}
