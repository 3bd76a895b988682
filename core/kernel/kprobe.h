/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kprobe inside a function, as a descriptor to which a BPF program is attached. Debian's
 * kernel.perf_event_paranoid=3 does not allow opening one without CAP_SYS_ADMIN, so a daemon
 * without this capability may get descriptors that were opened before (daemon/fd_store.c).
 */
#ifndef THPRACE_KPROBE_H
#define THPRACE_KPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KPROBE_NAME_MAX 96

/* A descriptor that somebody else opened. The engine duplicates it. */
struct kprobe_fd {
	char name[KPROBE_NAME_MAX]; /* kprobe__name() */
	int fd;
};

/* Where one is. */
struct kprobe_place {
	const char *symbol;
	uint32_t offset; /* bytes */
	bool at_return; /* of the function; offset is 0 */
};

/* "SYMBOL+0xOFFSET", or "SYMBOL+return", into name, KPROBE_NAME_MAX bytes. */
void kprobe__name(char *name, const struct kprobe_place *place);

/* Is this a kernel without kprobes for BPF (CONFIG_KPROBE_EVENTS)? */
bool kprobe__missing(void);

/* Open a kprobe. Returns the descriptor, or negative errno. */
int kprobe__open(const struct kprobe_place *place);

struct bpf_link;
struct bpf_program;

/*
 * Attach a program there: to one of the held descriptors of that place that has no program yet, or
 * to a new one. Returns 0 and *link, to be destroyed with bpf_link__destroy(); or negative errno.
 */
int kprobe__attach(struct bpf_link **link, const struct bpf_program *program, const char *symbol,
		   uint32_t offset, const struct kprobe_fd *kprobe_fds, size_t count);

/* The same for a program by its descriptor. Returns a descriptor that keeps it attached. */
int kprobe__attach_program(int program, const struct kprobe_place *place,
			   const struct kprobe_fd *kprobe_fds, size_t count);

#endif
