// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <json-c/json.h>

#include "log.h"
#include "base/json.h"
#include "base/names.h"
#include "classes/race_class.h"

#define OUTPUT_MAX (256U << 10)
#define MEMORY_MAX (1UL << 30) /* of its address space: Debian's 6.1 needs 108 MiB of memory */
#define CPU_SECONDS_MAX 120 /* it needs one */
#define SECONDS_MAX 600 /* of wall-clock time, for a busy machine */

struct kernel_check {
	struct check_state state;
	kernel_check_fn done;
	void *ctx;
	pid_t pid; /* 0: it has ended */
	int fd; /* its output; -1: closed */
	sd_event_source *output;
	sd_event_source *timer;
	char *text;
	size_t length;
};

const char *kernel_check__status_name(enum check_status status)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;

	return status < CHECK_STATUS_MAX ? statuses[status] : "?";
}

/* --- the process ------------------------------------------------------------------------------- */

static void limit(int resource, rlim_t most)
{
	struct rlimit limit = {most, most};

	setrlimit(resource, &limit); /* if a unit's filter forbids this, there is still the time
				      * limit */
}

/* In the child: `thprace check`, with nothing of this process except standard output. */
static void become(const char *program, int out, int image)
{
	char fd[32];
	cap_t none = cap_init();
	int null = open("/dev/null", O_RDWR);
	sigset_t signals;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (none)
		cap_set_proc(none);
	limit(RLIMIT_AS, MEMORY_MAX);
	limit(RLIMIT_CPU, CPU_SECONDS_MAX);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	if (setpriority(PRIO_PROCESS, 0, 19)) /* a unit's filter may forbid it */
		errno = 0;
	sigemptyset(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0)
		_exit(1);
	snprintf(fd, sizeof(fd), "--image-fd=%d", image);
	if (image >= 0)
		fcntl(image, F_SETFD, 0);
	execlp(program, "thprace", "check", "--format=json", image >= 0 ? fd : NULL, NULL);
	dprintf(STDOUT_FILENO, "cannot run %s: %s\n", program, strerror(errno));
	_exit(1);
}

/* In the same folder, when built; or in ../bin, when installed; else by PATH. */
static const char *find_program(char *path, size_t size)
{
	static const char *const places[] = {"thprace", "../bin/thprace"};
	char self[PATH_MAX - 32];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	size_t i;

	self[length > 0 ? length : 0] = '\0';
	slash = strrchr(self, '/');
	for (i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%.*s%s", (int)(slash + 1 - self), self, places[i]);
		if (!access(path, X_OK))
			return path;
	}
	return "thprace";
}

static int spawn(struct kernel_check *check, const char *program, int image)
{
	char path[PATH_MAX];
	int pipes[2], err;

	if (!program)
		program = find_program(path, sizeof(path));
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	check->pid = fork();
	if (!check->pid)
		become(program, pipes[1], image);
	err = check->pid < 0 ? -errno : 0;
	check->pid = err ? 0 : check->pid;
	check->fd = pipes[0];
	close(pipes[1]);
	return err;
}

/*
 * --- its output ---------------------------------------------------------------------------------
 */

/* Append the texts of an array of evidence, "a; b". */
static void add_facts(char *text, size_t size, struct json_object *object, const char *name)
{
	struct json_object *array = json__get_array(object, name);
	size_t i, used;

	for (i = 0; i < json__length(array); i++) {
		used = strlen(text);
		snprintf(text + used, size - used, "%s%s", used ? "; " : "",
			 json__get_text(json__at(array, i), "text"));
	}
}

static int find_status(const char *name)
{
	int status;

	for (status = 0; status < CHECK_STATUS_MAX; status++)
		if (!strcmp(kernel_check__status_name(status), name))
			return status;
	return -1;
}

/* One line. False: it is not about a class. */
static bool take_line(struct check_state *state, const char *line)
{
	struct json_object *object;
	int class, status;
	struct check_class *to;

	if (json__parse(&object, line, strlen(line)))
		return false;
	class = names__find_class(json__get_text(object, "class"));
	status = find_status(json__get_text(object, "word"));
	if (class > THPRACE_CLASS_NONE && status >= 0) {
		to = &state->classes[class];
		to->status = status;
		to->evidence[0] = '\0';
		add_facts(to->evidence, sizeof(to->evidence), object, "evidence");
		add_facts(to->evidence, sizeof(to->evidence), object, "missing");
		snprintf(to->fix, sizeof(to->fix), "%.12s \"%s\" (%s)",
			 json__get_text(object, "commit"), json__get_text(object, "subject"),
			 json__get_text(object, "since"));
	}
	json_object_put(object);
	return class > THPRACE_CLASS_NONE && status >= 0;
}

__attribute__((format(printf, 2, 3))) static void fail(struct check_state *state,
						       const char *format, ...)
{
	char text[sizeof(state->reason)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	state->progress = CHECK_FAILED;
	names__clean(state->reason, sizeof(state->reason), text, sizeof(text), 0);
}

static void take_all(struct kernel_check *check)
{
	struct check_state *state = &check->state;
	int class, left = race_class__end() - 1;
	char *line, *rest = NULL, *last = NULL;

	for (line = strtok_r(check->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (take_line(state, line))
			left--;
		else
			last = line;
	}
	state->progress = CHECK_DONE;
	if (left)
		fail(state, "%s", last ? last : "it ended before its output was complete");
	for (class = 0; left && class < THPRACE_CLASS_MAX; class ++)
		state->classes[class] = (struct check_class){.status = CHECK_UNKNOWN};
}

/* --- in the loop ------------------------------------------------------------------------------- */

static void stop(struct kernel_check *check)
{
	check->output = sd_event_source_disable_unref(check->output);
	check->timer = sd_event_source_disable_unref(check->timer);
	if (check->fd >= 0)
		close(check->fd);
	check->fd = -1;
	if (check->pid) {
		kill(check->pid, SIGKILL);
		waitpid(check->pid, NULL, 0);
	}
	check->pid = 0;
	free(check->text);
	check->text = NULL;
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct kernel_check *check = ctx;
	ssize_t got = read(fd, check->text + check->length, OUTPUT_MAX - 1 - check->length);

	(void)source;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	check->length += got > 0 ? (size_t)got : 0;
	if (got > 0 && check->length < OUTPUT_MAX - 1)
		return 0;
	check->text[check->length] = '\0';
	take_all(check);
	stop(check);
	check->done(check->ctx, &check->state);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct kernel_check *check = ctx;

	(void)source;
	(void)usec;
	stop(check);
	fail(&check->state, "it took more than %d s", SECONDS_MAX);
	check->done(check->ctx, &check->state);
	return 0;
}

struct kernel_check *kernel_check__start(sd_event *event, const char *program, int image,
					 kernel_check_fn done, void *ctx)
{
	struct kernel_check *check = calloc(1, sizeof(*check));
	int class, err;

	if (!check)
		return NULL;
	check->done = done;
	check->ctx = ctx;
	check->fd = -1;
	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		check->state.classes[class].status = CHECK_UNKNOWN;
	check->text = malloc(OUTPUT_MAX);
	err = check->text ? spawn(check, program, image) : -ENOMEM;
	if (!err)
		err = sd_event_add_io(event, &check->output, check->fd, EPOLLIN, on_output, check);
	if (err >= 0)
		err = sd_event_add_time_relative(event, &check->timer, CLOCK_MONOTONIC,
						 SECONDS_MAX * 1000000ULL, 0, on_timer, check);
	if (err < 0) {
		stop(check);
		fail(&check->state, "%s", strerror(-err));
		done(ctx, &check->state);
	}
	return check;
}

const struct check_state *kernel_check__state(const struct kernel_check *check)
{
	return &check->state;
}

void kernel_check__free(struct kernel_check *check)
{
	if (!check)
		return;
	stop(check);
	free(check);
}

/* --- the log ----------------------------------------------------------------------------------- */

static void log_vulnerable(int class, const struct check_class *found)
{
	struct log_message message;

	log__begin(&message, LOG_WARNING, LOG_ID_VULNERABLE,
		   "vulnerable: this kernel is open to %s: %s; fixed by %s; see: thprace check",
		   names__class(class), found->evidence, found->fix);
	log__field(&message, "THPRACE_CLASS", "%s", names__class(class));
	log__field(&message, "THPRACE_CHECK", "%s", kernel_check__status_name(found->status));
	log__field(&message, "THPRACE_EVIDENCE", "%s", found->evidence);
	log__field(&message, "THPRACE_FIX", "%s", found->fix);
	log__send(&message);
}

void kernel_check__log(const struct check_state *state)
{
	char unknown[256] = "";
	const char *missing = "";
	size_t used = 0;
	unsigned int class;

	if (state->progress == CHECK_FAILED) {
		log__print(
			LOG_WARNING, NULL,
			"whether this kernel has the fixes is not known: thprace check failed: %s",
			state->reason);
		return;
	}
	for (class = 1; class < race_class__end(); class ++) {
		if (state->classes[class].status == CHECK_VULNERABLE)
			log_vulnerable(class, &state->classes[class]);
		if (state->classes[class].status != CHECK_UNKNOWN || used >= sizeof(unknown))
			continue;
		used += (size_t)snprintf(unknown + used, sizeof(unknown) - used, "%s%s",
					 used ? ", " : "", names__class(class));
		missing = state->classes[class].evidence;
	}
	if (used)
		log__print(
			LOG_NOTICE, NULL,
			"whether this kernel has the fixes is not known for %s: %s; see: thprace "
			"check",
			unknown, missing);
}
