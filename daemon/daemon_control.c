// SPDX-License-Identifier: GPL-2.0-only
/* Connects the requests of the control socket with the parts that answer them. */
#include "daemon_private.h"
#include "kernel/cgroups.h"

#include "log.h"
#include "metrics.h"

static const struct state *hook_state(void *ctx)
{
	observer__refresh(((struct daemon *)ctx)->observer);
	return daemon__state(ctx);
}

static char *hook_metrics(void *ctx)
{
	observer__refresh(((struct daemon *)ctx)->observer);
	return metrics__text(daemon__state(ctx), METRICS_ALL);
}

static int hook_recent(void *ctx, uint64_t number, struct thprace_incident *incident)
{
	return spool__recent(((struct daemon *)ctx)->spool, number, incident);
}

static uint64_t hook_wall_of(void *ctx, uint64_t number)
{
	return spool__wall_of(((struct daemon *)ctx)->spool, number);
}

static uint64_t hook_recent_first(void *ctx)
{
	return spool__recent_first(((struct daemon *)ctx)->spool);
}

static bool hook_file_of(void *ctx, uint64_t number, char *path, size_t size)
{
	return spool__file_of(((struct daemon *)ctx)->spool, number, path, size);
}

static bool hook_name_of(void *ctx, uint64_t address, char *name)
{
	return spool__name_of(((struct daemon *)ctx)->spool, address, name);
}

static const char *hook_cgroup_of(void *ctx, uint64_t id)
{
	return cgroups__find(((struct daemon *)ctx)->cgroups, id);
}

static void hook_flush(void *ctx)
{
	spool__flush(((struct daemon *)ctx)->spool, false);
}

static const char *hook_directory(void *ctx)
{
	return ((struct daemon *)ctx)->config.spool.directory;
}

static int hook_live(void *ctx, uint64_t id, double seconds, bool from_now, char *why,
		     size_t why_size)
{
	return live_requests__begin(((struct daemon *)ctx)->live_requests, id, seconds, from_now,
				    why, why_size);
}

static void hook_live_cancel(void *ctx, uint64_t id)
{
	live_requests__cancel(((struct daemon *)ctx)->live_requests, id);
}

static void hook_log(void *ctx, int priority, const char *text)
{
	(void)ctx;
	log__print(priority, NULL, "%s", text);
}

static int hook_reload(void *ctx, char *why, size_t why_size)
{
	return daemon__reload(ctx, why, why_size);
}

int daemon__open_control(struct daemon *daemon, char *why, size_t why_size)
{
	const struct control_hooks hooks = {
		.state = hook_state,
		.metrics = hook_metrics,
		.recent = hook_recent,
		.wall_of = hook_wall_of,
		.recent_first = hook_recent_first,
		.file_of = hook_file_of,
		.name_of = hook_name_of,
		.cgroup_of = hook_cgroup_of,
		.flush = hook_flush,
		.directory = hook_directory,
		.reload = hook_reload,
		.live = hook_live,
		.live_cancel = hook_live_cancel,
		.log = hook_log,
		.ctx = daemon,
	};

	return control__open(&daemon->control, daemon->event, &daemon->config, &hooks, why,
			     why_size);
}
