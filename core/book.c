// SPDX-License-Identifier: GPL-2.0-only
#include "book.h"
#include "book_reuse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/record.h>
#include <thprace/verdict.h>

/* An opener reports within its own program's run; a window that stays open longer is settled so. */
#define WINDOW_WAIT_NS 1000000000ULL
#define OPENERS_MAX 4096
#define LOSSES_MAX 256
#define HEADS 16384 /* of each index: a power of two */

/* A window that a walker met, or may have met. */
struct pair {
	struct pair *next; /* of the same walker */
	struct pair *older; /* waiting for their openers' words, by thread */
	struct pair **link; /* what points here; NULL: not waiting */
	struct thprace_window window;
	struct thprace_stack stack;
	uint8_t said;
};

/* What entries are looked up by. Each index is an array of lists, the newest entry first. */
enum book_index {
	BY_ENTER, /* thread and time of entry */
	BY_LEAVE, /* thread and time of return */
	BY_FOLIO,
	INDEX_MAX
};

/* A walker that has been reported. */
struct entry {
	struct entry *next;
	struct entry *older[INDEX_MAX];
	struct entry **link[INDEX_MAX]; /* what points here */
	struct thprace_walk walk;
	struct thprace_stack stack;
	uint64_t seen; /* when its first report was read */
	uint64_t
		replaced; /* return of the next failed walker on the folio: that is attributed then */
	uint64_t reach; /* latest return of this one and the older ones in BY_FOLIO */
	struct pair *pairs; /* in order of arrival */
	bool check; /* a check point's own word, without a walker */
	bool forgotten; /* openers' words of its time were overwritten */
};

/* An opener's word. */
struct opener {
	struct opener *older; /* on folios of the same hash */
	struct opener **link;
	struct thprace_window window;
	struct thprace_stack stack;
	uint64_t reach; /* latest end of this window and the older ones */
};

struct loss {
	uint64_t from;
	uint64_t to;
};

struct book {
	enum thprace_mode mode;
	book_incident_fn incident;
	void *ctx;
	struct entry *entries; /* in order of arrival */
	struct entry **tail;
	struct entry **index[INDEX_MAX];
	struct opener *openers; /* a ring */
	struct opener **opener_index; /* by folio */
	struct pair **waiting; /* by the opener's thread */
	size_t opener_next;
	uint64_t forgotten; /* latest end of a window whose opener's word was overwritten */
	struct loss losses[LOSSES_MAX];
	size_t loss_count;
	struct book_class classes[THPRACE_CLASS_MAX];
	uint64_t touching;
	struct book_reuse *reuse;
};

static void give_reuse(void *ctx, struct thprace_incident *incident, uint64_t from, uint64_t to,
		       bool doubtful);

struct book *book__new(enum thprace_mode mode, book_incident_fn incident, void *ctx)
{
	struct book *book = calloc(1, sizeof(*book));
	bool ok;
	int i;

	if (!book)
		return NULL;
	book->mode = mode;
	book->incident = incident;
	book->ctx = ctx;
	book->tail = &book->entries;
	book->openers = calloc(OPENERS_MAX, sizeof(*book->openers));
	book->opener_index = calloc(HEADS, sizeof(struct opener *));
	book->waiting = calloc(HEADS, sizeof(struct pair *));
	book->reuse = book_reuse__new(give_reuse, book);
	ok = book->openers && book->opener_index && book->waiting && book->reuse;
	for (i = 0; i < INDEX_MAX; i++) {
		book->index[i] = calloc(HEADS, sizeof(struct entry *));
		ok = ok && book->index[i];
	}
	if (ok)
		return book;
	book__free(book);
	return NULL;
}

static size_t head_of(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	return (x ^ x >> 32) % HEADS;
}

static bool walk_failed(const struct thprace_walk *walk)
{
	return walk->residual > 0 || walk->flags & THPRACE_RF_OWN_FAILED;
}

static struct entry **head(const struct book *book, enum book_index by,
			   const struct thprace_walk *walk)
{
	if (by == BY_FOLIO)
		return &book->index[by][head_of(walk->folio, 0)];
	return &book->index[by][head_of(by == BY_ENTER ? walk->enter : walk->leave, walk->pid)];
}

static struct entry *find_entry(const struct book *book, const struct thprace_walk *walk)
{
	struct entry *entry;

	for (entry = *head(book, BY_ENTER, walk); entry; entry = entry->older[BY_ENTER])
		if (entry->walk.pid == walk->pid && entry->walk.enter == walk->enter &&
		    entry->walk.class == walk->class && !entry->check)
			return entry;
	return NULL;
}

static bool awaits_removal(const struct entry *entry)
{
	return !entry->check && walk_failed(&entry->walk) &&
	       entry->walk.class != THPRACE_SPLIT_HEAD;
}

/* From the return of a failed walker on, it is attributed, and no longer the one before it. */
static void replace_older(struct entry *entry)
{
	struct entry *other;

	for (other = entry->older[BY_FOLIO]; other; other = other->older[BY_FOLIO]) {
		if (other->walk.folio != entry->walk.folio || !awaits_removal(other))
			continue;
		if (other->walk.leave > entry->walk.leave && other->walk.leave < entry->replaced)
			entry->replaced = other->walk.leave;
		if (other->replaced <= entry->walk.leave)
			return;
		if (other->walk.leave < entry->walk.leave)
			other->replaced = entry->walk.leave;
	}
}

static struct entry *add_entry(struct book *book, const struct thprace_walk *walk, bool check,
			       uint64_t now)
{
	struct entry *entry = calloc(1, sizeof(*entry)), **first;
	int by;

	if (!entry)
		return NULL;
	entry->walk = *walk;
	entry->check = check;
	entry->seen = now;
	entry->replaced = THPRACE_FOREVER;
	for (by = 0; by < INDEX_MAX; by++) {
		first = head(book, by, walk);
		entry->older[by] = *first;
		entry->link[by] = first;
		if (*first)
			(*first)->link[by] = &entry->older[by];
		*first = entry;
	}
	entry->reach = walk->leave;
	if (entry->older[BY_FOLIO] && entry->older[BY_FOLIO]->reach > entry->reach)
		entry->reach = entry->older[BY_FOLIO]->reach;
	if (awaits_removal(entry))
		replace_older(entry);
	*book->tail = entry;
	book->tail = &entry->next;
	return entry;
}

static void copy_stack(struct thprace_stack *to, const struct thprace_stack *from)
{
	memset(to, 0, sizeof(*to));
	to->nr = from->nr < THPRACE_STACK_MAX ? from->nr : THPRACE_STACK_MAX;
	memcpy(to->ip, from->ip, to->nr * sizeof(to->ip[0]));
}

/*
 * Is this the window of a pair that was reported before? Its times were not final then, and a walker
 * may have seen it while it opened, before its time was stored (open 0).
 */
static bool is_of(const struct pair *pair, const struct thprace_window *window)
{
	return pair->window.pid == window->pid && pair->window.level == window->level &&
	       (pair->window.open == window->open || !pair->window.open);
}

static void stop_waiting(struct pair *pair)
{
	if (!pair->link)
		return;
	*pair->link = pair->older;
	if (pair->older)
		pair->older->link = pair->link;
	pair->link = NULL;
}

static void wait_for_word(struct book *book, struct pair *pair)
{
	struct pair **first = &book->waiting[head_of(pair->window.pid, 0)];

	pair->older = *first;
	pair->link = first;
	if (*first)
		(*first)->link = &pair->older;
	*first = pair;
}

/* The window's final times are known. */
static void settle_pair(struct pair *pair, const struct thprace_window *window,
			const struct thprace_stack *stack)
{
	pair->window = *window;
	copy_stack(&pair->stack, stack);
	stop_waiting(pair);
}

/*
 * Add a window to a walker, or what is newly known of one that it has. Of removals of small pages
 * only one is kept: the earliest is the one that explains a walker.
 */
static int add_pair(struct book *book, struct entry *entry, const struct thprace_window *window,
		    const struct thprace_stack *stack, uint8_t said)
{
	bool settled = window->flags & THPRACE_WF_SETTLED;
	struct pair *pair, **place;

	for (place = &entry->pairs; (pair = *place); place = &pair->next) {
		if (window->level == THPRACE_LEVEL_PTE && pair->window.level == window->level) {
			if (window->open < pair->window.open)
				settle_pair(pair, window, stack);
			return 0;
		}
		if (!is_of(pair, window))
			continue;
		if (settled)
			settle_pair(pair, window, stack);
		return 0;
	}
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -ENOMEM;
	*place = pair;
	pair->window = *window;
	pair->said = said;
	if (settled)
		settle_pair(pair, window, stack);
	else
		wait_for_word(book, pair);
	return 0;
}

/* Could this walker have met this window? Decided by final times only when it is settled. */
static bool may_concern(const struct entry *entry, const struct thprace_window *window)
{
	const struct thprace_walk *walk = &entry->walk;

	if (entry->check || window->folio != walk->folio || window->pid == walk->pid)
		return false;
	if (window->level == THPRACE_LEVEL_PTE)
		return walk->class != THPRACE_SPLIT_HEAD &&
		       (walk_failed(walk)
				? thprace_explains(window->open, walk->enter, walk->leave)
				: thprace_ended_in(window->open, walk->enter, walk->leave));
	return window->open <= walk->leave && window->close >= walk->enter;
}

static int add_opener(struct book *book, struct entry *entry, const struct opener *opener)
{
	return add_pair(book, entry, &opener->window, &opener->stack, THPRACE_CLEAN);
}

/* Keep an opener's word, in place of the oldest. */
static struct opener *keep_opener(struct book *book, const struct thprace_opener *said)
{
	struct opener *opener = &book->openers[book->opener_next];
	struct opener **first = &book->opener_index[head_of(said->window.folio, 0)];

	book->opener_next = (book->opener_next + 1) % OPENERS_MAX;
	if (opener->link) {
		if (opener->window.close > book->forgotten)
			book->forgotten = opener->window.close;
		*opener->link = NULL; /* the oldest of all: the last of its list */
	}
	opener->window = said->window;
	opener->window.flags = THPRACE_WF_SETTLED;
	if (book->mode == THPRACE_PRECISE && !opener->window.removed)
		opener->window.flags |= THPRACE_WF_VOID; /* no rmap to remove: huge zero page */
	opener->stack = said->stack;
	opener->older = *first;
	opener->link = first;
	if (*first)
		(*first)->link = &opener->older;
	*first = opener;
	opener->reach = opener->window.close;
	if (opener->older && opener->older->reach > opener->reach)
		opener->reach = opener->older->reach;
	return opener;
}

static int on_opener(struct book *book, const struct thprace_opener *said)
{
	const struct opener *opener = keep_opener(book, said);
	const struct thprace_window *window = &opener->window;
	uint64_t after = window->level == THPRACE_LEVEL_PTE ? THPRACE_ATTRIBUTION_NS : 0;
	struct pair *pair, *older;
	struct entry *entry;
	int err;

	/* Whoever took it for open knows now; it may turn out to have ended before, or elsewhere. */
	for (pair = book->waiting[head_of(window->pid, 0)]; pair; pair = older) {
		older = pair->older;
		if (is_of(pair, window))
			settle_pair(pair, window, &opener->stack);
	}
	entry = book->index[BY_FOLIO][head_of(window->folio, 0)];
	for (; entry && entry->reach + after >= window->open; entry = entry->older[BY_FOLIO]) {
		if (!may_concern(entry, window))
			continue;
		err = add_opener(book, entry, opener);
		if (err)
			return err;
	}
	return 0;
}

static int add_known_openers(struct book *book, struct entry *entry)
{
	const struct thprace_walk *walk = &entry->walk;
	const struct opener *opener = book->opener_index[head_of(walk->folio, 0)];
	int err;

	entry->forgotten = walk->enter <= book->forgotten;
	for (; opener && opener->reach >= walk->enter; opener = opener->older) {
		if (!may_concern(entry, &opener->window))
			continue;
		err = add_opener(book, entry, opener);
		if (err)
			return err;
	}
	return 0;
}

static int on_incident(struct book *book, const struct thprace_incident *incident, uint64_t now)
{
	struct entry *entry = find_entry(book, &incident->walk);
	int err;

	if (!entry) {
		entry = add_entry(book, &incident->walk, false, now);
		if (!entry)
			return -ENOMEM;
		err = add_known_openers(book, entry);
		if (err)
			return err;
	}
	if (incident->walker_stack.nr)
		copy_stack(&entry->stack, &incident->walker_stack);
	if (!incident->window.pid)
		return 0;
	/* Copied while its owner went on to something else: the owner's word was sent before that. */
	if (incident->window.level != THPRACE_LEVEL_PMD &&
	    !(incident->window.flags & THPRACE_WF_SETTLED))
		return 0;
	return add_pair(book, entry, &incident->window, &incident->opener_stack, incident->said);
}

/* A check point speaks of the last walker of its task on the folio that failed; or for itself. */
static int on_check(struct book *book, const struct thprace_incident *incident, uint64_t now)
{
	const struct thprace_walk *walk = &incident->walk;
	struct entry *entry = *head(book, BY_FOLIO, walk);

	for (; entry; entry = entry->older[BY_FOLIO]) {
		if (entry->walk.pid != walk->pid || entry->walk.folio != walk->folio ||
		    !walk_failed(&entry->walk) || entry->check ||
		    (entry->walk.class != THPRACE_TRUNCATE_UNMAP &&
		     entry->walk.class != THPRACE_INVALIDATE_UNMAP) ||
		    walk->leave - entry->walk.leave >= THPRACE_ATTRIBUTION_NS)
			continue;
		entry->walk.flags |= THPRACE_KF_CHECK;
		return 0;
	}
	entry = add_entry(book, walk, true, now);
	if (!entry)
		return -ENOMEM;
	copy_stack(&entry->stack, &incident->walker_stack);
	return 0;
}

static void on_split(struct book *book, const struct thprace_split *split)
{
	const struct thprace_walk key = {.pid = split->pid, .leave = split->unmapped};
	struct entry *entry = *head(book, BY_LEAVE, &key);

	for (; entry; entry = entry->older[BY_LEAVE]) {
		if (entry->walk.pid != split->pid || entry->walk.leave != split->unmapped)
			continue;
		entry->walk.result = split->result;
		entry->walk.flags |= THPRACE_KF_RESULT;
	}
}

int book__message(struct book *book, const void *message, size_t size, uint64_t now)
{
	uint32_t type = *(const uint32_t *)message;

	if (type == THPRACE_MSG_INCIDENT && size >= sizeof(struct thprace_incident))
		return on_incident(book, message, now);
	if (type == THPRACE_MSG_CHECK && size >= sizeof(struct thprace_incident))
		return on_check(book, message, now);
	if (type == THPRACE_MSG_OPENER && size >= sizeof(struct thprace_opener))
		return on_opener(book, message);
	if (type == THPRACE_MSG_REUSE && size >= sizeof(struct thprace_opener))
		return book_reuse__window(book->reuse, message, now);
	if (type == THPRACE_MSG_HOLD && size >= sizeof(struct thprace_hold)) {
		book_reuse__hold(book->reuse, message);
		return 0;
	}
	if (type == THPRACE_MSG_SPLIT && size >= sizeof(struct thprace_split)) {
		on_split(book, message);
		return 0;
	}
	return -EINVAL;
}

/* Losses that meet are one. When there are too many, the oldest are kept coarser. */
int book__lost(struct book *book, uint64_t from, uint64_t to)
{
	struct loss *loss = book->losses, *last = &loss[book->loss_count - 1];

	if (book->loss_count && from <= last->to && to >= last->from) {
		last->from = from < last->from ? from : last->from;
		last->to = to > last->to ? to : last->to;
		return 0;
	}
	if (book->loss_count == LOSSES_MAX) {
		loss[1].from = loss[0].from < loss[1].from ? loss[0].from : loss[1].from;
		loss[1].to = loss[0].to > loss[1].to ? loss[0].to : loss[1].to;
		memmove(loss, loss + 1, (LOSSES_MAX - 1) * sizeof(*loss));
		book->loss_count--;
	}
	loss[book->loss_count++] = (struct loss){.from = from, .to = to};
	return 0;
}

static bool touched_by_loss(const struct book *book, uint64_t from, uint64_t to)
{
	size_t i;

	for (i = 0; i < book->loss_count; i++)
		if (book->losses[i].from <= to && book->losses[i].to >= from)
			return true;
	return false;
}

void book__count(struct book_class *classes, const struct thprace_incident *incident)
{
	struct book_class *class = &classes[incident->walk.class];

	if (incident->window.pid)
		class->overlaps++;
	if (incident->verdict == THPRACE_CONTAINED)
		class->contained++;
	else if (incident->verdict == THPRACE_ESCAPE)
		class->escapes++;
	else if (incident->verdict == THPRACE_UNATTRIBUTED)
		class->unattributed++;
	else
		class->unproven++;
}

/* Give out one incident of a walker; pair NULL: the walker alone. */
static void give(struct book *book, const struct entry *entry, const struct pair *pair,
		 enum thprace_verdict verdict, uint8_t close_call)
{
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT, .mode = book->mode, .walk = entry->walk};
	uint64_t from = entry->walk.enter;
	uint64_t to = entry->walk.leave;

	if (pair) {
		incident.window = pair->window;
		incident.opener_stack = pair->stack;
		from = pair->window.open < from ? pair->window.open : from;
		if (!pair->window.close)
			to = THPRACE_FOREVER;
		else if (pair->window.close > to)
			to = pair->window.close;
	}
	incident.walker_stack = entry->stack;
	incident.verdict = verdict;
	incident.close_call = close_call;
	incident.said = pair && pair->said != THPRACE_CLEAN ? pair->said : verdict;
	if (entry->forgotten || touched_by_loss(book, from, to))
		incident.verdict = THPRACE_UNPROVEN;
	book__count(book->classes, &incident);
	book->incident(book->ctx, &incident);
}

static void give_reuse(void *ctx, struct thprace_incident *incident, uint64_t from, uint64_t to,
		       bool doubtful)
{
	struct book *book = ctx;

	incident->mode = book->mode;
	incident->said = incident->verdict;
	if (doubtful || touched_by_loss(book, from, to))
		incident->verdict = THPRACE_UNPROVEN;
	book__count(book->classes, incident);
	book->incident(book->ctx, incident);
}

/* A PMD-level window of a walker, final. Returns its verdict, THPRACE_CLEAN: no overlap. */
static enum thprace_verdict judge(struct book *book, const struct thprace_walk *walk,
				  const struct thprace_window *window, uint8_t *close_call)
{
	enum thprace_meeting meeting;

	*close_call = 0;
	/* Opening when the walker looked; it has not been told of since: it opened after the walker. */
	if (!window->open)
		return THPRACE_CLEAN;
	if (window->flags & THPRACE_WF_VOID || window->folio != walk->folio)
		return THPRACE_CLEAN;
	if (walk->class == THPRACE_SPLIT_HEAD) {
		if (!thprace_open_at(window->open, window->close, walk->enter))
			return THPRACE_CLEAN;
		return thprace_judge_head(window->close, walk->leave, walk->result);
	}
	meeting = thprace_meets(window->open, window->close, walk->enter, walk->leave);
	if (meeting == THPRACE_TOUCH)
		book->touching++;
	if (meeting != THPRACE_OVERLAP)
		return THPRACE_CLEAN;
	return thprace_judge(window->removed, window->close, walk->enter, walk->leave,
			     walk->residual, !!(walk->flags & THPRACE_RF_OWN_FAILED), close_call);
}

static void settle_entry(struct book *book, struct entry *entry)
{
	const struct pair *pair, *removal = NULL;
	enum thprace_verdict verdict;
	bool escaped = false;
	uint8_t close_call;

	for (pair = entry->pairs; pair; pair = pair->next) {
		if (pair->window.level == THPRACE_LEVEL_PTE) {
			removal = pair->window.open < entry->replaced ? pair : NULL;
			continue;
		}
		verdict = judge(book, &entry->walk, &pair->window, &close_call);
		if (verdict == THPRACE_CLEAN)
			continue;
		escaped |= verdict == THPRACE_ESCAPE;
		give(book, entry, pair, verdict, close_call);
	}
	if (entry->walk.class == THPRACE_SPLIT_HEAD || escaped)
		return;
	if (walk_failed(&entry->walk))
		give(book, entry, removal, removal ? THPRACE_ESCAPE : THPRACE_UNATTRIBUTED, 0);
	else if (removal)
		give(book, entry, removal, THPRACE_CONTAINED, 0);
}

/* Is everything in that may speak about this walker? */
static bool is_ready(const struct entry *entry, uint64_t now, uint64_t checked)
{
	uint64_t quiet = entry->walk.leave;
	const struct pair *pair;

	if (walk_failed(&entry->walk))
		quiet += THPRACE_ATTRIBUTION_NS;
	if (now < quiet || checked < quiet)
		return false;
	for (pair = entry->pairs; pair; pair = pair->next) {
		if (pair->link && now < entry->seen + WINDOW_WAIT_NS)
			return false;
		if (!pair->link && checked < pair->window.close)
			return false;
	}
	return true;
}

static void drop_entry(struct book *book, struct entry **link)
{
	struct entry *entry = *link;
	struct pair *pair, *next;
	int by;

	*link = entry->next;
	if (!*link)
		book->tail = link;
	for (by = 0; by < INDEX_MAX; by++) {
		*entry->link[by] = entry->older[by];
		if (entry->older[by])
			entry->older[by]->link[by] = entry->link[by];
	}
	for (pair = entry->pairs; pair; pair = next) {
		next = pair->next;
		stop_waiting(pair);
		free(pair);
	}
	free(entry);
}

/* In order of arrival, and none before an earlier one: a walker looks at those that came later. */
void book__settle(struct book *book, uint64_t now, uint64_t checked)
{
	while (book->entries && is_ready(book->entries, now, checked)) {
		settle_entry(book, book->entries);
		drop_entry(book, &book->entries);
	}
	book_reuse__settle(book->reuse, now, checked);
}

void book__finish(struct book *book)
{
	while (book->entries) {
		settle_entry(book, book->entries);
		drop_entry(book, &book->entries);
	}
	book_reuse__settle(book->reuse, THPRACE_FOREVER, THPRACE_FOREVER);
}

bool book__unsettled(const struct book *book)
{
	return book->entries || book_reuse__unsettled(book->reuse);
}

const struct book_class *book__classes(const struct book *book)
{
	return book->classes;
}

uint64_t book__touching(const struct book *book)
{
	return book->touching;
}

void book__free(struct book *book)
{
	int i;

	if (!book)
		return;
	while (book->entries)
		drop_entry(book, &book->entries);
	for (i = 0; i < INDEX_MAX; i++)
		free(book->index[i]);
	book_reuse__free(book->reuse);
	free(book->waiting);
	free(book->opener_index);
	free(book->openers);
	free(book);
}
