// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds arbitrary text to the reader of race files, holds what comes out against the fake kernel of the unit tests, and
 * makes instructions of its expressions. What is hostile in BTF is fuzz_btf's.
 *
 * With clang -fsanitize=fuzzer -DTHPRACE_FUZZER: a libFuzzer target. Without: a program that replays the files given,
 * and `--seed FOLDER` writes the tree's race files and lists of the language's words there.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include "base/names.h"
#include "calc_support.h"
#include "race/race.h"
#include "race/race_kernel.h"
#include "replay.h"

#define INSTRUCTIONS 512

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_race: %s\n", what);
	abort();
}

static void clean(const char *text)
{
	for (; *text; text++)
		must(*text == '\n' || ((unsigned char)*text >= ' ' && *text != 127),
		     "an error that is not for a terminal");
}

static void emit(const struct race_on_kernel *on)
{
	struct calc_places places = fake_places();
	struct bpf_insn insn[INSTRUCTIONS];
	int i, j, count;

	for (i = 0; i < CALC_NAMES_MAX; i++) {
		places.saved[i] = (struct calc_place){CALC_IN_INTERVAL, 0};
		places.event[i] = places.since[i] = places.saved[i];
	}
	places.key = places.others = places.saved[0];
	for (i = 0; i < on->points; i++) {
		for (j = 0; j < on->point[i].calcs; j++) {
			count = calc__emit(&on->point[i].calc[j].calc, &places, insn, INSTRUCTIONS);
			must(count <= INSTRUCTIONS, "more instructions than there is room");
		}
	}
}

static void hold(const struct race *race, const struct race_kernel *kernel)
{
	const char *names[RACE_POINTS_MAX_ALL * 8];
	char place[RACE_PLACE_TEXT_MAX];
	struct race_on_kernel on;
	int i;

	race_kernel__names(race, names, 0, sizeof(names) / sizeof(names[0]));
	if (race_kernel__check(&on, race, kernel))
		return;
	for (i = 0; i < on.problems; i++)
		clean(on.problem[i].text);
	for (i = 0; i < on.points; i++) {
		race__place(on.point[i].place, place);
		must(race_kernel__moment(&on.point[i]) && race_kernel__how(on.point[i].how),
		     "a point without words");
	}
	must(!race_kernel__not_observable(&on) == !on.problems || !race->sections, "no reason");
	emit(&on);
	race_kernel__release(&on);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct race_kernel kernel;
	struct race *race = NULL;
	char why[4096];

	if (!kernel.types)
		kernel.types = types__new(fake_btf());
	must(kernel.types != NULL, "out of memory");
	if (race__read_text(&race, "x.race", (const char *)data, size, why, sizeof(why))) {
		must(why[0] && !race, "refused without a reason");
		clean(why);
		return 0;
	}
	must(race->name[0] && !why[0], "taken with an error");
	hold(race, &kernel);
	race__free(race);
	return 0;
}

#ifndef THPRACE_FUZZER
static void write_seed(const char *folder, int number, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%d", folder, number);
	file = fopen(path, "wb");
	must(file && fwrite(text, 1, strlen(text), file) == strlen(text) && !fclose(file),
	     "cannot write a seed");
}

static const char *const seeds[] = {
	"[race]\nname = a\ntitle = b\nfix = c, d\ncve = e\ndanger = \"f\"\n"
	"[window]\nopen = fake_walk entry | g entry, fake_walk entry when flags > 3 else node\n"
	"close = call of fake_walk in fake_walk | g when key == folio\ndrop = fake_walk return\n"
	"inside = fake_walk | g, fake_walk\nlearn = return of fake_walk in fake_walk\n"
	"event = seen: fake_walk return when result == old\nkey = folio->mm else vma->vm_mm\n"
	"from = folio->index\nto = folio->index + 1\nwhen = pfn(folio) && head(folio)->flags\n"
	"save = old: *pmd\nescape = others_since(seen) > 1 || others || seen\n"
	"[walker]\nat = fake_walk entry\nkey = value\nfrom = address\n"
	"escape = mapcount(folio) ? refcount(folio) : entire_mapcount(folio)\n",
	"[race]\nname = a\ntitle = b\n[walker]\nat = fake_walk entry\n"
	"escape = (unsigned short)folio->few << 3 != folio->signs >> 1 * -node\n"
	"escape = ~folio->bytes[3] ^ folio->shorts[node & 1] | 5 % 3u / 2u - 077\n"
	"escape = (struct mm *)address == vma->vm_mm->next && !folio->other->mm->flag\n"
	"escape = sizeof(struct folio) <= (pmd + 1)->pmd ? current->flags : &vma->entries[2] >= pmd\n",
	"[race]\nname = a\ntitle = b\n[check]\ncannot = not has function f | g or has config CONFIG_H\n"
	"fixed = f | g calls h before i and (j passes K to l in m or has member n.o)\n"
	"vulnerable = has enumerator p and has type q and f calls g and f passes A to b\n"
	"[provoke]\nhold = clock in f\ntime = 300us\nrun = c -d\nseconds = 20\n",
	"[race]\nname = a\ntitle = b\n[window]\nopen = fake_walk return\nclose = fake_walk return\n"
	"key = pmd_page(*pmd) else swap_entry(value.pmd)\n"
	"when = folio->flags & 1 << PG_head || sign == BELOW || 0xfful < 18446744073709551615u\n"
	"[walker]\nenter = fake_walk entry\nleave = fake_walk return\nkey = (long)result\n"
	"[provoke]\nhold = window\n",
	"[race]\nname = a\ntitle = b\n[walker]\nat = fake_walk entry\n"
	"[provoke]\nhold = probe in f | g after call of h before call of i | j else probe in k before BUG\n",
	"[race]\nname = a\ntitle = b\n[walker]\nat = fake_walk entry\n"
	"[provoke]\nhold = clock in f before call of g else clock in h after call of i before BUG\n",
	"[race]\nname = a\ntitle = b\n[walker]\nat = fake_walk entry\n"
	"key = node else node else node else node else node else node\n[provoke]\nhold = walker\n",
};

int main(int argc, char **argv)
{
	int failed = 0, i;

	if (argc == 3 && !strcmp(argv[1], "--seed")) {
		for (i = 0; i < (int)(sizeof(seeds) / sizeof(seeds[0])); i++)
			write_seed(argv[2], i, seeds[i]);
		return 0;
	}
	for (i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
#endif
