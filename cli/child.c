// SPDX-License-Identifier: GPL-2.0-only
#include "child.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define END_TRIES 500 /* of 10 ms */
#define NOT_RELEASED 126

static void replace(int fd, int by)
{
	if (by >= 0 && dup2(by, fd) < 0)
		_exit(CHILD_NOT_RUN);
}

static void run(int go, const char *verb, char *const argv[])
{
	char byte;

	if (read(go, &byte, 1) != 1)
		_exit(NOT_RELEASED); /* recording never started */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: cannot run %s: %s\n", verb, argv[0], strerror(errno));
	_exit(CHILD_NOT_RUN);
}

static int start(struct child *child, const char *verb, char *const argv[], int in, int out,
		 int err)
{
	int pipes[2], error;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	child->pid = fork();
	if (child->pid < 0) {
		error = errno;
		close(pipes[0]);
		close(pipes[1]);
		child->pid = 0;
		return -error;
	}
	if (!child->pid) {
		close(pipes[1]);
		if (child->group)
			setpgid(0, 0);
		replace(STDIN_FILENO, in);
		replace(STDOUT_FILENO, out);
		replace(STDERR_FILENO, err);
		run(pipes[0], verb, argv);
	}
	close(pipes[0]);
	if (child->group) /* by both: whoever comes first */
		setpgid(child->pid, child->pid);
	child->go = pipes[1];
	return 0;
}

int child__start(struct child *child, const char *verb, char *const argv[], int in, int out,
		 int err)
{
	*child = (struct child){0};
	return start(child, verb, argv, in, out, err);
}

int child__start_group(struct child *child, const char *verb, char *const argv[], int in, int out,
		       int err)
{
	*child = (struct child){.group = true};
	return start(child, verb, argv, in, out, err);
}

void child__release(struct child *child, const char *verb)
{
	if (!child->pid)
		return;
	if (write(child->go, "", 1) != 1)
		fprintf(stderr, "%s: the command did not wait: %s\n", verb, strerror(errno));
	close(child->go);
	child->go = -1;
}

void child__check(struct child *child)
{
	if (child->pid && !child->ended &&
	    waitpid(child->pid, &child->status, WNOHANG) == child->pid)
		child->ended = true;
}

/* A group may outlive its leader. */
static bool is_over(const struct child *child)
{
	return child->ended && (!child->group || kill(-child->pid, 0));
}

static void wait_for(struct child *child)
{
	struct timespec pause = {.tv_nsec = 10000000};
	int tries;

	for (tries = 0; tries < END_TRIES && !is_over(child); tries++) {
		nanosleep(&pause, NULL);
		child__check(child);
	}
}

void child__end(struct child *child)
{
	const pid_t whom = child->group ? -child->pid : child->pid;

	if (!child->pid || is_over(child))
		return;
	child->stopped |= !child->ended;
	kill(whom, SIGTERM);
	wait_for(child);
	if (is_over(child))
		return;
	kill(whom, SIGKILL);
	wait_for(child);
}

int child__failure(const struct child *child)
{
	int status;

	if (!child->pid || !child->ended || child->stopped)
		return 0;
	if (WIFSIGNALED(child->status))
		return 128 + WTERMSIG(child->status);
	status = WEXITSTATUS(child->status);
	return status > CLI_DONE && status < CLI_STATUS_MAX ? CLI_FAILED : status;
}

void child__print_end(const struct child *child, const char *verb, const char *name)
{
	/* A failure to run it was already reported. */
	if (!child__failure(child) || child__failure(child) == CHILD_NOT_RUN)
		return;
	if (WIFSIGNALED(child->status))
		fprintf(stderr, "%s: %s was ended by signal %d (%s)\n", verb, name,
			WTERMSIG(child->status), strsignal(WTERMSIG(child->status)));
	else
		fprintf(stderr, "%s: %s exited with status %d\n", verb, name,
			WEXITSTATUS(child->status));
}
