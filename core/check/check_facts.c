// SPDX-License-Identifier: GPL-2.0-only
/* Where each fact is looked up, in order. */
#include "check_facts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>
#include <thprace/watch.h>
#include "kernel/arguments.h"
#include "check_source.h"
#include "code/code.h"
#include "image/image.h"
#include "base/names.h"

#define PARAMETER_FLAGS 4 /* of a function that an rmap walk calls: (page, vma, address, arg) */
#define ARGUMENT_FLAGS 2 /* of try_to_unmap and try_to_migrate */

static __attribute__((format(printf, 4, 5))) void set(struct check_fact *fact,
						      enum check_answer answer,
						      enum check_kind kind, const char *format, ...)
{
	va_list list;

	fact->answer = answer;
	fact->kind = kind;
	va_start(list, format);
	vsnprintf(fact->text, sizeof(fact->text), format, list);
	va_end(list);
	/* It may quote symbols of an image. */
	names__clean(fact->text, sizeof(fact->text), fact->text, sizeof(fact->text), 0);
}

/* A function that every kernel with the feature has, and that no compiler can remove. */
static void find_function(struct check_fact *fact, const struct check_source *source,
			  const char *name)
{
	enum check_answer answer = check_source__symbol(source, name);

	if (answer == CHECK_NOT_KNOWN) {
		answer = check_source__function(source, name, NULL);
		set(fact, answer, CHECK_BY_BTF, "%s function %s",
		    answer == CHECK_YES ? "there is a" : "there is no", name);
	} else {
		set(fact, answer, CHECK_BY_SYMBOL, "%s function %s",
		    answer == CHECK_YES ? "there is a" : "there is no", name);
	}
	if (answer == CHECK_NOT_KNOWN)
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_SYMBOL,
		    "is there a function %s? There are neither symbols nor BTF", name);
}

/* One of two names, page or folio. */
static const char *either(const struct check_source *source, const char *one, const char *other)
{
	if (check_source__symbol(source, one) == CHECK_YES ||
	    check_source__function(source, one, NULL) == CHECK_YES)
		return one;
	return other;
}

static void find_thp(struct check_fact *fact, const struct check_source *source)
{
	find_function(fact, source, "zap_huge_pmd");
	if (fact->answer == CHECK_NOT_KNOWN)
		return;
	if (fact->answer == CHECK_NO)
		set(fact, CHECK_NO, fact->kind,
		    "there is no function zap_huge_pmd: built without transparent huge pages");
}

static uint32_t find_flag(struct check_fact *fact, const struct check_source *source)
{
	uint32_t value = 0;

	switch (check_source__enumerator(source, "ttu_flags", "TTU_SYNC", &value)) {
	case CHECK_YES:
		set(fact, CHECK_YES, CHECK_BY_BTF, "enum ttu_flags has TTU_SYNC: %#x", value);
		break;
	case CHECK_NO:
		set(fact, CHECK_NO, CHECK_BY_BTF, "enum ttu_flags has no TTU_SYNC");
		break;
	default:
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_BTF,
		    "has enum ttu_flags TTU_SYNC? BTF is needed (--btf, or an image with BTF)");
	}
	/* A test of several bits proves nothing; no kernel has such a flag. */
	return value & (value - 1) ? 0 : value;
}

/* Code is not available, or cannot be: what would have been looked up in it. */
static bool no_code(struct check_fact *fact, const struct check_source *source,
		    const char *question)
{
	if (source->code)
		return false;
	set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? No code: %s", question, source->no_code);
	return true;
}

static void list_values(const struct code_bit *bit, char *text, size_t size)
{
	size_t have = 0;
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < bit->nr_values && have < size; i++)
		have += (size_t)snprintf(text + have, size - have, "%s%#x", i ? ", " : ": ",
					 bit->values[i]);
}

/*
 * The flag in calls of callee in any of the functions: all calls count, the first function that has
 * one is named and its values are kept. Returns that function, or NULL.
 */
static const char *add_calls(const struct check_source *source, const char *const *functions,
			     const char *callee, uint32_t flag, struct code_bit *all)
{
	const char *caller = NULL;
	struct code_bit bit;
	size_t i;

	memset(all, 0, sizeof(*all));
	for (i = 0; functions[i] && flag; i++) {
		if (code__passes(source->code, functions[i], callee, ARGUMENT_FLAGS, flag, &bit) ||
		    !bit.calls)
			continue;
		bit.calls += all->calls;
		bit.set += all->set;
		bit.clear += all->clear;
		if (caller) {
			memcpy(bit.values, all->values, sizeof(bit.values));
			bit.nr_values = all->nr_values;
		} else {
			caller = functions[i];
		}
		*all = bit;
	}
	return caller;
}

static void find_passing(struct check_fact *fact, const struct check_source *source,
			 const char *const *functions, const char *callee, uint32_t flag,
			 const char *who)
{
	char question[96], values[96];
	const char *caller;
	struct code_bit all;

	snprintf(question, sizeof(question), "does %s pass TTU_SYNC to %s", who, callee);
	if (no_code(fact, source, question))
		return;
	caller = add_calls(source, functions, callee, flag, &all);
	list_values(&all, values, sizeof(values));
	if (all.clear)
		set(fact, CHECK_NO, CHECK_BY_CODE, "%s calls %s without TTU_SYNC%s", caller, callee,
		    values);
	else if (all.calls && all.set == all.calls)
		set(fact, CHECK_YES, CHECK_BY_CODE, "%s passes TTU_SYNC to %s%s", caller, callee,
		    values);
	else if (all.calls)
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? %s calls it, with flags that could not be followed", question, caller);
	else if (!flag)
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? The flag's number is not known",
		    question);
	else
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? No call of it was found in the functions of %s", question, who);
}

static void find_honouring(struct check_fact *fact, const struct check_source *source,
			   const char *function, uint32_t flag)
{
	struct code_question question = {.parameter = PARAMETER_FLAGS,
					 .bit = flag,
					 .walk = "page_vma_mapped_walk",
					 .value = THPRACE_PVMW_SYNC};
	struct code_use use = {0};
	char query[96];

	snprintf(query, sizeof(query), "does %s walk with PVMW_SYNC when TTU_SYNC says so",
		 function);
	if (no_code(fact, source, query))
		return;
	if (!flag || check_source__member(source, "page_vma_mapped_walk", "flags",
					  &question.member) != CHECK_YES) {
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? BTF lacks the flag's number or struct page_vma_mapped_walk", query);
		return;
	}
	if (code__uses(source->code, function, &question, &use))
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? It or page_vma_mapped_walk is not in the image, or too much to follow",
		    query);
	else if (use.walks && use.tests && use.stores)
		set(fact, CHECK_YES, CHECK_BY_CODE,
		    "%s tests TTU_SYNC, and sets PVMW_SYNC for its walk", function);
	else if (use.walks && !use.tests && !use.stores)
		set(fact, CHECK_NO, CHECK_BY_CODE,
		    "%s does not test TTU_SYNC, and never sets PVMW_SYNC for its walk", function);
	else
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? Its code could not be followed (walks %u, tests %u, stores %u)", query,
		    use.walks, use.tests, use.stores);
}

/* split_huge_pmd_locked: 6.10 and later; before that, a walk splits before it begins. */
static void find_ending(struct check_fact *fact, const struct check_source *source,
			const char *function)
{
	static const char split[] = "split_huge_pmd_locked", walk[] = "page_vma_mapped_walk";
	struct code_reach reach;
	char query[96];
	int err;

	snprintf(query, sizeof(query), "does %s end its walk after it has split a huge pmd",
		 function);
	if (no_code(fact, source, query))
		return;
	err = code__reaches(source->code, function, split, walk, &reach);
	if (err == -ENOENT && code__has(source->code, function) && code__has(source->code, walk))
		set(fact, CHECK_NO, CHECK_BY_CODE, "there is no %s, which a walk would call",
		    split);
	else if (err || reach.unclear)
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? Its code could not be followed",
		    query);
	else if (!reach.calls)
		set(fact, CHECK_NO, CHECK_BY_CODE, "%s does not split a huge pmd in its walk",
		    function);
	else if (reach.reached == reach.calls)
		set(fact, CHECK_NO, CHECK_BY_CODE,
		    "%s goes on with its walk after it has split a huge pmd", function);
	else
		set(fact, CHECK_YES, CHECK_BY_CODE,
		    "%s ends its walk after it has split a huge pmd: no way leads from %s to %s",
		    function, split, walk);
}

/* Does one of the functions call callee? */
static void find_call(struct check_fact *fact, const struct check_source *source,
		      const char *const *functions, const char *callee, const char *who)
{
	const char *looked = NULL;
	char question[96];
	int calls;
	size_t i;

	snprintf(question, sizeof(question), "does %s call %s", who, callee);
	if (no_code(fact, source, question))
		return;
	for (i = 0; functions[i]; i++) {
		calls = code__calls(source->code, functions[i], callee);
		if (calls > 0) {
			set(fact, CHECK_YES, CHECK_BY_CODE, "%s calls %s", functions[i], callee);
			return;
		}
		if (calls == 0 && !looked)
			looked = functions[i];
	}
	if (looked)
		set(fact, CHECK_NO, CHECK_BY_CODE, "%s does not call %s", looked, callee);
	else
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? %s is not in the image", question,
		    code__has(source->code, callee) ? who : callee);
}

static void find_unmapping(struct check_facts *facts, const struct check_source *source)
{
	/* 5.13 (5.10.47) and 5.16; zap_details: 5.13, 5.16. */
	static const char *const truncation[] = {
		"truncate_cleanup_folio", "truncate_cleanup_page",	"truncate_inode_folio",
		"truncate_inode_page",	  "truncate_inode_pages_range", NULL};
	/* folio_unmap_invalidate: 6.14 and later. */
	static const char *const invalidation[] = {"invalidate_inode_pages2_range",
						   "folio_unmap_invalidate", NULL};
	const char *name = either(source, "unmap_mapping_folio", "unmap_mapping_page");
	struct check_fact *fact = &facts->fact[FACT_ZAP_SINGLE];
	const char *member = "single_folio";
	enum check_answer answer;
	uint32_t offset;

	find_function(&facts->fact[FACT_UNMAP_SINGLE], source, name);
	answer = check_source__member(source, "zap_details", member, &offset);
	if (answer == CHECK_NO) {
		member = "single_page";
		answer = check_source__member(source, "zap_details", member, &offset);
	}
	if (answer == CHECK_NOT_KNOWN)
		set(fact, answer, CHECK_BY_BTF,
		    "has struct zap_details single_page or single_folio? BTF is needed");
	else if (answer == CHECK_NO)
		set(fact, answer, CHECK_BY_BTF,
		    "struct zap_details has neither single_page nor single_folio");
	else
		set(fact, answer, CHECK_BY_BTF, "struct zap_details has %s", member);
	find_call(&facts->fact[FACT_TRUNCATE_CALLS], source, truncation, name, "truncation");
	find_call(&facts->fact[FACT_INVALIDATE_CALLS], source, invalidation, name, "invalidation");
}

/* A compare-and-exchange on the reference count: page_ref_freeze(). */
static void find_freeze(struct check_facts *facts, const struct check_source *source)
{
	static const char *const functions[] = {"__folio_freeze_and_split_unmapped",
						"__folio_split", "split_huge_page_to_list_to_order",
						"split_huge_page_to_list", NULL};
	struct check_fact *fact = &facts->fact[FACT_FREEZES], *split = &facts->fact[FACT_NEW_SPLIT];
	const char *exchange;
	uint32_t offset;
	size_t i;

	find_function(split, source, "__split_huge_pmd");
	if (split->answer == CHECK_YES)
		set(split, CHECK_YES, split->kind,
		    "__split_huge_pmd: the split of 4.5 and later, which freezes the reference count");
	else if (split->answer == CHECK_NO)
		set(split, CHECK_NOT_KNOWN, split->kind,
		    "there is no __split_huge_pmd: a split as before 4.5 is not judged");
	if (no_code(fact, source, "does a split freeze the reference count"))
		return;
	exchange = image__machine(source->image) == IMAGE_ARM64 ? "cas" : "lock cmpxchg";
	if (check_source__member(source, "page", "_refcount", &offset) == CHECK_YES) {
		for (i = 0; functions[i]; i++) {
			if (code__exchanges(source->code, functions[i], offset) <= 0)
				continue;
			set(fact, CHECK_YES, CHECK_BY_CODE,
			    "%s freezes the reference count (%s), which a zap still holds",
			    functions[i], exchange);
			return;
		}
	}
	set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
	    "does a split freeze the reference count? Not seen in its code");
}

static void find_poison(struct check_fact *fact, const struct check_source *source)
{
	enum check_answer answer;

	find_function(fact, source, "memory_failure");
	if (fact->answer != CHECK_NOT_KNOWN)
		return;
	answer = check_source__config(source, "CONFIG_MEMORY_FAILURE");
	if (answer != CHECK_NOT_KNOWN)
		set(fact, answer, CHECK_BY_CONFIG, "CONFIG_MEMORY_FAILURE is %s",
		    answer == CHECK_YES ? "set" : "not set");
}

static void find_numa(struct check_fact *fact, const struct check_source *source)
{
	enum check_answer answer = check_source__config(source, "CONFIG_NUMA");
	uint32_t offset;

	if (answer != CHECK_NOT_KNOWN) {
		set(fact, answer, CHECK_BY_CONFIG, "CONFIG_NUMA is %s",
		    answer == CHECK_YES ? "set: khugepaged allocates anew for each collapse"
					: "not set");
		return;
	}
	answer = check_source__member(source, "vm_area_struct", "vm_policy", &offset);
	if (answer == CHECK_NOT_KNOWN)
		set(fact, answer, CHECK_BY_CONFIG,
		    "is CONFIG_NUMA set? BTF or the configuration is needed (--config)");
	else
		set(fact, answer, CHECK_BY_BTF,
		    "struct vm_area_struct has %s, so CONFIG_NUMA is %s",
		    answer == CHECK_YES ? "vm_policy" : "no vm_policy",
		    answer == CHECK_YES ? "set: khugepaged allocates anew for each collapse"
					: "not set");
}

/*
 * The compiler's variant of collapse_file(mm, file, start, hpage, node), without NUMA mostly
 * collapse_file.constprop.0, for which BTF has no prototype: does its code read the first four
 * arguments from their registers? Since 6.0 there is struct collapse_control, and no hpage.
 */
static bool carries_by_code(const struct check_source *source, const char **variant)
{
	struct arguments_known known = {.count = 4, .structure = 1};
	const struct image_symbol *symbols;
	const unsigned char *code;
	size_t i, size, count;
	uint32_t offset;

	if (!source->code || image__machine(source->image) != IMAGE_X86_64 || !source->btf ||
	    check_source__member(source, "collapse_control", "", &offset) != CHECK_NOT_KNOWN ||
	    check_source__member(source, "file", "f_mapping", &known.member) != CHECK_YES)
		return false;
	count = image__symbols(source->image, &symbols);
	for (i = 0; i < count; i++) {
		if (strncmp(symbols[i].name, "collapse_file.", 14) != 0 ||
		    strstr(symbols[i].name, ".cold") || strstr(symbols[i].name, ".part."))
			continue;
		*variant = symbols[i].name;
		code = image__code(source->image, symbols[i].address, &size);
		if (code && arguments__in_place(&known, code, size < 256 ? size : 256))
			return true;
	}
	return false;
}

/* Until 5.19: collapse_file(mm, file, start, hpage, node). */
static void find_carrying(struct check_fact *fact, const struct check_source *source)
{
	enum check_answer answer = check_source__function(source, "collapse_file", "hpage");
	const char *variant;
	uint32_t offset;

	if (answer != CHECK_NOT_KNOWN) {
		set(fact, answer, CHECK_BY_BTF, "collapse_file takes %s",
		    answer == CHECK_YES ? "a huge page (hpage) that an earlier call may have used"
					: "no huge page from its caller");
		return;
	}
	if (check_source__symbol(source, "khugepaged_prealloc_page") == CHECK_YES)
		set(fact, CHECK_YES, CHECK_BY_SYMBOL, "there is khugepaged_prealloc_page");
	else if (carries_by_code(source, &variant))
		set(fact, CHECK_YES, CHECK_BY_CODE,
		    "%.40s has its file as the second of four whole arguments; the fourth is a "
		    "huge page (hpage) that an earlier call may have used",
		    variant);
	else if (check_source__symbol(source, "khugepaged") == CHECK_NO)
		set(fact, CHECK_NO, CHECK_BY_SYMBOL, "there is no khugepaged");
	else if (check_source__member(source, "collapse_control", "node_load", &offset) ==
		 CHECK_YES)
		set(fact, CHECK_NO, CHECK_BY_BTF,
		    "struct collapse_control has node_load: collapses carry no huge page over");
	else
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_BTF,
		    "does collapse_file take a huge page from its caller? BTF has no prototype of it");
}

static void find_release(struct check_fact *fact, const struct check_source *source)
{
	/* khugepaged_prealloc_page is inlined if there is no symbol for it. */
	static const char *const functions[] = {"khugepaged_prealloc_page", "khugepaged_do_scan",
						"khugepaged", NULL};
	const char *looked = NULL;
	uint32_t offset;
	int found;
	size_t i;

	if (no_code(fact, source, "does khugepaged give up a page that others hold"))
		return;
	if (check_source__member(source, "page", "_refcount", &offset) != CHECK_YES) {
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "does khugepaged give up a page that others hold? BTF is needed");
		return;
	}
	for (i = 0; functions[i]; i++) {
		found = code__compares(source->code, functions[i], offset);
		if (found > 0) {
			set(fact, CHECK_YES, CHECK_BY_CODE,
			    "%s compares the page's reference count with 1 before it is used again",
			    functions[i]);
			return;
		}
		if (found == 0 && !looked)
			looked = functions[i];
	}
	if (looked)
		set(fact, CHECK_NO, CHECK_BY_CODE,
		    "%s never compares a page's reference count with 1", looked);
	else
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "does khugepaged give up a page that others hold? It is not in the image");
}

void check_facts__gather(struct check_facts *facts, const struct check_source *source)
{
	/* unmap_page or unmap_folio if they are not inlined; else their callers. */
	static const char *const split[] = {"unmap_folio",
					    "unmap_page",
					    "__folio_split",
					    "split_huge_page_to_list_to_order",
					    "split_huge_page_to_list",
					    NULL};
	/* unmap_poisoned_folio: 6.12 and later. */
	static const char *const poison[] = {"hwpoison_user_mappings", "unmap_poisoned_folio",
					     "memory_failure", NULL};
	struct check_fact *fact;
	uint32_t flag;

	memset(facts, 0, sizeof(*facts));
	fact = facts->fact;
	find_thp(&fact[FACT_THP], source);
	flag = find_flag(&fact[FACT_FLAG], source);
	find_passing(&fact[FACT_SPLIT_PASSES], source, split, "try_to_unmap", flag, "a split");
	find_honouring(&fact[FACT_UNMAP_HONOURS], source, "try_to_unmap_one", flag);
	find_function(&fact[FACT_MIGRATE], source, "try_to_migrate");
	if (fact[FACT_MIGRATE].answer == CHECK_NO)
		set(&fact[FACT_MIGRATE], CHECK_NO, fact[FACT_MIGRATE].kind,
		    "there is no try_to_migrate: splits of anonymous pages call try_to_unmap");
	find_passing(&fact[FACT_MIGRATE_PASSES], source, split, "try_to_migrate", flag, "a split");
	find_honouring(&fact[FACT_MIGRATE_HONOURS], source, "try_to_migrate_one", flag);
	find_ending(&fact[FACT_MIGRATE_ENDS], source, "try_to_migrate_one");
	find_freeze(facts, source);
	find_poison(&fact[FACT_POISON], source);
	find_passing(&fact[FACT_POISON_PASSES], source, poison, "try_to_unmap", flag,
		     "memory_failure");
	find_unmapping(facts, source);
	find_carrying(&fact[FACT_CARRIES], source);
	find_numa(&fact[FACT_NUMA], source);
	find_release(&fact[FACT_RELEASES], source);
}
