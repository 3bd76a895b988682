// SPDX-License-Identifier: GPL-2.0-only
#include "expr.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"

struct parser {
	struct expr *expr;
	const char *text, *at, *end;
	unsigned int column; /* of text */
	unsigned int depth;
	struct expr_error *error; /* its text is "" until there is an error */
};

static const struct {
	const char *text;
	enum expr_op op;
	int strength;
} binary[] = {
	/* The longer ones first. */
	{"<<", EXPR_SHIFT_LEFT, 8}, {">>", EXPR_SHIFT_RIGHT, 8}, {"<=", EXPR_AT_MOST, 7},
	{">=", EXPR_AT_LEAST, 7},   {"==", EXPR_EQUAL, 6},	 {"!=", EXPR_UNEQUAL, 6},
	{"&&", EXPR_AND, 2},	    {"||", EXPR_OR, 1},		 {"*", EXPR_MULTIPLY, 10},
	{"/", EXPR_DIVIDE, 10},	    {"%", EXPR_REMAINDER, 10},	 {"+", EXPR_ADD, 9},
	{"-", EXPR_SUBTRACT, 9},    {"<", EXPR_LESS, 7},	 {">", EXPR_GREATER, 7},
	{"&", EXPR_BIT_AND, 5},	    {"^", EXPR_BIT_XOR, 4},	 {"|", EXPR_BIT_OR, 3},
};

#define NR_BINARY (sizeof(binary) / sizeof(binary[0]))

static const struct {
	char text;
	enum expr_op op;
} unary[] = {
	{'*', EXPR_POINTED},	{'&', EXPR_ADDRESS}, {'-', EXPR_MINUS},
	{'~', EXPR_COMPLEMENT}, {'!', EXPR_NOT},
};

#define NR_UNARY (sizeof(unary) / sizeof(unary[0]))

const char *expr__op(enum expr_op op)
{
	static const char names[][2] = {"*", "&", "-", "~", "!"};
	size_t i;

	for (i = 0; i < NR_BINARY; i++)
		if (binary[i].op == op)
			return binary[i].text;
	for (i = 0; i < NR_UNARY; i++)
		if (unary[i].op == op)
			return names[i];
	return "?";
}

static unsigned int column_of(const struct parser *parser, const char *at)
{
	return parser->column + (unsigned int)(at - parser->text);
}

/* The first error counts. Returns EXPR_NONE. */
__attribute__((format(printf, 3, 4))) static int fail(struct parser *parser, const char *at,
						      const char *format, ...)
{
	va_list args;

	if (parser->error->text[0])
		return EXPR_NONE;
	va_start(args, format);
	vsnprintf(parser->error->text, sizeof(parser->error->text), format, args);
	va_end(args);
	parser->error->column = column_of(parser, at);
	return EXPR_NONE;
}

static void skip(struct parser *parser)
{
	while (parser->at < parser->end && isspace((unsigned char)*parser->at))
		parser->at++;
}

static char peek(const struct parser *parser, size_t ahead)
{
	return (size_t)(parser->end - parser->at) > ahead ? parser->at[ahead] : '\0';
}

/* "'+'", or "the end"; made safe for a terminal. */
static const char *found(const struct parser *parser, char buf[32])
{
	char shown[8];

	if (parser->at >= parser->end)
		return "the end";
	names__clean(shown, sizeof(shown), parser->at, (size_t)(parser->end - parser->at), 0);
	snprintf(buf, 32, "'%.4s'", shown);
	return buf;
}

static int add_node(struct parser *parser, enum expr_kind kind, const char *at)
{
	struct expr *expr = parser->expr;

	if (expr->count == EXPR_NODES_MAX)
		return fail(parser, at, "the expression has more than %d parts", EXPR_NODES_MAX);
	expr->node[expr->count] = (struct expr_node){
		.kind = kind,
		.column = column_of(parser, at),
		.child = {EXPR_NONE, EXPR_NONE, EXPR_NONE},
	};
	return expr->count++;
}

static bool take(struct parser *parser, char c)
{
	skip(parser);
	if (peek(parser, 0) != c)
		return false;
	parser->at++;
	return true;
}

static bool expect(struct parser *parser, char c)
{
	char buf[32];

	if (take(parser, c))
		return true;
	fail(parser, parser->at, "'%c' expected instead of %s", c, found(parser, buf));
	return false;
}

static bool starts_name(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

/* The word at the parser's position; 0: none. */
static size_t word_length(const struct parser *parser)
{
	size_t length = 0;

	if (!starts_name(peek(parser, 0)))
		return 0;
	while (isalnum((unsigned char)peek(parser, length)) || peek(parser, length) == '_')
		length++;
	return length;
}

static bool is_word(const struct parser *parser, size_t length, const char *word)
{
	return strlen(word) == length && !strncmp(parser->at, word, length);
}

static size_t take_name(struct parser *parser, const char **name, const char *what)
{
	size_t length;
	char buf[32];

	skip(parser);
	length = word_length(parser);
	if (!length)
		fail(parser, parser->at, "%s expected instead of %s", what, found(parser, buf));
	else if (length >= EXPR_NAME_MAX)
		fail(parser, parser->at, "the name is longer than %d bytes", EXPR_NAME_MAX - 1);
	*name = parser->at;
	parser->at += length;
	return length;
}

/* --- numbers --- */

static int digit_of(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : 16;
}

/*
 * The type that C gives a number without a suffix: int, or long if it is too large; unsigned if it
 * is not decimal.
 */
static void type_number(struct expr_node *node, bool decimal)
{
	const bool given = node->is_unsigned;

	if (node->number > UINT32_MAX || (node->number > INT32_MAX && decimal && !given))
		node->is_long = true;
	if (!decimal && node->number > (node->is_long ? (uint64_t)INT64_MAX : INT32_MAX))
		node->is_unsigned = true;
}

static void take_suffix(struct parser *parser, struct expr_node *node)
{
	const char *at = parser->at;

	while (strchr("uUlL", peek(parser, 0)) && peek(parser, 0)) {
		if (tolower((unsigned char)peek(parser, 0)) == 'u')
			node->is_unsigned = true;
		else
			node->is_long = true;
		parser->at++;
	}
	if (word_length(parser) || isdigit((unsigned char)peek(parser, 0)) || parser->at - at > 3)
		fail(parser, at, "not a number: only u, l or ul may follow the digits");
}

static int parse_number(struct parser *parser)
{
	const char *start = parser->at;
	int index = add_node(parser, EXPR_NUMBER, start), base = 10, digit;
	struct expr_node *node;

	if (index < 0)
		return index;
	node = &parser->expr->node[index];
	if (peek(parser, 0) == '0' && tolower((unsigned char)peek(parser, 1)) == 'x') {
		base = 16;
		parser->at += 2;
		if (digit_of(peek(parser, 0)) >= 16)
			return fail(parser, start, "hexadecimal digits expected after 0x");
	} else if (peek(parser, 0) == '0') {
		base = 8;
	}
	while ((digit = digit_of(peek(parser, 0))) < base) {
		if (__builtin_mul_overflow(node->number, (uint64_t)base, &node->number) ||
		    __builtin_add_overflow(node->number, (uint64_t)digit, &node->number))
			return fail(parser, start, "the number has more than 64 bits");
		parser->at++;
	}
	take_suffix(parser, node);
	type_number(node, base == 10);
	if (base == 10 && !node->is_unsigned && node->number > INT64_MAX)
		return fail(parser, start, "the number has more than 63 bits: append u");
	return index;
}

/* --- types --- */

static const char *const integers[] = {"unsigned", "signed", "char",  "short", "int",
				       "long",	   "void",   "const", NULL};

static bool is_integer(const struct parser *parser, size_t length)
{
	size_t i;

	for (i = 0; integers[i]; i++)
		if (is_word(parser, length, integers[i]))
			return true;
	return false;
}

/* Appends a word of "unsigned long". */
static void append_word(struct parser *parser, struct expr_type *type, size_t length)
{
	size_t used = strlen(type->name);

	if (used + length + 2 > sizeof(type->name))
		fail(parser, parser->at, "no such type");
	else if (!is_word(parser, length, "const"))
		snprintf(type->name + used, sizeof(type->name) - used, "%s%.*s", used ? " " : "",
			 (int)length, parser->at);
	parser->at += length;
}

static void parse_type(struct parser *parser, struct expr_type *type)
{
	static const char *const tags[] = {
		[EXPR_STRUCT] = "struct", [EXPR_UNION] = "union", [EXPR_ENUM] = "enum"};
	const char *name;
	size_t length, i;

	*type = (struct expr_type){0};
	skip(parser);
	length = word_length(parser);
	for (i = EXPR_STRUCT; i <= EXPR_ENUM; i++) {
		if (!is_word(parser, length, tags[i]))
			continue;
		type->tag = (enum expr_tag)i;
		parser->at += length;
	}
	if (type->tag || !is_integer(parser, length)) {
		length = take_name(parser, &name, "the name of a type");
		if (length < EXPR_NAME_MAX)
			memcpy(type->name, name, length);
	}
	while (!type->tag && !parser->error->text[0] &&
	       is_integer(parser, length = word_length(parser))) {
		append_word(parser, type, length);
		skip(parser);
	}
	while (take(parser, '*'))
		if (++type->pointers > 4)
			fail(parser, parser->at,
			     "a pointer to a pointer to a pointer: too many '*'");
}

/* Anything that cannot begin an operator. */
static bool at_operand(struct parser *parser)
{
	char c;

	skip(parser);
	c = peek(parser, 0);
	return starts_name(c) || isdigit((unsigned char)c) || c == '(' || c == '~' ||
	       (c == '!' && peek(parser, 1) != '=');
}

/* After a '(': is it a cast? The name alone does not show it. */
static bool at_type(const struct parser *parser)
{
	struct parser ahead = *parser;
	size_t length;

	skip(&ahead);
	length = word_length(&ahead);
	if (!length)
		return false;
	if (is_integer(&ahead, length) || is_word(&ahead, length, "struct") ||
	    is_word(&ahead, length, "union") || is_word(&ahead, length, "enum"))
		return true;
	ahead.at += length;
	/* Only a type can be in parentheses before an operand. */
	if (take(&ahead, ')'))
		return at_operand(&ahead);
	if (!take(&ahead, '*'))
		return false;
	while (take(&ahead, '*'))
		;
	return take(&ahead, ')');
}

/* --- operands --- */

static int parse_level(struct parser *parser, int strength);

static int parse_expression(struct parser *parser)
{
	const char *start = parser->at;
	int index, condition;

	if (++parser->depth > EXPR_DEPTH_MAX)
		return fail(parser, start,
			    "more than %d operators or parentheses within each other",
			    EXPR_DEPTH_MAX);
	condition = parse_level(parser, 1);
	skip(parser);
	start = parser->at;
	index = condition;
	if (condition >= 0 && take(parser, '?')) {
		index = add_node(parser, EXPR_SELECT, start);
		if (index >= 0) {
			parser->expr->node[index].child[0] = condition;
			parser->expr->node[index].child[1] = parse_expression(parser);
			expect(parser, ':');
			parser->expr->node[index].child[2] = parse_expression(parser);
		}
	}
	parser->depth--;
	return index;
}

static int parse_call(struct parser *parser, int index)
{
	struct expr_node *node = &parser->expr->node[index];
	const char *at = parser->at;
	int i;

	node->kind = EXPR_CALL;
	for (i = 0; i < EXPR_ARGUMENTS_MAX; i++) {
		node->child[i] = parse_expression(parser);
		if (!take(parser, ',')) {
			expect(parser, ')');
			return index;
		}
	}
	return fail(parser, at, "more than %d arguments", EXPR_ARGUMENTS_MAX);
}

static int parse_primary(struct parser *parser)
{
	const char *start;
	char buf[32];
	int index;

	skip(parser);
	start = parser->at;
	if (isdigit((unsigned char)peek(parser, 0)))
		return parse_number(parser);
	if (take(parser, '(')) {
		index = parse_expression(parser);
		expect(parser, ')');
		return index;
	}
	if (!starts_name(peek(parser, 0)))
		return fail(parser, start, "a name, a number or '(' expected instead of %s",
			    found(parser, buf));
	index = add_node(parser, EXPR_NAME, start);
	if (index < 0)
		return index;
	parser->expr->node[index].length =
		take_name(parser, &parser->expr->node[index].name, "a name");
	if (parser->error->text[0])
		return EXPR_NONE;
	if (parser->expr->node[index].length == 6 && !strncmp(start, "sizeof", 6)) {
		parser->expr->node[index].kind = EXPR_SIZEOF;
		expect(parser, '(');
		parse_type(parser, &parser->expr->node[index].type);
		expect(parser, ')');
		return index;
	}
	return take(parser, '(') ? parse_call(parser, index) : index;
}

/* One of .NAME, ->NAME, [INDEX]; EXPR_NONE: there is none. */
static int parse_suffix(struct parser *parser, int operand)
{
	const char *start;
	bool arrow;
	int index;

	skip(parser);
	start = parser->at;
	arrow = peek(parser, 0) == '-' && peek(parser, 1) == '>';
	if (!arrow && peek(parser, 0) != '.' && peek(parser, 0) != '[')
		return EXPR_NONE;
	parser->at += arrow ? 2 : 1;
	index = add_node(parser, *start == '[' ? EXPR_INDEX : EXPR_MEMBER, start);
	if (index < 0)
		return index;
	parser->expr->node[index].child[0] = operand;
	if (*start == '[') {
		parser->expr->node[index].child[1] = parse_expression(parser);
		expect(parser, ']');
		return index;
	}
	parser->expr->node[index].arrow = arrow;
	skip(parser);
	parser->expr->node[index].column = column_of(parser, parser->at);
	parser->expr->node[index].length =
		take_name(parser, &parser->expr->node[index].name, "the name of a member");
	return index;
}

static int parse_postfix(struct parser *parser)
{
	int operand = parse_primary(parser), index;

	while (operand >= 0 && !parser->error->text[0]) {
		index = parse_suffix(parser, operand);
		if (index < 0)
			return operand;
		operand = index;
	}
	return operand;
}

static int parse_cast(struct parser *parser, const char *start);

static int parse_unary(struct parser *parser)
{
	const char *start;
	int index = EXPR_NONE;
	size_t i;

	skip(parser);
	start = parser->at;
	if (peek(parser, 0) == '(') {
		parser->at++;
		if (at_type(parser))
			return parse_cast(parser, start);
		parser->at = start;
	}
	for (i = 0; i < NR_UNARY && peek(parser, 0) != unary[i].text; i++)
		;
	if (i == NR_UNARY)
		return parse_postfix(parser);
	if (++parser->depth > EXPR_DEPTH_MAX)
		return fail(parser, start,
			    "more than %d operators or parentheses within each other",
			    EXPR_DEPTH_MAX);
	parser->at++;
	index = add_node(parser, EXPR_UNARY, start);
	if (index >= 0) {
		parser->expr->node[index].op = unary[i].op;
		parser->expr->node[index].child[0] = parse_unary(parser);
	}
	parser->depth--;
	return index;
}

static int parse_cast(struct parser *parser, const char *start)
{
	int index = add_node(parser, EXPR_CAST, start);

	if (index < 0)
		return index;
	if (++parser->depth > EXPR_DEPTH_MAX)
		return fail(parser, start,
			    "more than %d operators or parentheses within each other",
			    EXPR_DEPTH_MAX);
	parse_type(parser, &parser->expr->node[index].type);
	expect(parser, ')');
	parser->expr->node[index].child[0] = parser->error->text[0] ? EXPR_NONE
								    : parse_unary(parser);
	parser->depth--;
	return index;
}

/* --- operators --- */

/* The operator at the parser's position; NR_BINARY: none. */
static size_t at_binary(struct parser *parser)
{
	size_t i, length;

	skip(parser);
	for (i = 0; i < NR_BINARY; i++) {
		length = strlen(binary[i].text);
		if ((size_t)(parser->end - parser->at) >= length &&
		    !strncmp(parser->at, binary[i].text, length))
			return i;
	}
	return i;
}

/* Operators that bind at least this strongly. */
static int parse_level(struct parser *parser, int strength)
{
	int left = parse_unary(parser), right, index;
	const char *start;
	size_t i;

	while (left >= 0 && !parser->error->text[0]) {
		i = at_binary(parser);
		if (i == NR_BINARY || binary[i].strength < strength)
			return left;
		start = parser->at;
		parser->at += strlen(binary[i].text);
		right = parse_level(parser, binary[i].strength + 1);
		index = add_node(parser, EXPR_BINARY, start);
		if (index < 0)
			return index;
		parser->expr->node[index].op = binary[i].op;
		parser->expr->node[index].child[0] = left;
		parser->expr->node[index].child[1] = right;
		left = index;
	}
	return left;
}

int expr__parse(struct expr *expr, const char *text, size_t length, unsigned int column,
		struct expr_error *error)
{
	struct parser parser = {
		.expr = expr,
		.text = text,
		.at = text,
		.end = text + length,
		.column = column,
		.error = error,
	};
	char buf[32];

	*error = (struct expr_error){0};
	expr->count = 0;
	expr->root = parse_expression(&parser);
	skip(&parser);
	if (parser.at < parser.end)
		fail(&parser, parser.at, "an operator or the end expected instead of %s",
		     found(&parser, buf));
	return error->text[0] ? -EINVAL : 0;
}
