// SPDX-License-Identifier: GPL-2.0-only
#include "calls.h"

#include <string.h>

/* The target of an instruction whose 32-bit offset ends at code + end. */
static uint64_t target_of(const uint8_t *code, size_t end, uint64_t address)
{
	int32_t offset;

	memcpy(&offset, code + end - sizeof(offset), sizeof(offset));
	return address + end + (int64_t)offset;
}

/*
 * The length of the instruction at code[at], if it goes to callee; 0 if not. *jump: it does not
 * return here. If a kprobe is there already, a breakpoint replaces the first byte of the call.
 */
static size_t leads_x86(const uint8_t *code, size_t size, size_t at, uint64_t address,
			uint64_t callee, bool *jump)
{
	const uint8_t call = 0xe8, jmp = 0xe9, two = 0x0f, jcc = 0x80, breakpoint = 0xcc;

	*jump = code[at] != call && code[at] != breakpoint;
	if ((!*jump || code[at] == jmp) && at + 5 <= size)
		return target_of(code, at + 5, address) == callee ? 5 : 0;
	if (code[at] == two && at + 6 <= size && (code[at + 1] & 0xf0) == jcc)
		return target_of(code, at + 6, address) == callee ? 6 : 0;
	return 0;
}

static size_t leads_arm64(const uint8_t *code, size_t size, size_t at, uint64_t address,
			  uint64_t callee, bool *jump)
{
	const uint32_t bl = 0x94000000, b = 0x14000000, opcode = 0xfc000000;
	uint32_t instruction;
	int32_t offset;

	if (at + sizeof(instruction) > size)
		return 0;
	memcpy(&instruction, code + at, sizeof(instruction));
	*jump = (instruction & opcode) == b;
	if (!*jump && (instruction & opcode) != bl)
		return 0;
	offset = (int32_t)(instruction << 6) >> 4; /* 26 bits, in units of 4 bytes */
	return address + at + (int64_t)offset == callee ? sizeof(instruction) : 0;
}

/* Do the bytes at code[at], read as a jump within 128 bytes or 2 GiB, lead to code[to]? */
static bool jumps_x86(const uint8_t *code, size_t size, size_t at, size_t to)
{
	const uint8_t jmp = 0xe9, short_jmp = 0xeb, two = 0x0f, jcc = 0x80, short_jcc = 0x70;
	uint8_t first = code[at];

	if ((first == short_jmp || (first & 0xf0) == short_jcc) && at + 2 <= size)
		return at + 2 + (size_t)(int8_t)code[at + 1] == to;
	if (first == jmp && at + 5 <= size)
		return target_of(code, at + 5, 0) == to;
	if (first == two && at + 6 <= size && (code[at + 1] & 0xf0) == jcc)
		return target_of(code, at + 6, 0) == to;
	return false;
}

/* The offset in an instruction of arm64: `bits` bits from bit `low` on, in units of 4 bytes. */
static int64_t offset_arm64(uint32_t instruction, int low, int bits)
{
	return (int64_t)((int32_t)(instruction << (32 - low - bits)) >> (32 - bits)) * 4;
}

static bool jumps_arm64(const uint8_t *code, size_t size, size_t at, size_t to)
{
	uint32_t instruction;
	int64_t offset;

	if (at + sizeof(instruction) > size)
		return false;
	memcpy(&instruction, code + at, sizeof(instruction));
	if ((instruction & 0xfc000000) == 0x14000000) /* b */
		offset = offset_arm64(instruction, 0, 26);
	else if ((instruction & 0xff000000) == 0x54000000 || /* b.cond */
		 (instruction & 0x7e000000) == 0x34000000) /* cbz, cbnz */
		offset = offset_arm64(instruction, 5, 19);
	else if ((instruction & 0x7e000000) == 0x36000000) /* tbz, tbnz */
		offset = offset_arm64(instruction, 5, 14);
	else
		return false;
	return (int64_t)at + offset == (int64_t)to;
}

static bool is_shared(enum calls_machine machine, const uint8_t *code, size_t size, size_t next)
{
	size_t at;

	if (machine == CALLS_ARM64) {
		for (at = 0; at < size; at += 4) {
			if (jumps_arm64(code, size, at, next))
				return true;
		}
		return false;
	}
	for (at = 0; at < size; at++) {
		if (jumps_x86(code, size, at, next))
			return true;
	}
	return false;
}

int calls__find(enum calls_machine machine, const uint8_t *code, size_t size, uint64_t address,
		uint64_t callee, struct call *calls, int max)
{
	const size_t step = machine == CALLS_ARM64 ? 4 : 1;
	size_t at, length;
	int count = 0;
	bool jump;

	for (at = 0; at < size; at += step) {
		length = machine == CALLS_ARM64
				 ? leads_arm64(code, size, at, address, callee, &jump)
				 : leads_x86(code, size, at, address, callee, &jump);
		if (!length)
			continue;
		if (jump)
			return -1;
		if (count < max)
			calls[count] = (struct call){
				.at = at,
				.next = at + length,
				.shared = is_shared(machine, code, size, at + length),
			};
		count++;
	}
	return count;
}
