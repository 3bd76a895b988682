// SPDX-License-Identifier: GPL-2.0-only
#include "race_attach.h"

#include <stdarg.h>
#include <stdio.h>

#include <bpf/btf.h>

#include "kernel/target.h"

#define TRAMPOLINE_ARGUMENTS 6 /* of fentry and fexit, on every kernel */
#define X86_REGISTERS 6
#define ARM64_REGISTERS 8
#define STACK_MAX 1024 /* bytes of arguments: no function has so many */

__attribute__((format(printf, 2, 3))) static bool refuse(struct race_point *point,
							 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(point->reason, sizeof(point->reason), format, args);
	va_end(args);
	point->how = RACE_HOW_NONE;
	return false;
}

bool race_attach__has(const struct race_kernel *kernel, const char *function)
{
	if (types__find(kernel->types, function, BTF_KIND_FUNC))
		return true;
	if (kernel->has && kernel->has(kernel->context, function))
		return true;
	return kernel->target && target__has_symbol(kernel->target, function);
}

const char *race_attach__missing(const struct race_kernel *kernel, const struct race_place *place,
				 bool *calls)
{
	*calls = false;
	if (!race_attach__has(kernel, place->function))
		return place->function;
	if (!place->in[0])
		return NULL;
	/* If it was inlined, there are no calls of it. */
	*calls = race_attach__has(kernel, place->in);
	if (!*calls ||
	    (kernel->calls && !kernel->calls(kernel->context, place->in, place->function)))
		return place->in;
	return NULL;
}

/* Old kernels refuse structures by value and too many arguments. */
static bool trampoline(const struct race_kernel *kernel, const struct btf_type *proto)
{
	const struct btf_type *type;
	uint32_t i, id;

	if (!proto || btf_vlen(proto) > TRAMPOLINE_ARGUMENTS)
		return false;
	if (kernel->target && !target__own_btf(kernel->target))
		return false;
	for (i = 0; i <= btf_vlen(proto); i++) {
		id = i < btf_vlen(proto) ? btf_params(proto)[i].type : proto->type;
		if (!id)
			continue;
		type = types__plain(kernel->types, &id);
		if (!type || !(btf_is_ptr(type) || btf_is_any_enum(type) ||
			       (btf_is_int(type) && type->size <= 8)))
			return false;
	}
	return true;
}

/*
 * System V's x86-64 psABI and arm64's AAPCS64, for integers, pointers and structures of them. On x86-64,
 * what does not fit into the registers that are left is on the stack, and later arguments may still use them; on arm64 they
 * may not.
 */
bool race_attach__argument(const struct types *types, const struct btf_type *proto,
			   uint32_t argument, struct race_argument *where)
{
	const bool arm64 = types__machine(types) == TYPES_ARM64;
	const int registers = arm64 ? ARM64_REGISTERS : X86_REGISTERS;
	uint64_t size, stack = 0;
	int used = 0, wanted;
	uint32_t i;

	for (i = 0; i <= argument && i < btf_vlen(proto); i++) {
		size = types__size(types, btf_params(proto)[i].type);
		if (arm64 && size > 16)
			size = i == argument ? size : 8; /* a pointer to it */
		wanted = size <= 8 ? 1 : size <= 16 ? 2 : registers + 1;
		*where = (struct race_argument){used, (int)stack};
		if (i == argument && size > 8)
			return false;
		if (used + wanted <= registers) {
			used += wanted;
			continue;
		}
		where->number = -1;
		stack += (size + 7) / 8 * 8;
		if (stack > STACK_MAX)
			return false;
		if (arm64)
			used = registers;
	}
	return i > argument;
}

uint64_t race_attach__arguments(const struct race_point *point)
{
	uint64_t all = 0, numbers;
	int i;

	for (i = 0; i < point->calcs; i++) {
		calc__asks(&point->calc[i].calc, CALC_ARGUMENT, &numbers);
		all |= numbers;
	}
	return all;
}

static bool has_arguments(struct race_point *point, const struct types *types,
			  const struct btf_type *proto, uint64_t asked)
{
	struct race_argument where;
	uint32_t i;

	for (i = 0; i < 64; i++)
		if (asked & 1ULL << i &&
		    (!proto || !race_attach__argument(types, proto, i, &where)))
			return refuse(point, "argument %u of %s is larger than a register", i + 1,
				      point->place->function);
	return true;
}

/* Does the running kernel have code of the function to attach to? */
static bool reachable(struct race_point *point, const struct race_kernel *kernel,
		      const char *function)
{
	const char *variant;

	if (kernel->has && !kernel->has(kernel->context, function))
		return refuse(point, "%s has no code of its own: it was inlined", function);
	if (!kernel->target)
		return true;
	if (!target__has_symbol(kernel->target, function)) {
		variant = target__variant(kernel->target, function);
		if (variant)
			return refuse(point,
				      "the compiler made %s of %s: it is not known where its "
				      "arguments are",
				      variant, function);
		return refuse(point, "%s has no code of its own: it was inlined", function);
	}
	if (!point->place->in[0] && !target__traceable(kernel->target, function))
		return refuse(point, "%s cannot be traced on this kernel", function);
	return true;
}

bool race_attach__kprobe(struct race_point *point, const struct types *types)
{
	const struct race_place *place = point->place;
	const bool at_return = place->at == RACE_AT_RETURN || place->at == RACE_AT_RETURN_OF;
	const uint64_t asked = race_attach__arguments(point);

	if (!has_arguments(point, types, types__function(types, place->function), asked))
		return false;
	point->keeps = at_return && asked;
	point->how = place->in[0] ? RACE_HOW_CALL
		     : at_return  ? RACE_HOW_KRETPROBE
				  : RACE_HOW_KPROBE;
	return true;
}

bool race_attach__plan(struct race_point *point, const struct race_kernel *kernel)
{
	const struct race_place *place = point->place;
	const struct btf_type *proto = types__function(kernel->types, place->function);
	const bool at_return = place->at == RACE_AT_RETURN || place->at == RACE_AT_RETURN_OF;

	if (!reachable(point, kernel, place->in[0] ? place->in : place->function))
		return false;
	if (!place->in[0] && trampoline(kernel, proto)) {
		point->how = at_return ? RACE_HOW_FEXIT : RACE_HOW_FENTRY;
		return true;
	}
	return race_attach__kprobe(point, kernel->types);
}
