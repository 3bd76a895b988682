// SPDX-License-Identifier: GPL-2.0-only
#include "check_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>
#include <bpf/btf.h>

#include "base/cleanup.h"
#include "kernel/booted.h"
#include "kernel/btf_walk.h"
#include "code/code.h"
#include "image/image.h"

_Static_assert(sizeof(((struct check_source *)0)->build_id) == IMAGE_BUILD_ID_MAX, "build id");

#define CONFIG_MAX (4UL << 20)
#define KALLSYMS_MAX (128UL << 20)

static __attribute__((format(printf, 3, 4))) void set_text(char *why, size_t why_size,
							   const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(why, why_size, format, list);
	va_end(list);
}

/* The whole content of the file, terminated; or NULL and the error. */
static char *read_all(gzFile file, size_t max, size_t *size, int *err)
{
	size_t room = 1 << 16, have = 0;
	char *data = malloc(room), *more = data;
	int got;

	*err = -ENOMEM;
	while (more) {
		got = gzread(file, data + have, (unsigned int)(room - have - 1));
		have += got > 0 ? (size_t)got : 0;
		if (got <= 0) {
			*err = got ? -EINVAL : 0;
			break;
		}
		if (room - have > 1)
			continue;
		*err = room < max ? -ENOMEM : -EFBIG;
		more = room < max ? realloc(data, room * 2) : NULL;
		data = more ? more : data;
		room *= 2;
	}
	if (*err || !data) {
		free(data);
		return NULL;
	}
	data[have] = '\0';
	*size = have;
	return data;
}

/* Read a file through zlib, which also reads uncompressed files. The text is terminated. */
static int read_file(const char *path, size_t max, char **text, size_t *size)
{
	CLEANUP(cleanup__fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	gzFile file;
	int err;

	*text = NULL;
	*size = 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -EINVAL;
	file = gzdopen(fd, "rb");
	if (!file)
		return -ENOMEM;
	cleanup__take_fd(&fd); /* owned by the file now */
	*text = read_all(file, max, size, &err);
	gzclose(file);
	return err;
}

static const char *reason(int err)
{
	switch (err) {
	case -EFBIG:
		return "it is larger than any such file is";
	case -EINVAL:
		return "not a regular file, or damaged";
	default:
		return strerror(-err);
	}
}

static bool begins_like_btf(const char *path)
{
	CLEANUP(cleanup__fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint16_t magic;

	return fd >= 0 && read(fd, &magic, sizeof(magic)) == sizeof(magic) &&
	       btf_walk__magic(&magic, sizeof(magic));
}

/* Plain BTF, or the BTF of an image. */
static int open_btf(struct check_source *source, const char *path, char *why, size_t why_size)
{
	struct image *image = NULL;
	const void *data = NULL;
	char *text = NULL;
	char inner[200];
	size_t size;
	int err = read_file(path, BTF_SIZE_MAX, &text, &size);

	if (err && err != -EFBIG) {
		set_text(why, why_size, "cannot read %s: %s", path, reason(err));
		return err;
	}
	if (!err && btf_walk__magic(text, size)) {
		data = text;
	} else if (err && begins_like_btf(path)) {
		set_text(why, why_size, "%s: its BTF cannot be used: larger than %lu MiB", path,
			 BTF_SIZE_MAX >> 20);
		return err;
	} else if (err || (size >= 4 && !memcmp(text, "\177ELF", 4))) {
		err = image__open(&image, path, inner, sizeof(inner));
		if (err) {
			set_text(why, why_size, "%s: %s", path, inner);
			goto cleanup;
		}
		data = image__btf(image, &size);
	}
	err = data ? btf_walk__parse(&source->btf, data, size, inner, sizeof(inner)) : -EINVAL;
	if (err && data)
		set_text(why, why_size, "%s: its BTF cannot be used: %s", path, inner);
	else if (err)
		set_text(why, why_size, "%s: no BTF in it", path);

cleanup:
	free(text);
	image__close(image);
	return err;
}

static void look_at_code(struct check_source *source)
{
	if (code__open(&source->code, source->image, source->no_code, sizeof(source->no_code)))
		source->code = NULL;
}

/* CONFIG_IKCONFIG: the image contains its configuration, compressed by gzip. */
static void unpack_config(struct check_source *source)
{
	z_stream stream = {0};
	const void *packed;
	size_t size;
	char *text;

	packed = image__config(source->image, &size);
	if (!packed || size > CONFIG_MAX || inflateInit2(&stream, 15 + 16) != Z_OK)
		return;
	text = malloc(CONFIG_MAX);
	stream.next_in = (Bytef *)packed;
	stream.avail_in = (unsigned int)size;
	stream.next_out = (Bytef *)text;
	stream.avail_out = CONFIG_MAX - 1;
	if (text && inflate(&stream, Z_FINISH) == Z_STREAM_END) {
		text[stream.total_out] = '\0';
		source->config = text;
	} else {
		free(text);
	}
	inflateEnd(&stream);
}

int check_source__of_image(struct check_source *source, struct image *image, char *why,
			   size_t why_size)
{
	char wrong[128];
	const void *data;
	size_t size;

	memset(source, 0, sizeof(*source));
	source->image = image;
	snprintf(source->banner, sizeof(source->banner), "%s", image__banner(image));
	image__build_id(image, source->build_id);
	data = image__btf(image, &size);
	/*
	 * BTF that libbpf does not know may belong to a newer kernel: its code can still be read.
	 */
	if (data && btf_walk__parse(&source->btf, data, size, wrong, sizeof(wrong)) == -EBADMSG) {
		set_text(why, why_size, "its BTF cannot be used: %s", wrong);
		check_source__release(source);
		return -EBADMSG;
	}
	unpack_config(source);
	look_at_code(source);
	return 0;
}

static int open_image(struct check_source *source, const char *path, char *why, size_t why_size)
{
	struct image *image;
	char inner[200];
	int err = image__open(&image, path, inner, sizeof(inner));

	if (err) {
		set_text(why, why_size, "%s: %s", path, inner);
		return err;
	}
	if (!image__banner(image)[0]) {
		image__close(image);
		set_text(why, why_size, "%s: not a kernel: it has no version string", path);
		return -EINVAL;
	}
	err = check_source__of_image(source, image, inner, sizeof(inner));
	if (err) {
		set_text(why, why_size, "%s: %s", path, inner);
		return err;
	}
	snprintf(source->from, sizeof(source->from), "%s: %s; %s; %s", path, image__format(image),
		 image__symbols_from(image), source->btf ? "BTF" : "no BTF");
	return 0;
}

/* Does the image that was just read belong to this kernel? Otherwise discard it. */
static bool is_own(struct check_source *source, const char *from)
{
	if (!strcmp(image__banner(source->image), source->banner)) {
		look_at_code(source);
		set_text(source->from, sizeof(source->from), "the running kernel, and %s", from);
		return true;
	}
	set_text(source->no_code, sizeof(source->no_code), "%.180s is another build", from);
	image__close(source->image);
	source->image = NULL;
	return false;
}

/*
 * The image that this kernel was booted from, if it is given or in its usual place, and is the same
 * build.
 */
static void open_booted(struct check_source *source, const char *release, int image_fd)
{
	char path[256], why[200];
	size_t i;

	snprintf(source->no_code, sizeof(source->no_code), BOOTED_NONE);
	if (image_fd > 0 && !image__read(&source->image, image_fd, why, sizeof(why)) &&
	    is_own(source, "its image"))
		return;
	for (i = 0; booted__place(i, release, path, sizeof(path)); i++) {
		if (access(path, F_OK))
			continue;
		if (image__open(&source->image, path, why, sizeof(why)))
			snprintf(source->no_code, sizeof(source->no_code), "%.80s: %.100s", path,
				 why);
		else if (is_own(source, path))
			return;
	}
}

static void read_banner(struct check_source *source)
{
	char *text = NULL;
	size_t size;

	if (read_file("/proc/version", 4096, &text, &size) || !text)
		return;
	text[strcspn(text, "\n")] = '\0';
	snprintf(source->banner, sizeof(source->banner), "%.511s", text);
	free(text);
}

static void read_build_id(struct check_source *source)
{
	char *notes = NULL;
	size_t size;

	if (!read_file("/sys/kernel/notes", 65536, &notes, &size) && notes)
		image_notes__build_id(notes, size, source->build_id);
	free(notes);
}

static int open_running(struct check_source *source, int image, char *why, size_t why_size)
{
	struct utsname uts;
	char path[256];
	size_t size;

	uname(&uts);
	source->running = true;
	snprintf(source->from, sizeof(source->from), "the running kernel");
	read_banner(source);
	read_build_id(source);
	if (!access("/sys/kernel/btf/vmlinux", F_OK) &&
	    open_btf(source, "/sys/kernel/btf/vmlinux", why, why_size))
		return -EINVAL;
	if (read_file("/proc/kallsyms", KALLSYMS_MAX, &source->kallsyms, &size))
		source->kallsyms = NULL;
	snprintf(path, sizeof(path), "/boot/config-%s", uts.release);
	if (read_file("/proc/config.gz", CONFIG_MAX, &source->config, &size) &&
	    read_file(path, CONFIG_MAX, &source->config, &size))
		source->config = NULL;
	open_booted(source, uts.release, image);
	return 0;
}

static int open_config(struct check_source *source, const char *path, char *why, size_t why_size)
{
	char *text = NULL;
	size_t size;
	int err = read_file(path, CONFIG_MAX, &text, &size);

	if (err) {
		set_text(why, why_size, "cannot read %s: %s", path, reason(err));
		return err;
	}
	if (!text || strlen(text) != size || !strstr(text, "CONFIG_")) {
		free(text);
		set_text(why, why_size, "%s: not a kernel configuration", path);
		return -EINVAL;
	}
	free(source->config);
	source->config = text;
	return 0;
}

int check_source__open(struct check_source *source, const struct check_files *files, char *why,
		       size_t why_size)
{
	int err = 0;

	memset(source, 0, sizeof(*source));
	snprintf(source->no_code, sizeof(source->no_code), "no image was given (--kernel)");
	if (files->kernel)
		err = open_image(source, files->kernel, why, why_size);
	else if (!files->btf)
		err = open_running(source, files->image, why, why_size);
	if (!err && files->btf) {
		btf__free(source->btf);
		source->btf = NULL;
		err = open_btf(source, files->btf, why, why_size);
		if (!files->kernel)
			snprintf(source->from, sizeof(source->from), "%.200s: BTF", files->btf);
	}
	if (!err && files->config)
		err = open_config(source, files->config, why, why_size);
	if (err)
		check_source__release(source);
	return err;
}

void check_source__release(struct check_source *source)
{
	code__close(source->code);
	image__close(source->image);
	btf__free(source->btf);
	free(source->kallsyms);
	free(source->config);
	memset(source, 0, sizeof(*source));
}

/* Is there a line "ADDRESS t NAME"? A tab after the name means that it belongs to a module. */
static bool in_kallsyms(const char *text, const char *name)
{
	size_t length = strlen(name);
	const char *found = text;

	while ((found = strstr(found, name))) {
		if (found - text > 2 && found[-1] == ' ' && strchr("tTwW", found[-2]) &&
		    found[-3] == ' ' &&
		    (found[length] == '\n' ||
		     (found[length] == '.' && strncmp(found + length, ".cold", 5))))
			return true;
		found += length;
	}
	return false;
}

enum check_answer check_source__symbol(const struct check_source *source, const char *name)
{
	const struct image_symbol *symbols;
	size_t count, length = strlen(name), i;

	if (source->kallsyms)
		return in_kallsyms(source->kallsyms, name) ? CHECK_YES : CHECK_NO;
	count = source->image ? image__symbols(source->image, &symbols) : 0;
	if (!count)
		return CHECK_NOT_KNOWN;
	for (i = 0; i < count; i++) {
		if (strncmp(symbols[i].name, name, length))
			continue;
		if (!symbols[i].name[length] ||
		    (symbols[i].name[length] == '.' && !strstr(symbols[i].name, ".cold")))
			return CHECK_YES;
	}
	return CHECK_NO;
}

enum check_answer check_source__config(const struct check_source *source, const char *option)
{
	const char *found = source->config;
	size_t length = strlen(option);

	if (!found)
		return CHECK_NOT_KNOWN;
	while ((found = strstr(found, option))) {
		if ((found == source->config || found[-1] == '\n') && found[length] == '=' &&
		    (found[length + 1] == 'y' || found[length + 1] == 'm'))
			return CHECK_YES;
		found += length;
	}
	return CHECK_NO;
}
