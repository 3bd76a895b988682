/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's own state at one time: filled in by daemon_state.c, read by status, metrics and
 * exposure. All counters are since the daemon started, over all its sessions (a reload may change
 * the session). The reader owns nothing in here: it is valid until the reader returns.
 */
#ifndef THPRACE_DAEMON_STATE_H
#define THPRACE_DAEMON_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "config.h"
#include "exposure.h"
#include "probe/probe.h"
#include "race_set.h"
#include "session/session.h"

/* Users whose zaps make the cost exceed the budget. */
#define OVERHEAD_ZAPPERS 4

struct zapper_state {
	uint32_t uid;
	uint32_t tgid; /* of the last call */
	char comm[THPRACE_COMM_LEN + 1]; /* the same; as the task has it */
	char cgroup[256]; /* path, "" if not known */
	char unit[128]; /* the unit of systemd, "" if the path has none */
	uint64_t calls; /* of __pmd_trans_huge_lock within about a second */
	uint64_t zaps; /* of these: in zaps */
	double part; /* part of all such calls, in [0, 1] */
};

/* The daemon's own cost. Share: part of all CPUs' time, 0.005 = 0.5% of one CPU per CPU. */
struct overhead_state {
	bool measured; /* false: there are no BPF statistics of the kernel (why: reason) */
	const char *reason;
	double share; /* of the BPF programs, over the last period; in [0, 1] */
	double budget;
	bool over; /* above the budget, and shedding would not help */
	const struct zapper_state *zappers; /* over: who causes the zaps, sorted by calls */
	size_t nr_zappers;
	uint64_t run_ns; /* of all programs since the daemon started, including detached ones */
	uint64_t sheds; /* probes shed since the start */
	uint64_t restores; /* and attached again */
	uint64_t loop_longest_ns; /* the longest time for which the event loop did nothing else */
	uint64_t loop_over; /* how often that was longer than LOOP_LONG_NS */
};

/* What `thprace check` says about the running kernel. */
enum check_progress {
	CHECK_RUNNING, /* not known yet: all statuses are CHECK_UNKNOWN */
	CHECK_DONE,
	CHECK_FAILED, /* the same, permanently; why: reason */
};

struct check_class {
	enum check_status status;
	char evidence[400]; /* its evidence; for unknown: what is missing */
	char fix[160]; /* the commit that closed the class upstream, "HASH "SUBJECT" (RELEASE)" */
};

struct check_state {
	enum check_progress progress;
	char reason[200];
	struct check_class classes[THPRACE_CLASS_MAX];
};

enum spool_health {
	SPOOL_OK,
	SPOOL_DEGRADED, /* the disk accepts no writes: incidents are kept in memory */
};

struct spool_state {
	const char *directory;
	enum spool_health health;
	const char *reason; /* why it is degraded, or NULL */
	uint64_t bytes; /* on disk, all files */
	uint64_t max_bytes;
	unsigned int files;
	uint64_t oldest_wall; /* ns CLOCK_REALTIME at which the oldest file began; 0: no file */
	uint64_t next_id; /* number of the next incident */
	uint64_t stored; /* incidents, since the daemon started */
	uint64_t skipped; /* contained ones above contained_per_hour: counted, not stored */
	uint64_t memory; /* incidents that wait in memory for the disk */
	uint64_t dropped; /* incidents that memory could not keep */
	uint64_t removed_files; /* removed for size or age */
};

struct alert_state {
	const char *target; /* "journal", "syslog", "stderr" */
	uint64_t sent; /* messages */
	uint64_t folded; /* incidents that got no message of their own */
	uint64_t failed; /* messages that the target did not accept */
	uint64_t kernel_complaints;
	uint64_t kernel_confirmed; /* complaints tied to an incident */
};

struct control_state {
	uint64_t requests;
	uint64_t refused; /* not allowed, malformed, too large, too slow, too many clients */
	unsigned int clients;
};

/* A race from a file. */
struct race_state {
	const char *name;
	const char *title;
	const char *file;
	unsigned int class;
	const char *reason; /* why it is not observed; NULL: it is */
};

struct state {
	const struct config *config;
	const char *kernel; /* release */
	const char *machine;
	int cpus; /* possible ones */
	int pid;
	uint64_t now; /* ns CLOCK_MONOTONIC of this reading */
	uint64_t now_wall; /* the same time, ns CLOCK_REALTIME */
	uint64_t started; /* ns CLOCK_MONOTONIC at which the daemon began to record */
	enum thprace_mode mode; /* in force */
	const struct probe_plan *plan;
	struct race_state races[RACE_SET_MAX];
	size_t nr_races;
	const struct session_totals *totals;
	const struct engine_program *programs; /* of the present session */
	size_t nr_programs;
	uint64_t own_cpu_ns; /* user and system time of the daemon's process */
	uint64_t own_rss; /* bytes */
	uint64_t bpf_memory; /* bytes, maps and rings */
	uint64_t reloads; /* that were applied */
	uint64_t reloads_failed;
	uint64_t clock_steps;
	const struct check_state *check; /* or NULL: not begun */
	struct overhead_state overhead;
	struct spool_state spool;
	struct alert_state alert;
	struct control_state control;
	struct exposure exposure;
};

/* Is this class shown: one of thprace's own, or of a race from a file that is or was observed? */
bool state__shows(const struct state *state, unsigned int class);

/* Why a class is not observed, in words; NULL: it is. */
const char *state__not_observable(const struct state *state, unsigned int class);

#endif
