// SPDX-License-Identifier: GPL-2.0-only
/*
 * occupy FUNCTION COMMAND...: runs COMMAND while every place for an fentry or fexit program at a
 * kernel function is taken (BPF_MAX_TRAMP_LINKS, 38), as by other tools. The kernel then refuses
 * the next one with E2BIG; kprobes are not affected.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#define TOO_MANY 64

/* return 0; attached at the function's entry. A file descriptor, or -1 with errno. */
static int attach(int function)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = function);
	int program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "occupy", "GPL", code, 2, &options);

	return program < 0 ? -1 : bpf_raw_tracepoint_open(NULL, program);
}

int main(int argc, char **argv)
{
	int function, links = 0, status;

	if (argc < 3)
		return 2;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	function = libbpf_find_vmlinux_btf_id(argv[1], BPF_TRACE_FENTRY);
	while (function > 0 && links < TOO_MANY && attach(function) >= 0)
		links++;
	if (function <= 0 || links == TOO_MANY || errno != E2BIG) {
		fprintf(stderr, "occupy: cannot take every place at %s: %d taken, %s\n", argv[1],
			links, strerror(errno));
		return 1;
	}
	if (!fork()) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
