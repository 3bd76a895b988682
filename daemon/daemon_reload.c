// SPDX-License-Identifier: GPL-2.0-only
/* Reloads the configuration while recording continues. */
#include "daemon_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/names.h"
#include "log.h"

void daemon__open_log(const struct daemon *daemon)
{
	const struct daemon_options *options = &daemon->options;

	log__open(options->target_set ? options->target : daemon->config.alerts.target,
		  daemon->config.alerts.facility);
}

/* Apply a configuration that was found valid. */
static int apply(struct daemon *daemon, const struct config *config, char *why, size_t why_size)
{
	int replaced = observer__configure(daemon->observer, config, why, why_size);

	if (replaced < 0)
		return replaced;
	if (strcmp(config->control.socket, daemon->config.control.socket))
		log__print(LOG_WARNING, NULL,
			   "[control] socket= takes effect at the next start: clients know the "
			   "present one");
	daemon->config = *config;
	daemon__open_log(daemon);
	if (replaced) {
		daemon->bpf_memory = engine__memory(observer__engine(daemon->observer));
		overhead__reset(&daemon->overhead, config);
		over_budget__end(&daemon->over_budget);
		spool__rotate(daemon->spool);
		daemon__log_races(daemon);
	} else {
		overhead__configure(&daemon->overhead, config);
	}
	spool__configure(daemon->spool, config);
	alert__configure(daemon->alert, config);
	if (daemon->control)
		control__configure(daemon->control, config);
	if (config->alerts.kernel_log)
		daemon__open_kmsg(daemon);
	else
		daemon__close_kmsg(daemon);
	return 0;
}

/* Every member of the group can reload, as often as it likes. */
static void log_reload(struct daemon *daemon, int priority, const char *id, const char *text)
{
	if (log_limit__take(&daemon->reload_limit, daemon->config.alerts.per_minute, clock__now()))
		log__print(priority, id, "%s", text);
}

static void log_not_reloaded(struct daemon *daemon, const char *why)
{
	char lines[WHY_SIZE], *line, *rest = NULL;

	log_reload(daemon, LOG_ERR, LOG_ID_RELOAD_FAILED,
		   "the configuration was not applied, the old settings stay:");
	snprintf(lines, sizeof(lines), "%s", why);
	for (line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log_reload(daemon, LOG_ERR, LOG_ID_RELOAD_FAILED, line);
}

static void log_reloaded(struct daemon *daemon)
{
	char text[96];

	snprintf(text, sizeof(text), "the configuration was read again: %s mode",
		 names__mode(engine__mode(observer__engine(daemon->observer))));
	log_reload(daemon, LOG_INFO, LOG_ID_RELOADED, text);
}

void daemon__log_races(const struct daemon *daemon)
{
	const struct engine *engine = observer__engine(daemon->observer);
	const struct race *race;
	const char *why;
	size_t i;

	for (i = 0; i < engine__races(engine); i++) {
		race = engine__race(engine, i);
		why = engine__race_why(engine, i);
		if (why)
			log__print(LOG_WARNING, NULL, "race %s (%s) cannot be observed here: %s",
				   race->name, race->path, why);
		else
			log__print(LOG_INFO, NULL, "race %s (%s) is observed", race->name,
				   race->path);
	}
}

int daemon__reload(struct daemon *daemon, char *why, size_t why_size)
{
	struct config config;
	int err;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock__now() / 1000);
	err = config__load(&config, "", daemon->options.config, why, why_size);
	if (!err)
		err = apply(daemon, &config, why, why_size);
	if (err) {
		daemon->reloads_failed++;
		log_not_reloaded(daemon, why);
	} else {
		daemon->reloads++;
		log_reloaded(daemon);
	}
	sd_notify(0, "READY=1");
	return err;
}
