// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds arbitrary bytes to the readers of kernel images, and then uses the result as `thprace
 * check` does: symbols, BTF, configuration, code, statuses.
 *
 * With clang -fsanitize=fuzzer -DTHPRACE_FUZZER: a libFuzzer target. Without: a program that
 * replays the given files, and `--seed FOLDER` writes images to start from.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check/check.h"
#include "check/check_source.h"
#include "image/image.h"
#include "base/names.h"
#include "classes/race_class.h"
#ifndef THPRACE_FUZZER
#include "../unit/tiny_kernel.h"
#include "replay.h"
#endif

#define UNPACKED_MAX (8UL << 20)

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_image: %s\n", what);
	abort();
}

/* What the headers promise about an image. */
static void check_image(const struct image *image)
{
	const struct image_symbol *symbols;
	size_t count = image__symbols(image, &symbols), size, i;
	const unsigned char *code;
	volatile unsigned char sink;
	const void *part;

	must(strlen(image__banner(image)) < 512, "a banner without end");
	for (i = 0; i < count; i++) {
		must(symbols[i].name && symbols[i].name[0], "a symbol without a name");
		must(!i || symbols[i].address >= symbols[i - 1].address, "symbols out of order");
		size = strlen(symbols[i].name);
		code = image__code(image, symbols[i].address, &size);
		if (code && size)
			sink = (unsigned char)(code[0] ^ code[size - 1]);
	}
	part = image__btf(image, &size);
	for (i = 0; part && i < size; i += 512)
		sink = ((const unsigned char *)part)[i];
	part = image__config(image, &size);
	for (i = 0; part && i < size; i++)
		sink = ((const unsigned char *)part)[i];
	(void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check_result result;
	struct check_source source;
	struct check_facts facts;
	struct image *image = NULL;
	void *copy = malloc(size + 1);
	char why[256] = "";
	size_t i;
	unsigned int class;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (image__parse(&image, copy, size, UNPACKED_MAX, why, sizeof(why))) {
		must(why[0], "refused without a reason");
		return 0;
	}
	check_image(image);
	if (check_source__of_image(&source, image, why, sizeof(why))) {
		must(why[0], "refused without a reason");
		return 0;
	}
	check_facts__gather(&facts, &source);
	for (class = 1; class < race_class__end(); class ++) {
		check__judge(&facts, class, &result);
		must(result.status < CHECK_STATUS_MAX, "no status");
		must(result.nr_evidence > 0, "a status without evidence");
		for (i = 0; i < result.nr_evidence; i++)
			must(result.evidence[i]->text[0] && names__plain(result.evidence[i]->text),
			     "evidence without a text that can be printed");
	}
	check_source__release(&source);
	return 0;
}

#ifndef THPRACE_FUZZER
static void write_file(const char *folder, const char *name, const void *data, size_t size)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	must(file && fwrite(data, 1, size, file) == size && !fclose(file), "cannot write a seed");
}

static void write_kernel(const char *folder, enum tiny_symbols symbols)
{
	static const char *const compressions[] = {"gzip", "bzip2", "lzma", "xz",
						   "lzo",  "lz4",   "zstd"};
	const struct tiny_kernel kernel = {.flag = true,
					   .split_flags = 0x9c,
					   .poison_flags = 0x28,
					   .honours = true,
					   .single = true,
					   .truncate_calls = true};
	struct tiny *tiny = tiny__new();
	size_t btf_size, size, packed, whole, i;
	void *btf = tiny__btf(&kernel, &btf_size), *data, *payload, *image;
	char name[64];

	tiny__fill(tiny, &kernel);
	data = tiny__vmlinux(tiny, symbols, btf, btf_size, &size);
	snprintf(name, sizeof(name), "vmlinux-%d", symbols);
	write_file(folder, name, data, size);
	for (i = 0; symbols == TINY_SYMTAB && i < 7; i++) {
		payload = tiny__pack(compressions[i], data, size, &packed);
		image = tiny__bzimage(payload, packed, &whole);
		write_file(folder, compressions[i], image, whole);
		free(payload);
		free(image);
	}
	tiny__free(tiny);
	free(btf);
	free(data);
}

/* arm64's Image with its symbols in two ways, and an ELF file, in which BTF is found. */
static void write_arm64_kernel(const char *folder, enum tiny_symbols symbols)
{
	const struct tiny_kernel kernel = {.flag = true,
					   .split_flags = 0xd0,
					   .poison_flags = 0x8,
					   .honours = true,
					   .single = true,
					   .truncate_calls = true};
	struct tiny *tiny = tiny__new_arm64();
	size_t btf_size, size;
	void *btf = tiny__btf(&kernel, &btf_size), *data;
	char name[64];

	tiny__fill_arm64(tiny, &kernel);
	data = symbols == TINY_SYMTAB ? tiny__vmlinux(tiny, symbols, btf, btf_size, &size)
				      : tiny__image(tiny, symbols, btf, btf_size, &size);
	snprintf(name, sizeof(name), "arm64-%d", symbols);
	write_file(folder, name, data, size);
	tiny__free(tiny);
	free(btf);
	free(data);
}

/* arm64's Image, alone and in an EFI program that unpacks it. */
static void write_arm64(const char *folder)
{
	unsigned char image[512] = {'M', 'Z', [0x38] = 'A', 'R', 'M', 0x64};
	unsigned char zboot[1024] = {'M', 'Z', 0, 0, 'z', 'i', 'm', 'g', 64};
	size_t packed;
	void *payload;

	strcpy((char *)image + 0x80, "Linux version 6.1.0-tiny (nobody@nowhere) (cc) #1 SMP\n");
	write_file(folder, "arm64", image, sizeof(image));
	payload = tiny__pack("gzip", image, sizeof(image), &packed);
	must(packed < sizeof(zboot) - 64, "a payload that is too large");
	zboot[12] = (unsigned char)packed;
	zboot[13] = (unsigned char)(packed >> 8);
	memcpy(zboot + 64, payload, packed);
	write_file(folder, "zboot", zboot, 64 + packed);
	free(payload);
}

int main(int argc, char **argv)
{
	enum tiny_symbols symbols;
	int failed = 0, i;

	if (argc == 3 && !strcmp(argv[1], "--seed")) {
		for (symbols = 0; symbols < TINY_SYMBOLS_MAX; symbols++)
			write_kernel(argv[2], symbols);
		write_arm64(argv[2]);
		write_arm64_kernel(argv[2], TINY_SYMTAB);
		write_arm64_kernel(argv[2], TINY_KALLSYMS_5);
		write_arm64_kernel(argv[2], TINY_KALLSYMS_7);
		return 0;
	}
	for (i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
#endif
