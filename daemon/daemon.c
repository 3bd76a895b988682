// SPDX-License-Identifier: GPL-2.0-only
#include "daemon.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <thprace/version.h>

#include "daemon_private.h"
#include "kernel/cgroups.h"
#include "kernel/kallsyms.h"
#include "log.h"
#include "base/clock.h"
#include "base/names.h"
#include "privilege.h"
#include "race_set.h"
#include "trace/spool_dir.h"
#include "session/stats_json.h"
#include "classes/race_class.h"

static void on_incident(void *ctx, const struct thprace_incident *incident)
{
	struct daemon *daemon = ctx;
	char path[CONFIG_PATH_MAX + SPOOL_NAME_LEN + 1];
	uint64_t number = spool__incident(daemon->spool, incident);
	bool filed = number && spool__file_of(daemon->spool, number, path, sizeof(path));

	if (incident->verdict > THPRACE_CONTAINED)
		daemon->urgent = true;
	alert__incident(daemon->alert, incident, number, filed ? path : NULL, clock__now());
	control__incident(daemon->control, number, incident);
	live_requests__incident(daemon->live_requests, incident);
}

static void on_record(void *ctx, const struct thprace_record *record, bool context)
{
	struct daemon *daemon = ctx;

	spool__record(daemon->spool, record, context);
	if (record->type == THPRACE_REC_LOST)
		alert__lost(daemon->alert, record, clock__now());
}

static void on_checked(void *ctx)
{
	daemon__tick(ctx);
}

static void on_replacing(void *ctx)
{
	struct daemon *daemon = ctx;

	daemon__read_programs(daemon);
	program_totals__restart(daemon->programs);
}

static char *make_meta(void *ctx)
{
	struct daemon *daemon = ctx;
	struct stats_meta about = {.attach = daemon->config.observe.attach};
	struct engine *engine = observer__engine(daemon->observer);
	char *meta = stats_json__meta(engine, &about);

	if (meta)
		engine__describe(engine, meta);
	return meta;
}

static char *make_stats(void *ctx)
{
	struct daemon *daemon = ctx;
	struct session_totals totals;

	observer__session_totals(daemon->observer, &totals);
	return stats_json__stats(observer__engine(daemon->observer), &totals, clock__now());
}

static void on_health(void *ctx, int err, const char *path)
{
	(void)ctx;
	if (err)
		log__print(
			LOG_ERR, LOG_ID_SPOOL_DEGRADED,
			"cannot write to the spool, %s: %s. Up to %d incidents are kept in memory "
			"until it works again",
			path, strerror(-err), SPOOL_MEMORY);
	else
		log__print(LOG_NOTICE, LOG_ID_SPOOL_RECOVERED,
			   "the spool can be written to again: %s", path);
}

static void on_ageless(void *ctx, bool ageless)
{
	(void)ctx;
	if (ageless)
		log__print(
			LOG_NOTICE, LOG_ID_CLOCK_STEP,
			"the wall clock went on by more than a day more, or less, than expected: "
			"the spool removes no file by age until it has agreed with the time since "
			"boot for a day");
	else
		log__print(
			LOG_NOTICE, LOG_ID_CLOCK_STEP,
			"the wall clock has agreed with the time since boot for a day: the spool "
			"removes files by age again");
}

static void on_find_names(void *ctx, struct symbols *symbols)
{
	/* Without memory for this, they are resolved when the file is completed. */
	(void)namer__want(((struct daemon *)ctx)->namer, symbols, NULL, NULL);
}

/*
 * Wall-clock times in a file depend on one anchor: after a step of the clock a new file is needed.
 */
static int arm_clock(struct daemon *daemon)
{
	struct itimerspec never = {.it_value = {.tv_sec = INT32_MAX}};

	return timerfd_settime(daemon->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
			       &never, NULL)
		       ? -errno
		       : 0;
}

static int on_clock(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct daemon *daemon = ctx;
	uint64_t count;

	(void)source;
	(void)events;
	if (read(fd, &count, sizeof(count)) < 0 && errno == ECANCELED) {
		daemon->clock_steps++;
		spool__rotate(daemon->spool);
		log__print(
			LOG_NOTICE, LOG_ID_CLOCK_STEP,
			"the wall clock was set: a new spool file begins, so that times after it are "
			"right");
	}
	arm_clock(daemon);
	return 0;
}

static int watch_clock(struct daemon *daemon)
{
	int err;

	daemon->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (daemon->clock_fd < 0)
		return -errno;
	err = arm_clock(daemon);
	if (err)
		return err;
	return sd_event_add_io(daemon->event, &daemon->clock_source, daemon->clock_fd, EPOLLIN,
			       on_clock, daemon);
}

static void log_lines(int priority, const char *id, const char *before, char *lines)
{
	char *line, *rest = NULL;

	for (line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log__print(priority, id, "%s%s", before, line);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	char why[WHY_SIZE];

	(void)source;
	(void)info;
	daemon__reload(ctx, why, sizeof(why));
	return 0;
}

static void on_live(void *ctx, uint64_t id, int fd, const char *why)
{
	struct daemon *daemon = ctx;

	if (daemon->control)
		control__live_done(daemon->control, id, fd, why);
	else if (fd >= 0)
		close(fd);
}

static int open_loop(struct daemon *daemon)
{
	sigset_t signals;
	int err;

	err = sd_event_default(&daemon->event);
	if (err < 0)
		return err;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	err = sd_event_add_signal(daemon->event, NULL, SIGTERM, NULL, NULL);
	if (err >= 0)
		err = sd_event_add_signal(daemon->event, NULL, SIGINT, NULL, NULL);
	if (err >= 0)
		err = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
	return err < 0 ? err : 0;
}

static int open_observer(struct daemon *daemon, char *why, size_t why_size)
{
	const struct observer_hooks hooks = {
		.incident = on_incident,
		.record = on_record,
		.checked = on_checked,
		.replacing = on_replacing,
		.ctx = daemon,
	};

	/*
	 * It shows addresses only to processes that may see them when it is opened; later this
	 * process may not.
	 */
	if (kallsyms__keep())
		log__print(LOG_WARNING, NULL, "cannot open /proc/kallsyms: stacks stay numbers");
	return observer__open(&daemon->observer, daemon->event, &daemon->config, &daemon->fd_store,
			      &hooks, why, why_size);
}

/*
 * The destinations. As root without systemd this still needs capabilities, for the socket's group.
 */
static int open_rest(struct daemon *daemon, char *why, size_t why_size)
{
	const struct spool_hooks spool_hooks = {.meta = make_meta,
						.stats = make_stats,
						.health = on_health,
						.ageless = on_ageless,
						.find_names = on_find_names,
						.ctx = daemon};
	const struct live_hooks live_hooks = {.meta = make_meta, .done = on_live, .ctx = daemon};
	int err;

	overhead__reset(&daemon->overhead, &daemon->config);
	daemon->programs = program_totals__new();
	daemon->cgroups = cgroups__new(NULL);
	daemon->alert = alert__new(&daemon->config, log__send);
	daemon->namer = namer__new(daemon->event);
	err = daemon->programs && daemon->cgroups && daemon->alert && daemon->namer ? 0 : -ENOMEM;
	if (!err) {
		daemon__compare_pages(daemon);
		alert__name_cgroups(daemon->alert, daemon->cgroups);
		err = spool__open(&daemon->spool, &daemon->config, &spool_hooks);
	}
	if (err) {
		snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	daemon->live_requests = live_requests__new(daemon->event, daemon->observer, daemon->spool,
						   daemon->namer, &live_hooks);
	if (!daemon->live_requests) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	err = watch_clock(daemon);
	if (err < 0) {
		snprintf(why, why_size, "cannot watch the clock: %s", strerror(-err));
		return err;
	}
	return daemon__open_control(daemon, why, why_size);
}

static void log_started(struct daemon *daemon, const char *kept)
{
	struct engine *engine = observer__engine(daemon->observer);
	const struct probe_plan *plan = engine__plan(engine);
	unsigned int attached = 0, seen = 0;
	struct log_message message;
	unsigned int i;

	for (i = 0; i < THPRACE_POINT_MAX; i++)
		attached += plan->probe[i].state == PROBE_ATTACHED;
	for (i = 1; i < race_class__end(); i++)
		seen += !probe__not_observable(plan, i);
	log__begin(&message, LOG_INFO, LOG_ID_STARTED,
		   "thpraced " THPRACE_VERSION " watches %s in %s mode: %s, %u of %d classes "
		   "observable; capabilities left: %s",
		   engine__release(engine), names__mode(engine__mode(engine)),
		   COUNTED(attached, "probe"), seen, race_class__end() - 1, kept);
	log__field(&message, "THPRACE_MODE", "%s", names__mode(engine__mode(engine)));
	log__field(&message, "THPRACE_KERNEL", "%s", engine__release(engine));
	log__send(&message);
	daemon__log_races(daemon);
	if (!engine__measured(engine))
		log__print(LOG_NOTICE, NULL, "own cost is not measured: %s",
			   daemon__state(daemon)->overhead.reason);
}

static int start(struct daemon *daemon, char *why, size_t why_size)
{
	char kept[256] = "";
	int err;

	err = open_loop(daemon);
	if (err) {
		snprintf(why, why_size, "cannot set up the event loop: %s", strerror(-err));
		return err;
	}
	fd_store__take(&daemon->fd_store);
	err = open_observer(daemon, why, why_size);
	if (err)
		return err;
	err = open_rest(daemon, why, why_size);
	if (err)
		return err;
	/* Its complaints go to the destinations that were just opened. */
	daemon__open_kmsg(daemon);
	err = privilege__drop(kept, sizeof(kept));
	if (err) {
		snprintf(why, why_size, "cannot drop capabilities: %s", strerror(-err));
		return err;
	}
	daemon->bpf_memory = engine__memory(observer__engine(daemon->observer));
	free(make_meta(daemon)); /* in case that the kernel dies before the first file begins */
	daemon->started = observer__start(daemon->observer);
	malloc_trim(0); /* what loading took */
	log_started(daemon, kept);
	daemon__tick(daemon);
	daemon__last_boot(daemon);
	err = daemon__check_kernel(daemon);
	if (err) {
		snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	/*
	 * Not earlier: attaching may take longer than the watchdog waits, and nothing pings it
	 * meanwhile.
	 */
	err = sd_event_set_watchdog(daemon->event, true);
	if (err < 0) {
		snprintf(why, why_size, "cannot set up the watchdog: %s", strerror(-err));
		return err;
	}
	return 0;
}

static void stop(struct daemon *daemon)
{
	/* Reports the rest to everything below. */
	observer__stop(daemon->observer);
	if (daemon->started)
		daemon__export(daemon);
	control__close(daemon->control);
	live_requests__free(daemon->live_requests);
	spool__close(daemon->spool);
	namer__free(daemon->namer);
	kernel_check__free(daemon->check);
	/* It may still have a complaint. */
	daemon__close_kmsg(daemon);
	alert__free(daemon->alert);
	cgroups__free(daemon->cgroups);
	observer__close(daemon->observer);
	program_totals__free(daemon->programs);
	sd_event_source_disable_unref(daemon->clock_source);
	if (daemon->clock_fd >= 0)
		close(daemon->clock_fd);
	fd_store__close(&daemon->fd_store);
	sd_event_unref(daemon->event);
}

int daemon__run(const struct daemon_options *options)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	char why[WHY_SIZE] = "out of memory";
	bool faulty = false; /* the configuration */
	int err = -ENOMEM;

	if (!daemon)
		goto cleanup;
	daemon->options = *options;
	daemon->fd_store.stats_fd = -1;
	daemon->fd_store.image_fd = -1;
	daemon->fd_store.last_boot_fd = -1;
	daemon->clock_fd = -1;
	err = config__load(&daemon->config, "", options->config, why, sizeof(why));
	if (!err)
		err = race_set__check(daemon->config.observe.races, why, sizeof(why));
	if (err) {
		faulty = err != -ENOMEM;
		goto cleanup;
	}
	daemon__open_log(daemon);
	err = start(daemon, why, sizeof(why));
	if (err)
		goto cleanup;
	sd_notify(0, "READY=1");
	err = loop__run(daemon->event, &daemon->loop);
	if (err < 0)
		snprintf(why, sizeof(why), "the event loop failed: %s", strerror(-err));
	sd_notify(0, "STOPPING=1\nSTATUS=Detaching");

cleanup:
	if (err) {
		log_lines(LOG_ERR, NULL, "", why);
		sd_notifyf(0, "ERRNO=%d", -err);
	}
	if (daemon)
		stop(daemon);
	free(daemon);
	if (faulty)
		return DAEMON_USAGE;
	return err ? DAEMON_FAILED : DAEMON_DONE;
}
