/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internals of the daemon: daemon.c (start, loop, end), daemon_tick.c (periodic work),
 * daemon_state.c (its own state), daemon_reload.c (another configuration), daemon_control.c
 * (requests of clients), daemon_kernel.c (what the kernel shows about the races).
 */
#ifndef THPRACE_DAEMON_PRIVATE_H
#define THPRACE_DAEMON_PRIVATE_H

#include <systemd/sd-event.h>

#include "alert.h"
#include "config.h"
#include "control.h"
#include "daemon.h"
#include "fd_store.h"
#include "kernel_check.h"
#include "kmsg.h"
#include "live.h"
#include "log_limit.h"
#include "loop.h"
#include "namer.h"
#include "over_budget.h"
#include "overhead.h"
#include "program_totals.h"
#include "spool.h"
#include "state.h"
#include "observer.h"

#define WHY_SIZE 4096 /* for errors in a configuration: several lines */

/* Samples for exposure: one a minute, over an hour. */
#define SAMPLES 60

struct daemon {
	struct daemon_options options;
	struct config config;
	sd_event *event;
	struct loop_times loop;
	struct fd_store fd_store;
	struct observer *observer;
	struct spool *spool;
	struct alert *alert;
	struct kmsg *kmsg;
	struct control *control;
	struct live_requests *live_requests;
	struct namer *namer;
	struct cgroups *cgroups;
	struct program_totals *programs;
	struct kernel_check *check;
	struct overhead overhead;
	struct over_budget over_budget;
	uint64_t started; /* ns CLOCK_MONOTONIC */
	bool urgent; /* something came that must be on the disk at once */

	/* When each periodic action was last done, ns CLOCK_MONOTONIC. */
	uint64_t flushed;
	uint64_t exported;
	uint64_t noted;
	char status[256];
	int metrics_error; /* said already */
	struct exposure_sample samples[SAMPLES];
	unsigned int nr_samples; /* ever taken */

	/* Members that struct state shows and that are stored nowhere else. */
	struct state state;
	struct session_totals totals;
	uint64_t bpf_memory;
	struct log_limit reload_limit;
	uint64_t reloads;
	uint64_t reloads_failed;
	uint64_t clock_steps;
	uint64_t sheds;
	uint64_t restores;

	/* Sources. */
	sd_event_source *kmsg_source;
	sd_event_source *clock_source;
	int clock_fd;
};

/* Fill in daemon->state and return it. */
const struct state *daemon__state(struct daemon *daemon);

/* Read the programs' run times into daemon->programs. */
void daemon__read_programs(struct daemon *daemon);

/* All periodic work; the observer calls it after each reading of the counters. */
void daemon__tick(struct daemon *daemon);

/* Write the metrics file now. */
void daemon__export(struct daemon *daemon);

/* Log to the target of the options and the configuration. */
void daemon__open_log(const struct daemon *daemon);

/* Say which races from files are observed, and why the others are not. */
void daemon__log_races(const struct daemon *daemon);

/*
 * Read the configuration again and apply it. Returns 0, or negative errno with why: the old one
 * stays.
 */
int daemon__reload(struct daemon *daemon, char *why, size_t why_size);

/* Serve the control socket. Returns 0, or negative errno with why. */
int daemon__open_control(struct daemon *daemon, char *why, size_t why_size);

/* Follow the kernel's log, if configured; if this fails, there is only a warning. */
void daemon__open_kmsg(struct daemon *daemon);
void daemon__close_kmsg(struct daemon *daemon);

/* Report once what the last boot left (last_boot.h). */
void daemon__last_boot(struct daemon *daemon);

/* Complaints name pages by frame: let alerts compare these with the struct pages of incidents. */
void daemon__compare_pages(struct daemon *daemon);

/*
 * Find out what the kernel's code says about the races, while recording continues. Returns 0 or
 * -ENOMEM.
 */
int daemon__check_kernel(struct daemon *daemon);

#endif
