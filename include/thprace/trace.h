/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trace file (.thpr): a header, then blocks, each with its own checksum. Little endian.
 * docs/trace-format.md documents every byte. A damaged file can be read up to the last complete
 * block.
 */
#ifndef THPRACE_TRACE_H
#define THPRACE_TRACE_H

#include <linux/types.h>

#define THPRACE_TRACE_MAGIC "THPRACE\n"
#define THPRACE_TRACE_VERSION 4
/*
 * Versions that are still read. 1: without THPRACE_CODEC_PACKED. 2: incidents of 560 bytes, without
 * attribution, counts and related members. 3: of 608 bytes, without users and cgroups
 * (core/base/incident_old.h).
 */
#define THPRACE_TRACE_VERSION_OLDEST 1
#define THPRACE_BLOCK_MAGIC 0x4b4c4254u /* "TBLK" */

/* The maximum size of a block, raw or stored. A reader refuses a block that claims more. */
#define THPRACE_BLOCK_MAX (4u << 20)

struct thprace_trace_header {
	char magic[8];
	__u32 version;
	__u32 header_size; /* sizeof(struct thprace_trace_header): the first block starts here */
	__u64 started; /* ns CLOCK_MONOTONIC at which recording started */
	__u64 started_wall; /* the same time, ns CLOCK_REALTIME */
	__u32 flags; /* THPRACE_TF_* */
	__u32 crc; /* zlib crc32 of the bytes before this member */
};

#define THPRACE_TF_ALL 0x1 /* holds every record, not only those around incidents */

/* Values are stored: append, never renumber. */
enum thprace_block_type {
	THPRACE_BLOCK_META = 1, /* JSON object: kernel, machine, mode, probes, clock */
	THPRACE_BLOCK_RECORDS = 2, /* array of struct thprace_record, as they arrived */
	THPRACE_BLOCK_CONTEXT = 3, /* the same, from the flight recorder around incidents */
	THPRACE_BLOCK_INCIDENTS =
		4, /* array of struct thprace_incident, settled, in the order of the kernel's
		    * reports */
	THPRACE_BLOCK_STATS = 5, /* JSON object: counters, histograms, loss; the last one counts */
	THPRACE_BLOCK_SYMBOLS = 6, /* JSON object: "0x…" address → "function+0x…" of stack frames,
				    * "cgroup ID" → path */
	THPRACE_BLOCK_TASKS = 7, /* JSON array of {pid, tgid, comm, windows} */
	THPRACE_BLOCK_END = 8, /* empty payload: the recording ended normally */
	THPRACE_BLOCK_TYPE_MAX
};

/* In SYMBOLS: the path of a cgroup has this key, followed by its number. */
#define THPRACE_SYMBOLS_CGROUP "cgroup "

enum thprace_codec {
	THPRACE_CODEC_RAW = 0,
	THPRACE_CODEC_ZLIB = 1,
	THPRACE_CODEC_PACKED = 2, /* RECORDS and CONTEXT only: core/trace/record_pack.h */
};

struct thprace_block_header {
	__u32 magic;
	__u16 type;
	__u16 codec;
	__u32 stored_size; /* bytes that follow this header */
	__u32 raw_size; /* bytes after decompression */
	__u32 count; /* members, for the array types; else 0 */
	__u32 crc; /* zlib crc32 of the stored bytes */
	__u32 reserved; /* 0 */
	__u32 header_crc; /* zlib crc32 of the bytes of this header before this member */
};

_Static_assert(sizeof(struct thprace_trace_header) == 40, "stored");
_Static_assert(__builtin_offsetof(struct thprace_trace_header, crc) == 36, "stored");
_Static_assert(sizeof(struct thprace_block_header) == 32, "stored");
_Static_assert(__builtin_offsetof(struct thprace_block_header, header_crc) == 28, "stored");

#endif
