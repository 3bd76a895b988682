// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold MICROSECONDS [last|small]: holds the windows of thprace-stress open, see hold.bpf.c; last:
 * only the last mapping of each munmap; small: only small mappings. Prints "held" as soon as it
 * does, and at the end how many.
 */
#include <bpf/btf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"

#include "hold.skel.h"

/* Position of the function's parameter with that name; 0 if there is none. */
static unsigned int parameter(const struct btf *btf, const char *function, const char *name)
{
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
	const struct btf_type *type = btf__type_by_id(btf, id < 0 ? 0 : (unsigned int)id);
	const struct btf_param *param;
	unsigned int i;

	if (id < 0 || !type)
		return 0;
	type = btf__type_by_id(btf, type->type);
	param = btf_params(type);
	for (i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, param[i].name_off), name))
			return i;
	return 0;
}

int main(int argc, char **argv)
{
	const char *which = argc == 3 ? argv[2] : "";
	struct btf *btf = btf__load_vmlinux_btf();
	struct hold_bpf *skel = NULL;
	sigset_t end;
	int signal, status = 1;
	uint64_t us = 0;

	if (argc < 2 || number__parse(argv[1], 1, 1000, &us) || argc > 3 ||
	    (argc == 3 && strcmp(which, "last") && strcmp(which, "small"))) {
		fputs("Usage: hold MICROSECONDS [last|small], 1 to 1000\n", stderr);
		return 2;
	}
	sigemptyset(&end);
	sigaddset(&end, SIGINT);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL);
	skel = btf ? hold_bpf__open() : NULL;
	if (!skel)
		goto cleanup;
	skel->rodata->hold_ns = us * 1000;
	skel->rodata->last_only = !strcmp(which, "last");
	skel->rodata->small_only = !strcmp(which, "small");
	skel->rodata->unmap_end = parameter(btf, "unmap_vmas", "end_addr");
	skel->rodata->compound = parameter(btf, "page_remove_rmap", "compound");
	if (hold_bpf__load(skel) || hold_bpf__attach(skel))
		goto cleanup;
	puts("held");
	fflush(stdout);
	sigwait(&end, &signal);
	printf("%llu mappings held\n", (unsigned long long)skel->bss->held);
	fflush(stdout);
	status = 0;
cleanup:
	hold_bpf__destroy(skel);
	btf__free(btf);
	return status;
}
