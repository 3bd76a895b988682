/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The detector: records in, incidents out. It knows no BPF, no file and no clock, so a trace always
 * replays to the same incidents, and tests can use synthetic schedules.
 *
 * Records may come in any order within the watermark: a record is processed when one that is
 * `watermark` ns younger has been fed, or at detector__finish(). A record that comes later counts
 * as late, is dropped, and makes what it touches unproven, like a lost record.
 */
#ifndef THPRACE_DETECTOR_H
#define THPRACE_DETECTOR_H

#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>

/* The maximum reordering: 1 s. */
#define DETECTOR_WATERMARK_NS 1000000000ULL

struct detector;

/* Called for each settled incident (stacks empty, comm empty), in order of settling. */
typedef void (*detector_incident_fn)(void *ctx, const struct thprace_incident *incident);

struct detector_options {
	enum thprace_mode mode; /* of the recording */
	uint64_t watermark; /* ns; 0: DETECTOR_WATERMARK_NS */
	detector_incident_fn incident;
	void *ctx;
};

/* Per class: walkers = overlapped walkers + clean + remained + unattributed (alone) + unproven (alone). */
struct detector_class {
	uint64_t walkers; /* walkers that returned */
	uint64_t overlaps; /* pairs: contained + escapes + unproven pairs */
	uint64_t contained; /* pairs */
	uint64_t escapes; /* pairs */
	uint64_t remained; /* walkers */
	uint64_t unattributed; /* walkers */
	uint64_t unproven; /* pairs, and walkers without a pair, that are touched by a loss */
	uint64_t clean; /* walkers that overlapped nothing, did not fail, and are touched by no
			 * loss */
};

/*
 * The shortest distance in time between a walker and a window on the same folio that did not
 * overlap. Only searched within two watermarks and THPRACE_ATTRIBUTION_NS.
 */
struct detector_pass {
	uint64_t distance; /* ns between them; THPRACE_FOREVER if there was no such pair */
	struct thprace_window window;
	struct thprace_walk walk;
};

struct detector_stats {
	struct detector_class class[THPRACE_CLASS_MAX];
	uint64_t records; /* fed */
	uint64_t windows; /* PMD-level windows that closed, without void ones */
	uint64_t voids; /* zaps without rmap removal (precise mode): huge zero page */
	uint64_t pte_removals;
	uint64_t orphans; /* an end without its start, or a start without its end */
	uint64_t late; /* came after the watermark had passed */
	uint64_t touching; /* pairs that overlapped by less than THPRACE_TOLERANCE_NS */
	uint64_t close_calls; /* pairs in which the proof decided against the order of the stamps */
	uint64_t lost; /* sum of the counts in LOST records */
	uint64_t late_loss; /* losses that reach back to results that had been emitted already */
	struct detector_pass closest;
};

/* Returns a detector, to be freed with detector__free(), or NULL (out of memory). */
struct detector *detector__new(const struct detector_options *options);

/*
 * Feed one record. Returns 0, -ENOMEM, or -EOVERFLOW: more overlaps on a folio than any kernel has.
 */
int detector__feed(struct detector *detector, const struct thprace_record *record);

/*
 * Process all that is still held and settle all incidents (a window or walker without an end counts
 * as open until then, and as an orphan). Nothing may be fed after this. Returns 0 or negative errno
 * as above.
 */
int detector__finish(struct detector *detector);

const struct detector_stats *detector__stats(const struct detector *detector);

void detector__free(struct detector *detector);

#endif
