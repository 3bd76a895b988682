// SPDX-License-Identifier: GPL-2.0-only
/* Race files: their content, what is wrong with them and where, and which files count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "race/race.h"
#include "race/race_files.h"

#define WHY_MAX 8192

#define HEAD "[race]\nname = x\ntitle = y\n"
#define WINDOW "[window]\nopen = f entry\nclose = f return\nkey = a\n"
#define WALKER "[walker]\nat = g entry\nkey = a\n"

static char why[WHY_MAX];

static struct race *read_race(const char *text)
{
	struct race *race = NULL;

	if (race__read_text(&race, "x.race", text, strlen(text), why, sizeof(why)))
		fail_msg("%s", why);
	assert_string_equal(why, "");
	return race;
}

static void refuse(const char *text, const char *wanted)
{
	struct race *race = NULL;

	assert_int_equal(race__read_text(&race, "x.race", text, strlen(text), why, sizeof(why)),
			 -EINVAL);
	assert_null(race);
	assert_string_equal(why, wanted);
}

static void what_a_file_says(void **state)
{
	struct race *race = read_race(
		"# a comment\n"
		"[race]\n"
		"name   = two-swapins-2\n"
		"title  = two tasks; one entry\n"
		"fix    = 13ddaf26be32, 0123456789ab\n"
		"cve    = CVE-2024-26759\n"
		"danger = \"BUG: Bad page map\"\n"
		"danger = Bad swap file entry\n"
		"[window]\n"
		"open  = a entry | b entry, c entry when vmf->flags & 1 else flags & 1\n"
		"close = call of swap_free in do_swap_page when entry.val == key\n"
		"drop  = a return, return of b in c | d | e entry\n"
		"inside = outer | older, third\n"
		"event = read: return of swap_readpage in a when page->flags & 2\n"
		"key   = entry else page->private\n"
		"when  = vmf\n"
		"when  = !elsewhere(vmf)\n"
		"save  = old: *pmd\n"
		"escape = read && others_since(read)\n"
		"[walker]\n"
		"at    = swap_free entry\n"
		"key   = entry\n"
		"[check]\n"
		"fixed = a|b calls c before d and (not has member s.m or has config CONFIG_SWAP)\n"
		"fixed = a passes FLAG to b in flags\n"
		"cannot = not has function a|b\n"
		"[provoke]\n"
		"hold = clock in do_swap_page after call of a | b before BUG else clock in a | g before call of c\n"
		"time = 500us\n"
		"run  = stress --all\n"
		"seconds = 20\n");
	const struct race_section *window = &race->section[0];
	char place[RACE_PLACE_TEXT_MAX];

	(void)state;
	assert_string_equal(race->name, "two-swapins-2");
	assert_string_equal(race->title, "two tasks; one entry");
	assert_int_equal(race->fixes, 2);
	assert_string_equal(race->fix[1], "0123456789ab");
	assert_string_equal(race->cve[0], "CVE-2024-26759");
	assert_string_equal(race->danger[0], "BUG: Bad page map");
	assert_string_equal(race->danger[1], "Bad swap file entry");
	assert_int_equal(race->sections, 2);
	assert_int_equal(window->role, RACE_WINDOW);
	assert_int_equal(window->begin.places, 3);
	assert_int_equal(window->begin.groups, 2);
	assert_int_equal(window->begin.place[1].group, 0);
	assert_int_equal(window->begin.place[2].group, 1);
	assert_int_equal(window->begin.when.ways, 2);
	assert_string_equal(race__place(&window->end.place[0], place),
			    "call of swap_free in do_swap_page");
	assert_string_equal(race__place(&window->event[0].event.place[0], place),
			    "return of swap_readpage in a");
	assert_string_equal(race__place(&window->drop.place[0], place), "a return");
	assert_string_equal(race__place(&window->drop.place[2], place), "return of b in d");
	assert_string_equal(race__place(&window->drop.place[3], place), "e entry");
	assert_int_equal(window->drop.place[3].group, 1);
	assert_int_equal(window->inside.places, 3);
	assert_string_equal(window->event[0].name, "read");
	assert_int_equal(window->key.ways, 2);
	assert_int_equal(window->conditions, 2);
	assert_string_equal(window->saved[0].name, "old");
	assert_int_equal(window->escapes, 1);
	assert_true(race->section[1].instant);
	assert_false(race__has_range(race));
	assert_int_equal(race->rule->vulnerable, EXPR_NONE);
	assert_int_equal(race->rule->node[race->rule->fixed].kind, RACE_RULE_AND);
	assert_int_equal(race->rule->node[race->rule->cannot].kind, RACE_RULE_NOT);
	assert_int_equal(race->provoke.what, RACE_HOLD_CLOCK);
	assert_int_equal(race->provoke.parts, 2);
	assert_int_equal(race->provoke.section, 0);
	assert_string_equal(race->provoke.part[0].in.name[0], "do_swap_page");
	assert_string_equal(race->provoke.part[0].after.name[1], "b");
	assert_true(race->provoke.part[0].bug);
	assert_int_equal(race->provoke.part[0].before.count, 0);
	assert_int_equal(race->provoke.part[1].in.count, 2);
	assert_int_equal(race->provoke.part[1].after.count, 0);
	assert_string_equal(race->provoke.part[1].before.name[0], "c");
	assert_false(race->provoke.part[1].bug);
	assert_int_equal(race->provoke.time_us, 500);
	assert_int_equal(race->provoke.seconds, 20);
	assert_string_equal(race->provoke.run.text, "stress --all");
	race__free(race);
}

static void errors_of_lines(void **state)
{
	(void)state;
	refuse("[race]\nname = Upper\ntitle = t\n[window]\nopen = f enter\nclos = f return\n"
	       "key = a + \nwhen = a else b b\nevent = read swap\nsave = : 3\n[wndow]\n",
	       "x.race:2:8: a name is 1 to 31 lower-case letters, digits and '-', a letter first\n"
	       "x.race:5:10: 'entry' or 'return' expected instead of 'enter'\n"
	       "x.race:6: unknown key 'clos' in [window]; did you mean 'close'?\n"
	       "x.race:7:10: a name, a number or '(' expected instead of the end\n"
	       "x.race:8:17: an operator or the end expected instead of 'b'\n"
	       "x.race:9:14: ':' expected instead of 'swap'\n"
	       "x.race:10:8: a name and ':' expected instead of ':'\n"
	       "x.race:11: unknown section [wndow]; thprace.race(5) lists them");
	refuse(HEAD "[window]\nopen = call of f\nclose = return of f in\nopen = f entry\nkey=\n"
		    "save = key: 1\nsave = a: 1\nevent = a: f entry\ninside = f g\n",
	       "x.race:5:17: 'in' and a function expected instead of the end of the line\n"
	       "x.race:6:23: the name of a function expected instead of the end of the line\n"
	       "x.race:7: given twice: join the values with ','\n"
	       "x.race:8: key= has no value\n"
	       "x.race:9:8: the name 'key' is taken\n"
	       "x.race:11:9: the name 'a' is taken\n"
	       "x.race:12:12: '|', ',' or the end of the line expected instead of 'g'");
	refuse(HEAD WINDOW WALKER "[check]\nfixed = f calls\nvulnerable = f call g\n"
				  "cannot = has nothing f\nfixed = not (f calls g\n"
				  "[provoke]\nhold = 5\ntime = 2ms\nseconds = 2h\n",
	       "x.race:12:16: the name of a function expected instead of the end of the line\n"
	       "x.race:13:16: 'calls', 'reads' or 'passes' expected instead of 'call'\n"
	       "x.race:14:14: 'function', 'member', 'enumerator', 'type' or 'config' expected "
	       "instead of 'nothing'\n"
	       "x.race:15:23: ')', 'and' or 'or' expected instead of the end of the line\n"
	       "x.race:17:8: 'window', 'walker', an event's name, 'probe in FUNCTION' or "
	       "'clock in FUNCTION' expected instead of '5'\n"
	       "x.race:18:8: from 1us to 1ms expected\n"
	       "x.race:19:11: from 1s to 1h expected");
}

static void errors_of_a_hold(void **state)
{
	(void)state;
	refuse(HEAD WINDOW WALKER "[provoke]\nhold = clock f\n",
	       "x.race:12:14: 'in' and a function expected instead of 'f'");
	refuse(HEAD WINDOW WALKER "[provoke]\nhold = probe in f behind call of g\n",
	       "x.race:12:19: '|', 'after', 'before', 'else' or the end of the line expected "
	       "instead of 'behind'");
	refuse(HEAD WINDOW WALKER "[provoke]\nhold = probe in f after g\n",
	       "x.race:12:25: 'call of' and a function expected instead of 'g'");
	refuse(HEAD WINDOW WALKER "[provoke]\nhold = probe in f before WARN\n",
	       "x.race:12:26: 'BUG', or 'call of' and a function, expected instead of 'WARN'");
	refuse(HEAD WINDOW WALKER "[provoke]\nhold = probe in f else clock in f\n",
	       "x.race:12:24: 'probe in' expected instead of 'clock'");
	refuse(HEAD WINDOW WALKER "[provoke]\nhold = probe in f | f | f | f | f\n",
	       "x.race:12:33: more than 4 functions");
	refuse(HEAD WINDOW WALKER "[provoke]\nhold = clock in f else clock in f else clock in f "
				  "else clock in f else clock in f\n",
	       "x.race:12:72: more than 4 parts for kernels that differ");
}

static void errors_of_the_whole(void **state)
{
	(void)state;
	refuse("", "x.race: there is no [race]\n"
		   "x.race: there is neither a [walker] nor a [check]");
	refuse("[race]\nname = x\n" WINDOW WALKER, "x.race: [race] has no title");
	refuse(HEAD WINDOW "event = gate: g entry\n" WALKER "[provoke]\nhold = door\n",
	       "x.race:13:8: there is no event 'door'; 'window', 'walker', an event's name, "
	       "'probe in FUNCTION' or 'clock in FUNCTION' expected");
	refuse(HEAD WINDOW WALKER "[provoke]\nhold = clock in elsewhere | other before BUG\n",
	       "x.race:12:8: no [window] and no [walker] begins or ends in elsewhere");
	refuse(HEAD WINDOW, "x.race: there is no [walker], which would overlap the windows");
	refuse(HEAD WALKER,
	       "x.race: there is neither a [window] nor an escape: nothing would be observed");
	refuse(HEAD "[window]\nopen = f entry\n" WALKER,
	       "x.race:4: [window] has no close\nx.race:4: [window] has no key");
	refuse(HEAD WINDOW "[walker]\nat = f entry\nleave = f return\nkey = a\ndrop = g entry\n",
	       "x.race:8: [walker] has at, which is an instant, and leave\n"
	       "x.race:8: [walker] has at, which is an instant: it has no drop, learn and event");
	refuse(HEAD WINDOW WALKER "from = 3\n",
	       "x.race:8: either all windows and walkers have a range (from, to), or none");
	refuse(HEAD WINDOW "to = 3\n" WALKER "to = 3\n",
	       "x.race:4: [window] has to without from\nx.race:9: [walker] has to without from");
	race__free(read_race(HEAD WALKER "escape = a\n"));
	race__free(read_race(HEAD "[check]\nfixed = f calls g\n"));
}

/* Limits, each exceeded by one. */
static void too_many_of_all(void **state)
{
	char *text = malloc(RACE_FILE_MAX + 64);
	struct race *race = NULL;
	int i;

	(void)state;
	strcpy(text, HEAD);
	for (i = 0; i < 9; i++)
		strcat(text, WINDOW);
	refuse(strcat(text, WALKER), "x.race:36: more than 8 windows and walkers\n"
				     "x.race:40: more than 8 windows and walkers");
	strcpy(text, HEAD WINDOW WALKER);
	for (i = 0; i < 5; i++)
		strcat(text, "when = a\n");
	refuse(text, "x.race:15: more than 4 conditions: join them with '&&'");
	refuse(HEAD WINDOW WALKER "when = a else b else c else d else e\n",
	       "x.race:11:35: more than 4 expressions for kernels that differ");
	refuse(HEAD "[window]\nopen = a entry|b entry|c entry|d entry|e entry|f entry|g entry|h "
		    "entry|i entry\nclose = f entry\nkey = a\n" WALKER,
	       "x.race:5:72: more than 8 places of one event");
	memset(text, '#', RACE_FILE_MAX + 1);
	assert_int_equal(race__read_text(&race, "x.race", text, RACE_FILE_MAX + 1, why,
					 sizeof(why)),
			 -EFBIG);
	free(text);
}

/* --- files --- */

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void put(const char *root, const char *path, const char *text)
{
	char name[256], *slash;
	FILE *file;

	snprintf(name, sizeof(name), "%s/%s", root, path);
	for (slash = name + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(name, 0755);
	}
	file = fopen(name, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void which_files_count(void **state)
{
	static const char named[] = "[race]\nname = %s\ntitle = %s\n" WINDOW WALKER;
	char root[] = "/tmp/test_race.XXXXXX", text[512], path[128];
	struct race_files files;
	size_t i;
	static const char *const put_there[][3] = {
		{"usr/share/thprace/races/a.race", "a", "ours"},
		{"etc/thprace/races.d/a.race", "a", "the site's"},
		{"usr/share/thprace/races/b.race", "b", "b"},
		{"usr/share/thprace/races/taken.race", "a", "the same name"},
		{"usr/share/thprace/races/c.race", "split-unmap", "that of a built-in one"},
		{"usr/share/thprace/races/d.conf", "d", "no race file"},
		{"usr/share/thprace/races/e.race", "e", "hidden"},
	};

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(race_files__read(&files, root), 0);
	assert_int_equal(files.count, 0);
	for (i = 0; i < sizeof(put_there) / sizeof(put_there[0]); i++) {
		snprintf(text, sizeof(text), named, put_there[i][1], put_there[i][2]);
		put(root, put_there[i][0], text);
	}
	put(root, "etc/thprace/races.d/e.race", "");
	assert_int_equal(race_files__read(&files, root), 0);
	assert_int_equal(files.count, 4);
	assert_string_equal(race_files__find(&files, "a")->race->title, "the site's");
	assert_string_equal(race_files__find(&files, "b")->race->title, "b");
	assert_null(race_files__find(&files, "e"));
	assert_null(files.file[2].race);
	assert_non_null(strstr(files.file[2].why, "'split-unmap' is that of a built-in race"));
	assert_null(files.file[3].race);
	assert_non_null(strstr(files.file[3].why, "'a' is taken by "));
	snprintf(path, sizeof(path), "%s/none.race", root);
	assert_non_null(race_files__add(&files, path)->why);
	race_files__release(&files);
	nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

/* Only root's files, in folders that nobody else can change. */
static void which_files_are_trusted(void **state)
{
	char root[] = "/root/test_race.XXXXXX", path[128], link[128];

	(void)state;
	if (geteuid() || !mkdtemp(root))
		skip();
	put(root, "in/x.race", HEAD);
	snprintf(path, sizeof(path), "%s/in/x.race", root);
	snprintf(link, sizeof(link), "%s/link.race", root);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(race_files__trusted(path, why, sizeof(why)), 0);
	assert_int_equal(race_files__trusted(link, why, sizeof(why)), 0);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(race_files__trusted(link, why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, "may be written to by others than root (mode 0664)"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chown(path, 12, 0), 0);
	assert_int_equal(race_files__trusted(path, why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, "belongs to user 12, not to root"));
	assert_int_equal(chown(path, 0, 0), 0);
	snprintf(path, sizeof(path), "%s/in", root);
	assert_int_equal(chmod(path, 01777), 0);
	assert_int_equal(race_files__trusted(link, why, sizeof(why)), -EPERM);
	assert_int_equal(race_files__trusted("/nowhere/x.race", why, sizeof(why)), -ENOENT);
	nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_file_says),	   cmocka_unit_test(errors_of_lines),
		cmocka_unit_test(errors_of_a_hold),	   cmocka_unit_test(errors_of_the_whole),
		cmocka_unit_test(too_many_of_all),	   cmocka_unit_test(which_files_count),
		cmocka_unit_test(which_files_are_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
