// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file on a file system of our own, of which a part is in the page cache as a huge page.
 *
 * On kernels whose file systems only have small pages, CONFIG_READ_ONLY_THP_FOR_FS still makes huge
 * ones: khugepaged collapses a file that nobody writes, where a process executes it and has
 * requested huge pages (hugepage_vma_check(), 5.4 – 5.15: VM_DENYWRITE; later VM_EXEC). So the file
 * is a program: one segment, 2 MiB in the file and aligned to that in memory, which makes this
 * request and then sleeps.
 *
 * It is on FUSE, served by a process of ours: the holder of /dev/fuse can tell the kernel to
 * invalidate a range of the file, and the kernel does so at once, in that task.
 */
#define _GNU_SOURCE 1
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define FILE_SIZE (2 * STRESS_HPAGE)
#define FILE_NODE 2
#define FILE_NAME "image"
#define VALID_SECONDS 86400
#define SEGMENT_AT 0x40000000UL
#define REQUEST_SIZE (64 << 10)
#define REPLY_PAGES 32
#define LOOK_NS 20000000 /* how often to check for the huge page, if nothing reports it */
#define PAUSE_NS 500000

/*
 * The start of the segment: madvise(segment, 2 MiB, MADV_HUGEPAGE), then pause() forever. Its
 * addresses are relative to itself, so it runs wherever it is copied.
 */
#if defined(__x86_64__)
#define MACHINE EM_X86_64
__asm__(".pushsection .rodata\n"
	"fuse_file_code:\n"
	"	movl $28, %eax\n"
	"	leaq fuse_file_code(%rip), %rdi\n"
	"	movl $0x200000, %esi\n"
	"	movl $14, %edx\n"
	"	syscall\n"
	"1:	movl $34, %eax\n"
	"	syscall\n"
	"	jmp 1b\n"
	"	.org fuse_file_code + 64\n"
	".popsection\n");
extern const char fuse_file_code[64];

static void write_code(char *at)
{
	memcpy(at, fuse_file_code, sizeof(fuse_file_code));
}
#else
#define MACHINE EM_NONE

static void write_code(char *at)
{
	(void)at;
}
#endif

/* The whole file, or NULL. */
static char *make_image(void)
{
	char *image =
		mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = MACHINE,
		.e_version = EV_CURRENT,
		.e_entry = SEGMENT_AT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	static const Elf64_Phdr segment = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = FUSE_FILE_HUGE,
		.p_vaddr = SEGMENT_AT,
		.p_filesz = STRESS_HPAGE,
		.p_memsz = STRESS_HPAGE,
		.p_align = STRESS_HPAGE,
	};

	if (image == MAP_FAILED)
		return NULL;
	memcpy(image, &header, sizeof(header));
	memcpy(image + sizeof(header), &segment, sizeof(segment));
	write_code(image + FUSE_FILE_HUGE);
	return image;
}

/* The server */

struct server {
	int control;
	char *image;
	union {
		struct fuse_in_header header;
		char bytes[REQUEST_SIZE];
	} request;
};

static void reply(const struct server *server, int err, const void *body, size_t size)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + size),
		.error = err,
		.unique = server->request.header.unique,
	};
	struct iovec parts[] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = (void *)body, .iov_len = size},
	};

	if (writev(server->control, parts, size ? 2 : 1) < 0)
		return; /* the client has gone */
}

static void reply_init(const struct server *server, const struct fuse_init_in *in)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = in->flags & (FUSE_ASYNC_READ | FUSE_MAX_PAGES),
		.max_write = STRESS_PAGE,
		.max_pages = REPLY_PAGES,
	};

	if (in->minor < out.minor)
		out.minor = in->minor;
	reply(server, 0, &out, sizeof(out));
}

static struct fuse_attr attributes(uint64_t node)
{
	bool file = node == FILE_NODE;

	return (struct fuse_attr){
		.ino = node,
		.size = file ? FILE_SIZE : 0,
		.blocks = file ? FILE_SIZE / 512 : 0,
		.mode = file ? S_IFREG | 0555 : S_IFDIR | 0555,
		.nlink = 1,
		.blksize = STRESS_PAGE,
	};
}

static void reply_entry(const struct server *server, const char *name)
{
	struct fuse_entry_out out = {
		.nodeid = FILE_NODE,
		.entry_valid = VALID_SECONDS,
		.attr_valid = VALID_SECONDS,
		.attr = attributes(FILE_NODE),
	};

	if (strcmp(name, FILE_NAME))
		reply(server, -ENOENT, NULL, 0);
	else
		reply(server, 0, &out, sizeof(out));
}

static void reply_attributes(const struct server *server)
{
	struct fuse_attr_out out = {
		.attr_valid = VALID_SECONDS,
		.attr = attributes(server->request.header.nodeid),
	};

	reply(server, 0, &out, sizeof(out));
}

static void reply_read(const struct server *server, const struct fuse_read_in *in)
{
	uint64_t left = in->offset < FILE_SIZE ? FILE_SIZE - in->offset : 0;

	reply(server, 0, server->image + in->offset, in->size < left ? in->size : left);
}

static void answer(const struct server *server)
{
	static const struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};
	const char *body = server->request.bytes + sizeof(server->request.header);

	switch (server->request.header.opcode) {
	case FUSE_INIT:
		reply_init(server, (const struct fuse_init_in *)body);
		break;
	case FUSE_LOOKUP:
		reply_entry(server, body);
		break;
	case FUSE_GETATTR:
		reply_attributes(server);
		break;
	case FUSE_OPEN:
		reply(server, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		reply_read(server, (const struct fuse_read_in *)body);
		break;
	case FUSE_RELEASE:
		reply(server, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break; /* need no reply */
	default:
		reply(server, -ENOSYS, NULL, 0);
	}
}

/*
 * A process, because it must answer whatever happens to the tasks that wait for it: an escape kills
 * the walker in the middle of an invalidation. It ends when all of them, or the mount, have gone.
 */
static void serve(int control, int lifeline, char *image)
{
	static struct server server;
	struct pollfd wait[] = {{.fd = control, .events = POLLIN}, {.fd = lifeline}};

	server.control = control;
	server.image = image;
	for (;;) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return;
		if (wait[1].revents || wait[0].revents & POLLERR)
			return;
		if (!(wait[0].revents & POLLIN))
			continue;
		if (read(control, &server.request, sizeof(server.request)) > 0)
			answer(&server);
		else if (errno == ENODEV)
			return;
	}
}

static int start_server(struct fuse_file *f)
{
	char *image = make_image();
	int pipes[2];

	if (!image || pipe2(pipes, O_CLOEXEC))
		return -errno;
	f->lifeline = pipes[1];
	f->server = fork();
	if (!f->server) {
		close(pipes[1]);
		serve(f->control, pipes[0], image);
		_exit(0);
	}
	close(pipes[0]);
	munmap(image, FILE_SIZE);
	return f->server < 0 ? -errno : 0;
}

static int start_image(struct fuse_file *f)
{
	char *const argv[] = {FILE_NAME, NULL}, *const environment[] = {NULL};

	f->image = fork();
	if (!f->image) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fexecve(f->fd, argv, environment);
		_exit(errno);
	}
	return f->image < 0 ? -errno : 0;
}

static int mount_and_open(struct fuse_file *f)
{
	char where[64], data[96], path[96];
	int err;

	snprintf(data, sizeof(data), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", f->control,
		 geteuid(), getegid());
	err = support__mount("fuse", data, where, sizeof(where));
	if (err)
		return err;
	err = start_server(f);
	if (!err) {
		snprintf(path, sizeof(path), "%s/" FILE_NAME, where);
		f->fd = open(path, O_RDONLY | O_CLOEXEC);
		err = f->fd < 0 ? -errno : 0;
	}
	support__leave(where);
	return err;
}

int fuse_file__open(struct fuse_file *f, struct stress *s)
{
	int err;

	*f = (struct fuse_file){.control = -1, .fd = -1, .lifeline = -1};
	if (MACHINE == EM_NONE)
		return stress__refuse(s, -EOPNOTSUPP, "no program to collapse for this machine");
	f->control = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	err = f->control < 0 ? -errno : mount_and_open(f);
	if (err)
		return stress__refuse(s, err, "no FUSE mount (%s)", strerror(-err));
	f->view = support__reserve(STRESS_HPAGE);
	if (!f->view)
		return stress__refuse(s, -ENOMEM, "no address space");
	err = support__khugepaged();
	if (err)
		return stress__refuse(s, err, "khugepaged cannot be driven (%s); run as root",
				      strerror(-err));
	err = start_image(f);
	return err ? stress__refuse(s, err, "cannot fork: %s", strerror(-err)) : 0;
}

void fuse_file__close(struct fuse_file *f)
{
	if (f->image > 0) {
		kill(f->image, SIGKILL);
		waitpid(f->image, NULL, 0);
	}
	if (f->view)
		munmap(f->view, STRESS_HPAGE);
	if (f->fd >= 0)
		close(f->fd); /* this also ends the mount */
	if (f->lifeline >= 0)
		close(f->lifeline);
	if (f->server > 0)
		waitpid(f->server, NULL, 0);
	if (f->control >= 0)
		close(f->control);
}

/* Is it huge? This also reads some small pages of it, without which khugepaged would not begin. */
static bool is_huge(const struct fuse_file *f)
{
	bool huge;

	if (mmap(f->view, STRESS_HPAGE, PROT_READ, MAP_SHARED | MAP_FIXED, f->fd, FUSE_FILE_HUGE) ==
	    MAP_FAILED)
		return false;
	huge = support__touch(f->view) && support__huge_kib(f->view, STRESS_HPAGE) > 0;
	munmap(f->view, STRESS_HPAGE);
	return huge;
}

int fuse_file__collapse(struct fuse_file *f, struct stress *s, double seconds)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int64_t end = stress__now() + (int64_t)(seconds * 1e9), look = 0;
	unsigned long collapsed, before = support__khugepaged_count("pages_collapsed");
	int status;

	while (!stress__over(s) && stress__now() < end) {
		collapsed = support__khugepaged_count("pages_collapsed");
		if (collapsed != before || stress__now() >= look) {
			if (is_huge(f))
				return 0;
			before = collapsed;
			look = stress__now() + LOOK_NS;
		}
		nanosleep(&pause, NULL);
		if (waitpid(f->image, &status, WNOHANG) == f->image) {
			f->image = 0;
			return stress__refuse(s, -ENOEXEC, "a program on FUSE does not run (%s)",
					      WIFEXITED(status) ? strerror(WEXITSTATUS(status))
								: "killed");
		}
	}
	if (stress__over(s))
		return -ENODATA;
	return stress__refuse(s, -EOPNOTSUPP,
			      "khugepaged did not collapse a program's file in %.0f s: no "
			      "CONFIG_READ_ONLY_THP_FOR_FS",
			      seconds);
}

void fuse_file__invalidate(struct fuse_file *f)
{
	struct {
		struct fuse_out_header header;
		struct fuse_notify_inval_inode_out range;
	} message = {
		.header = {.len = sizeof(message), .error = FUSE_NOTIFY_INVAL_INODE},
		.range = {.ino = FILE_NODE, .off = FUSE_FILE_HUGE, .len = STRESS_HPAGE},
	};

	if (write(f->control, &message, sizeof(message)) < 0)
		return; /* not in the kernel's inode cache: nothing to invalidate */
}
