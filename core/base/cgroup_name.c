// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PART_LEN 256
#define ID_LENGTH 64 /* hexadecimal digits of a container's number … */
#define ID_SHORT 12 /* … and of one that is cut off */
#define POD_LENGTH 36 /* of a uid; a static pod's has 32 and no dashes */

/* What stands before a container's number in the name of its scope. */
static const struct {
	const char *before, *runtime;
} scopes[] = {
	{"docker-", "docker"},	    {"libpod-", "podman"},
	{"crio-", "cri-o"},	    {"cri-containerd-", "containerd"},
	{"nerdctl-", "containerd"}, {"cri-containerd:", "containerd"},
};

/* A folder of this name holds those of containers. */
static const struct {
	const char *folder, *runtime;
} folders[] = {
	{"docker", "docker"},
	{"libpod_parent", "podman"},
	{"lxc", "lxc"},
	{"lxc.payload", "lxc"},
};

static bool starts_with(const char *text, const char *begin)
{
	return !strncmp(text, begin, strlen(begin));
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length > strlen(end) && !strcmp(text + length - strlen(end), end);
}

static size_t digits(const char *text)
{
	size_t length = 0;

	while (isxdigit((unsigned char)text[length]))
		length++;
	return length;
}

static int value_of(char digit)
{
	return isdigit((unsigned char)digit) ? digit - '0'
					     : tolower((unsigned char)digit) - 'a' + 10;
}

/* In the names of its units systemd writes some characters as \xNN. */
static void unescape(char *to, size_t size, const char *from, size_t length)
{
	size_t used = 0, i;

	for (i = 0; i < length && used + 1 < size; i++) {
		if (i + 3 < length && from[i] == '\\' && from[i + 1] == 'x' &&
		    digits(from + i + 2) >= 2) {
			to[used++] = (char)(value_of(from[i + 2]) << 4 | value_of(from[i + 3]));
			i += 3;
		} else {
			to[used++] = from[i];
		}
	}
	to[used] = '\0';
}

static void set_container(struct cgroup_name *name, const char *runtime, const char *id,
			  size_t length)
{
	snprintf(name->runtime, sizeof(name->runtime), "%s", runtime);
	unescape(name->container, sizeof(name->container), id, length);
}

/* "docker-0123….scope", also without the end and behind "a.slice:". */
static bool read_scope(struct cgroup_name *name, const char *part)
{
	const char *at = strrchr(part, ':'), *id;
	size_t i;

	/* "x.slice:cri-containerd:0123…" */
	if (at)
		while (at > part && at[-1] != ':')
			at--;
	else
		at = part;
	for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		if (!starts_with(at, scopes[i].before))
			continue;
		id = at + strlen(scopes[i].before);
		if (digits(id) < ID_SHORT ||
		    (id[digits(id)] && strcmp(id + digits(id), ".scope") != 0))
			continue;
		set_container(name, scopes[i].runtime, id, digits(id));
		return true;
	}
	return false;
}

/* systemd's own containers and virtual machines, which have names. */
static bool read_machine(struct cgroup_name *name, const char *part)
{
	static const struct {
		const char *before, *after, *runtime;
	} forms[] = {
		{"systemd-nspawn@", ".service", "systemd-nspawn"},
		{"machine-", ".scope", "machine"},
		{"lxc.payload.", "", "lxc"},
	};
	size_t i, begin, end;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		begin = strlen(forms[i].before);
		if (!starts_with(part, forms[i].before) ||
		    strlen(part) <= begin + strlen(forms[i].after))
			continue;
		end = strlen(part) - strlen(forms[i].after);
		if (strcmp(part + end, forms[i].after) != 0)
			continue;
		set_container(name, forms[i].runtime, part + begin, end - begin);
		return true;
	}
	return false;
}

/* A folder in one that is a runtime's, or one whose name can be nothing but a container's number. */
static bool read_folder(struct cgroup_name *name, const char *part, const char *parent)
{
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (strcmp(parent, folders[i].folder) != 0)
			continue;
		set_container(name, folders[i].runtime, part, strlen(part));
		return true;
	}
	if (digits(part) != ID_LENGTH || part[ID_LENGTH])
		return false;
	set_container(name, *name->pod ? "kubernetes" : "", part, ID_LENGTH);
	return true;
}

static bool is_pod(const char *text, size_t length)
{
	size_t i;

	if (length == 32)
		return digits(text) >= length;
	for (i = 0; i < length; i++)
		if (!isxdigit((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	return length == POD_LENGTH;
}

/* "kubepods-burstable-pod0123_….slice", or "pod0123-…". */
static void read_pod(struct cgroup_name *name, const char *part)
{
	const char *at = starts_with(part, "pod") ? part : strstr(part, "-pod");
	size_t length, i;

	if (!at)
		return;
	at += *at == '-' ? strlen("-pod") : strlen("pod");
	length = strcspn(at, ".:");
	if (!is_pod(at, length))
		return;
	for (i = 0; i < length; i++)
		name->pod[i] = at[i] == '_' ? '-' : at[i];
	name->pod[length] = '\0';
}

static void read_unit(struct cgroup_name *name, const char *part)
{
	const char *known = name->unit;

	if (!ends_with(part, ".service") && !ends_with(part, ".scope") &&
	    (!ends_with(part, ".slice") || (*known && !ends_with(known, ".slice"))))
		return;
	snprintf(name->unit, sizeof(name->unit), "%.*s", (int)sizeof(name->unit) - 1, part);
}

void cgroup_name__read(struct cgroup_name *name, const char *path)
{
	char part[PART_LEN], parent[PART_LEN] = "";
	size_t length;

	memset(name, 0, sizeof(*name));
	for (; *path; path += length) {
		path += *path == '/';
		length = strcspn(path, "/");
		if (!length)
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)length, path);
		read_unit(name, part);
		read_pod(name, part);
		if (!read_scope(name, part) && !read_machine(name, part))
			read_folder(name, part, parent);
		memcpy(parent, part, sizeof(parent));
	}
}
