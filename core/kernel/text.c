// SPDX-License-Identifier: GPL-2.0-only
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <thprace/text.h>

#include "text.skel.h"

struct text {
	struct text_bpf *skel;
};

int text__open(struct text **result)
{
	struct text *text = calloc(1, sizeof(*text));
	libbpf_print_fn_t print;
	int err;

	if (!text)
		return -ENOMEM;
	print = libbpf_set_print(NULL); /* callers can do without */
	text->skel = text_bpf__open_and_load();
	err = text->skel ? 0 : -errno;
	libbpf_set_print(print);
	if (err) {
		free(text);
		return err;
	}
	*result = text;
	return 0;
}

int text__read(struct text *text, uint64_t address, void *copy, size_t size)
{
	struct text_bpf__bss *bss = text->skel->bss;
	size_t done, part;
	int err;

	for (done = 0; done < size; done += part) {
		LIBBPF_OPTS(bpf_test_run_opts, options);

		part = size - done < THPRACE_TEXT_CHUNK ? size - done : THPRACE_TEXT_CHUNK;
		bss->text_from = address + done;
		bss->text_size = part;
		err = bpf_prog_test_run_opts(bpf_program__fd(text->skel->progs.text_read),
					     &options);
		if (!err)
			err = bss->text_error;
		if (err)
			return err;
		memcpy((char *)copy + done, bss->text, part);
	}
	return 0;
}

void text__close(struct text *text)
{
	if (!text)
		return;
	text_bpf__destroy(text->skel);
	free(text);
}
