// SPDX-License-Identifier: GPL-2.0-only
#include "btf_walk.h"
#include "kallsyms.h"
#include "target.h"
#include "target_btf.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/hash.h"
#include "base/number.h"

#define BUCKETS 256

struct target_name {
	char name[TARGET_NAME_MAX];
	struct hash_node node; /* of its bucket */
	char variant[TARGET_NAME_MAX];
	bool symbol;
	bool traceable;
	bool in_btf;
	struct target_function function;
};

struct target {
	struct utsname uts;
	char btf_file[PATH_MAX]; /* "": the kernel's own */
	bool own_btf;
	bool elsewhere;
	bool has_functions; /* its BTF */
	bool tracefs;
	FILE *filter; /* the rest of tracefs's list, which was not needed so far */
	struct text *text; /* opened when code is first read */
	int text_error; /* why it could not be opened */
	struct function_ranges ranges;
	uint64_t address[THPRACE_SYMBOL_MAX];
	bool has_member[TARGET_MEMBER_MAX];
	uint32_t member[TARGET_MEMBER_MAX];
	uint32_t page_struct;
	struct hash_list buckets[BUCKETS];
	size_t count;
	struct target_name names[];
};

/* Each symbol of the kernel is looked up, and few are in the table. */
static struct target_name *find(const struct target *target, const char *name)
{
	struct target_name *entry;

	HASH_EACH(entry, &target->buckets[hash__text(name) % BUCKETS], node)
		if (!strcmp(entry->name, name))
			break;
	return entry;
}

static void add_name(struct target *target, struct target_name *entry, const char *name)
{
	snprintf(entry->name, TARGET_NAME_MAX, "%s", name);
	hash_list__add(&target->buckets[hash__text(entry->name) % BUCKETS], &entry->node);
}

/* Does an argument of this type fit into one register? */
static bool fits_register(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf_walk__resolve(btf, id, NULL);

	if (!type)
		return false;
	return btf_is_ptr(type) || btf_is_any_enum(type) || (btf_is_int(type) && type->size <= 8);
}

/* How many pointers does a parameter's type begin with? */
static unsigned char pointer_depth(const struct btf *btf, __u32 id)
{
	unsigned int pointers;

	btf_walk__resolve(btf, id, &pointers);
	return (unsigned char)pointers;
}

static void read_prototype(const struct btf *btf, __u32 id, struct target_function *function)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_type *proto = type ? btf__type_by_id(btf, type->type) : NULL;
	const struct btf_param *param;
	int i;

	if (!proto || !btf_is_func_proto(proto))
		return;
	function->id = id;
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
			 btf_walk__name(btf, param->name_off));
		function->depth[i] = pointer_depth(btf, param->type);
	}
}

/* The kernel's own BTF, or the BTF of a file that is named or found. NULL with a reason in why. */
static struct btf *open_btf(struct target *target, const char *file, char *why, size_t why_size)
{
	libbpf_print_fn_t print;
	struct btf *btf;
	int error;

	target->own_btf = target->elsewhere || target_btf__own();
	if (file)
		snprintf(target->btf_file, sizeof(target->btf_file), "%s", file);
	else if (!target->own_btf)
		target_btf__search(target->uts.release, target->btf_file, sizeof(target->btf_file));
	if (target->btf_file[0])
		return target_btf__read(target->btf_file, why, why_size);
	print = libbpf_set_print(NULL); /* failures are reported here */
	btf = btf__load_vmlinux_btf();
	error = errno;
	libbpf_set_print(print);
	if (!btf)
		snprintf(
			why, why_size,
			"this kernel (%s) offers no BTF: %s. It needs CONFIG_DEBUG_INFO_BTF=y "
			"(/sys/kernel/btf/vmlinux), or a file with its BTF (--btf, or %s.btf in " TARGET_BTF_WHERE
			"); without it no program can be relocated to it",
			target->uts.release, error == ESRCH ? "not there" : strerror(error),
			target->uts.release);
	return btf;
}

struct btf *target__read_btf(const struct target *target, char *why, size_t why_size)
{
	struct btf *btf;

	if (target->btf_file[0])
		return target_btf__read(target->btf_file, why, why_size);
	btf = btf__load_vmlinux_btf();
	if (!btf)
		snprintf(why, why_size, "cannot read this kernel's BTF: %s", strerror(errno));
	return btf;
}

static void read_member(struct target *target, const struct btf *btf, const struct btf_type *type)
{
	static const struct {
		const char *type;
		const char *member;
	} wanted[TARGET_MEMBER_MAX] = {
		[TARGET_FILE_MAPPING] = {"file", "f_mapping"},
	};
	int i;

	for (i = TARGET_NO_MEMBER + 1; i < TARGET_MEMBER_MAX; i++)
		if (!target->has_member[i] &&
		    !strcmp(btf_walk__name(btf, type->name_off), wanted[i].type))
			target->has_member[i] =
				btf_walk__member(btf, type, wanted[i].member, &target->member[i]);
}

/* In one pass, because BTF has no index and a search by name visits all of it. */
static void read_prototypes(struct target *target, const struct btf *btf)
{
	__u32 id, types = btf__type_cnt(btf);
	const struct btf_type *type;
	struct target_name *entry;

	for (id = 1; id < types; id++) {
		type = btf__type_by_id(btf, id);
		if (btf_is_struct(type))
			read_member(target, btf, type);
		if (!btf_is_func(type))
			continue;
		entry = find(target, btf_walk__name(btf, type->name_off));
		if (!entry || entry->in_btf)
			continue;
		entry->in_btf = true;
		read_prototype(btf, id, &entry->function);
		if (target->elsewhere)
			entry->symbol = true;
	}
}

/* Returns whether it belongs to one of the functions that are needed. */
static bool note_symbol(struct target *target, const char *symbol)
{
	const char *dot = strchr(symbol, '.');
	char base[TARGET_NAME_MAX];
	struct target_name *entry;

	if (!dot) {
		entry = find(target, symbol);
		if (entry)
			entry->symbol = true;
		return entry;
	}
	if ((size_t)(dot - symbol) >= sizeof(base))
		return false;
	memcpy(base, symbol, dot - symbol);
	base[dot - symbol] = '\0';
	entry = find(target, base);
	if (entry && !entry->variant[0] && strncmp(dot, ".cold", 5) != 0)
		snprintf(entry->variant, sizeof(entry->variant), "%.*s", TARGET_NAME_MAX - 1,
			 symbol);
	return entry;
}

static void note_address(struct target *target, const char *symbol, uint64_t address)
{
	static const char *const names[] = THPRACE_SYMBOL_NAMES;
	int i;

	for (i = 0; i < THPRACE_SYMBOL_MAX; i++)
		if (!strcmp(names[i], symbol))
			target->address[i] = address;
}

/* "ffffffff81000000 T _stext", and more for modules; sscanf() would take most of the time. */
static const char *take_symbol(char *line, uint64_t *address, char *kind)
{
	const char *past = line;
	char *at, *symbol;

	if (number__take(&past, 16, address) || past[0] != ' ' || !past[1] || past[2] != ' ')
		return NULL;
	*kind = past[1];
	symbol = line + (past - line) + 3;
	for (at = symbol; (unsigned char)*at > ' '; at++)
		;
	*at = '\0';
	return at > symbol ? symbol : NULL;
}

/*
 * The file begins with the kernel's own symbols, sorted by address; after its text come only
 * functions of modules and of the boot. past_text: is the symbol after the text?
 */
static bool nothing_more(const struct target *target, bool past_text)
{
	int i;

	for (i = 0; past_text && i < THPRACE_SYMBOL_MAX; i++)
		past_text = target->address[i] != 0;
	return past_text;
}

/* functions: of BTF, to be compared with the symbols; or NULL */
static int read_symbols(struct target *target, struct btf_functions *functions, char *why,
			size_t why_size)
{
	FILE *file = kallsyms__open();
	char line[512], kind;
	bool past_text = false;
	const char *symbol;
	uint64_t address;

	if (!file) {
		snprintf(why, why_size, "cannot read /proc/kallsyms: %s", strerror(errno));
		return -errno;
	}
	while (fgets(line, sizeof(line), file)) {
		symbol = take_symbol(line, &address, &kind);
		if (!symbol)
			continue;
		note_address(target, symbol, address);
		if (kind == 't' || kind == 'T')
			function_ranges__note(&target->ranges, symbol, address,
					      note_symbol(target, symbol));
		if (functions)
			btf_functions__note(functions, symbol);
		past_text = past_text || !strcmp(symbol, "_etext");
		if (!functions && nothing_more(target, past_text))
			break;
	}
	fclose(file);
	return 0;
}

/*
 * Programs that are relocated with another kernel's BTF read wrong data. A kernel has every
 * function of its own BTF. Seen with BTF of another version: 7 to 17 % missing; of another build of
 * the same version: 1.
 */
static int check_kernel(const struct target *target, const struct btf_functions *functions,
			char *why, size_t why_size)
{
	const char *example;
	size_t count, i, strange = btf_functions__strange(functions, &count, &example);
	const struct target_name *entry;
	bool wrong = strange * 1000 > count;

	for (i = 0; i < target->count && !wrong; i++) {
		entry = &target->names[i];
		wrong = entry->in_btf && !entry->symbol && !entry->variant[0];
		example = wrong ? entry->name : example;
	}
	if (!wrong)
		return 0;
	snprintf(
		why, why_size,
		"%s is the BTF of another kernel than the running one (%s): %zu of its %zu functions "
		"are not in this one, %s for instance",
		target->btf_file, target->uts.release, strange, count, example);
	return -EINVAL;
}

/* Symbols and prototypes, which belong to one kernel. */
static int read_kernel(struct target *target, const struct target_options *options, char *why,
		       size_t why_size)
{
	struct btf_functions *functions = NULL;
	struct btf *btf;
	int err = 0, id;

	btf = open_btf(target, options->btf, why, why_size);
	if (!btf)
		return -ENOTSUP;
	target->has_functions = btf_walk__has_functions(btf);
	if (!target->has_functions && !target->elsewhere) {
		snprintf(why, why_size,
			 "%s has types only, and no functions: their arguments are "
			 "not known",
			 target->btf_file[0] ? target->btf_file : "the kernel's BTF");
		err = -ENOTSUP;
		goto cleanup;
	}
	read_prototypes(target, btf);
	id = btf__find_by_name_kind(btf, "page", BTF_KIND_STRUCT);
	if (id > 0)
		target->page_struct = btf__type_by_id(btf, (__u32)id)->size;
	if (target->elsewhere)
		goto cleanup;
	if (target->btf_file[0]) {
		functions = btf_functions__new(btf);
		if (!functions) {
			snprintf(why, why_size, "out of memory");
			err = -ENOMEM;
			goto cleanup;
		}
	}
	err = read_symbols(target, functions, why, why_size);
	if (!err && functions)
		err = check_kernel(target, functions, why, why_size);

cleanup:
	btf_functions__free(functions);
	btf__free(btf);
	return err;
}

static void open_filter(struct target *target)
{
	static const char *const paths[] = {
		"/sys/kernel/tracing/available_filter_functions",
		"/sys/kernel/debug/tracing/available_filter_functions",
	};
	size_t i;
	int c;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]) && !target->filter; i++)
		target->filter = fopen(paths[i], "re");
	if (!target->filter)
		return;
	c = getc(target->filter);
	target->tracefs = c != EOF;
	ungetc(c, target->filter);
}

/*
 * Read on until this function is found. The kernel starts over for each page of this file, so its
 * end takes the longest; functions of mm are far from it.
 */
static void look_for(struct target *target, const struct target_name *wanted)
{
	struct target_name *entry;
	char line[512];

	while (!wanted->traceable && fgets(line, sizeof(line), target->filter)) {
		line[strcspn(line, " \t\n")] = '\0';
		entry = find(target, line);
		if (entry)
			entry->traceable = true;
	}
}

/* Does the first line of a file contain this text? */
static bool file_contains(const char *path, const char *text)
{
	FILE *file = fopen(path, "re");
	char line[128];
	bool found;

	if (!file)
		return false;
	found = fgets(line, sizeof(line), file) && strstr(line, text);
	fclose(file);
	return found;
}

/* Settings that prevent programs from being loaded or, worse, from running once attached. */
static int check_settings(char *why, size_t why_size)
{
	/* fentry and kprobes at a function's entry use ftrace: attached, they never run. */
	if (file_contains("/proc/sys/kernel/ftrace_enabled", "0")) {
		snprintf(why, why_size,
			 "function tracing is switched off, so no attached program would run: "
			 "'sysctl kernel.ftrace_enabled=1' switches it on");
		return -EOPNOTSUPP;
	}
	/* LOCKDOWN_BPF_READ_KERNEL and LOCKDOWN_KPROBES, security/security.c since 5.4 */
	if (file_contains("/sys/kernel/security/lockdown", "[confidentiality]")) {
		snprintf(why, why_size,
			 "kernel lockdown is at 'confidentiality', which forbids BPF programs to "
			 "read kernel memory, and kprobes; boot with lockdown=integrity or none");
		return -EPERM;
	}
	return 0;
}

bool target__too_old(const char *release)
{
	uint64_t major, minor;

	return number__release(&release, &major, &minor) &&
	       (major < 5 || (major == 5 && minor < 10));
}

static int check_age(const char *release, char *why, size_t why_size)
{
	if (!target__too_old(release))
		return 0;
	snprintf(why, why_size,
		 "this kernel (%s) is too old: thprace needs Linux 5.10 or newer, the first that "
		 "runs a raw_tp program on demand (BPF_PROG_TEST_RUN)",
		 release);
	return -ENOTSUP;
}

int target__new(struct target **result, const struct target_options *options,
		const char *const *names, size_t count, char *why, size_t why_size)
{
	struct target *target = calloc(1, sizeof(*target) + count * sizeof(target->names[0]));
	size_t i;
	int err = 0;

	if (!target) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	target->count = count;
	target->elsewhere = options->elsewhere;
	for (i = 0; i < count; i++)
		add_name(target, &target->names[i], names[i]);
	if (!target->elsewhere) {
		uname(&target->uts);
		err = check_age(target->uts.release, why, why_size);
		if (!err)
			err = check_settings(why, why_size);
	}
	if (!err)
		err = read_kernel(target, options, why, why_size);
	if (err) {
		target__free(target);
		return err;
	}
	if (!target->elsewhere)
		open_filter(target);
	*result = target;
	return 0;
}

void target__close_files(struct target *target)
{
	text__close(target->text);
	target->text = NULL;
	if (target->filter)
		fclose(target->filter);
	target->filter = NULL;
}

void target__free(struct target *target)
{
	if (target)
		target__close_files(target);
	free(target);
}

const char *target__btf_file(const struct target *target)
{
	return target->btf_file[0] ? target->btf_file : NULL;
}

bool target__own_btf(const struct target *target)
{
	return target->own_btf;
}

bool target__elsewhere(const struct target *target)
{
	return target->elsewhere;
}

bool target__has_functions(const struct target *target)
{
	return target->has_functions;
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

bool target__member(const struct target *target, enum target_member member, uint32_t *offset)
{
	*offset = target->member[member];
	return target->has_member[member];
}

uint32_t target__page_struct(const struct target *target)
{
	return target->page_struct;
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

const struct function_ranges *target__function_ranges(const struct target *target)
{
	return &target->ranges;
}

int target__code(struct target *target, uint64_t address, void *code, size_t size)
{
	if (target->elsewhere)
		return -ENOTSUP;
	if (!target->text && !target->text_error)
		target->text_error = text__open(&target->text);
	return target->text ? text__read(target->text, address, code, size) : target->text_error;
}

const char *target__variant(const struct target *target, const char *name)
{
	const struct target_name *entry = find(target, name);

	return entry && entry->variant[0] ? entry->variant : NULL;
}

bool target__traceable(struct target *target, const char *name)
{
	const struct target_name *entry = find(target, name);

	if (entry && target->filter)
		look_for(target, entry);
	return !target->tracefs || (entry && entry->traceable);
}
