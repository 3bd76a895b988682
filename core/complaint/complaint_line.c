// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recognises one line of the kernel's log, by the format strings of 3.0 to 7.2: __dump_page() and
 * __dump_folio() in mm/debug.c, bad_page(), print_bad_pte() and print_bad_page_map(), check_mm(),
 * unaccount_page_cache_page() and filemap_unaccount_folio(), mm/memory-failure.c,
 * split_huge_page_to_list(), report_bug(), __warn(), dump_stack_print_info(), and the traces of x86
 * and arm64.
 *
 * Names of tasks and files are at known places in these lines, and the text after a name is read
 * from the line's end: a comm may be "x  pfn:1".
 */
#include "complaint_private.h"
#include "complaint_text.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* "func.part.0+0x12/0x34": func. */
static bool take_function(const char **at, char name[LINE_NAME_MAX])
{
	const char *end = *at;
	uint64_t ignored;
	size_t length;

	while (isalnum((unsigned char)*end) || *end == '_' || *end == '.' || *end == '$')
		end++;
	length = strcspn(*at, ".+");
	if (end == *at || !length || !starts(end, "+0x"))
		return false;
	copy(name, LINE_NAME_MAX, *at, length);
	*at = end + 3;
	return take_hex(at, &ignored) && skip(at, "/0x") && take_hex(at, &ignored);
}

/* The same, or as scripts print inlined functions: "func mm/huge_memory.c:2351 [inline]". */
static bool take_symbol(const char **at, char name[LINE_NAME_MAX])
{
	const char *start = *at;
	size_t length = 0;

	if (take_function(at, name))
		return true;
	while (isalnum((unsigned char)start[length]) || start[length] == '_')
		length++;
	if (!length || start[length] != ' ' || !ends(start, " [inline]") || !strstr(start, ".c:"))
		return false;
	copy(name, LINE_NAME_MAX, start, length);
	*at = start + strlen(start);
	return true;
}

/* "../mm/huge_memory.c:2368", up to the text after the number. */
static bool take_place(const char **at, char file[LINE_NAME_MAX])
{
	size_t length = strcspn(*at, " !"), name = length;
	uint64_t line;

	while (name && (*at)[name - 1] != ':')
		name--;
	if (name < 2)
		return false;
	copy(file, LINE_NAME_MAX, *at, name - 1);
	*at += name;
	return take_number(at, &line);
}

/*
 * "comm[123]: …", "comm(123): …", "comm/123: …", "comm invoked oom-killer: …": many of the kernel's
 * lines begin with a task's name of up to 15 bytes. None of its complaints continues like this.
 */
static bool begins_with_comm(const char *text)
{
	uint64_t pid;
	size_t i;

	for (i = 0; i < THPRACE_COMM_LEN && text[i]; i++) {
		const char *at = text + i + 1;

		if (starts(text + i, " invoked oom-killer: "))
			return true;
		if (!strchr("[(/", text[i]) || !take_number(&at, &pid))
			continue;
		if (text[i] != '/')
			at += *at == ']' || *at == ')';
		if (*at == ':' || (*at == ' ' && text[i] != '/'))
			return true;
	}
	return false;
}

/* "kernel BUG at mm/huge_memory.c:2368!" */
static bool read_bug(struct line *line, const char *at)
{
	if (!skip(&at, "kernel BUG at ") || !take_place(&at, line->file) || strcmp(at, "!"))
		return false;
	line->kind = LINE_BUG;
	return true;
}

/* ", CPU#1: x/42", at the line's end. */
static void take_task_of_warning(struct line *line, const char *at)
{
	const char *pid;
	uint64_t value;

	skip(&at, ",");
	if (!skip(&at, " CPU#") || !take_number(&at, &value) || !skip(&at, ": "))
		return;
	pid = strrchr(at, '/');
	if (!pid)
		return;
	copy(line->comm, sizeof(line->comm), at, (size_t)(pid - at));
	pid++;
	if (!take_number(&pid, &value) || *pid)
		return;
	line->pid = (uint32_t)value;
	line->has_pid = true;
}

/*
 * "WARNING: CPU: 1 PID: 42 at mm/x.c:7 func+0x1/0x2" (3.12 to 6.18), "WARNING: at mm/x.c:7 func+0x1/0x2()"
 * before, "WARNING: mm/x.c:7 at func+0x1/0x2, CPU#1: x/42" since 6.19, where "[condition] " may come first.
 */
static bool read_warning(struct line *line, const char *at)
{
	uint64_t value;
	bool new;

	if (!skip(&at, "WARNING: "))
		return false;
	if (skip(&at, "CPU: ")) {
		if (!take_number(&at, &value) || !skip(&at, " PID: ") || !take_number(&at, &value))
			return false;
		line->pid = (uint32_t)value;
		line->has_pid = true;
		skip(&at, " ");
	}
	if (*at == '[' && strstr(at, "] "))
		at = strstr(at, "] ") + 2;
	new = !skip(&at, "at ");
	if (!take_place(&at, line->file) || !skip(&at, new ? " at " : " ") ||
	    !take_function(&at, line->name))
		return false;
	if (starts(at, " [") && strchr(at, ']'))
		at = strchr(at, ']') + 1;
	if (new)
		take_task_of_warning(line, at);
	line->kind = LINE_WARNING;
	return true;
}

/* "BUG: Bad page state in process x  pfn:10a200"; of a page map "  pte:80… pmd:81…" or "  pmd:8…". */
static bool read_bad_page(struct line *line, const char *at)
{
	static const struct {
		const char *begins;
		enum line_kind kind;
	} bad[] = {
		{"BUG: Bad page cache in process ", LINE_PAGE_CACHE},
		{"BUG: Bad page state in process ", LINE_PAGE_STATE},
		{"BUG: Bad page map in process ", LINE_PAGE_MAP},
	};
	const char *end;
	size_t i;

	for (i = 0; i < SIZE(bad); i++) {
		if (skip(&at, bad[i].begins))
			break;
	}
	if (i == SIZE(bad))
		return false;
	/*
	 * Two spaces (a mail may have removed one), a key, a number: a comm may contain this too,
	 * so the last one counts.
	 */
	end = find_last(at, " p");
	if (!end || end == at)
		return false;
	copy(line->comm, sizeof(line->comm), at, (size_t)(end - at) - (end[-1] == ' '));
	end++;
	if (bad[i].kind == LINE_PAGE_MAP) {
		if (!skip(&end, "pte:") && !skip(&end, "pmd:") && !skip(&end, "pud:"))
			return false;
	} else if (skip(&end, "pfn:")) {
		line->has_pfn = true;
	} else {
		return false;
	}
	if (!take_hex(&end, &line->pfn))
		return false;
	line->kind = bad[i].kind;
	return true;
}

/* "BUG: Bad rss-counter state mm:… type:MM_FILEPAGES val:-1", since 7.0 " Comm:x Pid:42" after it. */
static bool read_rss(struct line *line, const char *at)
{
	const char *pid;
	uint64_t value;

	if (!skip(&at, "BUG: Bad rss-counter state mm:"))
		return false;
	line->kind = LINE_RSS_COUNTER;
	pid = find_last(at, " Pid:");
	if (!pid)
		return true;
	pid += 5;
	if (take_number(&pid, &value) && !*pid) {
		line->pid = (uint32_t)value;
		line->has_pid = true;
	}
	return true;
}

/* "Memory failure: 0x10a200: …"; before 4.2 "MCE 0x10a200: …". */
static bool read_memory_failure(struct line *line, const char *at)
{
	const char *end;

	if ((!skip(&at, "Memory failure: 0x") && !skip(&at, "MCE 0x")) ||
	    !take_hex(&at, &line->pfn) || !skip(&at, ": "))
		return false;
	line->kind = LINE_MEMORY_FAILURE;
	line->has_pfn = true;
	if (starts(at, "failed to unmap ") ||
	    (starts(at, "forcibly killing ") &&
	     ends(at, " because of failure to unmap corrupted page"))) {
		line->failure = FAILURE_UNMAP;
	} else if (starts(at, "could not lock mapping for mapped hug")) {
		line->marks |= MARK_HUGETLB;
	} else if (skip(&at, "recovery action for ")) {
		line->failure = starts(at, "unmapping failed") ? FAILURE_UNMAP : FAILURE_NEUTRAL;
		copy(line->name, sizeof(line->name), at, strcspn(at, ":"));
	} else if (ends(at, " users")) {
		end = find_last(at, " still referenced by ");
		if (!end)
			return true;
		line->failure = FAILURE_USERS;
		copy(line->name, sizeof(line->name), at, (size_t)(end - at));
	}
	return true;
}

/* "mapcount 0 page_mapcount 1", and what 4.5 to 5.12 print before their dump. */
static bool read_mapcounts(struct line *line, const char *at)
{
	uint64_t found, counted;

	if (skip(&at, "mapcount ")) {
		if (!take_number(&at, &found) || !skip(&at, " page_mapcount ") ||
		    !take_number(&at, &counted) || *at)
			return false;
		line->kind = LINE_MAPCOUNTS;
		line->mapcount = (int64_t)found;
		line->counted = (int64_t)counted;
		return true;
	}
	skip(&at, "huge_memory: ");
	if (!skip(&at, "total_mapcount: ") || !take_number(&at, &counted) ||
	    !skip(&at, ", page_count(): "))
		return false;
	line->kind = LINE_TOTAL_MAPCOUNT;
	return true;
}

/* "x Not tainted 6.1.0 #1 …", "x Tainted: G        W  O  5.1.0-rc4+ #3": the comm and the release. */
static void take_comm_and_release(struct line *line, const char *at)
{
	const char *end = find_last(at, " Not tainted "), *tainted = find_last(at, " Tainted: ");
	const char *package;
	size_t length;

	if (tainted && (!end || tainted > end))
		end = tainted;
	if (!end) {
		copy(line->comm, sizeof(line->comm), at, strlen(at));
		return;
	}
	length = (size_t)(end - at);
	if (length >= 14 && !strncmp(end - 14, " Kdump: loaded", 14))
		length -= 14;
	copy(line->comm, sizeof(line->comm), at, length);
	end += starts(end, " Not") ? 13 : 10;
	/* Taints are letters, the release begins with a number. */
	while (*end && !(isdigit((unsigned char)*end) && end[-1] == ' '))
		end++;
	/*
	 * Debian's release has the version of its interface; the package has the real one:
	 * "5.10.0-30-amd64 #1 Debian 5.10.218-1".
	 */
	package = strstr(end, " Debian ");
	if (package && isdigit((unsigned char)package[8]))
		end = package + 8;
	copy(line->release, sizeof(line->release), end, strcspn(end, " "));
}

/* "CPU: 1 PID: 42 Comm: …", since 6.11 "CPU: 1 UID: 0 PID: 42 Comm: …", before 3.10 "Pid: 42, comm: …". */
static bool read_task(struct line *line, const char *at)
{
	uint64_t value;

	if (skip(&at, "CPU: ")) {
		if (!take_number(&at, &value))
			return false;
		if (skip(&at, " UID: ") && !take_number(&at, &value))
			return false;
		if (!skip(&at, " PID: ") || !take_number(&at, &value) || !skip(&at, " Comm: "))
			return false;
	} else if (skip(&at, "Pid: ") && take_number(&at, &value) && skip(&at, ", comm: ")) {
		at += strspn(at, " "); /* arm pads it */
	} else {
		return false;
	}
	line->kind = LINE_TASK;
	line->pid = (uint32_t)value;
	line->has_pid = true;
	take_comm_and_release(line, at);
	return true;
}

/* "[<ffffffff81130e11>] ", once or twice, as up to 4.9. */
static void skip_addresses(const char **at)
{
	const char *past;
	uint64_t ignored;

	for (;;) {
		*at += strspn(*at, " ");
		past = *at;
		if (!skip(&past, "[<") || !take_hex(&past, &ignored) || !skip(&past, ">]"))
			return;
		*at = past;
	}
}

/* The instruction pointer: "RIP: 0010:func+0x1/0x2", "RIP: 0010:[<…>]  [<…>] func+…", "pc : func+…". */
static bool read_where(struct line *line, const char *at)
{
	uint64_t ignored;

	if (skip(&at, "RIP: ")) {
		if (take_hex(&at, &ignored))
			skip(&at, ":");
	} else if (!skip(&at, "RIP ") && !skip(&at, "pc : ") && !skip(&at, "PC is at ")) {
		return false;
	}
	skip_addresses(&at);
	if (!take_symbol(&at, line->name))
		return false;
	line->kind = LINE_WHERE;
	return true;
}

/* " ? func+0x1/0x2 [module]", " [<…>] func+0x1/0x2" */
static bool read_frame(struct line *line, const char *at)
{
	skip_addresses(&at);
	line->guess = skip(&at, "? ");
	if (!take_symbol(&at, line->name) || (*at && *at != ' '))
		return false;
	line->kind = LINE_FRAME;
	return true;
}

static bool read_version(struct line *line, const char *at)
{
	if (!skip(&at, "Linux version ") || !isdigit((unsigned char)*at))
		return false;
	line->kind = LINE_VERSION;
	copy(line->release, sizeof(line->release), at, strcspn(at, " "));
	return true;
}

/* "---[ end trace 0000000000000000 ]---" */
static bool read_end(struct line *line, const char *at)
{
	uint64_t ignored;

	if (!skip(&at, "---[ end trace ") || !take_hex(&at, &ignored) || strcmp(at, " ]---") != 0)
		return false;
	line->kind = LINE_END;
	return true;
}

/*
 * Lines that are recognised by their beginning. Each is longer than a comm, or does not begin a
 * block.
 */
static bool read_rest(struct line *line, const char *at)
{
	static const struct {
		const char *begins;
		enum line_kind kind;
	} rest[] = {
		{"Call Trace:", LINE_TRACE},
		{"Call trace:", LINE_TRACE},
		{"page_owner tracks the page as ", LINE_HISTORY},
		{"page last allocated via order ", LINE_HISTORY},
		{"page allocated via order ", LINE_HISTORY},
		{"page last free ", LINE_HISTORY},
		{"page has been migrated, last migrate reason", LINE_HISTORY},
		/* These are in between, and end nothing. */
		{"BUG: Bad page ", LINE_NOTHING},
		{"BUG: non-zero pgtables_bytes on freeing mm", LINE_NOTHING},
		{"Internal error: Oops - BUG", LINE_NOTHING},
		{"Oops: invalid opcode: ", LINE_NOTHING},
		{"BUG: ", LINE_FOREIGN},
		{"WARNING: possible ", LINE_FOREIGN},
		{"WARNING: suspicious ", LINE_FOREIGN},
		{"WARNING: inconsistent ", LINE_FOREIGN},
		{"WARNING: bad unlock balance", LINE_FOREIGN},
		{"INFO: task ", LINE_FOREIGN},
		{"INFO: rcu_", LINE_FOREIGN},
		{"rcu: INFO: ", LINE_FOREIGN},
		{"watchdog: BUG: ", LINE_FOREIGN},
		{"NMI watchdog: ", LINE_FOREIGN},
		{"NMI backtrace for cpu ", LINE_FOREIGN},
		{"general protection fault", LINE_FOREIGN},
		{"Unable to handle kernel ", LINE_FOREIGN},
		{"Internal error: ", LINE_FOREIGN},
		{"Oops: ", LINE_FOREIGN},
		{"Kernel panic - not syncing: ", LINE_FOREIGN},
		{"sysrq: ", LINE_FOREIGN},
	};
	size_t i;

	for (i = 0; i < SIZE(rest); i++) {
		if (!starts(at, rest[i].begins))
			continue;
		line->kind = rest[i].kind;
		return true;
	}
	return false;
}

void complaint_line__read(struct line *line, const char *text)
{
	static bool (*const readers[])(struct line *, const char *) = {
		read_bug,
		read_warning,
		read_bad_page,
		read_rss,
		read_memory_failure,
		read_mapcounts,
		complaint_page__read,
		read_task,
		read_where,
		read_version,
		read_end,
		read_rest,
		read_frame,
	};
	size_t i;

	complaint_line__clear(line);
	if (begins_with_comm(text))
		return;
	for (i = 0; i < SIZE(readers); i++) {
		if (readers[i](line, text))
			return;
		complaint_line__clear(line);
	}
}
