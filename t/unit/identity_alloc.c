/* SPDX-License-Identifier: ISC */
/*
 * Everything here that allocates, with allocation failing at call 1, 2, 3 ...
 * until it does not: it must say so, leak nothing, and work the next time.
 */
#include <stdlib.h>

#include "../lib/denylist.h"
#include "byte_kit.h"
#include "identity/decide.h"
#include "identity/deny_edit.h"
#include "identity_kit.h"
#include "tap.h"

/* Calls until one fails; negative: none does. */
static long fail_in = -1;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool
fails(void)
{
	return fail_in >= 0 && fail_in-- == 0;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

static void
ignore(void *arg, const char *option, const char *text)
{
	(void)arg;
	(void)option;
	(void)text;
}

static const struct identity_rules_spec spec = {
	.name = "fleet",
	.username = "${cn}-x",
	.clientid = "${o}",
	.user_properties = true,
};

static enum err
try_rules(void)
{
	struct identity_rules *r;
	enum err err = identity_rules_new(&r, &spec, ignore, NULL);

	if (err != OK && r != NULL)
		return ERR_PROTOCOL;
	identity_rules_put(r);
	return err;
}

static enum err
try_list(void)
{
	static const char text[] = "as,who,reason\nusername,joe,a\n"
				   "peerhost,10.0.0.1,b\ncn,d,a\n"
				   "clientid_re,^x,c\nusername_re,y,\n";
	struct identity_denylist *l;
	struct report r;
	bool complained;

	report_init(&r);
	l = denylist_make(slice_str(text), "d", &r);
	complained = r.count > 0;
	report_fini(&r);
	if (complained)
		return ERR_PROTOCOL;
	identity_denylist_put(l);
	return l == NULL ? ERR_NO_MEMORY : OK;
}

static struct identity_denylist *list;

/* A change of three kinds, planned and put in force. */
static enum err
try_change(void)
{
	struct identity_deny_change c;
	struct identity_deny_key key;
	struct identity_deny_row row;
	struct report r;
	enum err err;

	report_init(&r);
	identity_deny_change_init(&c, list);
	err = identity_deny_row_make(&row, &key, "username_re", "a,b", &r);
	if (err == OK)
		err = identity_denylist_plan(list, &c, &row, &key, &r);
	if (err == OK)
		err = identity_deny_row_make(&row, &key, "cn", "x", &r);
	if (err == OK)
		err = identity_denylist_plan(list, &c, &row, &key, &r);
	if (err == OK)
		err = identity_denylist_apply(list, &c.entries);
	identity_deny_change_fini(&c);
	report_fini(&r);
	return err;
}

static struct identity_rules *rules;
static struct identity_kit kit;

static enum err
try_decide(void)
{
	struct mqtt_connect c =
	    identity_kit_connect(MQTT_LEVEL_5, "", "joe", "pw");
	struct identity_input in = { &kit.cert, &c, { NULL, 0 }, { NULL, 0 } };
	struct identity_decision v;
	enum reason reason = identity_decide(rules, &in, NULL, &v);
	bool whole = slice_equal(v.username, slice_str("d-x"));

	identity_decision_fini(&v);
	if (reason == REASON_NONE)
		return whole ? OK : ERR_PROTOCOL;
	return reason == REASON_ACCEPT_RESOURCE ? ERR_NO_MEMORY : ERR_PROTOCOL;
}

static enum err
try_file(void)
{
	struct identity_deny_change c;
	struct identity_deny_key key;
	struct identity_deny_row row;
	struct report r;
	struct identity_deny_edit e = { .path = "/nonexistent/deny.csv",
		.change = &c,
		.report = &r };
	enum err err;

	report_init(&r);
	identity_deny_change_init(&c, list);
	err = identity_deny_row_make(&row, &key, "username", "a,b", &r);
	if (err == OK)
		err = identity_denylist_plan(list, &c, &row, &key, &r);
	if (err == OK)
		err = identity_deny_edit_run(&e);
	identity_deny_change_fini(&c);
	report_fini(&r);
	return err == ERR_SYSTEM ? OK : err; /* it tried to open the file */
}

static void
run(const char *what, enum err (*try)(void))
{
	enum err err;
	long n;
	size_t wrong = 0;

	for (n = 0; n < 1000; n++) {
		fail_in = n;
		err = try();
		if (fail_in >= 0)
			break; /* fewer calls than that */
		/* Failing to give spare memory back is no failure. */
		wrong += err != ERR_NO_MEMORY && err != OK;
	}
	fail_in = -1;
	is_int((long long)wrong, 0,
	    "%s: says so, or can do without, at each of %ld calls", what, n);
	is_int(err, OK, "%s: good when memory is there", what);
	ok(n > 0, "%s: does allocate", what);
}

int
main(void)
{
	run("rules", try_rules);
	run("deny list", try_list);
	if (identity_denylist_new(&list) != OK)
		return 99;
	run("change", try_change);
	identity_denylist_put(list);
	if (identity_denylist_new(&list) != OK)
		return 99;
	run("deny file", try_file);
	identity_denylist_put(list);
	if (identity_rules_new(&rules, &spec, ignore, NULL) != OK)
		return 99;
	identity_kit_init(&kit, "CN utf8 'd'\nO utf8 'Acme'");
	kit.issuer[0].value = kit_run('i', 5000);
	run("decision", try_decide);
	identity_kit_fini(&kit);
	identity_rules_put(rules);
	return done_testing();
}
