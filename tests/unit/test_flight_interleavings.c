// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that preempt each other in the middle of a record, on one CPU: none of its flight recorder's
 * records is made of two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <thprace/shared.h>
#include "bpf_model.h"
#include "chance.h"

#define TASKS 2
#define WINDOWS 6 /* of each task */
#define SCHEDULES 2000

static const enum bpf_model_program programs[] = {
	BPF_MODEL_ZAP_ENTER,
	BPF_MODEL_ZAP_LOCK,
	BPF_MODEL_ZAP_RETURN,
};

#define RUNS (WINDOWS * sizeof(programs) / sizeof(programs[0]))

static unsigned int who(unsigned int task)
{
	return task * BPF_MODEL_CPUS;
}

static void begin_run(struct bpf_model *model, unsigned int task, unsigned int run)
{
	const struct bpf_model_call call = {
		.program = programs[run % (sizeof(programs) / sizeof(programs[0]))],
		.folio = task,
	};

	bpf_model__call(model, who(task), &call);
}

static void play(struct bpf_model *model, uint64_t *chance)
{
	unsigned int run[TASKS] = {0}, task, left = TASKS;

	for (task = 0; task < TASKS; task++)
		begin_run(model, task, 0);
	while (left) {
		task = (unsigned int)below(chance, TASKS);
		if (run[task] == RUNS)
			continue;
		model->now += 100;
		if (!bpf_model__step(model, who(task)))
			continue;
		if (++run[task] < RUNS)
			begin_run(model, task, run[task]);
		else
			left--;
	}
}

/* Returns how many records are complete. */
static unsigned int check(const struct thprace_cpu *cpu)
{
	const struct thprace_record *record;
	unsigned int complete = 0, task;
	uint64_t position;

	for (position = 0; position < cpu->head; position++) {
		record = &cpu->flight[position];
		if (record->seq != position + 1)
			continue; /* left out: a reader sees that it is missing */
		complete++;
		for (task = 0; task < TASKS; task++)
			if (record->pid == bpf_model__pid(who(task)))
				break;
		assert_in_range(task, 0, TASKS - 1);
		assert_int_equal(record->folio, bpf_model__folio(task));
		if (record->type == THPRACE_REC_ZAP_OPEN)
			assert_int_equal(record->ts, record->entry);
		else
			assert_int_equal(record->type, THPRACE_REC_ZAP_CLOSE);
	}
	return complete;
}

static void test_flight(void **state)
{
	const struct bpf_model_options options = {.flight = true};
	unsigned long head = 0, complete = 0;
	struct bpf_model *model;
	uint64_t seed, chance;

	(void)state;
	for (seed = 1; seed <= SCHEDULES; seed++) {
		chance = seed;
		model = bpf_model__new(&options);
		play(model, &chance);
		assert_int_equal(bpf_model__cpu(0)->head, TASKS * WINDOWS * 2);
		head += bpf_model__cpu(0)->head;
		complete += check(bpf_model__cpu(0));
		bpf_model__free(model);
	}
	print_message("%lu of %lu records are complete\n", complete, head);
	assert_in_range(complete, head / 2, head - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
