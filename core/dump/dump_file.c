// SPDX-License-Identifier: GPL-2.0-only
#include "dump_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libkdumpfile/kdumpfile.h>

#define PAGE_SIZE_MAX 65536
/*
 * Pages that libkdumpfile keeps. It looks at each of them for each page that it reads: with its own
 * choice, 1024, two thirds of the time.
 */
#define CACHE_PAGES 32
#define FLATTENED "makedumpfile" /* at the begin of such a file */

struct dump_file {
	int fd;
	kdump_ctx_t *kdump;
	kdump_bmp_t *pages; /* that are in the file */
	char *info;
	char format[64];
	struct memory memory;
};

/* Page by page: a part that is missing must not hide the rest. */
static int read_pages(struct dump_file *file, kdump_addrspace_t space, uint64_t address, void *to,
		      size_t size)
{
	const size_t page = file->memory.page_size;
	char *at = to;
	size_t part;

	while (size) {
		part = page - (address & (page - 1));
		if (part > size)
			part = size;
		size -= part;
		if (kdump_read(file->kdump, space, address, at, &part) != KDUMP_OK) {
			kdump_clear_err(file->kdump);
			return -ENODATA;
		}
		address += part;
		at += part;
	}
	return 0;
}

static int read_physical(void *ctx, uint64_t address, void *to, size_t size)
{
	return read_pages(ctx, KDUMP_MACHPHYSADDR, address, to, size);
}

static int read_virtual(void *ctx, uint64_t address, void *to, size_t size)
{
	return read_pages(ctx, KDUMP_KVADDR, address, to, size);
}

static bool next_page(void *ctx, uint64_t *address)
{
	struct dump_file *file = ctx;
	const size_t page = file->memory.page_size;
	kdump_addr_t frame = (*address + page - 1) / page;

	if (kdump_bmp_find_set(file->pages, &frame) != KDUMP_OK)
		return false;
	if (frame > UINT64_MAX / page)
		return false;
	*address = frame * page;
	return true;
}

static int set_tables(void *ctx, uint64_t root, unsigned int bits, uint64_t phys_base)
{
	struct dump_file *file = ctx;
	kdump_ctx_t *kdump = file->kdump;
	bool set = kdump_set_address_attr(kdump, "addrxlat.force.phys_base", phys_base) ==
			   KDUMP_OK &&
		   kdump_set_number_attr(kdump, "addrxlat.force.virt_bits", bits) == KDUMP_OK &&
		   kdump_set_number_attr(kdump, "addrxlat.force.rootpgt.as", KDUMP_MACHPHYSADDR) ==
			   KDUMP_OK &&
		   kdump_set_address_attr(kdump, "addrxlat.force.rootpgt.addr", root) == KDUMP_OK;

	kdump_clear_err(kdump);
	return set ? 0 : -EINVAL;
}

static bool begins_with(int fd, const char *bytes, size_t size)
{
	char start[16];

	return pread(fd, start, size, 0) == (ssize_t)size && !memcmp(start, bytes, size);
}

/* How many pages are in the file. */
static uint64_t count_pages(kdump_bmp_t *bitmap)
{
	kdump_addr_t begin = 0, end;
	uint64_t count = 0;

	while (kdump_bmp_find_set(bitmap, &begin) == KDUMP_OK) {
		end = begin;
		if (kdump_bmp_find_clear(bitmap, &end) != KDUMP_OK || end <= begin)
			return 0;
		count += end - begin;
		begin = end;
	}
	return count;
}

static int open_kdump(struct dump_file *file, char *why, size_t why_size)
{
	const char *format;
	kdump_attr_t pages;
	kdump_num_t page;

	file->kdump = kdump_new();
	if (!file->kdump) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	/*
	 * Of makedumpfile's formats, a file that is cut off would end the process by SIGBUS. Of an ELF
	 * core libkdumpfile maps only what is there; to read it costs ten times as much.
	 */
	kdump_set_number_attr(file->kdump, KDUMP_ATTR_FILE_MMAP_POLICY,
			      begins_with(file->fd, ELFMAG, SELFMAG) ? KDUMP_MMAP_TRY
								     : KDUMP_MMAP_NEVER);
	kdump_set_number_attr(file->kdump, "cache.size", CACHE_PAGES);
	kdump_clear_err(file->kdump);
	if (kdump_open_fd(file->kdump, file->fd) != KDUMP_OK) {
		snprintf(why, why_size,
			 "it is no crash dump that libkdumpfile can read (an ELF core, or "
			 "makedumpfile's format): %.200s",
			 kdump_get_err(file->kdump));
		return -EINVAL;
	}
	kdump_set_string_attr(file->kdump, KDUMP_ATTR_OSTYPE, "linux");
	kdump_clear_err(file->kdump);
	if (kdump_get_number_attr(file->kdump, KDUMP_ATTR_PAGE_SIZE, &page) != KDUMP_OK ||
	    page < 4096 || page > PAGE_SIZE_MAX || page & (page - 1)) {
		snprintf(why, why_size,
			 "it does not say how large the machine's pages are: a dump of an arm64 "
			 "machine needs VMCOREINFO for that");
		return -EINVAL;
	}
	file->memory.page_size = page;
	if (kdump_get_attr(file->kdump, KDUMP_ATTR_FILE_PAGEMAP, &pages) != KDUMP_OK ||
	    pages.type != KDUMP_BITMAP) {
		snprintf(why, why_size, "it does not say which pages it has: %.200s",
			 kdump_get_err(file->kdump));
		return -EINVAL;
	}
	file->pages = pages.val.bitmap;
	kdump_bmp_incref(file->pages);
	file->memory.pages = count_pages(file->pages);
	if (kdump_get_string_attr(file->kdump, KDUMP_ATTR_FILE_FORMAT, &format) == KDUMP_OK)
		snprintf(file->format, sizeof(file->format), "%s", format);
	if (kdump_vmcoreinfo_raw(file->kdump, &file->info) != KDUMP_OK)
		file->info = NULL;
	kdump_clear_err(file->kdump);
	file->memory.info = file->info ? file->info : "";
	return 0;
}

int dump_file__open(struct dump_file **result, const char *path, char *why, size_t why_size)
{
	struct dump_file *file = calloc(1, sizeof(*file));
	int err;

	if (!file) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	file->memory = (struct memory){.ctx = file,
				       .physical = read_physical,
				       .virtual = read_virtual,
				       .next_page = next_page,
				       .set_tables = set_tables};
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0) {
		err = -errno;
		snprintf(why, why_size, "%s", strerror(-err));
		goto cleanup;
	}
	if (begins_with(file->fd, FLATTENED, sizeof(FLATTENED))) {
		err = -EINVAL;
		snprintf(why, why_size,
			 "it is a dump in makedumpfile's flattened format, which libkdumpfile "
			 "cannot read: convert it first (makedumpfile -R NEW <FILE)");
		goto cleanup;
	}
	err = open_kdump(file, why, why_size);
	if (err)
		goto cleanup;
	*result = file;
	return 0;

cleanup:
	dump_file__close(file);
	return err;
}

const struct memory *dump_file__memory(const struct dump_file *file)
{
	return &file->memory;
}

const char *dump_file__format(const struct dump_file *file)
{
	return file->format;
}

void dump_file__close(struct dump_file *file)
{
	if (!file)
		return;
	if (file->pages)
		kdump_bmp_decref(file->pages);
	if (file->kdump)
		kdump_free(file->kdump);
	if (file->fd >= 0)
		close(file->fd);
	free(file->info);
	free(file);
}
