// SPDX-License-Identifier: GPL-2.0-only
#include "stack_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/names.h"
#include "summary.h"

/* How all tasks enter the kernel or begin in it: a name that begins so shows nothing. */
static const char *const entries[] = {
	"entry_SYSCALL_",
	"do_syscall_64",
	"x64_sys_call",
	"ret_from_fork",
	"asm_",
	"exc_page_fault",
	"kthread+",
	"worker_thread+",
	"process_one_work",
	"process_scheduled_works",
	"el0t_64_sync",
	"el0_sync",
	"el0_svc",
	"do_el0_svc",
	"invoke_syscall",
	"__invoke_syscall",
	"el0_da",
	"do_mem_abort",
	"el0t_32_sync",
	"exit_to_user_mode",
	"__exit_to_user_mode",
	"syscall_exit_to_user_mode",
	"__syscall_exit_to_user_mode",
	"irqentry_exit",
	"arch_do_signal_or_restart",
	"do_notify_resume",
	"prepare_exit_to_usermode",
	"do_int80_syscall_32",
	"do_fast_syscall_32",
	"__do_fast_syscall_32",
	"ia32_sys_call",
	"secondary_startup_64",
};

/* What the functions after an entry do, in words that say more than their names. */
static const struct {
	const char *function, *words;
} known[] = {
	{"do_user_addr_fault", "page fault"}, {"__do_page_fault", "page fault"},
	{"do_page_fault", "page fault"},      {"do_translation_fault", "page fault"},
	{"do_signal", "fatal signal"},	      {"get_signal", "fatal signal"},
};

/* A system call's function, after the part of its name that the kernel's macros make. */
static const char *const system_calls[] = {
	"__x64_compat_sys_",   "__x64_sys_",   "__ia32_compat_sys_", "__ia32_sys_",
	"__arm64_compat_sys_", "__arm64_sys_", "__se_compat_sys_",   "__se_sys_",
	"__do_compat_sys_",    "__do_sys_",
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool is_observer(const char *symbol)
{
	return begins(symbol, "bpf_prog_") || begins(symbol, "bpf_trampoline_");
}

static bool is_entry(const char *symbol)
{
	size_t i;

	for (i = 0; i < NR(entries); i++) {
		if (begins(symbol, entries[i]))
			return true;
	}
	return false;
}

struct thprace_stack stack_names__kernel(const struct summary *summary,
					 const struct thprace_stack *stack)
{
	struct thprace_stack rest = {0};
	const char *symbol;
	uint32_t i;

	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		symbol = summary__symbol(summary, stack->ip[i]);
		if (!symbol || !is_observer(symbol))
			rest.ip[rest.nr++] = stack->ip[i];
	}
	return rest;
}

/* The outermost frame that shows what the task did; if there is none, the outermost with a name. */
static const char *outermost(const struct summary *summary, const struct thprace_stack *stack)
{
	uint32_t nr = stack->nr < THPRACE_STACK_MAX ? stack->nr : THPRACE_STACK_MAX;
	const char *symbol, *entry = NULL;

	while (nr--) {
		symbol = summary__symbol(summary, stack->ip[nr]);
		if (!symbol || is_observer(symbol))
			continue;
		if (!is_entry(symbol))
			return symbol;
		if (!entry)
			entry = symbol;
	}
	return entry;
}

const char *stack_names__task(char *buf, size_t size, const struct summary *summary,
			      const struct thprace_stack *stack)
{
	const char *symbol = outermost(summary, stack);
	size_t i;

	if (!symbol) {
		snprintf(buf, size, "?");
		return buf;
	}
	for (i = 0; i < NR(system_calls); i++) {
		if (begins(symbol, system_calls[i])) {
			symbol += strlen(system_calls[i]);
			break;
		}
	}
	names__clean(buf, size, symbol, strlen(symbol), 0);
	/* Without the offset, the module, and what the compiler added to the name. */
	buf[strcspn(buf, "+. [")] = '\0';
	for (i = 0; i < NR(known); i++) {
		if (!strcmp(buf, known[i].function)) {
			snprintf(buf, size, "%s", known[i].words);
			break;
		}
	}
	if (!buf[0])
		snprintf(buf, size, "?");
	return buf;
}
