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

/* "SYMBOL+0xOFFSET" into name, KPROBE_NAME_MAX bytes. */
void kprobe__name(char *name, const char *symbol, uint32_t offset);

/* Is this a kernel without kprobes for BPF (CONFIG_KPROBE_EVENTS)? */
bool kprobe__missing(void);

/* Open a kprobe at a symbol plus bytes. Returns the descriptor, or negative errno. */
int kprobe__open(const char *symbol, uint32_t offset);

/* The same at the return of the function. */
int kprobe__open_return(const char *symbol);

/* Run a loaded program, by its descriptor, whenever the kprobe is hit. 0 or negative errno. */
int kprobe__run(int fd, int program);

struct bpf_link;
struct bpf_program;

/*
 * Attach a program there: to one of the held descriptors of that place that has no program yet, or
 * to a new one. Returns 0 and *link, to be destroyed with bpf_link__destroy(); or negative errno.
 */
int kprobe__attach(struct bpf_link **link, const struct bpf_program *program, const char *symbol,
		   uint32_t offset, const struct kprobe_fd *kprobe_fds, size_t count);

#endif
