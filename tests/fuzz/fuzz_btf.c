// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds BTF to its readers: arbitrary types, after a header that is made valid, and then uses the
 * result as `thprace probes`, `thprace check` and the expressions of a race file do.
 *
 * With clang -fsanitize=fuzzer -DTHPRACE_FUZZER: a libFuzzer target. Without: a program that
 * replays the given files, and `--seed FOLDER` writes BTF to start from.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "kernel/btf_walk.h"
#include "check/check.h"
#include "check/check_source.h"
#include "check/check_race.h"
#include "base/names.h"
#include "probe/probe.h"
#include "kernel/target.h"
#include "race/calc_emit.h"
#include "race/race_kernel.h"
#include "classes/race_class.h"
#ifndef THPRACE_FUZZER
#include "../unit/tiny_kernel.h"
#include "replay.h"
#endif

#define NAMES_MAX 96

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_btf: %s\n", what);
	abort();
}

/* What a mutation would break: the positions of the types and the strings. */
static void repair(uint8_t *data, size_t size)
{
	struct btf_header header;

	if (size <= sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	header.magic = BTF_MAGIC;
	header.version = BTF_VERSION;
	header.flags = 0;
	header.hdr_len = sizeof(header);
	header.type_off = 0;
	header.type_len %= (uint32_t)(size - sizeof(header));
	header.type_len &= ~3U;
	header.str_off = header.type_len;
	header.str_len = (uint32_t)(size - sizeof(header)) - header.str_off;
	memcpy(data, &header, sizeof(header));
	data[sizeof(header) + header.str_off] = 0;
	data[size - 1] = 0;
}

static void check(const uint8_t *data, size_t size)
{
	struct check_source source = {0};
	struct check_result result;
	struct check_facts facts;
	char why[128] = "";
	unsigned int class;
	size_t i;

	if (btf_walk__parse(&source.btf, data, size, why, sizeof(why))) {
		must(why[0] && names__plain(why), "refused without a reason");
		return;
	}
	check_facts__gather(&facts, &source);
	for (class = 1; class < race_class__end(); class ++) {
		check__judge(&facts, class, &result);
		for (i = 0; i < result.nr_evidence; i++)
			must(names__plain(result.evidence[i]->text), "evidence not for a terminal");
	}
	btf__free(source.btf);
}

/* Functions and types of the seeds; each expression follows BTF in another way. */
static const char race_text[] =
	"[race]\nname = a\ntitle = b\n"
	"[window]\nopen = try_to_unmap entry when page->_refcount.counter > 0 else page\n"
	"close = io_schedule return when result else 1\nkey = head(page) else page\n"
	"when = refcount(page) || mapcount(page)\nwhen = (pgoff_t)offset == TTU_SYNC else offset\n"
	"save = one: page->flags else 1\nsave = two: *page else page->mapping else offset\n"
	"[walker]\nat = collapse_file entry, try_to_unmap entry\nkey = file->f_mapping else page[1].flags else 1\n"
	"escape = sizeof(struct page) == 64 && one_that_is_not_there else current->mm else 1\n"
	"[check]\nfixed = has member page._refcount or has type pgoff_t and has enumerator TTU_SYNC\n"
	"cannot = f passes TTU_SYNC to try_to_unmap or not has function io_schedule\n";

static void emit(const struct race_on_kernel *on)
{
	struct calc_places places = {.frame = 10};
	struct bpf_insn insn[256];
	int i, j;

	for (i = 0; i < CALC_ARGUMENTS_MAX; i++)
		places.argument[i] = (struct calc_place){CALC_IN_CONTEXT, (short)(8 * i)};
	for (i = 0; i < on->points; i++)
		for (j = 0; j < on->point[i].calcs; j++)
			must(calc__emit(&on->point[i].calc[j].calc, &places, insn, 256) <= 256,
			     "more instructions than there is room");
}

static void races(const uint8_t *data, size_t size)
{
	static struct race *race;
	struct check_source source = {0};
	struct check_race_result result;
	struct race_kernel kernel = {0};
	struct race_on_kernel on;
	char why[1024];
	int i;

	if (!race)
		must(!race__read_text(&race, "x", race_text, strlen(race_text), why, sizeof(why)),
		     why);
	if (btf_walk__parse(&source.btf, data, size, why, sizeof(why)))
		return;
	kernel.types = types__new(source.btf);
	must(kernel.types && !race_kernel__check(&on, race, &kernel), "no memory");
	for (i = 0; i < on.problems; i++)
		must(names__plain(on.problem[i].text), "a problem not for a terminal");
	emit(&on);
	check_race__judge(&result, &source, race);
	for (i = 0; i < (int)result.nr_evidence; i++)
		must(names__plain(result.evidence[i].text), "evidence not for a terminal");
	race_kernel__release(&on);
	types__free((struct types *)kernel.types);
	btf__free(source.btf);
}

static void probes(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct target_options options = {.elsewhere = true};
	struct target *target;
	struct probe_plan plan;
	const char *names[NAMES_MAX];
	char path[64], why[1024] = "";
	unsigned int i;

	if (fd < 0)
		fd = memfd_create("btf", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	options.btf = path;
	if (target__new(&target, &options, names, probe__names(names, NAMES_MAX), why,
			sizeof(why))) {
		must(why[0] && names__plain(why), "refused without a reason");
		return;
	}
	probe__plan(&plan, target, THPRACE_PRECISE, PROBE_ATTACH_AUTO, NULL);
	for (i = 0; i < THPRACE_POINT_MAX; i++)
		must(names__plain(plan.probe[i].reason), "a reason not for a terminal");
	target__free(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	repair(copy, size);
	check(copy, size);
	races(copy, size);
	probes(copy, size);
	free(copy);
	return 0;
}

#ifndef THPRACE_FUZZER
/* A kernel's, with parameters reached through pointers, typedefs and qualifiers. */
static void *seed(const struct tiny_kernel *kernel, size_t *size)
{
	void *raw = tiny__btf(kernel, size), *copy;
	struct btf *btf = btf__new(raw, (unsigned int)*size);
	int page = btf__find_by_name(btf, "page"), word = 1, proto;
	const void *whole;
	unsigned int length;

	word = btf__add_typedef(btf, "pgoff_t", word);
	page = btf__add_ptr(btf, btf__add_const(btf, page));
	proto = btf__add_func_proto(btf, 0);
	btf__add_func_param(btf, "page", page);
	btf__add_func_param(btf, "offset", word);
	btf__add_func(btf, "try_to_unmap", BTF_FUNC_STATIC, proto);
	btf__add_func(btf, "io_schedule", BTF_FUNC_GLOBAL, proto);
	btf__add_array(btf, word, page, 4);
	whole = btf__raw_data(btf, &length);
	copy = malloc(length);
	must(whole && copy, "no memory");
	memcpy(copy, whole, length);
	*size = length;
	btf__free(btf);
	free(raw);
	return copy;
}

static void write_seed(const char *folder, const char *name, const struct tiny_kernel *kernel)
{
	size_t size;
	void *data = seed(kernel, &size);
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	must(file && fwrite(data, 1, size, file) == size && !fclose(file), "cannot write a seed");
	free(data);
}

int main(int argc, char **argv)
{
	const struct tiny_kernel racy = {0}, fixed = {.flag = true, .single = true, .numa = true};
	int failed = 0, i;

	if (argc == 3 && !strcmp(argv[1], "--seed")) {
		write_seed(argv[2], "racy", &racy);
		write_seed(argv[2], "fixed", &fixed);
		return 0;
	}
	for (i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
#endif
