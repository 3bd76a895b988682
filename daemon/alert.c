// SPDX-License-Identifier: GPL-2.0-only
/* Alerts: incidents, losses and the kernel's complaints become messages. */
#include "alert.h"

#include <stdlib.h>
#include <string.h>

#include <thprace/verdict.h>

#include "alert_message.h"
#include "alert_dedup.h"
#include "log.h"

#define SECOND 1000000000ULL
#define LOSS_QUIET (10 * SECOND)
#define COMPLAINT_REACH (2 * SECOND) /* between a complaint and its incident, either way */
#define RECENT 64 /* incidents of each class to which a complaint may still belong */
#define WAITING 64 /* complaints that wait for an incident */

enum alert_match {
	ALERT_UNKNOWN,
	ALERT_SAME,
	ALERT_OTHER
};

struct recent {
	struct alert_evidence evidence;
	uint64_t settled; /* since the start */
	bool confirmed;
};

struct alert {
	alert_send_fn send;
	struct alert_state state;
	struct alert_dedup dedup;
	bool escaped[THPRACE_CLASS_MAX]; /* since the start */
	bool overlapped[THPRACE_CLASS_MAX];
	enum check_status statuses[THPRACE_CLASS_MAX]; /* from the kernel's code */
	struct recent recent[THPRACE_CLASS_MAX][RECENT];
	unsigned int next_recent[THPRACE_CLASS_MAX];
	struct complaint waiting[WAITING];
	size_t nr_waiting;
	alert_pfn_fn pfn; /* NULL: pages are not compared */
	void *pfn_ctx;
	unsigned int huge;
	struct cgroups *cgroups; /* NULL: they have no paths */
	struct alert_loss loss;
	uint64_t last_loss; /* time of the last loss; 0: nothing is being lost */
	uint64_t now; /* the latest time given */
};

static void send(struct alert *alert, const struct log_message *message)
{
	if (alert->send(message))
		alert->state.failed++;
	else
		alert->state.sent++;
}

static void emit_group(void *ctx, const struct alert_dedup_group *group)
{
	struct alert *alert = ctx;
	struct log_message message;

	alert_message__folded(&message, group, alert->cgroups);
	send(alert, &message);
}

static void emit_withheld(void *ctx, unsigned int class, const struct alert_dedup_limit *withheld)
{
	struct alert *alert = ctx;
	struct log_message message;

	alert_message__withheld(&message, class, withheld, alert->dedup.per_minute, alert->cgroups);
	send(alert, &message);
}

static void emit_withheld_complaints(void *ctx, unsigned int kind,
				     const struct alert_dedup_limit *withheld)
{
	struct alert *alert = ctx;
	struct log_message message;

	alert_message__withheld_complaints(&message, kind, withheld, alert->dedup.per_minute);
	send(alert, &message);
}

struct alert *alert__new(const struct config *config, alert_send_fn send_fn)
{
	struct alert *alert = calloc(1, sizeof(*alert));
	struct alert_dedup_hooks hooks = {emit_group, emit_withheld, emit_withheld_complaints,
					  alert};
	int class;

	if (!alert)
		return NULL;
	alert->send = send_fn;
	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		alert->statuses[class] = CHECK_UNKNOWN;
	alert_dedup__init(&alert->dedup, &hooks);
	alert__configure(alert, config);
	return alert;
}

void alert__configure(struct alert *alert, const struct config *config)
{
	alert_dedup__configure(&alert->dedup, config->alerts.fold * SECOND,
			       config->alerts.per_minute);
}

void alert__name_cgroups(struct alert *alert, struct cgroups *cgroups)
{
	alert->cgroups = cgroups;
}

void alert__compare_pages(struct alert *alert, alert_pfn_fn pfn, void *ctx, unsigned int huge)
{
	alert->pfn = pfn;
	alert->pfn_ctx = ctx;
	alert->huge = huge;
}

static void make_key(struct alert_dedup_key *key, const struct thprace_incident *incident)
{
	memset(key, 0, sizeof(*key));
	key->class = incident->walk.class;
	key->verdict = incident->verdict;
	key->likely = incident->verdict == THPRACE_ESCAPE &&
		      !thprace_proved(incident->verdict, incident->attribution);
	key->level = incident->window.level;
	key->origin = incident->walk.origin;
	key->source = incident->opener_stack.cgroup ? incident->opener_stack.cgroup
						    : incident->walker_stack.cgroup;
	memcpy(key->opener, incident->window.comm,
	       strnlen(incident->window.comm, THPRACE_COMM_LEN));
	memcpy(key->walker, incident->walk.comm, strnlen(incident->walk.comm, THPRACE_COMM_LEN));
}

/* Is the page that a complaint names part of the folio that starts at this struct page? */
static enum alert_match match_page(const struct alert *alert, const struct complaint *complaint,
				   uint64_t folio)
{
	uint64_t first, pfn = complaint->pfn;

	if (complaint->page && complaint->page == folio)
		return ALERT_SAME;
	if (!alert->pfn || !folio || !alert->pfn(alert->pfn_ctx, folio, &first))
		return ALERT_UNKNOWN;
	if (!complaint->has_pfn &&
	    (!complaint->page || !alert->pfn(alert->pfn_ctx, complaint->page, &pfn)))
		return ALERT_UNKNOWN;
	/* Only an aligned page can be a huge page. */
	if (pfn == first || (first % alert->huge == 0 && pfn - first < alert->huge))
		return ALERT_SAME;
	return ALERT_OTHER;
}

static enum alert_match match_task(const struct complaint *complaint,
				   const struct thprace_incident *incident)
{
	if (!complaint->pid)
		return ALERT_UNKNOWN;
	if (complaint->pid == incident->walk.pid || complaint->pid == incident->window.pid)
		return ALERT_SAME;
	return ALERT_OTHER;
}

/* Is the complaint about this incident? */
static bool belongs(const struct alert *alert, const struct complaint *complaint,
		    const struct recent *recent)
{
	const struct thprace_incident *incident = &recent->evidence.incident;
	enum alert_match page, task;

	if (!recent->settled || !(complaint->classes & 1U << incident->walk.class))
		return false;
	if (recent->settled + COMPLAINT_REACH < complaint->when ||
	    complaint->when + COMPLAINT_REACH < recent->settled)
		return false;
	page = match_page(alert, complaint, incident->walk.folio);
	task = match_task(complaint, incident);
	return page != ALERT_OTHER && task != ALERT_OTHER &&
	       (page == ALERT_SAME || task == ALERT_SAME);
}

/*
 * The latest incident to which a complaint belongs, preferably one that is not confirmed yet; or
 * NULL.
 */
static struct recent *find_recent(struct alert *alert, const struct complaint *complaint)
{
	struct recent *found = NULL;
	unsigned int c, i;

	for (c = 0; c < THPRACE_CLASS_MAX; c++) {
		for (i = 0; i < RECENT; i++) {
			struct recent *recent = &alert->recent[c][i];

			if (!belongs(alert, complaint, recent))
				continue;
			if (!found || (found->confirmed && !recent->confirmed) ||
			    (found->confirmed == recent->confirmed &&
			     found->settled < recent->settled))
				found = recent;
		}
	}
	return found;
}

/* Outside of any limit: there are at most as many as incidents with the same page and task. */
static void emit_confirmed(struct alert *alert, struct recent *recent,
			   const struct complaint *complaint)
{
	struct log_message message;

	recent->confirmed = true;
	alert->state.kernel_confirmed++;
	alert_message__confirmed(&message, &recent->evidence, complaint,
				 match_page(alert, complaint,
					    recent->evidence.incident.walk.folio) == ALERT_SAME);
	send(alert, &message);
}

/* No incident will come for this complaint any more. */
static void emit_complaint(struct alert *alert, const struct complaint *complaint, uint64_t now)
{
	struct log_message message;

	if (!alert_dedup__complaint(&alert->dedup, complaint->kind, now))
		return;
	alert_message__complaint(&message, complaint);
	send(alert, &message);
}

static void stop_waiting(struct alert *alert, size_t i)
{
	alert->nr_waiting--;
	memmove(&alert->waiting[i], &alert->waiting[i + 1],
		(alert->nr_waiting - i) * sizeof(alert->waiting[0]));
}

/* Tie waiting complaints to an incident that came after them. */
static void tie(struct alert *alert, struct recent *recent)
{
	struct complaint complaint;
	size_t i = 0;

	while (i < alert->nr_waiting) {
		if (!belongs(alert, &alert->waiting[i], recent)) {
			i++;
			continue;
		}
		complaint = alert->waiting[i];
		stop_waiting(alert, i);
		emit_confirmed(alert, recent, &complaint);
	}
}

static void set_evidence(const struct alert *alert, struct alert_evidence *evidence,
			 const struct thprace_incident *incident, uint64_t number, const char *file)
{
	evidence->cgroups = alert->cgroups;
	evidence->incident = *incident;
	if (evidence->incident.walk.class >= THPRACE_CLASS_MAX)
		evidence->incident.walk.class = THPRACE_CLASS_NONE;
	evidence->number = number;
	evidence->file[0] = '\0';
	if (file)
		strncat(evidence->file, file, sizeof(evidence->file) - 1);
}

static void overlap(struct alert *alert, const struct thprace_incident *incident, uint64_t number,
		    const char *file)
{
	struct alert_evidence evidence;
	struct log_message message;

	set_evidence(alert, &evidence, incident, number, file);
	if (alert->overlapped[evidence.incident.walk.class])
		return;
	alert->overlapped[evidence.incident.walk.class] = true;
	alert_message__overlap(&message, &evidence, alert->statuses[evidence.incident.walk.class]);
	send(alert, &message);
}

void alert__checked(struct alert *alert, const struct check_state *check)
{
	int class;

	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		alert->statuses[class] = check->classes[class].status;
}

void alert__incident(struct alert *alert, const struct thprace_incident *incident, uint64_t number,
		     const char *file, uint64_t now)
{
	struct log_message message;
	struct recent *recent;
	struct alert_dedup_key key;
	unsigned int class;
	bool first;

	alert->now = now;
	if (incident->verdict <= THPRACE_CONTAINED)
		overlap(alert, incident, number, file);
	if (incident->verdict <= THPRACE_CONTAINED || incident->verdict >= THPRACE_VERDICT_MAX)
		return;
	class = incident->walk.class < THPRACE_CLASS_MAX ? incident->walk.class
							 : THPRACE_CLASS_NONE;
	recent = &alert->recent[class][alert->next_recent[class]++ % RECENT];
	set_evidence(alert, &recent->evidence, incident, number, file);
	recent->settled = now;
	recent->confirmed = false;
	first = incident->verdict == THPRACE_ESCAPE && !alert->escaped[class];
	alert->escaped[class] |= first;
	make_key(&key, &recent->evidence.incident);
	if (alert_dedup__incident(&alert->dedup, &key, number, file, first, now)) {
		alert_message__incident(&message, &recent->evidence, first);
		send(alert, &message);
	} else {
		alert->state.folded++;
	}
	tie(alert, recent);
}

void alert__lost(struct alert *alert, const struct thprace_record *lost, uint64_t now)
{
	unsigned int cause = (unsigned int)lost->value;
	struct log_message message;
	bool began = !alert->last_loss;

	alert->now = now;
	if (!lost->arg || cause >= THPRACE_LOSS_MAX)
		return;
	if (began) {
		memset(&alert->loss, 0, sizeof(alert->loss));
		alert->loss.from = lost->entry;
	}
	alert->loss.count[cause] += lost->arg;
	if (lost->entry < alert->loss.from)
		alert->loss.from = lost->entry;
	if (lost->ts > alert->loss.to)
		alert->loss.to = lost->ts;
	alert->last_loss = now ? now : 1;
	if (!began)
		return;
	alert_message__loss_began(&message, &alert->loss);
	send(alert, &message);
}

static void end_loss(struct alert *alert, bool stopping)
{
	struct log_message message;

	if (!alert->last_loss)
		return;
	alert->last_loss = 0;
	alert_message__loss_ended(&message, &alert->loss, stopping);
	send(alert, &message);
}

void alert__complaint(struct alert *alert, const struct complaint *complaint, uint64_t now)
{
	struct complaint oldest;
	struct recent *recent;

	alert->now = now;
	if (!complaint->classes)
		return;
	alert->state.kernel_complaints++;
	recent = find_recent(alert, complaint);
	if (recent) {
		emit_confirmed(alert, recent, complaint);
		return;
	}
	if (alert->nr_waiting == WAITING) {
		oldest = alert->waiting[0];
		stop_waiting(alert, 0);
		emit_complaint(alert, &oldest, now);
	}
	alert->waiting[alert->nr_waiting++] = *complaint;
}

void alert__tick(struct alert *alert, uint64_t now)
{
	struct complaint complaint;

	alert->now = now;
	alert_dedup__tick(&alert->dedup, now);
	if (alert->last_loss && now >= alert->last_loss + LOSS_QUIET)
		end_loss(alert, false);
	while (alert->nr_waiting && now >= alert->waiting[0].when + COMPLAINT_REACH) {
		complaint = alert->waiting[0];
		stop_waiting(alert, 0);
		emit_complaint(alert, &complaint, now);
	}
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

uint64_t alert__deadline(const struct alert *alert)
{
	uint64_t deadline = alert_dedup__deadline(&alert->dedup);

	if (alert->last_loss)
		deadline = sooner(deadline, alert->last_loss + LOSS_QUIET);
	if (alert->nr_waiting)
		deadline = sooner(deadline, alert->waiting[0].when + COMPLAINT_REACH);
	return deadline;
}

void alert__state(const struct alert *alert, struct alert_state *state)
{
	*state = alert->state;
	state->target = log__target_name();
}

void alert__free(struct alert *alert)
{
	size_t i;

	if (!alert)
		return;
	for (i = 0; i < alert->nr_waiting; i++)
		emit_complaint(alert, &alert->waiting[i], alert->now);
	end_loss(alert, true);
	alert_dedup__finish(&alert->dedup, alert->now);
	free(alert);
}
