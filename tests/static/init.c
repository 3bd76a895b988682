// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of a guest that has nothing else: mounts what the kernel offers, runs the
 * commands of /commands one after another, and ends the guest. A command is a line, its words parted
 * by single spaces, and its environment is empty. Before it may be:
 *   &    it is left running, and a line "." ends it by SIGTERM
 *   ?    if it fails it is run again, each second for two minutes
 * The console has "begin COMMAND", its output, "end STATUS" (128 + the signal that ended it); "done"
 * after the last.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 32
#define LINE_SIZE 1024
#define TRIES 120

static pid_t start(char *line)
{
	char *words[WORDS_MAX + 1] = {NULL}, *rest = line;
	size_t i;
	pid_t pid;

	for (i = 0; i < WORDS_MAX; i++) {
		words[i] = strsep(&rest, " ");
		if (!words[i])
			break;
	}
	pid = fork();
	if (pid)
		return pid;
	execve(words[0], words, (char *[]){NULL});
	printf("cannot run %s: %s\n", words[0], strerror(errno));
	_exit(127);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) != pid)
		continue;
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	printf("end %d\n", status);
	return status;
}

static void run(const char *line, int tries)
{
	char copy[LINE_SIZE];

	while (tries--) {
		snprintf(copy, sizeof(copy), "%s", line);
		printf("begin %s\n", line);
		if (!wait_for(start(copy)) || !tries)
			return;
		sleep(1);
	}
}

static void set_up(void)
{
	static const char *const mounts[][2] = {
		{"proc", "/proc"},
		{"sysfs", "/sys"},
		{"tracefs", "/sys/kernel/tracing"},
		{"bpf", "/sys/fs/bpf"},
	};
	size_t i;
	int fd;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i][1], 0755);
		mount(mounts[i][0], mounts[i][1], mounts[i][0], 0, NULL);
	}
	fd = open("/dev/console", O_RDWR | O_NOCTTY);
	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(void)
{
	char line[LINE_SIZE];
	FILE *commands;
	pid_t left = 0;

	set_up();
	setvbuf(stdout, NULL, _IONBF, 0);
	commands = fopen("/commands", "re");
	while (commands && fgets(line, sizeof(line), commands)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '&') {
			left = start(line + 1);
		} else if (line[0] == '.' && left > 0) {
			printf("begin .\n");
			kill(left, SIGTERM);
			wait_for(left);
		} else if (line[0] == '?') {
			run(line + 1, TRIES);
		} else {
			run(line, 1);
		}
	}
	printf("done\n");
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
