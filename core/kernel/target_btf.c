// SPDX-License-Identifier: GPL-2.0-only
#include "target_btf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <gelf.h>

#include "base/cleanup.h"
#include "btf_walk.h"

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

static void explain_size(char *why, size_t why_size)
{
	snprintf(why, why_size, "larger than %lu MiB", BTF_SIZE_MAX >> 20);
}

static struct btf *parse_raw(int fd, size_t size, char *why, size_t why_size)
{
	struct btf *btf = NULL;
	void *data;

	if (size > BTF_SIZE_MAX) {
		explain_size(why, why_size);
		return NULL;
	}
	data = malloc(size);
	if (!data || pread(fd, data, size, 0) != (ssize_t)size)
		snprintf(why, why_size, "cannot be read: %s", strerror(errno));
	else
		btf_walk__parse(&btf, data, size, why, why_size);
	free(data);
	return btf;
}

/* The .BTF section of an ELF file. */
static Elf_Scn *find_section(Elf *elf, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;
	const char *name;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, header) || header->sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header->sh_name);
		if (name && !strcmp(name, BTF_ELF_SEC))
			return section;
	}
	return NULL;
}

static struct btf *parse_elf(int fd, char *why, size_t why_size)
{
	struct btf *btf = NULL;
	const Elf_Data *data;
	Elf_Scn *section;
	GElf_Shdr header;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	section = elf ? find_section(elf, &header) : NULL;
	if (section && header.sh_size > BTF_SIZE_MAX) {
		explain_size(why, why_size);
	} else if (section) {
		data = elf_rawdata(section, NULL);
		if (data && data->d_buf)
			btf_walk__parse(&btf, data->d_buf, data->d_size, why, why_size);
	}
	elf_end(elf);
	return btf;
}

/* From the file, raw or in an ELF file. NULL, and a reason in why if it is BTF. */
static struct btf *parse(int fd, size_t size, char *why, size_t why_size)
{
	uint16_t magic;

	if (pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) &&
	    btf_walk__magic(&magic, sizeof(magic)))
		return parse_raw(fd, size, why, why_size);
	return parse_elf(fd, why, why_size);
}

/*
 * What every kernel's BTF has. A BPF object's BTF has some of the types, and functions, but not
 * this one. A kernel's may have no functions at all, and then both of the types.
 */
static bool is_kernels(const struct btf *btf)
{
	if (btf__find_by_name_kind(btf, "page", BTF_KIND_STRUCT) < 0)
		return false;
	if (!btf_walk__has_functions(btf))
		return btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT) > 0;
	return btf__find_by_name_kind(btf, "io_schedule", BTF_KIND_FUNC) > 0;
}

static void drop_btf(struct btf *const *btf)
{
	btf__free(*btf);
}

struct btf *target_btf__read(const char *path, char *why, size_t why_size)
{
	CLEANUP(cleanup__fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	CLEANUP(drop_btf) struct btf *btf = NULL;
	char wrong[128] = "";
	struct stat status;

	if (fd < 0 || fstat(fd, &status)) {
		snprintf(why, why_size, "cannot read BTF from %s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(status.st_mode)) {
		snprintf(why, why_size, "cannot read BTF from %s: not a regular file", path);
		return NULL;
	}
	btf = parse(fd, (size_t)status.st_size, wrong, sizeof(wrong));
	if (!btf && wrong[0]) {
		snprintf(why, why_size, "%s is BTF, but %s", path, wrong);
		return NULL;
	}
	if (!btf) {
		snprintf(why, why_size,
			 "%s has no BTF: give a copy of a kernel's " OWN_BTF
			 ", or a vmlinux that was built with CONFIG_DEBUG_INFO_BTF",
			 path);
		return NULL;
	}
	if (!is_kernels(btf)) {
		snprintf(why, why_size,
			 "%s is BTF, but not of a kernel: it lacks struct page or io_schedule()",
			 path);
		return NULL;
	}
	return CLEANUP_TAKE(btf);
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
				btf_walk__name(btf, type->name_off);
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
	/* Static functions in different files may share a name. */
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
