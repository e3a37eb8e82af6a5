/* SPDX-License-Identifier: ISC */
/* Deny lists: files, look-ups of each kind, and what a million entries cost. */
#include "identity/denylist.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../lib/denylist.h"
#include "base/address.h"
#include "byte_kit.h"
#include "identity_kit.h"
#include "tap.h"

#define NOW 1700000000
/* Under ASan, whose allocator is slow, fewer. */
#ifdef __SANITIZE_ADDRESS__
#define MANY 20000
#else
#define MANY 1000000
#endif
#define HEX_SHA256 \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_SPKI \
	"40:41:42:43:44:45:46:47:48:49:4A:4B:4C:4D:4E:4F:" \
	"50:51:52:53:54:55:56:57:58:59:5A:5B:5C:5D:5E:5F"
#define HEX_CA \
	"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"

static struct identity_denylist *
load(const char *text)
{
	struct kit_bytes copy = kit_copy(text, strlen(text));
	struct identity_denylist *l;
	struct report r;
	size_t i;

	report_init(&r);
	l = denylist_make(kit_slice(&copy), "deny.csv", &r);
	for (i = 0; l == NULL && i < r.kept; i++)
		diag("%s", r.lines[i]);
	report_fini(&r);
	kit_free(&copy);
	return l;
}

static bool
names(struct identity_denylist *l, const char *username, const char *client_id)
{
	struct identity_deny found;

	return identity_denylist_match_names(l, slice_str(username),
	    slice_str(client_id), NOW, &found);
}

static bool
peer(struct identity_denylist *l, const char *address)
{
	struct identity_deny found;
	struct sockaddr_storage sa;

	return address_parse_host(&sa, address) == OK &&
	    identity_denylist_match_peer(l, &sa, NOW, &found);
}

static bool
cert(struct identity_denylist *l, const char *text)
{
	struct identity_deny found;
	struct identity_kit k;
	bool denied;

	identity_kit_init(&k, text);
	denied = identity_denylist_match_cert(l, &k.cert, NOW, &found);
	identity_kit_fini(&k);
	return denied;
}

static void
test_names(void)
{
	struct identity_denylist *l =
	    load("as,who,reason,until\n"
		 "username,joe,stolen,\n"
		 "clientid,c1,,infinity\n"
		 "username,past,,2020-01-01T00:00:00Z\n"
		 "username,future,,2030-01-01T00:00:00Z\n"
		 "username,\"a,b\"\"c\",quoted,\n"
		 "clientid_re,^dev-[0-9]+$,,\n"
		 "username_re,oo,,\n"
		 "clientid_re,^old,,1600000000\n");
	struct identity_deny found;

	ok(names(l, "joe", "x"), "a username");
	ok(!names(l, "Joe", "x") && !names(l, "joe ", "x"), "to the byte");
	ok(!names(l, "c1", "joe"), "a kind is not another");
	ok(names(l, "x", "c1"), "a ClientID");
	ok(!names(l, "past", "x"), "expired");
	ok(names(l, "future", "x"), "not yet expired");
	ok(names(l, "a,b\"c", "x"), "a quoted one");
	ok(names(l, "x", "dev-17"), "an expression");
	ok(!names(l, "x", "dev-17a"), "that does not match");
	ok(names(l, "foobar", "x"), "one not anchored");
	ok(!names(l, "x", "old-1"), "an expired one");
	ok(!names(l, "", ""), "empty names are not looked up");
	ok(!names(NULL, "joe", "c1"), "no list denies no client");
	is_int((long long)identity_denylist_count(l), 8, "entries");
	ok(identity_denylist_match_names(l, slice_str("joe"), slice_str("c1"),
	       NOW, &found),
	    "found");
	is_int(found.kind, IDENTITY_DENY_KIND_USERNAME, "kind");
	is_mem(found.reason.data, found.reason.len, "stolen", 6, "reason");
	ok(found.until == IDENTITY_DENY_FOREVER, "for ever");
	ok(!identity_denylist_match_names(l, slice_str("future"), slice_str(""),
	       1893456000, &found) &&
		identity_denylist_match_names(l, slice_str("future"),
		    slice_str(""), 1893455999, &found),
	    "an entry ends at its very second");
	ok(identity_denylist_get(l) == l, "counted");
	identity_denylist_put(l);
	identity_denylist_put(l);
	identity_denylist_put(NULL);
}

static void
test_peers(void)
{
	struct identity_denylist *l = load("as,who\n"
					   "peerhost,192.0.2.1\n"
					   "peerhost,2001:db8::1\n"
					   "peerhost_net,10.0.0.0/8\n"
					   "peerhost_net,10.1.0.0/16\n"
					   "peerhost_net,198.51.100.77/25\n"
					   "peerhost_net,2001:db8:f00::/40\n");
	struct sockaddr_storage un = { .ss_family = AF_UNIX };
	struct identity_deny found;
	struct sockaddr_storage sa;

	ok(peer(l, "192.0.2.1"), "an address");
	ok(peer(l, "::ffff:192.0.2.1"), "the same, mapped");
	ok(!peer(l, "192.0.2.2"), "another");
	ok(peer(l, "2001:db8::1") && !peer(l, "2001:db8::2"), "IPv6");
	ok(peer(l, "10.255.255.255") && !peer(l, "11.0.0.0"), "a network");
	ok(peer(l, "::ffff:10.1.1.1"), "mapped");
	ok(peer(l, "198.51.100.0") && peer(l, "198.51.100.127") &&
		!peer(l, "198.51.100.128"),
	    "a network of 25 bits");
	ok(peer(l, "2001:db8:fff::1") && !peer(l, "2001:db8:1000::1"),
	    "an IPv6 network");
	ok(!identity_denylist_match_peer(l, &un, NOW, &found),
	    "unix peers are not looked up");
	ok(!peer(NULL, "192.0.2.1"), "no list");
	ok(address_parse_host(&sa, "198.51.100.5") == OK &&
		identity_denylist_match_peer(l, &sa, NOW, &found),
	    "found");
	is_mem(found.value.data, found.value.len, "198.51.100.0/25", 15,
	    "as it is written");
	identity_denylist_put(l);
	l = load("as,who\npeerhost_net,0.0.0.0/0\n");
	ok(peer(l, "1.2.3.4") && !peer(l, "::1"),
	    "all of IPv4 is nothing of IPv6");
	identity_denylist_put(l);
}

static void
test_cert_kind(const char *row, const char *yes, const char *no)
{
	char text[512];
	struct identity_denylist *l;

	snprintf(text, sizeof(text), "as,who\n%s\n", row);
	l = load(text);
	ok(cert(l, yes), "%s denies", row);
	ok(!cert(l, no), "%s spares others", row);
	identity_denylist_put(l);
}

static void
test_certs(void)
{
	static const char other[] =
	    "CN utf8 'd2'\nserial 0b\ndns 'b'\nsha256 " HEX_CA "\nspki " HEX_CA;
	struct identity_deny found;

	test_cert_kind("cn,device-1", "CN utf8 'device-1'", other);
	test_cert_kind("cn,device-1", "CN bmp 006400650076006900630065002d0031",
	    "O utf8 'device-1'");
	test_cert_kind("cn,b", "CN utf8 'a'\nCN utf8 'b'", other);
	test_cert_kind("cn,b", "CN utf8 ff\nCN utf8 'b'", "CN other 'b'");
	test_cert_kind("serial,A", "serial 0a", "serial 0a00");
	test_cert_kind("serial,0A", "serial 00000a", other);
	test_cert_kind("serial,ff", "serial 00ff", other);
	test_cert_kind("serial,\"0a@CN=Test CA\"", "serial 0a",
	    "serial 0a\nissuer.CN utf8 'Other CA'");
	test_cert_kind("serial,\"0a@CN=CA,O=Acme\"",
	    "serial 0a\nissuer.O utf8 'Acme'\nissuer.CN utf8 'CA'",
	    "serial 0a");
	test_cert_kind("serial,0a@" HEX_CA, "serial 0a", "serial 0b");
	test_cert_kind("sha256," HEX_SHA256, "CN utf8 'x'", other);
	test_cert_kind("spki," HEX_SPKI, "CN utf8 'x'", other);
	test_cert_kind("san,D1.example", "dns 'a'\ndns 'd1.EXAMPLE'", other);
	test_cert_kind("san,spiffe://acme/d1", "uri 'spiffe://acme/d1'", other);
	test_cert_kind("san,a@b.example", "email 'a@b.example'", other);
	test_cert_kind("san,192.0.2.1", "ip c0000201", "ip c0000202");
	test_cert_kind("cn,x\nsan,d2", "CN utf8 'x'", other);
	ok(!identity_denylist_match_cert(NULL, NULL, NOW, &found), "no list");
}

/* Files as EMQX's export writes them, and as people do. */
static void
test_import(void)
{
	struct identity_denylist *l;

	l = load("as,who,reason,at,until,by\n"
		 "clientid,c1,reason 1,2021-10-25T21:53:47+08:00,"
		 "2035-10-25T21:53:47+08:00,boot\n"
		 "username,u1,,2021-10-25T21:53:47+08:00,infinity,\n"
		 "username,u2,reason 2,2021-10-25T21:53:47+08:00,"
		 "2022-10-25T21:53:47+08:00,boot\n");
	ok(names(l, "x", "c1") && names(l, "u1", "x") && !names(l, "u2", "x"),
	    "EMQX's columns");
	identity_denylist_put(l);
	l = load("by,until,who,as\r\nme,,u1,username\r\n\r\n"
		 "me,99999999999,c1,clientid");
	ok(names(l, "u1", "x") && names(l, "x", "c1"),
	    "columns in any order, CRLF, no last line end");
	identity_denylist_put(l);
	l = load("\xef\xbb\xbf as , who \nusername,u1\n");
	ok(names(l, "u1", "x"), "a byte order mark, and spaces");
	identity_denylist_put(l);
	l = load("");
	ok(l != NULL && identity_denylist_count(l) == 0, "an empty file");
	ok(!names(l, "u1", "x"), "denies no client");
	identity_denylist_put(l);
	l = load("as,who\n");
	ok(l != NULL && identity_denylist_count(l) == 0, "only a heading");
	identity_denylist_put(l);
	l = load("as,who,reason,until\n"
		 "username,u1,first,1800000000\n"
		 "username,u2,,\n"
		 "username,u1,second,1900000000\n"
		 "username,u1,third,1600000000\n");
	is_int((long long)identity_denylist_count(l), 2, "no entry twice");
	ok(names(l, "u1", "x"), "the longest lasting one holds");
	identity_denylist_put(l);
}

static void
test_complaints(void)
{
	static const char bad[] = "as,who,reason,until\n"
				  "username,good,,\n"
				  "user,joe,,\n"
				  "username,,,\n"
				  "peerhost,10.0.0.0/8,,\n"
				  "username,joe,,soon\n"
				  "username,a,b,c,d\n"
				  "username, joe,,\n"
				  "clientid_re,a(b,,\n"
				  "\"username\"x,joe,,\n"
				  "sha256,00,,\n"
				  "username,\"open\n";
	static const char *const want[] = {
		"deny.csv:3: no such kind: \"user\" (there are clientid",
		"deny.csv:4: username \"\" is empty",
		"deny.csv:5: peerhost \"10.0.0.0/8\" is not an IP address",
		"deny.csv:6: username \"joe\" has a bad until",
		"deny.csv:7: username \"a\" has more fields",
		"deny.csv:8: username \" joe\" has spaces around it",
		"deny.csv:9: clientid_re \"a(b\" is not a regular expression",
		"deny.csv:10: text follows a closing quote",
		"deny.csv:11: sha256 \"00\" is not 64 hex digits",
		"deny.csv:12: a quote is opened and never closed",
	};
	struct identity_denylist *l;
	struct report r;
	size_t i;

	report_init(&r);
	l = denylist_make(slice_str(bad), "deny.csv", &r);
	ok(l == NULL, "a file with bad rows is not loaded");
	is_int((long long)r.count, 10, "each bad row once");
	for (i = 0; i < sizeof(want) / sizeof(want[0]) && i < r.kept; i++)
		ok(strncmp(r.lines[i], want[i], strlen(want[i])) == 0,
		    "says %s", r.lines[i]);
	report_fini(&r);
	l = denylist_make(slice_str("username,joe\n"), "deny.csv", &r);
	ok(l == NULL, "a file without a heading");
	ok(r.kept == 1 &&
		strstr(r.lines[0], "deny.csv:1: the first line must") != NULL,
	    "is told so");
	report_fini(&r);
	l = load("");
	is_int(identity_denylist_load(l, "/nonexistent/deny.csv", &r),
	    ERR_SYSTEM, "a file that is not there");
	ok(r.kept == 1 &&
		strstr(r.lines[0], "/nonexistent/deny.csv: cannot read it") !=
		    NULL,
	    "is told so");
	report_fini(&r);
	is_int(identity_denylist_load(l, "/", &r), ERR_SYSTEM, "a folder");
	report_fini(&r);
	identity_denylist_put(l);
}

static void
write_list(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		diag("cannot write %s", path);
}

/* What the file says replaces what was read before. */
static void
test_reload(void)
{
	char path[] = "/tmp/sallyport-deny-XXXXXX";
	struct identity_denylist *l = load("");
	int fd = mkstemp(path);
	struct report r;

	if (!ok(fd != -1, "a file"))
		return;
	close(fd);
	report_init(&r);
	write_list(path, "as,who\ncn,a\n");
	is_int(identity_denylist_load(l, path, &r), OK, "loads");
	ok(cert(l, "CN utf8 'a'"), "the file");
	write_list(path, "as,who\ncn,b\n");
	is_int(identity_denylist_load(l, path, &r), OK, "loads");
	ok(cert(l, "CN utf8 'b'") && !cert(l, "CN utf8 'a'"), "the new one");
	is_int((long long)r.count, 0, "no complaint");
	report_fini(&r);
	identity_denylist_put(l);
	unlink(path);
}

/* A wholly wrong file does not fill the memory with complaints. */
static void
test_many_complaints(void)
{
	struct kit_bytes text = kit_copy("as,who\n", 7);
	struct identity_denylist *l;
	struct report r;
	int i;

	for (i = 0; i < 1500; i++)
		kit_add(&text, "x,y\n", 4);
	report_init(&r);
	l = denylist_make(kit_slice(&text), "d", &r);
	ok(l == NULL, "1,500 bad rows");
	is_int((long long)r.kept, 1001, "1,000 named, one summary");
	is_str(r.lines[1000], "d: 500 more bad rows", "which counts");
	report_fini(&r);
	kit_free(&text);
}

static double
seconds(void)
{
	struct timespec ts;

	/* CPU time: the machine may have other work. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Names meant to make an expression slow end soon, and denied. */
static void
test_bounds(void)
{
	struct identity_denylist *l = load("as,who\n"
					   "username_re,^(a+)+$\n"
					   "username_re,a*b\n");
	struct identity_deny found;
	struct kit_bytes name = kit_copy("", 0);
	double begin;

	kit_add(&name, kit_run('a', 1000).data, 1000);
	kit_add(&name, "!", 1);
	begin = seconds();
	ok(identity_denylist_match_names(l, kit_slice(&name), slice_str(""),
	       NOW, &found),
	    "an exponential one gives up, and denies");
	ok(strstr((const char *)found.reason.data, "not decided") != NULL,
	    "saying so");
	diag("gave up after %.3f ms", (seconds() - begin) * 1e3);
	ok(identity_denylist_match_names(l, kit_run('x', 1025), slice_str(""),
	       NOW, &found),
	    "a name over 1,024 bytes is denied untried");
	ok(!names(l, "", "x"), "other kinds are not concerned");
	identity_denylist_put(l);
	l = load("as,who\nusername_re,(?:a|b)*\\d\n");
	begin = seconds();
	ok(!identity_denylist_match_names(l, kit_run('a', 400), slice_str(""),
	       NOW, &found),
	    "a quadratic one ends, with a decision");
	diag("quadratic: %.3f ms", (seconds() - begin) * 1e3);
	kit_free(&name);
	identity_denylist_put(l);
}

static void
test_too_many_patterns(void)
{
	struct kit_bytes text = kit_copy("as,who\n", 7);
	struct identity_denylist *l = NULL;
	struct report r;
	char row[32];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(row, sizeof(row), "clientid_re,^d%d$\n", i);
		kit_add(&text, row, strlen(row));
	}
	report_init(&r);
	l = denylist_make(kit_slice(&text), "d", &r);
	ok(l != NULL, "1,000 expressions");
	ok(names(l, "x", "d999") && !names(l, "x", "d1000"), "all tried");
	identity_denylist_put(l);
	kit_add(&text, "clientid_re,x\n", 14);
	l = denylist_make(kit_slice(&text), "d", &r);
	ok(l == NULL, "and not one more");
	ok(r.kept == 1 && strstr(r.lines[0], "d:1002: ") != NULL, "named");
	report_fini(&r);
	kit_free(&text);
}

static void
test_show(void)
{
	struct identity_denylist *l = load("as,who,reason,until\n"
					   "spki," HEX_SPKI ",a,5\n"
					   "peerhost,::1,b,\n");
	struct identity_deny_cursor at = { 0 };
	struct identity_deny e;

	ok(identity_denylist_next(l, &at, &e), "an entry");
	is_int(e.kind, IDENTITY_DENY_KIND_SPKI, "first");
	is_int((long long)e.value.len, 64, "as hex");
	is_int(e.until, 5, "until");
	ok(identity_denylist_next(l, &at, &e), "another");
	is_mem(e.value.data, e.value.len, "::1", 3, "second");
	ok(!identity_denylist_next(l, &at, &e), "no more");
	identity_denylist_put(l);
}

/* Adds an entry of `kind' to a change. */
static void
plan(struct identity_denylist *l, struct identity_deny_change *c,
    const char *as, const char *value, int64_t until)
{
	static struct identity_deny_key key;
	struct identity_deny_row row;
	struct report r;

	report_init(&r);
	is_int(identity_deny_row_make(&row, &key, as, value, &r), OK, "%s %s",
	    as, value);
	row.until = until;
	is_int(identity_denylist_plan(l, c, &row, &key, &r), OK, "planned");
	report_fini(&r);
}

/* Changes count before the base, and those that are kept after it is read
 * again. */
static void
test_changes(void)
{
	struct identity_denylist *l = load("as,who\ncn,a\nusername_re,^b\n");
	uint64_t version = identity_denylist_version(l);
	struct identity_deny_base *base, *old = NULL;
	struct identity_deny_change c;
	struct report r;

	report_init(&r);
	identity_deny_change_init(&c, l);
	plan(l, &c, "cn", "a", IDENTITY_DENY_REMOVED);
	plan(l, &c, "cn", "c", IDENTITY_DENY_FOREVER);
	plan(l, &c, "username_re", "^d", IDENTITY_DENY_FOREVER);
	plan(l, &c, "username_re", "^b", IDENTITY_DENY_REMOVED);
	plan(l, &c, "cn", "nobody", IDENTITY_DENY_REMOVED);
	is_int((long long)c.added, 2, "two added");
	is_int((long long)c.removed, 2, "two taken back");
	is_int((long long)c.unchanged, 1, "one was not there");
	is_int(identity_denylist_apply(l, &c.entries), OK, "applied");
	ok(identity_denylist_version(l) != version, "another version");
	is_int((long long)identity_denylist_count(l), 2, "two entries");
	ok(!cert(l, "CN utf8 'a'") && cert(l, "CN utf8 'c'"), "certificates");
	ok(!names(l, "bb", "x") && names(l, "dd", "x"), "expressions");
	is_int(identity_deny_base_parse(&base, identity_denylist_hash(l),
		   slice_str("as,who\ncn,a\ncn,e\n"), "f", &r),
	    OK, "another file");
	is_int(identity_denylist_replace(l, base, &c.entries, &old), OK,
	    "put in force, changes kept");
	ok(!cert(l, "CN utf8 'a'") && cert(l, "CN utf8 'c'") &&
		cert(l, "CN utf8 'e'"),
	    "both count");
	ok(names(l, "dd", "x"), "expressions, too");
	is_int((long long)identity_denylist_count(l), 3, "three entries");
	identity_deny_base_free(old);
	is_int(identity_deny_base_parse(&base, identity_denylist_hash(l),
		   slice_str("as,who\ncn,a\n"), "f", &r),
	    OK, "another file");
	is_int(identity_denylist_replace(l, base, NULL, &old), OK,
	    "put in force alone");
	ok(cert(l, "CN utf8 'a'") && !cert(l, "CN utf8 'c'"),
	    "the changes are gone");
	identity_deny_base_free(old);
	identity_deny_change_fini(&c);
	report_fini(&r);
	identity_denylist_put(l);
}

/* A client's filter has every entry that can concern it. */
static void
test_filters(void)
{
	static const struct {
		const char *as;
		const char *value;
	} rows[] = { { "clientid", "id" }, { "username", "joe" },
		{ "peerhost", "192.0.2.1" }, { "peerhost_net", "10.0.0.0/8" },
		{ "clientid_re", "x" }, { "cn", "d" }, { "cn", "e" },
		{ "serial", "0a" }, { "serial", "0a@CN=CA" },
		{ "sha256", HEX_SHA256 }, { "spki", HEX_SPKI },
		{ "san", "d1.example" } };
	static struct identity_deny_key key;
	struct identity_deny_row row;
	struct sockaddr_storage sa;
	struct identity_kit k;
	struct identity_deny_filter client, entry;
	unsigned other = 0;
	struct report r;
	char name[32];
	size_t i;

	report_init(&r);
	identity_kit_init(&k,
	    "CN utf8 'd'\nCN utf8 'e'\nserial 0a\ndns 'D1.example'");
	ok(address_parse_host(&sa, "192.0.2.1") == OK, "an address");
	identity_deny_filter(&client, &k.cert, slice_str("joe"),
	    slice_str("id"), &sa);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_int(identity_deny_row_make(&row, &key, rows[i].as,
			   rows[i].value, &r),
		    OK, "%s", rows[i].as);
		ok(!identity_deny_filter_entry(&entry, row.kind,
		       slice_make(key.bytes, key.len)) ||
			identity_deny_filter_hits(&client, &entry),
		    "is in the filter");
	}
	for (i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "stolen-%zu", i);
		identity_deny_filter_entry(&entry, IDENTITY_DENY_KIND_CN,
		    slice_str(name));
		other += identity_deny_filter_hits(&client, &entry);
	}
	ok(other < 20, "hardly any other is: %u of 10,000", other);
	identity_kit_fini(&k);
	report_fini(&r);
}

/* A thousand slow expressions cost a name no more than a few do. */
static void
test_budget(void)
{
	struct kit_bytes text = kit_copy("as,who\n", 7);
	struct identity_denylist *l;
	struct identity_deny found;
	struct report r;
	char row[64];
	double begin;
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(row, sizeof(row), "username_re,(?:a|b)*\\d(?#%d)\n",
		    i);
		kit_add(&text, row, strlen(row));
	}
	report_init(&r);
	l = denylist_make(kit_slice(&text), "d", &r);
	begin = seconds();
	ok(identity_denylist_match_names(l, kit_run('a', 400), slice_str(""),
	       NOW, &found),
	    "1,000 slow expressions: not decided, denied");
	ok(seconds() - begin < 0.2, "within the budget of one name: %.1f ms",
	    (seconds() - begin) * 1e3);
	ok(!names(l, "joe", "x"), "an ordinary name passes");
	report_fini(&r);
	kit_free(&text);
	identity_denylist_put(l);
}

/* Rows of every indexed kind, a million by default under no sanitizer. */
static struct kit_bytes
make_million(size_t count)
{
	struct kit_bytes b = { malloc(count * 80 + 64), 0 };
	char *p = (char *)b.data;
	size_t i;

	p += sprintf(p, "as,who,reason,until\n");
	for (i = 0; i < count; i++) {
		switch (i % 4) {
		case 0:
			p += sprintf(p, "clientid,device-%08zu", i);
			break;
		case 1:
			p += sprintf(p, "username,user-%08zu", i);
			break;
		case 2:
			p += sprintf(p, "serial,%016zx", i * 2654435761u);
			break;
		default:
			p += sprintf(p, "peerhost,10.%zu.%zu.%zu",
			    i >> 16 & 255, i >> 8 & 255, i & 255);
		}
		p += sprintf(p, ",stolen in batch %zu,2030-01-01T00:00:00Z\n",
		    i / 1000);
	}
	b.len = (size_t)(p - (char *)b.data);
	return b;
}

static void
time_lookups(struct identity_denylist *l, size_t count)
{
	struct identity_deny found;
	char name[32];
	double begin = seconds();
	size_t i, hits = 0, n = 200000;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "device-%08zu",
		    (i * 7919) % (2 * count));
		hits += identity_denylist_match_names(l, slice_str("nobody"),
		    slice_str(name), NOW, &found);
	}
	diag("%zu names asked, username and ClientID: %.0f ns each, %zu hits",
	    n, (seconds() - begin) / (double)n * 1e9, hits);
	ok(hits > 0 && hits < n, "some are denied");
}

static void
test_million(void)
{
	size_t count = MANY;
	struct kit_bytes text = make_million(count);
	struct identity_denylist *l = NULL;
	struct report r;
	double begin;

	report_init(&r);
	begin = seconds();
	l = denylist_make(kit_slice(&text), "d", &r);
	ok(l != NULL, "%zu entries", count);
	diag("%zu entries, %zu bytes of file: %.2f s, %.1f MiB", count,
	    text.len, seconds() - begin,
	    (double)identity_denylist_size(l) / 1048576);
	is_int((long long)identity_denylist_count(l), (long long)count,
	    "all of them");
	time_lookups(l, count);
	ok(peer(l, "10.0.0.3") && !peer(l, "10.0.0.2"), "addresses too");
	identity_denylist_put(l);
	report_fini(&r);
	kit_free(&text);
}

int
main(void)
{
	test_names();
	test_peers();
	test_certs();
	test_import();
	test_complaints();
	test_many_complaints();
	test_bounds();
	test_reload();
	test_too_many_patterns();
	test_show();
	test_changes();
	test_filters();
	test_budget();
	test_million();
	return done_testing();
}
