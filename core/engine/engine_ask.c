// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a huge mapping's entry says is not known beforehand on arm64: where struct pages are depends on
 * configuration and boot, the variables that tell are no symbols everywhere (no KALLSYMS_ALL in
 * Debian 12), and the bit of PROT_NONE has moved (6.10). So the kernel is asked. Whoever reads
 * /proc/self/pagemap has it call vm_normal_page(vma, addr, pte) for each page, which takes an entry
 * and returns its struct page. Two pages are looked at, one of them PROT_NONE; a kprobe and a
 * kretprobe listen meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "engine_private.h"

#define PAGES 2

static struct bpf_program *program(const struct engine *engine, bool at_return)
{
	return bpf_object__find_program_by_name(
		engine->skel->obj, at_return ? "entry_asked_kretprobe" : "entry_asked_kprobe");
}

void engine__choose_asked(struct engine *engine)
{
	char why[128];

	if (!program(engine, false) || !probe__decodes(engine->target, why, sizeof(why)))
		return;
	bpf_program__set_autoload(program(engine, false), true);
	bpf_program__set_autoload(program(engine, true), true);
}

/* 0 or negative errno. */
static int look_at_pages(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint64_t entries[PAGES];
	volatile char *memory;
	int fd = -1, err = 0;

	memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return -errno;
	memory[0] = 1;
	memory[page] = 1;
	if (mprotect((void *)(memory + page), page, PROT_NONE))
		err = -errno;
	if (!err)
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (!err && (fd < 0 || pread(fd, entries, sizeof(entries),
				     (uintptr_t)memory / page * sizeof(entries[0])) < 0))
		err = -errno;
	if (fd >= 0)
		close(fd);
	munmap((void *)memory, PAGES * page);
	return err;
}

void engine__ask(struct engine *engine)
{
	struct thprace_asked *asked = &engine->skel->bss->asked;
	struct bpf_link *at_return, *at_entry = NULL;
	char why[128];
	int err;

	if (!program(engine, false) || !probe__decodes(engine->target, why, sizeof(why)))
		return; /* nothing to ask, or the plan says why not */
	at_return = bpf_program__attach_kprobe(program(engine, true), true, PROBE_ASKED);
	err = at_return ? 0 : -errno;
	if (!err) {
		at_entry = bpf_program__attach_kprobe(program(engine, false), false, PROBE_ASKED);
		err = at_entry ? look_at_pages() : -errno;
	}
	bpf_link__destroy(at_entry);
	bpf_link__destroy(at_return);
	__atomic_store_n(&asked->task, 0, __ATOMIC_SEQ_CST);
	if (err)
		snprintf(why, sizeof(why), PROBE_ASKED ": %s", strerror(-err));
	else if (asked->differing)
		snprintf(why, sizeof(why), PROBE_ASKED ": its answers contradict each other");
	else if (asked->pairs < PAGES || !asked->hidden)
		snprintf(why, sizeof(why), PROBE_ASKED ": it gave %u answers of %d", asked->pairs,
			 PAGES);
	else
		asked->known = 1;
	if (!asked->known)
		probe__undecoded(&engine->plan, why);
}
