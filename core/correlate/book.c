// SPDX-License-Identifier: GPL-2.0-only
#include "book.h"
#include "book_reuse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/record.h>
#include <thprace/verdict.h>

/* What has not come by then is settled without: a window's end, the return of the function around a walker. */
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
	uint64_t reach; /* latest return of this one and the older ones in BY_FOLIO */
	struct pair *pairs; /* in order of arrival */
	struct thprace_tally
		later; /* windows that began after the walker failed: never given out */
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

static bool is_removal(const struct thprace_window *window)
{
	return window->level == THPRACE_LEVEL_PTE && !(window->flags & THPRACE_WF_RANGE);
}

/*
 * Add a window to a walker, or what is newly known of one that it has. Of removals of small pages
 * only the earliest is kept: for that one the walker waited.
 */
static int add_pair(struct book *book, struct entry *entry, const struct thprace_window *window,
		    const struct thprace_stack *stack, uint8_t said)
{
	bool settled = window->flags & THPRACE_WF_SETTLED;
	struct pair *pair, **place;

	for (place = &entry->pairs; (pair = *place); place = &pair->next) {
		if (is_removal(window) && is_removal(&pair->window)) {
			if (window->open < pair->window.open)
				settle_pair(pair, window, stack);
			return 0;
		}
		if (window->level == THPRACE_LEVEL_PTE || !is_of(pair, window))
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

/* Could this window matter to this walker? Decided by final times only when it is settled. */
static bool may_concern(const struct entry *entry, const struct thprace_window *window)
{
	const struct thprace_walk *walk = &entry->walk;
	bool failed = thprace_failed(walk) && walk->class != THPRACE_SPLIT_HEAD;

	if (entry->check || window->folio != walk->folio)
		return false;
	if (failed && !is_removal(window))
		return thprace_concerns(window, walk);
	if (window->pid == walk->pid)
		return false;
	if (window->level == THPRACE_LEVEL_PMD)
		return window->open <= walk->leave && window->close >= walk->enter;
	return is_removal(window) && walk->class != THPRACE_SPLIT_HEAD && !failed &&
	       thprace_ended_in(window->open, walk->enter, walk->leave);
}

/*
 * A window that began after a failed walker's return is never given out with it: it is only
 * counted, since a walker that failed hears of all that follow. While the function around the walker
 * has not told yet what it found, how the window counts is open: then it is kept, like one that the
 * walker saw opening.
 */
static bool counts_only(const struct entry *entry, const struct thprace_window *window)
{
	const struct thprace_walk *walk = &entry->walk;
	const struct pair *pair;

	if (is_removal(window) || thprace_role(window, walk) != THPRACE_ROLE_LATER ||
	    (walk->flags & THPRACE_KF_OUTER && !walk->outer_at))
		return false;
	for (pair = entry->pairs; pair; pair = pair->next)
		if (is_of(pair, window))
			return false;
	return true;
}

static int add_opener(struct book *book, struct entry *entry, const struct opener *opener)
{
	if (counts_only(entry, &opener->window)) {
		if (!(opener->window.flags & THPRACE_WF_VOID))
			thprace_tally__add(&entry->later, &opener->window, &entry->walk);
		return 0;
	}
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
	opener->window.flags |= THPRACE_WF_SETTLED;
	if (book->mode == THPRACE_PRECISE && opener->window.level == THPRACE_LEVEL_PMD &&
	    !opener->window.removed)
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

/* A range is reported for each pending walker: on one folio it counts once. */
static bool is_known(const struct book *book, const struct thprace_window *window)
{
	const struct opener *opener = book->opener_index[head_of(window->folio, 0)];

	for (; opener && window->flags & THPRACE_WF_RANGE; opener = opener->older)
		if (opener->window.flags & THPRACE_WF_RANGE && opener->window.pid == window->pid &&
		    opener->window.folio == window->folio && opener->window.close == window->close)
			return true;
	return false;
}

static int on_opener(struct book *book, const struct thprace_opener *said)
{
	const struct opener *opener = keep_opener(book, said);
	const struct thprace_window *window = &opener->window;
	uint64_t began = window->level == THPRACE_LEVEL_PTE ? 0 : window->open;
	struct pair *pair, *older;
	struct entry *entry;
	int err;

	/* Whoever took it for open knows now; it may turn out to have ended before, or elsewhere. */
	pair = window->level == THPRACE_LEVEL_PMD ? book->waiting[head_of(window->pid, 0)] : NULL;
	for (; pair; pair = older) {
		older = pair->older;
		if (is_of(pair, window))
			settle_pair(pair, window, &opener->stack);
	}
	entry = book->index[BY_FOLIO][head_of(window->folio, 0)];
	for (; entry && entry->reach + THPRACE_ATTRIBUTION_NS >= began;
	     entry = entry->older[BY_FOLIO]) {
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
		    !thprace_failed(&entry->walk) || entry->check ||
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

/* The function around a failed walker has returned. */
static void on_outer(struct book *book, const struct thprace_outer *outer)
{
	const struct thprace_walk key = {.pid = outer->pid, .leave = outer->leave};
	struct entry *entry = *head(book, BY_LEAVE, &key);

	for (; entry; entry = entry->older[BY_LEAVE]) {
		if (entry->walk.pid != outer->pid || entry->walk.leave != outer->leave ||
		    entry->check)
			continue;
		entry->walk.before = outer->before;
		entry->walk.outer = outer->now;
		entry->walk.outer_at = outer->at;
		entry->walk.order = outer->order;
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
		return is_known(book, &((const struct thprace_opener *)message)->window)
			       ? 0
			       : on_opener(book, message);
	if (type == THPRACE_MSG_REUSE && size >= sizeof(struct thprace_opener))
		return book_reuse__window(book->reuse, message, now);
	if (type == THPRACE_MSG_HOLD && size >= sizeof(struct thprace_hold)) {
		book_reuse__hold(book->reuse, message);
		return 0;
	}
	if (type == THPRACE_MSG_OUTER && size >= sizeof(struct thprace_outer)) {
		on_outer(book, message);
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
	else if (incident->verdict == THPRACE_REMAINED)
		class->remained++;
	else if (incident->verdict == THPRACE_UNATTRIBUTED)
		class->unattributed++;
	else
		class->unproven++;
	class->likely += incident->verdict == THPRACE_ESCAPE &&
			 !thprace_proved(incident->verdict, incident->attribution);
}

/* Give out one incident of a walker; pair NULL: the walker alone. */
static void give(struct book *book, const struct entry *entry, const struct pair *pair,
		 struct thprace_finding finding)
{
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT, .mode = book->mode, .walk = entry->walk};
	uint64_t from = entry->walk.enter;
	uint64_t to = entry->walk.leave;

	if (pair) {
		incident.window = pair->window;
		incident.opener_stack = pair->stack;
		if (pair->window.open && pair->window.open < from)
			from = pair->window.open;
		if (!pair->window.close)
			to = THPRACE_FOREVER;
		else if (pair->window.close > to)
			to = pair->window.close;
	}
	if (!entry->check && thprace_failed(&entry->walk) &&
	    touched_by_loss(book, entry->walk.enter, entry->walk.leave + THPRACE_ATTRIBUTION_NS))
		finding = thprace_after_loss(finding);
	incident.walk.flags &= ~THPRACE_KF_OUTER;
	incident.walker_stack = entry->stack;
	incident.verdict = finding.verdict;
	incident.attribution = finding.attribution;
	incident.close_call = finding.close_call;
	incident.said = pair && pair->said != THPRACE_CLEAN ? pair->said : finding.verdict;
	if (entry->forgotten || touched_by_loss(book, from, to)) {
		incident.verdict = THPRACE_UNPROVEN;
		incident.attribution = THPRACE_ATTRIBUTION_NONE;
	}
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
	if (incident->verdict == THPRACE_ESCAPE)
		incident->attribution = THPRACE_EXACT;
	book__count(book->classes, incident);
	book->incident(book->ctx, incident);
}

/* Is what the pair says of this window final, and the window one of this walker's? */
static bool counts(const struct thprace_walk *walk, const struct thprace_window *window)
{
	/* Opening when the walker looked; it has not been told of since: it opened after the walker. */
	if (window->level == THPRACE_LEVEL_PMD && !window->open)
		return false;
	return !(window->flags & THPRACE_WF_VOID) && window->folio == walk->folio;
}

/* A PMD-level window of a walker, final. Verdict THPRACE_CLEAN: no overlap. */
static struct thprace_finding judge(struct book *book, const struct thprace_walk *walk,
				    const struct thprace_window *window,
				    const struct thprace_tally *tally)
{
	struct thprace_finding none = {.verdict = THPRACE_CLEAN};
	enum thprace_meeting meeting;

	if (!counts(walk, window))
		return none;
	if (walk->class == THPRACE_SPLIT_HEAD) {
		if (!thprace_open_at(window->open, window->close, walk->enter))
			return none;
		return thprace_finding_head(window->close, walk->leave, walk->result);
	}
	meeting = thprace_meets(window->open, window->close, walk->enter, walk->leave);
	if (meeting == THPRACE_TOUCH)
		book->touching++;
	if (meeting != THPRACE_OVERLAP)
		return none;
	return thprace_judge(window, walk, tally);
}

/* Of the ranges that explain a failed walker, the one that ended first. */
static const struct pair *explanation(const struct entry *entry, const struct thprace_tally *tally,
				      struct thprace_finding *finding)
{
	const struct pair *pair, *first = NULL;
	struct thprace_finding of_pair;

	for (pair = entry->pairs; pair; pair = pair->next) {
		if (!(pair->window.flags & THPRACE_WF_RANGE))
			continue;
		of_pair = thprace_judge(&pair->window, &entry->walk, tally);
		if (of_pair.verdict != THPRACE_ESCAPE ||
		    (first && !thprace_ends_before(&pair->window, &first->window)))
			continue;
		first = pair;
		*finding = of_pair;
	}
	return first;
}

/* A failed walker that no PMD-level window explains, or a check point alone. */
static void settle_failed(struct book *book, const struct entry *entry,
			  const struct thprace_tally *tally)
{
	struct thprace_finding finding = {.verdict = THPRACE_UNATTRIBUTED};
	const struct pair *pair = NULL;

	if (!entry->check)
		pair = explanation(entry, tally, &finding);
	if (!pair && !entry->check)
		finding.verdict = thprace_judge_failed(&entry->walk, tally);
	give(book, entry, pair, finding);
}

static void settle_entry(struct book *book, struct entry *entry)
{
	const struct pair *pair, *removal = NULL;
	struct thprace_tally tally = entry->later;
	struct thprace_finding finding;
	bool escaped = false;

	for (pair = entry->pairs; pair; pair = pair->next) {
		if (is_removal(&pair->window))
			removal = pair;
		else if (counts(&entry->walk, &pair->window))
			thprace_tally__add(&tally, &pair->window, &entry->walk);
	}
	for (pair = entry->pairs; pair; pair = pair->next) {
		if (pair->window.level == THPRACE_LEVEL_PTE)
			continue;
		finding = judge(book, &entry->walk, &pair->window, &tally);
		if (finding.verdict == THPRACE_CLEAN)
			continue;
		escaped |= finding.verdict == THPRACE_ESCAPE;
		give(book, entry, pair, finding);
	}
	if (entry->walk.class == THPRACE_SPLIT_HEAD || escaped)
		return;
	if (entry->check || thprace_failed(&entry->walk))
		settle_failed(book, entry, &tally);
	else if (removal)
		give(book, entry, removal, (struct thprace_finding){.verdict = THPRACE_CONTAINED});
}

/* Is everything in that may speak about this walker? */
static bool is_ready(const struct entry *entry, uint64_t now, uint64_t checked)
{
	uint64_t quiet = entry->walk.leave;
	const struct pair *pair;

	if (thprace_failed(&entry->walk))
		quiet += THPRACE_ATTRIBUTION_NS;
	if (now < quiet || checked < quiet)
		return false;
	if (entry->walk.flags & THPRACE_KF_OUTER && !entry->walk.outer_at &&
	    now < entry->seen + WINDOW_WAIT_NS)
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
