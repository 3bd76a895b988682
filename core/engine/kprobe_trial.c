// SPDX-License-Identifier: GPL-2.0-only
#include "kprobe_trial.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "kernel/calls.h"
#include "trial.skel.h"

#define CODE_MAX 512 /* of a short function */
#define ROUNDS 50 /* a kprobe may be optimized some 100 ms after its registration: then it runs */
#define ROUND_NS 10000000

static const struct function_range *find_range(const struct target *target, const char *symbol)
{
	const struct function_ranges *ranges = target__function_ranges(target);
	size_t i;

	for (i = 0; i < ranges->count; i++)
		if (!strcmp(ranges->range[i].symbol, symbol))
			return &ranges->range[i];
	return NULL;
}

bool kprobe_trial__site(struct probe_site *site, struct target *target, char *why, size_t why_size)
{
	const bool x86 = !strcmp(target__machine(target), "x86_64");
	const char *caller = x86 ? PROBE_TRIAL_X86 : PROBE_TRIAL_ARM64;
	const struct function_range *range = find_range(target, caller);
	const struct function_range *callee = find_range(target, PROBE_TRIAL_CALLEE);
	uint8_t code[CODE_MAX];
	struct call call;
	size_t size;
	int err;

	if (!range || !callee) {
		snprintf(why, why_size, "%s: not in this kernel, or its address is hidden",
			 range ? PROBE_TRIAL_CALLEE : caller);
		return false;
	}
	size = range->end > range->address && range->end - range->address < sizeof(code)
		       ? range->end - range->address
		       : sizeof(code);
	err = target__code(target, range->address, code, size);
	if (err) {
		snprintf(why, why_size, "the kernel's code cannot be read: %s", strerror(-err));
		return false;
	}
	if (calls__find(x86 ? CALLS_X86_64 : CALLS_ARM64, code, size, range->address,
			callee->address, &call, 1) < 1) {
		snprintf(why, why_size, "%s: no call of %s found", caller, PROBE_TRIAL_CALLEE);
		return false;
	}
	snprintf(site->symbol, sizeof(site->symbol), "%s", caller);
	site->at = call.at;
	site->next = call.next;
	return true;
}

/*
 * Did the program run, and write a record? This thread passes both places: getppid(2) calls the
 * function.
 */
static bool ran(const volatile __u64 *records, int rounds)
{
	struct timespec pause = {.tv_nsec = ROUND_NS};
	int i;

	for (i = 0; i < rounds; i++) {
		syscall(SYS_getppid);
		if (*records)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void try_call(struct probe_trial *trial, struct target *target, struct trial_bpf *skel,
		     const struct kprobe_fd *kprobe_fds, size_t kprobe_fd_count)
{
	struct bpf_link *link = NULL;
	struct probe_site site;
	char why[sizeof(trial->why)];
	int err;

	trial->calls = false;
	if (!kprobe_trial__site(&site, target, why, sizeof(why))) {
		snprintf(trial->why, sizeof(trial->why),
			 "a kprobe at a call cannot be tried: %.80s", why);
		return;
	}
	err = kprobe__attach(&link, skel->progs.trial_kprobe, site.symbol, site.at, kprobe_fds,
			     kprobe_fd_count);
	trial->calls = true;
	if (err) /* ours then fail too, and attaching them shows it */
		return;
	trial->calls = ran(&skel->bss->trial_records, ROUNDS / 10);
	if (!trial->calls)
		snprintf(trial->why, sizeof(trial->why),
			 "this kernel %s at a kprobe that is a breakpoint (tried in %.40s)",
			 skel->bss->trial_runs ? "lets a program write no record"
					       : "runs no program",
			 site.symbol);
	bpf_link__destroy(link);
}

static void try_function(struct probe_trial *trial, struct trial_bpf *skel)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL); /* failures are reported here */
	struct bpf_link *link;

	skel->bss->trial_records = 0;
	link = bpf_program__attach_kprobe(skel->progs.trial_kprobe, false, PROBE_TRIAL_CALLEE);
	trial->functions = !link || ran(&skel->bss->trial_records, ROUNDS);
	bpf_link__destroy(link);
	libbpf_set_print(print);
}

void kprobe_trial__run(struct probe_trial *trial, struct target *target,
		       const struct kprobe_fd *kprobe_fds, size_t kprobe_fd_count)
{
	static struct probe_trial found;
	static bool done;
	libbpf_print_fn_t print;
	struct trial_bpf *skel;

	*trial = (struct probe_trial){.calls = true, .functions = true};
	if (done) {
		*trial = found;
		return;
	}
	print = libbpf_set_print(NULL); /* the same failure is reported when the engine loads */
	skel = trial_bpf__open_and_load();
	libbpf_set_print(print);
	if (!skel)
		return;
	try_call(trial, target, skel, kprobe_fds, kprobe_fd_count);
	if (!trial->calls)
		try_function(trial, skel);
	trial_bpf__destroy(skel);
	found = *trial;
	done = true;
}
