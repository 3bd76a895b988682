// SPDX-License-Identifier: GPL-2.0-only
#include "diagram.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include <thprace/verdict.h>
#include "base/names.h"
#include "summary.h"

/* Where the columns stand: 12 for the time, two blanks, then the two CPUs. */
#define TIME_WIDTH 12
#define LEFT_START 14
#define RIGHT_START 58
#define RIGHT_START_LEAST 24

#define ROWS_MAX 16
#define TEXT_LEN 160

enum side {
	OPENER,
	WALKER,
};

struct row {
	int64_t time; /* ns since the window opened; orders untimed rows as well */
	int timed; /* show the time */
	unsigned int seq;
	enum side side;
	int indent;
	char text[TEXT_LEN];
};

struct diagram {
	FILE *out;
	const struct summary *summary;
	const struct thprace_window *window; /* NULL: none */
	bool remained;
	const struct thprace_walk *walk;
	const struct diagram_options *options;
	const char *sides[2]; /* whose the stacks are */
	bool threads; /* where there is no name, the CPU is not known either */
	uint64_t base; /* the time that is 0 */
	unsigned int nr;
	struct row rows[ROWS_MAX];
};

static const char *paint(const struct diagram_options *options, const char *colour)
{
	return options->colour ? colour : "";
}

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RESET "\033[0m"

static const char *verdict_colour(unsigned int verdict)
{
	if (verdict == THPRACE_ESCAPE)
		return RED;
	return verdict == THPRACE_CONTAINED ? GREEN : YELLOW;
}

__attribute__((format(printf, 6, 7))) static void add(struct diagram *diagram, enum side side,
						      uint64_t when, int timed, int indent,
						      const char *format, ...)
{
	struct row *row;
	va_list args;

	if (diagram->nr == ROWS_MAX)
		return;
	row = &diagram->rows[diagram->nr];
	row->time = (int64_t)(when - diagram->base);
	row->timed = timed;
	row->seq = diagram->nr++;
	row->side = side;
	row->indent = indent;
	va_start(args, format);
	vsnprintf(row->text, sizeof(row->text), format, args);
	va_end(args);
}

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Do two of the times shown lie so close that tenths of a microsecond don't tell them apart? */
static int needs_ns(const struct diagram *diagram)
{
	const struct row *last = NULL;
	unsigned int i;

	for (i = 0; i < diagram->nr; i++) {
		const struct row *row = &diagram->rows[i];

		if (!row->timed)
			continue;
		if (last && row->time != last->time &&
		    (uint64_t)row->time - (uint64_t)last->time < 200)
			return 1;
		last = row;
	}
	return 0;
}

/* One unit for the whole diagram, fine enough for its closest rows, and never wider than its place. */
static void print_time(const struct diagram *diagram, int64_t time)
{
	uint64_t span = 0, length = time < 0 ? 0 - (uint64_t)time : (uint64_t)time;
	const int utf8 = diagram->options->utf8;
	char number[NAMES_NUMBER_LEN], text[40];
	unsigned int i;

	for (i = 0; i < diagram->nr; i++) {
		int64_t t = diagram->rows[i].time;

		if (diagram->rows[i].timed && (t < 0 ? 0 - (uint64_t)t : (uint64_t)t) > span)
			span = t < 0 ? 0 - (uint64_t)t : (uint64_t)t;
	}
	if (span < 10000 || (span < 10000000 && needs_ns(diagram)))
		names__in_unit(number, sizeof(number), length, 1000, 3, utf8);
	else if (span < 10000000)
		names__in_unit(number, sizeof(number), length, 1000, 1, utf8);
	else if (span < 10000000000)
		names__in_unit(number, sizeof(number), length, 1000000, 3, utf8);
	else if (length > 99999999ULL * 1000000000)
		/* No recording is three years long: the file is damaged. */
		snprintf(number, sizeof(number), "?");
	else
		names__in_unit(number, sizeof(number), length, 1000000000, 0, utf8);
	/* What is 0 in the digits shown has no sign. */
	snprintf(text, sizeof(text), "%s%s", time < 0 && strpbrk(number, "123456789") ? "-" : "",
		 number);
	fprintf(diagram->out, "%*s%s", TIME_WIDTH - (int)names__columns(text), "", text);
}

static int page_width(const struct diagram *diagram)
{
	return diagram->options->width ? diagram->options->width : DIAGRAM_COLUMNS;
}

/* A narrow page has the right column below the left one: a row has text in one of them. */
static int right_start(const struct diagram *diagram)
{
	int start = RIGHT_START - (DIAGRAM_COLUMNS - page_width(diagram));

	if (start > RIGHT_START)
		return RIGHT_START;
	return start < RIGHT_START_LEAST ? RIGHT_START_LEAST : start;
}

/* Bytes of text up to the last blank within width columns; all of it when it fits or has none. */
static int fitting(const char *text, int width)
{
	int columns = 0, blank = 0, i;

	for (i = 0; text[i]; i++) {
		if (text[i] == ' ' && (!i || text[i - 1] != ' '))
			blank = i;
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (++columns > width)
			return blank ? blank : i;
	}
	return i;
}

static void print_row(const struct diagram *diagram, const struct row *row)
{
	int start = row->side == OPENER ? LEFT_START : right_start(diagram);
	int end = row->side == OPENER && right_start(diagram) == RIGHT_START ? RIGHT_START - 1
									     : page_width(diagram);
	int width = end - start - row->indent;
	const char *text = row->text;
	int at = 0, indent = row->indent, length;

	if (row->timed) {
		print_time(diagram, row->time);
		at = TIME_WIDTH;
	}
	while (*text) {
		length = fitting(text, width);
		fprintf(diagram->out, "%*s%.*s\n", start + indent - at, "", length, text);
		text += length;
		text += strspn(text, " ");
		if (indent == row->indent) {
			indent += 4;
			width -= 4;
		}
		at = 0;
	}
}

/* A paragraph. */
static void print_wrapped(const struct diagram *diagram, const char *colour, const char *text)
{
	int indent = 2, length;

	while (*text) {
		length = fitting(text, page_width(diagram) - indent);
		fprintf(diagram->out, "%*s%s%.*s%s\n", indent, "", paint(diagram->options, colour),
			length, text, *colour ? paint(diagram->options, RESET) : "");
		text += length;
		text += strspn(text, " ");
		indent = 4;
	}
}

/* "CPU0 comm/pid". */
static void head(const struct diagram *diagram, char *buf, size_t size, unsigned int cpu,
		 const char *comm, unsigned int pid)
{
	char clean[3 * THPRACE_COMM_LEN];

	if (!pid)
		snprintf(buf, size, "(task not known)");
	else if (diagram->threads && !*comm)
		snprintf(buf, size, "thread %u", pid);
	else
		snprintf(buf, size, "CPU%u %s/%u", cpu,
			 names__clean(clean, sizeof(clean), comm, THPRACE_COMM_LEN,
				      diagram->options->utf8),
			 pid);
}

static void print_heads(const struct diagram *diagram)
{
	const struct diagram_options *options = diagram->options;
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	char left[80] = "(no window seen)", right[80];
	int gap;

	if (window)
		head(diagram, left, sizeof(left), window->cpu, window->comm, window->pid);
	else if (walk->class == THPRACE_COLLAPSE_REUSE)
		snprintf(left, sizeof(left), "(holder not seen)");
	else if (diagram->remained)
		snprintf(left, sizeof(left), "(nobody unmapping)");
	head(diagram, right, sizeof(right), walk->cpu, walk->comm, walk->pid);
	fprintf(diagram->out, "\n%*s%s%s%s", LEFT_START, "", paint(options, BOLD), left,
		paint(options, RESET));
	gap = right_start(diagram) - LEFT_START - (int)names__columns(left);
	if (gap < 1) {
		fputc('\n', diagram->out);
		gap = right_start(diagram);
	}
	fprintf(diagram->out, "%*s%s%s%s\n", gap, "", paint(options, BOLD), right,
		paint(options, RESET));
}

static const char *rmap_function(const struct summary *summary, unsigned int level)
{
	const char *one = level == THPRACE_LEVEL_PTE ? "rmap-ptes" : "rmap-pmd";
	const char *special = summary__function(summary, one, NULL);

	return special ? special : summary__function(summary, "rmap", "page_remove_rmap");
}

/* What became of what a failed walker had left: ": 1 of 2 mappings by PMDs left". */
static const char *left_words(char *buf, size_t size, const struct thprace_window *window,
			      const struct thprace_walk *walk)
{
	int32_t before = thprace_count(&walk->left, window->level);

	if (before <= 0 || window->left < 0)
		return "";
	snprintf(buf, size, ": %d of %d mapping%s by %s left", window->left, before,
		 before == 1 ? "" : "s", window->level == THPRACE_LEVEL_PMD ? "PMDs" : "PTEs");
	return buf;
}

static void add_pmd_window(struct diagram *diagram, int whole)
{
	const struct thprace_window *window = diagram->window;
	const struct summary *summary = diagram->summary;
	const char *rmap = rmap_function(summary, THPRACE_LEVEL_PMD);
	char left[64];

	if (window->open) {
		add(diagram, OPENER, window->open, 0, 0, "%s()",
		    summary__function(summary, "zap", "zap_huge_pmd"));
		add(diagram, OPENER, window->open, 1, 2, "%s(): lock held",
		    summary__function(summary, "lock", "__pmd_trans_huge_lock"));
		add(diagram, OPENER, window->open, 0, 2, "clears the pmd (time not seen)");
	}
	if (window->removed)
		add(diagram, OPENER, window->removed, 1, 2, "%s(): mapcount decremented", rmap);
	else if (window->close)
		add(diagram, OPENER, window->close, 0, 2, "%s() (time not seen)", rmap);
	if (window->close)
		add(diagram, OPENER, window->close, 1, 0, "%s() returns%s",
		    summary__function(summary, "zap", "zap_huge_pmd"),
		    left_words(left, sizeof(left), window, diagram->walk));
	else if (whole)
		add(diagram, OPENER, diagram->base + INT64_MAX, 0, 0, "(return not seen)");
}

/* A part of a vma is zapped that maps pages of the folio. */
static void add_range(struct diagram *diagram)
{
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	const char *rmap = rmap_function(diagram->summary, THPRACE_LEVEL_PTE);
	const char *range = summary__function(diagram->summary, "range", "unmap_page_range");
	uint64_t began = window->open ? window->open : walk->enter;
	char left[64];

	add(diagram, OPENER, began, window->open != 0, 0, "%s()%s", range,
	    window->open		       ? ""
	    : window->flags & THPRACE_WF_VAGUE ? " (when it began was not seen)"
					       : " began before the walker");
	/* When, is not known; but before the walker returned, which did not find the entry. */
	add(diagram, OPENER, began, 0, 2, "clears the pte (time not seen)");
	if (window->removed)
		add(diagram, OPENER, window->removed, 1, 2, "%s(): the last of %u page%s", rmap,
		    window->pages, window->pages == 1 ? "" : "s");
	else
		add(diagram, OPENER, window->close, 0, 2, "%s() (time not seen)", rmap);
	add(diagram, OPENER, window->close, 1, 0, "%s() returns%s", range,
	    left_words(left, sizeof(left), window, walk));
}

/* The removal of small pages' rmap that a walker waited for. */
static void add_removal(struct diagram *diagram)
{
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	const char *rmap = rmap_function(diagram->summary, THPRACE_LEVEL_PTE);
	uint64_t last = window->removed ? window->removed : window->close;
	uint64_t cleared = window->open < walk->leave ? window->open : walk->leave;

	add(diagram, OPENER, cleared, 0, 0, "%s()",
	    summary__function(diagram->summary, "range", "unmap_page_range"));
	add(diagram, OPENER, cleared, 0, 2, "clears the pte (time not seen)");
	if (window->pages > 1 || last > window->open) {
		add(diagram, OPENER, window->open, 1, 2, "%s(): the first of %s", rmap,
		    COUNTED(window->pages, "page"));
		add(diagram, OPENER, last, 1, 2, "%s(): the last", rmap);
	} else {
		add(diagram, OPENER, window->open, 1, 2, "%s(): one page", rmap);
	}
}

static const char *walker_function(const struct summary *summary, const struct thprace_walk *walk)
{
	if (walk->flags & THPRACE_RF_MIGRATE)
		return summary__function(summary, "migrate", "try_to_migrate");
	switch (walk->class) {
	case THPRACE_SPLIT_MIGRATE:
		return summary__function(summary, "migrate", "try_to_migrate");
	case THPRACE_SPLIT_HEAD:
		return summary__function(summary, "split", "split_huge_page_to_list");
	case THPRACE_TRUNCATE_UNMAP:
		return summary__function(summary, "truncate", "truncate_cleanup_folio");
	case THPRACE_INVALIDATE_UNMAP:
		return summary__function(summary, "unmap-folio",
					 summary__function(summary, "unmap-pages",
							   "unmap_mapping_folio"));
	default:
		return summary__function(summary, "unmap", "try_to_unmap");
	}
}

static void add_result(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;
	char result[NAMES_NUMBER_LEN];

	if (walk->class == THPRACE_SPLIT_HEAD && !(walk->flags & THPRACE_KF_RESULT))
		add(diagram, WALKER, walk->leave, 1, 0, "its result was not seen");
	else if (walk->class == THPRACE_SPLIT_HEAD)
		add(diagram, WALKER, walk->leave, 1, 0, "returns %s: %s",
		    names__result(result, sizeof(result), walk->result),
		    walk->result ? "not split" : "the folio is split");
	else if (walk->flags & THPRACE_RF_OWN_FAILED)
		add(diagram, WALKER, walk->leave, 1, 0, "returns: still mapped; mapcount %d",
		    walk->residual);
	else
		add(diagram, WALKER, walk->leave, 1, 0, "returns: mapcount %d", walk->residual);
}

/* A split after its own walker: [that one's return, the split's return]. */
static void add_split(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;

	add(diagram, WALKER, walk->enter, 0, 0, "%s()", walker_function(diagram->summary, walk));
	add(diagram, WALKER, walk->enter, 1, 2, "unmapped: mapcount 0, the split goes on");
	add_result(diagram);
}

/* A check point of the kernel, without a walker before it. */
static void add_check(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;

	add(diagram, WALKER, walk->leave ? walk->leave : walk->enter, 1, 0,
	    "%s(): still mapped, mapcount %d",
	    summary__function(diagram->summary, "check", "filemap_unaccount_folio"),
	    walk->residual);
}

static void add_walk(struct diagram *diagram, int proof)
{
	const struct thprace_walk *walk = diagram->walk;
	const char *function = walker_function(diagram->summary, walk);
	char result[NAMES_NUMBER_LEN];

	if (walk->enter)
		add(diagram, WALKER, walk->enter, 1, 0, "%s()", function);
	if (walk->leave && proof)
		add_result(diagram);
	else if (walk->leave)
		add(diagram, WALKER, walk->leave, 1, 0, walk->enter ? "returns" : "%s() returns",
		    function);
	if (walk->flags & THPRACE_KF_RESULT)
		add(diagram, WALKER, walk->outer_at ? walk->outer_at : walk->leave,
		    walk->outer_at != 0, 0, "its %s() returns %s: %s",
		    summary__function(diagram->summary, "split", "split_huge_page_to_list"),
		    names__result(result, sizeof(result), walk->result),
		    walk->result ? "not split" : "split");
	if (walk->outer_at)
		add(diagram, WALKER, walk->outer_at, !(walk->flags & THPRACE_KF_RESULT), 2,
		    "mapped by %d PMD%s and %d PTE%s then", walk->outer.entire,
		    walk->outer.entire == 1 ? "" : "s", walk->outer.small,
		    walk->outer.small == 1 ? "" : "s");
	if (walk->flags & THPRACE_KF_CHECK)
		add(diagram, WALKER, walk->leave, 0, 0, "%s(): the folio is still mapped",
		    summary__function(diagram->summary, "check", "filemap_unaccount_folio"));
}

/* A failed collapse and what became of its page, as the collapser and a holder saw it. */
static void add_reuse(struct diagram *diagram)
{
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	const char *collapse = summary__function(diagram->summary, "collapse", "collapse_file");
	const char *hold = "lock_page";
	bool reused = window->flags & THPRACE_WF_REUSED;

	add(diagram, OPENER, window->open, 1, 0, "%s(): offset 0x%" PRIx64, collapse,
	    (uint64_t)window->address);
	add(diagram, OPENER, window->open, 0, 2, "the page is locked, and in the page cache");
	add(diagram, WALKER, walk->enter, 0, 0, "finds the page there");
	add(diagram, WALKER, walk->enter, 1, 0, "%s(): waits", hold);
	if (window->removed)
		add(diagram, OPENER, window->removed, 1, 0, "%s() fails: the page is revoked",
		    collapse);
	if (window->close && reused)
		add(diagram, OPENER, window->close, 1, 0,
		    "%s(): offset 0x%" PRIx64 ", the same page again, %s%s", collapse,
		    (uint64_t)window->mm, COUNTED(window->pages, "foreign reference"),
		    window->flags & THPRACE_WF_LOCKED ? ", locked" : "");
	else if (window->close)
		add(diagram, OPENER, window->close, 1, 0, "%s(): not with this page: released",
		    collapse);
	if (walk->leave)
		add(diagram, WALKER, walk->leave, 1, 0, "%s() returns", hold);
	else
		add(diagram, WALKER, diagram->base + INT64_MAX, 0, 0, "(return not seen)");
}

/* A reuse alone: walk is the collapser's. */
static void add_reuse_alone(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;
	const char *collapse = summary__function(diagram->summary, "collapse", "collapse_file");

	add(diagram, WALKER, walk->enter, 1, 0, "%s()", collapse);
	add(diagram, WALKER, walk->leave, 0, 0, "it fails: the page is revoked");
	add(diagram, WALKER, walk->leave, 1, 0, "%s(): another offset, the same page again, %s",
	    collapse, COUNTED((unsigned int)walk->residual, "foreign reference"));
}

static void print_rows(struct diagram *diagram)
{
	unsigned int i;

	print_heads(diagram);
	qsort(diagram->rows, diagram->nr, sizeof(diagram->rows[0]), by_time);
	for (i = 0; i < diagram->nr; i++)
		print_row(diagram, &diagram->rows[i]);
	fputc('\n', diagram->out);
}

static void frame(const struct diagram *diagram, const struct thprace_stack *stack, unsigned int i,
		  char *buf, size_t size)
{
	const char *symbol;

	buf[0] = '\0';
	if (i >= stack->nr || i >= THPRACE_STACK_MAX)
		return;
	symbol = summary__symbol(diagram->summary, stack->ip[i]);
	if (symbol)
		names__clean(buf, size, symbol, size, diagram->options->utf8);
	else
		snprintf(buf, size, "0x%" PRIx64, (uint64_t)stack->ip[i]);
}

static void print_stack(const struct diagram *diagram, const char *title,
			const struct thprace_stack *stack)
{
	char text[256];
	unsigned int i;

	if (!stack->nr)
		return;
	fprintf(diagram->out, "  %s\n", title);
	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		frame(diagram, stack, i, text, sizeof(text));
		fprintf(diagram->out, "    %s\n", text);
	}
}

/* Side by side where both exist and fit, else one after the other. */
/* A stack without the frames of the observer's own programs and their trampolines. */
static struct thprace_stack without_observer(const struct diagram *diagram,
					     const struct thprace_stack *stack)
{
	struct thprace_stack rest = {0};
	const char *symbol;
	unsigned int i;

	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		symbol = summary__symbol(diagram->summary, stack->ip[i]);
		if (symbol &&
		    (!strncmp(symbol, "bpf_prog_", 9) || !strncmp(symbol, "bpf_trampoline_", 15)))
			continue;
		rest.ip[rest.nr++] = stack->ip[i];
	}
	return rest;
}

static void print_stacks(const struct diagram *diagram, const struct thprace_stack *left,
			 const struct thprace_stack *right)
{
	int half = (page_width(diagram) - 4) / 2;
	unsigned int i, fit = left->nr && right->nr;
	char a[256], b[256];

	for (i = 0; i < THPRACE_STACK_MAX; i++) {
		frame(diagram, left, i, a, sizeof(a));
		frame(diagram, right, i, b, sizeof(b));
		if ((int)names__columns(a) > half - 3 || (int)names__columns(b) > half - 2)
			fit = 0;
	}
	if (!fit) {
		print_stack(diagram, diagram->sides[OPENER], left);
		print_stack(diagram, diagram->sides[WALKER], right);
	} else {
		fprintf(diagram->out, "  %-*s  %s\n", half, diagram->sides[OPENER],
			diagram->sides[WALKER]);
		for (i = 0; i < THPRACE_STACK_MAX && (i < left->nr || i < right->nr); i++) {
			frame(diagram, left, i, a, sizeof(a));
			frame(diagram, right, i, b, sizeof(b));
			if (i < right->nr)
				fprintf(diagram->out, "    %s%*s%s\n", a,
					half - (int)names__columns(a), "", b);
			else
				fprintf(diagram->out, "    %s\n", a);
		}
	}
	if (left->nr || right->nr)
		fputc('\n', diagram->out);
}

static uint64_t first_known(const struct thprace_window *window, const struct thprace_walk *walk)
{
	if (window && window->open)
		return window->open;
	if (window && window->flags & THPRACE_WF_RANGE)
		return walk->enter;
	if (window && (window->removed || window->close))
		return window->close ? window->close : window->removed;
	return walk->enter ? walk->enter : walk->leave;
}

void diagram__incident(FILE *out, const struct summary *summary, uint64_t number,
		       const struct thprace_incident *incident,
		       const struct diagram_options *options)
{
	struct diagram diagram = {.out = out, .summary = summary, .options = options};
	char words[DIAGRAM_WORDS_LEN], line[2 * DIAGRAM_WORDS_LEN], length[NAMES_NUMBER_LEN];
	int window = summary__has_window(incident);
	int overlap = summary__overlap_known(incident);
	int reuse = incident->walk.class == THPRACE_COLLAPSE_REUSE;

	diagram.sides[OPENER] = reuse ? "collapser's stack" : "opener's stack";
	diagram.sides[WALKER] = !reuse	 ? "walker's stack"
				: window ? "holder's stack"
					 : "collapser's stack";
	diagram.window = window ? &incident->window : NULL;
	diagram.walk = &incident->walk;
	diagram.remained = incident->verdict == THPRACE_REMAINED;
	diagram.base = first_known(diagram.window, diagram.walk);
	snprintf(line, sizeof(line), "incident %" PRIu64 ": %s, %s%s%s%s%s%s", number,
		 names__class(incident->walk.class),
		 window && !reuse ? names__level(incident->window.level) : "",
		 window && !reuse ? " level, " : "", names__attribution(incident->attribution),
		 incident->attribution ? " " : "", names__verdict(incident->verdict),
		 incident->close_call ? ", close call" : "");
	print_wrapped(&diagram, BOLD, line);
	names__duration(length, sizeof(length), summary__overlap(incident), options->utf8);
	diagram__proof(words, sizeof(words), incident);
	snprintf(line, sizeof(line), "folio 0x%" PRIx64 "   %s%s%sproof: %s",
		 (uint64_t)incident->walk.folio, overlap ? "overlap " : "", overlap ? length : "",
		 overlap ? "   " : "", words);
	print_wrapped(&diagram, "", line);
	if (window && reuse)
		add_reuse(&diagram);
	else if (reuse)
		add_reuse_alone(&diagram);
	else if (window && incident->window.level == THPRACE_LEVEL_PTE)
		(incident->window.flags & THPRACE_WF_RANGE ? add_range : add_removal)(&diagram);
	else if (window)
		add_pmd_window(&diagram, 1);
	if (reuse)
		; /* both sides are there */
	else if (incident->type == THPRACE_MSG_CHECK)
		add_check(&diagram);
	else if (incident->walk.class == THPRACE_SPLIT_HEAD)
		add_split(&diagram);
	else
		add_walk(&diagram, 1);
	print_rows(&diagram);
	diagram__words(words, sizeof(words), incident, options->utf8);
	print_wrapped(&diagram, verdict_colour(incident->verdict), words);
	fputc('\n', out);
	if (options->stacks) {
		struct thprace_stack opener = without_observer(&diagram, &incident->opener_stack);
		struct thprace_stack walker = without_observer(&diagram, &incident->walker_stack);

		print_stacks(&diagram, &opener, &walker);
	}
}

void diagram__closest(FILE *out, const struct summary *summary, uint64_t distance,
		      const struct thprace_window *window, const struct thprace_walk *walk,
		      const struct diagram_options *options)
{
	struct diagram diagram = {.out = out, .summary = summary, .options = options};
	int walker_first = window->open && walk->leave && walk->leave <= window->open;
	char line[DIAGRAM_WORDS_LEN], length[NAMES_NUMBER_LEN];

	diagram.window = window;
	diagram.walk = walk;
	diagram.threads = true;
	diagram.base = first_known(window, walk);
	names__duration(length, sizeof(length), distance, options->utf8);
	snprintf(line, sizeof(line), "closest pass: %s, missed each other by %s",
		 names__class(walk->class), length);
	print_wrapped(&diagram, BOLD, line);
	snprintf(line, sizeof(line), "folio 0x%" PRIx64,
		 (uint64_t)(walk->folio ? walk->folio : window->folio));
	print_wrapped(&diagram, "", line);
	add_pmd_window(&diagram, 0);
	add_walk(&diagram, 0);
	print_rows(&diagram);
	snprintf(line, sizeof(line), "no overlap: the walker %s",
		 walker_first ? "had returned before the window opened"
			      : "came after the window had closed");
	print_wrapped(&diagram, GREEN, line);
	fputc('\n', out);
}
