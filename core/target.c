// SPDX-License-Identifier: GPL-2.0-only
#include "kallsyms.h"
#include "target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

struct target_name {
	char name[TARGET_NAME_MAX];
	char variant[TARGET_NAME_MAX];
	bool symbol;
	bool traceable;
	bool in_btf;
	struct target_function function;
};

struct target {
	struct utsname uts;
	bool tracefs;
	uint64_t address[THPRACE_SYMBOL_MAX];
	size_t count;
	struct target_name names[];
};

static struct target_name *find(const struct target *target, const char *name)
{
	size_t i;

	for (i = 0; i < target->count; i++)
		if (!strcmp(target->names[i].name, name))
			return (struct target_name *)&target->names[i];
	return NULL;
}

/* Does an argument of this type fit into one register? */
static bool fits_register(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	if (!type)
		return false;
	return btf_is_ptr(type) || btf_is_any_enum(type) || (btf_is_int(type) && type->size <= 8);
}

/* How many pointers stand before what a parameter's type is about? */
static unsigned char pointer_depth(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	unsigned char depth = 0;

	while (type && (btf_is_mod(type) || btf_is_typedef(type) || btf_is_ptr(type))) {
		depth += btf_is_ptr(type);
		type = btf__type_by_id(btf, type->type);
	}
	return depth;
}

static void read_prototype(const struct btf *btf, __u32 id, struct target_function *function)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_type *proto = type ? btf__type_by_id(btf, type->type) : NULL;
	const struct btf_param *param;
	int i;

	if (!proto || !btf_is_func_proto(proto))
		return;
	function->nargs = btf_vlen(proto);
	function->returns = proto->type != 0;
	function->simple = !proto->type || fits_register(btf, proto->type);
	param = btf_params(proto);
	for (i = 0; i < function->nargs; i++, param++) {
		if (!fits_register(btf, param->type))
			function->simple = false;
		if (i >= TARGET_PARAMS_MAX)
			continue;
		snprintf(function->param[i], TARGET_NAME_MAX, "%s",
			 btf__name_by_offset(btf, param->name_off));
		function->depth[i] = pointer_depth(btf, param->type);
	}
}

static int read_btf(struct target *target, char *why, size_t why_size)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL); /* what fails is told here */
	struct btf *btf = btf__load_vmlinux_btf();
	int error = errno;
	size_t i;
	int id;

	libbpf_set_print(print);
	if (!btf) {
		snprintf(why, why_size,
			 "this kernel (%s) offers no BTF: %s. It needs CONFIG_DEBUG_INFO_BTF=y "
			 "(/sys/kernel/btf/vmlinux); without it no program can be relocated to it",
			 target->uts.release, error == ESRCH ? "not there" : strerror(error));
		return -ENOTSUP;
	}
	for (i = 0; i < target->count; i++) {
		id = btf__find_by_name_kind(btf, target->names[i].name, BTF_KIND_FUNC);
		if (id <= 0)
			continue;
		target->names[i].in_btf = true;
		read_prototype(btf, id, &target->names[i].function);
	}
	btf__free(btf);
	return 0;
}

static void note_symbol(struct target *target, const char *symbol)
{
	const char *dot = strchr(symbol, '.');
	char base[TARGET_NAME_MAX];
	struct target_name *entry;

	if (!dot) {
		entry = find(target, symbol);
		if (entry)
			entry->symbol = true;
		return;
	}
	if ((size_t)(dot - symbol) >= sizeof(base) || !strncmp(dot, ".cold", 5))
		return;
	memcpy(base, symbol, dot - symbol);
	base[dot - symbol] = '\0';
	entry = find(target, base);
	if (entry && !entry->variant[0])
		snprintf(entry->variant, sizeof(entry->variant), "%.*s", TARGET_NAME_MAX - 1,
			 symbol);
}

static void note_address(struct target *target, const char *symbol, uint64_t address)
{
	static const char *const names[] = THPRACE_SYMBOL_NAMES;
	int i;

	for (i = 0; i < THPRACE_SYMBOL_MAX; i++)
		if (!strcmp(names[i], symbol))
			target->address[i] = address;
}

static int read_symbols(struct target *target, char *why, size_t why_size)
{
	FILE *file = kallsyms__open();
	char line[512], symbol[256], kind;
	uint64_t address;

	if (!file) {
		snprintf(why, why_size, "cannot read /proc/kallsyms: %s", strerror(errno));
		return -errno;
	}
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %c %255s", &address, &kind, symbol) != 3)
			continue;
		note_address(target, symbol, address);
		if (kind == 't' || kind == 'T')
			note_symbol(target, symbol);
	}
	fclose(file);
	return 0;
}

static void read_traceable(struct target *target)
{
	static const char *const paths[] = {
		"/sys/kernel/tracing/available_filter_functions",
		"/sys/kernel/debug/tracing/available_filter_functions",
	};
	struct target_name *entry;
	char line[512];
	FILE *file = NULL;
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]) && !file; i++)
		file = fopen(paths[i], "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n")] = '\0';
		entry = find(target, line);
		if (entry)
			entry->traceable = true;
		target->tracefs = true;
	}
	fclose(file);
}

/* Does the first line of a file hold this text? */
static bool file_says(const char *path, const char *text)
{
	FILE *file = fopen(path, "re");
	char line[128];
	bool says;

	if (!file)
		return false;
	says = fgets(line, sizeof(line), file) && strstr(line, text);
	fclose(file);
	return says;
}

/* What keeps every program from being loaded or, worse, from being run once it is attached. */
static int check_settings(char *why, size_t why_size)
{
	/* fentry and kprobes at a function's entry go through ftrace: attached, they never run. */
	if (file_says("/proc/sys/kernel/ftrace_enabled", "0")) {
		snprintf(why, why_size,
			 "function tracing is switched off, nothing attached would ever run: "
			 "'sysctl kernel.ftrace_enabled=1' switches it on");
		return -EOPNOTSUPP;
	}
	/* LOCKDOWN_BPF_READ_KERNEL and LOCKDOWN_KPROBES, security/security.c since 5.4 */
	if (file_says("/sys/kernel/security/lockdown", "[confidentiality]")) {
		snprintf(why, why_size,
			 "kernel lockdown is at 'confidentiality', which forbids BPF programs to "
			 "read kernel memory, and kprobes; boot with lockdown=integrity or none");
		return -EPERM;
	}
	return 0;
}

/* BPF ring buffers came with 5.8; without them nothing can be brought out. */
static int check_age(const char *release, char *why, size_t why_size)
{
	int major = 0, minor = 0;

	if (sscanf(release, "%d.%d", &major, &minor) == 2 &&
	    (major < 5 || (major == 5 && minor < 8))) {
		snprintf(
			why, why_size,
			"this kernel (%s) is too old: thprace needs Linux 5.8 or newer, for the BPF "
			"ring buffer",
			release);
		return -ENOTSUP;
	}
	return 0;
}

int target__new(struct target **result, const char *const *names, size_t count, char *why,
		size_t why_size)
{
	struct target *target = calloc(1, sizeof(*target) + count * sizeof(target->names[0]));
	size_t i;
	int err;

	if (!target) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	target->count = count;
	for (i = 0; i < count; i++)
		snprintf(target->names[i].name, TARGET_NAME_MAX, "%s", names[i]);
	uname(&target->uts);
	err = check_age(target->uts.release, why, why_size);
	if (!err)
		err = check_settings(why, why_size);
	if (!err)
		err = read_symbols(target, why, why_size);
	if (!err)
		err = read_btf(target, why, why_size);
	if (err) {
		target__free(target);
		return err;
	}
	read_traceable(target);
	*result = target;
	return 0;
}

void target__free(struct target *target)
{
	free(target);
}

const char *target__release(const struct target *target)
{
	return target->uts.release;
}

const char *target__machine(const struct target *target)
{
	return target->uts.machine;
}

bool target__function(const struct target *target, const char *name,
		      struct target_function *function)
{
	const struct target_name *entry = find(target, name);

	if (!entry || !entry->in_btf)
		return false;
	*function = entry->function;
	return true;
}

bool target__has_symbol(const struct target *target, const char *name)
{
	const struct target_name *entry = find(target, name);

	return entry && entry->symbol;
}

uint64_t target__address(const struct target *target, enum thprace_symbol symbol)
{
	return target->address[symbol];
}

const char *target__variant(const struct target *target, const char *name)
{
	const struct target_name *entry = find(target, name);

	return entry && entry->variant[0] ? entry->variant : NULL;
}

bool target__traceable(const struct target *target, const char *name)
{
	const struct target_name *entry = find(target, name);

	return !target->tracefs || (entry && entry->traceable);
}
