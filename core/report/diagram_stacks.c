// SPDX-License-Identifier: GPL-2.0-only
/* The call stacks of both sides, below a drawing. */
#include "diagram_private.h"

#include <inttypes.h>
#include "base/names.h"
#include "stack_names.h"
#include "summary.h"

static void frame(const struct diagram *diagram, const struct thprace_stack *stack, unsigned int i,
		  char *buf, size_t size)
{
	const char *symbol;

	buf[0] = '\0';
	if (i >= stack->nr || i >= THPRACE_STACK_MAX)
		return;
	symbol = summary__symbol(diagram->summary, stack->ip[i]);
	if (symbol)
		names__clean(buf, size, symbol, size, diagram->options->utf8);
	else
		snprintf(buf, size, "0x%" PRIx64, (uint64_t)stack->ip[i]);
}

static void print_stack(const struct diagram *diagram, const char *title,
			const struct thprace_stack *stack)
{
	char text[256];
	unsigned int i;

	if (!stack->nr)
		return;
	fprintf(diagram->out, "  %s\n", title);
	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		frame(diagram, stack, i, text, sizeof(text));
		fprintf(diagram->out, "    %s\n", text);
	}
}

static void print_both(const struct diagram *diagram, const struct thprace_stack *left,
		       const struct thprace_stack *right)
{
	int half = (diagram_page__width(diagram) - 4) / 2;
	unsigned int i, fit = left->nr && right->nr;
	char a[256], b[256];

	for (i = 0; i < THPRACE_STACK_MAX; i++) {
		frame(diagram, left, i, a, sizeof(a));
		frame(diagram, right, i, b, sizeof(b));
		if ((int)names__columns(a) > half - 3 || (int)names__columns(b) > half - 2)
			fit = 0;
	}
	if (!fit) {
		print_stack(diagram, diagram->sides[OPENER], left);
		print_stack(diagram, diagram->sides[WALKER], right);
	} else {
		fprintf(diagram->out, "  %-*s  %s\n", half, diagram->sides[OPENER],
			diagram->sides[WALKER]);
		for (i = 0; i < THPRACE_STACK_MAX && (i < left->nr || i < right->nr); i++) {
			frame(diagram, left, i, a, sizeof(a));
			frame(diagram, right, i, b, sizeof(b));
			if (i < right->nr)
				fprintf(diagram->out, "    %s%*s%s\n", a,
					half - (int)names__columns(a), "", b);
			else
				fprintf(diagram->out, "    %s\n", a);
		}
	}
	if (left->nr || right->nr)
		fputc('\n', diagram->out);
}

void diagram_stacks__print(const struct diagram *diagram, const struct thprace_incident *incident)
{
	struct thprace_stack opener =
		stack_names__kernel(diagram->summary, &incident->opener_stack);
	struct thprace_stack walker =
		stack_names__kernel(diagram->summary, &incident->walker_stack);

	print_both(diagram, &opener, &walker);
}
