// SPDX-License-Identifier: GPL-2.0-only
/*
 * On arm64 the meaning of a huge mapping's entry is not known beforehand: the place of struct pages
 * depends on configuration and boot, the variables with that information are not symbols everywhere
 * (no KALLSYMS_ALL in Debian 12), and the bit of PROT_NONE has moved (6.10). So the kernel is
 * probed. A read of /proc/self/pagemap makes it call vm_normal_page(vma, addr, pte) for each page,
 * which takes an entry and returns its struct page. Two pages are read, one of them PROT_NONE,
 * while a kprobe and a kretprobe record the calls.
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
	return bpf_object__find_program_by_name(engine->skel->obj, at_return ? "pte_probe_kretprobe"
									     : "pte_probe_kprobe");
}

void engine__choose_pte_probe(struct engine *engine)
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

void engine__probe_ptes(struct engine *engine)
{
	struct thprace_pte_probe *pte_probe = &engine->skel->bss->pte_probe;
	struct bpf_link *at_return, *at_entry = NULL;
	char why[128];
	int err;

	if (!program(engine, false) || !probe__decodes(engine->target, why, sizeof(why)))
		return; /* nothing to probe, or the plan says why not */
	at_return = bpf_program__attach_kprobe(program(engine, true), true, PROBE_PTE_FUNCTION);
	err = at_return ? 0 : -errno;
	if (!err) {
		at_entry = bpf_program__attach_kprobe(program(engine, false), false,
						      PROBE_PTE_FUNCTION);
		err = at_entry ? look_at_pages() : -errno;
	}
	bpf_link__destroy(at_entry);
	bpf_link__destroy(at_return);
	__atomic_store_n(&pte_probe->task, 0, __ATOMIC_SEQ_CST);
	if (err)
		snprintf(why, sizeof(why), PROBE_PTE_FUNCTION ": %s", strerror(-err));
	else if (pte_probe->differing)
		snprintf(why, sizeof(why),
			 PROBE_PTE_FUNCTION ": its answers contradict each other");
	else if (pte_probe->pairs < PAGES || !pte_probe->hidden)
		snprintf(why, sizeof(why), PROBE_PTE_FUNCTION ": it gave %u answers of %d",
			 pte_probe->pairs, PAGES);
	else
		pte_probe->known = 1;
	if (!pte_probe->known)
		probe__undecoded(&engine->plan, why);
}
