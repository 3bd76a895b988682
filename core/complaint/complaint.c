// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups lines into blocks. If printk names the printing context (CONFIG_PRINTK_CALLER), each
 * caller has its own block. If not, lines of several CPUs may be mixed, and lines that may belong
 * to another block are ignored: a dump with another pfn, a task with another name, any task after a
 * block that was cut off.
 */
#include "complaint.h"

#include <stdlib.h>
#include <string.h>

#include "complaint_private.h"
#include "base/names.h"
#include "base/number.h"

#define QUIET_NS 1000000000ULL /* a console may delay a line by some 100 ms */
#define LINES_MAX 400 /* of one block: two traces of 128 frames, and the lines around them */

struct complaint_parser {
	struct complaint_kernel kernel;
	complaint_fn found;
	void *ctx;
	char release[64]; /* the last release named by a line */
	struct block blocks[COMPLAINT_BLOCKS];
};

const char *complaint__kind_name(unsigned int kind)
{
	static const char *const names[] = {
		[COMPLAINT_OTHER] = "other",
		[COMPLAINT_BUG] = "BUG",
		[COMPLAINT_WARNING] = "WARNING",
		[COMPLAINT_DUMP] = "page dump",
		[COMPLAINT_PAGE_CACHE] = "bad page cache",
		[COMPLAINT_PAGE_STATE] = "bad page state",
		[COMPLAINT_PAGE_MAP] = "bad page map",
		[COMPLAINT_RSS_COUNTER] = "bad rss counter",
		[COMPLAINT_MEMORY_FAILURE] = "memory failure",
	};

	return kind < COMPLAINT_KIND_MAX ? names[kind] : "?";
}

struct complaint_parser *complaint_parser__new(const struct complaint_kernel *kernel,
					       complaint_fn found, void *ctx)
{
	struct complaint_parser *parser = calloc(1, sizeof(*parser));

	if (!parser)
		return NULL;
	parser->kernel = *kernel;
	parser->found = found;
	parser->ctx = ctx;
	return parser;
}

void complaint_parser__set_kernel(struct complaint_parser *parser,
				  const struct complaint_kernel *kernel)
{
	parser->kernel = *kernel;
}

void complaint_parser__free(struct complaint_parser *parser)
{
	free(parser);
}

/* "T123", "C1" as one number; 0: not known. */
static uint32_t read_caller(const char *caller)
{
	const char *at = caller;
	uint64_t number;

	if (!at || (*at != 'T' && *at != 'C'))
		return 0;
	at++;
	if (number__take(&at, 10, &number) || number > 0x3fffffff)
		return 0;
	return (uint32_t)(number + 1) << 1 | (*caller == 'C');
}

/* The printing thread, 0: an interrupt, or not known. */
static uint32_t pid_of(uint32_t caller)
{
	return !caller || caller & 1 ? 0 : (caller >> 1) - 1;
}

static bool of_bad_page(const struct block *block)
{
	return block->complaint.kind == COMPLAINT_PAGE_CACHE ||
	       block->complaint.kind == COMPLAINT_PAGE_STATE ||
	       block->complaint.kind == COMPLAINT_PAGE_MAP;
}

static void end(struct complaint_parser *parser, struct block *block)
{
	struct complaint *complaint = &block->complaint;

	if (!block->used)
		return;
	block->used = false;
	if (complaint->kind == COMPLAINT_OTHER ||
	    (complaint->kind == COMPLAINT_MEMORY_FAILURE && block->failure == FAILURE_NEUTRAL))
		return;
	if (!*complaint->release)
		memcpy(complaint->release,
		       *parser->release ? parser->release : parser->kernel.release,
		       sizeof(complaint->release));
	complaint_judge(block, &parser->kernel);
	parser->found(parser->ctx, complaint);
}

/* This caller's block, or NULL. */
static struct block *find(struct complaint_parser *parser, uint32_t caller)
{
	size_t i;

	for (i = 0; i < COMPLAINT_BLOCKS; i++) {
		if (parser->blocks[i].used && parser->blocks[i].caller == caller)
			return &parser->blocks[i];
	}
	return NULL;
}

/* A free place; or the place of the block whose last line is the oldest, which ends. */
static struct block *make_room(struct complaint_parser *parser)
{
	struct block *oldest = &parser->blocks[0];
	size_t i;

	for (i = 0; i < COMPLAINT_BLOCKS; i++) {
		if (!parser->blocks[i].used)
			return &parser->blocks[i];
		if (parser->blocks[i].last < oldest->last)
			oldest = &parser->blocks[i];
	}
	end(parser, oldest);
	return oldest;
}

/* Is the line with this block's task still to come? */
static bool waits_for_task(const struct block *block)
{
	return !block->complaint.pid && block->complaint.kind != COMPLAINT_MEMORY_FAILURE &&
	       block->complaint.kind != COMPLAINT_RSS_COUNTER;
}

static struct block *begin(struct complaint_parser *parser, uint32_t caller,
			   enum complaint_kind kind, const char *text, uint64_t now)
{
	struct block *block = find(parser, caller);
	bool contested = false;

	if (block) {
		contested = !caller && waits_for_task(block);
		end(parser, block);
	} else {
		block = make_room(parser);
	}
	memset(block, 0, sizeof(*block));
	block->used = true;
	block->caller = caller;
	block->contested = contested;
	block->complaint.kind = kind;
	block->complaint.when = now;
	block->complaint.order = COMPLAINT_ORDER_UNKNOWN;
	block->complaint.pid = pid_of(caller);
	memcpy(block->complaint.text, text, strnlen(text, COMPLAINT_TEXT_MAX - 1));
	return block;
}

static void set_text(struct block *block, const char *text)
{
	memset(block->complaint.text, 0, sizeof(block->complaint.text));
	memcpy(block->complaint.text, text, strnlen(text, COMPLAINT_TEXT_MAX - 1));
}

static void set_pfn(struct block *block, const struct line *line)
{
	if (!line->has_pfn)
		return;
	block->complaint.has_pfn = true;
	block->complaint.pfn = line->pfn;
}

/*
 * Does this BUG or WARNING belong to the page that the block has dumped? Since 3.16 the check's own
 * text shows it; before, dumps had no reason.
 */
static bool belongs_to_dump(const struct block *block, enum line_kind kind)
{
	if (block->complaint.kind != COMPLAINT_DUMP || block->bug)
		return false;
	if (!*block->check)
		return kind == LINE_BUG && (block->dump || block->mapcounts);
	if (!strncmp(block->check, "VM_WARN", 7))
		return kind == LINE_WARNING;
	return kind == LINE_BUG && (!strncmp(block->check, "VM_BUG", 6) ||
				    !strncmp(block->check, "total_mapcount", 14));
}

static struct block *take_bug(struct complaint_parser *parser, struct block *block,
			      const struct line *line, const char *text, uint32_t caller,
			      uint64_t now)
{
	enum complaint_kind kind = line->kind == LINE_BUG ? COMPLAINT_BUG : COMPLAINT_WARNING;

	if (!block || !belongs_to_dump(block, line->kind))
		block = begin(parser, caller, kind, text, now);
	else if (!*block->check)
		set_text(block, text);
	block->complaint.kind = kind;
	block->bug = true;
	memcpy(block->file, line->file, sizeof(block->file));
	memcpy(block->function, line->name, sizeof(block->function));
	block->functions |= complaint_judge__function(line->name);
	if (line->has_pid)
		block->complaint.pid = line->pid;
	return block;
}

static struct block *take_page(struct complaint_parser *parser, struct block *block,
			       const struct line *line, const char *text, uint32_t caller,
			       uint64_t now)
{
	bool bad = block && of_bad_page(block) && !block->dump;

	/*
	 * The dumped page is the page that the first line names; otherwise it belongs to another
	 * block.
	 */
	if (bad && block->complaint.has_pfn && line->has_pfn && block->complaint.pfn != line->pfn) {
		block->strange = true;
		return block;
	}
	/* Two pages in a row, head and tail, belong to one dump. */
	if (!bad && !(block && block->complaint.kind == COMPLAINT_DUMP && !*block->check))
		block = begin(parser, caller, COMPLAINT_DUMP, text, now);
	block->dump = true;
	block->strange = false;
	block->complete = line->complete;
	block->marks |= line->marks;
	block->mapcount = line->mapcount;
	block->complaint.page = line->page;
	if (line->order >= 0)
		block->complaint.order = line->order;
	set_pfn(block, line);
	return block;
}

/* The description of the dumped page. */
static void describe(struct block *block, const struct line *line)
{
	if (block->strange)
		return;
	block->marks |= line->marks;
	if (line->order >= 0)
		block->complaint.order = line->order;
	if (line->kind == LINE_TYPE)
		memcpy(block->type, line->name, sizeof(block->type));
}

static struct block *take_reason(struct complaint_parser *parser, struct block *block,
				 const struct line *line, const char *text, uint32_t caller,
				 uint64_t now)
{
	if (block && block->strange) {
		block->strange = false;
		return block;
	}
	/* The lines of its page may have been lost. */
	if (!block || *block->check || block->bug ||
	    (block->complaint.kind != COMPLAINT_DUMP && !of_bad_page(block)))
		block = begin(parser, caller, COMPLAINT_DUMP, text, now);
	block->marks |= line->marks;
	memcpy(block->check, line->name, sizeof(block->check));
	if (block->complaint.kind == COMPLAINT_DUMP)
		set_text(block, text);
	return block;
}

/* "CPU: 1 PID: 42 Comm: x": does it belong to this block? */
static void take_task(struct block *block, const struct line *line)
{
	bool named = of_bad_page(block);

	/* A dump alone has no task line: this one belongs to a lost BUG, or to another block. */
	if (block->complaint.kind == COMPLAINT_DUMP ||
	    block->complaint.kind == COMPLAINT_MEMORY_FAILURE ||
	    block->complaint.kind == COMPLAINT_RSS_COUNTER)
		return;
	if (!block->caller) {
		if (named && strncmp(block->comm, line->comm, THPRACE_COMM_LEN) != 0)
			return;
		if (!named && block->contested)
			return;
	}
	/* An interrupt's block has the task that it interrupted. */
	if (!block->complaint.pid)
		block->complaint.pid = line->pid;
	if (*line->release)
		memcpy(block->complaint.release, line->release, sizeof(line->release));
}

static struct block *take_failure(struct complaint_parser *parser, struct block *block,
				  const struct line *line, const char *text, uint32_t caller,
				  uint64_t now)
{
	if (!block || block->complaint.kind != COMPLAINT_MEMORY_FAILURE ||
	    block->complaint.pfn != line->pfn)
		block = begin(parser, caller, COMPLAINT_MEMORY_FAILURE, text, now);
	set_pfn(block, line);
	if (*line->name && !*block->type)
		memcpy(block->type, line->name, sizeof(block->type));
	block->marks |= line->marks;
	/* The most important first: a mapping that is left, then references. */
	if (line->failure > block->failure) {
		block->failure = line->failure;
		set_text(block, text);
	}
	return block;
}

static struct block *take_mapcounts(struct complaint_parser *parser, const struct line *line,
				    const char *text, uint32_t caller, uint64_t now)
{
	struct block *block = begin(parser, caller, COMPLAINT_DUMP, text, now);

	block->mapcounts = line->kind == LINE_MAPCOUNTS;
	block->found = line->mapcount;
	block->counted = line->counted;
	return block;
}

static struct block *begin_bad(struct complaint_parser *parser, const struct line *line,
			       const char *text, uint32_t caller, uint64_t now)
{
	static const enum complaint_kind kinds[] = {
		[LINE_PAGE_CACHE] = COMPLAINT_PAGE_CACHE,
		[LINE_PAGE_STATE] = COMPLAINT_PAGE_STATE,
		[LINE_PAGE_MAP] = COMPLAINT_PAGE_MAP,
		[LINE_RSS_COUNTER] = COMPLAINT_RSS_COUNTER,
	};
	struct block *block = begin(parser, caller, kinds[line->kind], text, now);

	set_pfn(block, line);
	memcpy(block->comm, line->comm, sizeof(block->comm));
	if (line->has_pid)
		block->complaint.pid = line->pid;
	return block;
}

/* Lines that mean nothing outside of a block. */
static void take_inner(struct block *block, const struct line *line)
{
	switch (line->kind) {
	case LINE_FLAGS:
	case LINE_OWNER:
	case LINE_TYPE:
		if (block->dump || block->complaint.order >= 0)
			describe(block, line);
		break;
	case LINE_TASK:
		take_task(block, line);
		break;
	case LINE_HISTORY:
		block->traced = false;
		break;
	case LINE_TRACE:
		block->traced = true;
		break;
	case LINE_WHERE:
		block->where = true;
		block->functions |= complaint_judge__function(line->name);
		break;
	case LINE_FRAME:
		if (!block->traced)
			break;
		block->frames += !line->guess;
		*(line->guess ? &block->guesses : &block->functions) |=
			complaint_judge__function(line->name);
		break;
	default:
		break;
	}
}

/* Returns the block to which the line belongs now, or NULL. */
static struct block *take(struct complaint_parser *parser, struct block *block,
			  const struct line *line, const char *text, uint32_t caller, uint64_t now)
{
	switch (line->kind) {
	case LINE_FOREIGN:
		return begin(parser, caller, COMPLAINT_OTHER, text, now);
	case LINE_BUG:
	case LINE_WARNING:
		return take_bug(parser, block, line, text, caller, now);
	case LINE_PAGE_CACHE:
	case LINE_PAGE_STATE:
	case LINE_PAGE_MAP:
	case LINE_RSS_COUNTER:
		return begin_bad(parser, line, text, caller, now);
	case LINE_MEMORY_FAILURE:
		return take_failure(parser, block, line, text, caller, now);
	case LINE_MAPCOUNTS:
	case LINE_TOTAL_MAPCOUNT:
		return take_mapcounts(parser, line, text, caller, now);
	case LINE_PAGE:
		return take_page(parser, block, line, text, caller, now);
	case LINE_HEAD:
		if (!block || !(block->dump || of_bad_page(block)) || block->bug)
			block = begin(parser, caller, COMPLAINT_DUMP, text, now);
		describe(block, line);
		return block;
	case LINE_REASON:
		return take_reason(parser, block, line, text, caller, now);
	default:
		if (block)
			take_inner(block, line);
		return block;
	}
}

/* text: clean, without prefix. */
static void read_text(struct complaint_parser *parser, const char *text, uint32_t caller,
		      uint64_t now)
{
	struct block *block = find(parser, caller);
	struct line line;

	complaint_line__read(&line, text);
	if (*line.release)
		memcpy(parser->release, line.release, sizeof(line.release));
	if (line.kind == LINE_NOTHING && !block)
		return;
	block = take(parser, block, &line, text, caller, now);
	if (!block)
		return;
	if (line.kind != LINE_NOTHING)
		block->last = now;
	if (line.kind == LINE_END || ++block->lines >= LINES_MAX)
		end(parser, block);
}

void complaint_parser__record(struct complaint_parser *parser, const char *text, size_t length,
			      const char *caller, uint64_t now)
{
	char clean[LINE_MAX_BYTES];

	complaint_parser__expire(parser, now);
	names__clean(clean, sizeof(clean), text, length, 0);
	read_text(parser, clean, read_caller(caller), now);
}

void complaint_parser__line(struct complaint_parser *parser, const char *line, size_t length)
{
	char clean[LINE_MAX_BYTES], caller[16];
	const char *text;
	uint64_t when;

	while (length && strchr("\r\n \t", line[length - 1]))
		length--;
	names__clean(clean, sizeof(clean), line, length, 0);
	text = complaint_prefix__strip(clean, caller, &when);
	if (when)
		complaint_parser__expire(parser, when);
	read_text(parser, text, read_caller(caller), when);
}

/* Blocks without a time end only by their lines. */
static uint64_t deadline_of(const struct block *block)
{
	return block->used && block->last ? block->last + QUIET_NS : 0;
}

uint64_t complaint_parser__deadline(const struct complaint_parser *parser)
{
	uint64_t deadline = 0, next;
	size_t i;

	for (i = 0; i < COMPLAINT_BLOCKS; i++) {
		next = deadline_of(&parser->blocks[i]);
		if (next && (!deadline || next < deadline))
			deadline = next;
	}
	return deadline;
}

void complaint_parser__expire(struct complaint_parser *parser, uint64_t now)
{
	uint64_t deadline;
	size_t i;

	for (i = 0; i < COMPLAINT_BLOCKS; i++) {
		deadline = deadline_of(&parser->blocks[i]);
		if (deadline && now >= deadline)
			end(parser, &parser->blocks[i]);
	}
}

void complaint_parser__finish(struct complaint_parser *parser)
{
	size_t i;

	for (i = 0; i < COMPLAINT_BLOCKS; i++)
		end(parser, &parser->blocks[i]);
}
