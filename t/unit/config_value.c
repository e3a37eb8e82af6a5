/* SPDX-License-Identifier: ISC */
/*
 * Every type of value: what it takes and becomes, and what it says of what it
 * does not take.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/address.h"
#include "base/unit.h"
#include "config/suggest.h"
#include "config/value.h"
#include "tap.h"

/* Any field a setter may write to. */
union field {
	bool boolean;
	uint32_t number;
	uint64_t msec;
	size_t size;
	const char *text;
	struct config_list list;
	struct config_addrs addrs;
	struct config_endpoints endpoints;
	struct config_nets nets;
	int choice;
	unsigned set;
};

static const struct config_choice fruit_choices[] = { { "apple", 0 },
	{ "pear", 1 }, { "plum", 2 }, { NULL, 0 } };

/* An option of each type. */
#define WITHOUT_FIRST(first, ...) __VA_ARGS__
#define COLUMNS(...) WITHOUT_FIRST(__VA_ARGS__)
#define TYPE(name, type) \
	static const struct config_option name = { "k", COLUMNS(type), "", \
		CONFIG_LIVE, "", 0, 0 };

TYPE(type_bool, CONFIG_TYPE_BOOL)
TYPE(type_uint, CONFIG_TYPE_UINT(0, 0))
TYPE(type_uint_auto, CONFIG_TYPE_UINT_AUTO(0, 0))
TYPE(type_msec, CONFIG_TYPE_MSEC(0, 0))
TYPE(type_msec_off, CONFIG_TYPE_MSEC_OFF(0, 0))
TYPE(type_size, CONFIG_TYPE_SIZE(0, 0))
TYPE(type_str, CONFIG_TYPE_STR)
TYPE(type_template, CONFIG_TYPE_TEMPLATE)
TYPE(type_name, CONFIG_TYPE_NAME)
TYPE(type_list, CONFIG_TYPE_LIST)
TYPE(type_path, CONFIG_TYPE_PATH)
TYPE(type_paths, CONFIG_TYPE_PATHS)
TYPE(type_paths_or_dirs, CONFIG_TYPE_PATHS_OR_DIRS)
TYPE(type_output, CONFIG_TYPE_OUTPUT)
TYPE(type_sink, CONFIG_TYPE_SINK)
TYPE(type_addrs, CONFIG_TYPE_ADDRS)
TYPE(type_endpoints, CONFIG_TYPE_ENDPOINTS)
TYPE(type_nets, CONFIG_TYPE_NETS)
TYPE(type_enum, CONFIG_TYPE_ENUM(fruit))
TYPE(type_set, CONFIG_TYPE_SET(fruit))

static struct config_arena *arena;
static char why[CONFIG_WHY_MAX];

/* Sets `f' of a type with a range; `why' holds what was wrong, or "". */
static enum err
set_in(union field *f, const struct config_option *type, const char *text,
    uint64_t min, uint64_t max)
{
	struct config_option option = *type;
	struct config_setting s = { .option = &option };
	enum err err;

	option.min = min;
	option.max = max;
	s.text = config_arena_text(arena, text, strlen(text));
	s.dir = "/etc/here";
	s.arena = arena;
	err = option.set(&s, f);
	memcpy(why, err == OK ? "" : s.why, err == OK ? 1 : sizeof(why));
	return err;
}

static enum err
set(union field *f, const struct config_option *type, const char *text)
{
	memset(f, 0, sizeof(*f));
	return set_in(f, type, text, 10, 100);
}

/* Is `text' refused, with `sentence'? */
static void
refuses(const struct config_option *type, const char *text,
    const char *sentence)
{
	union field f, before;
	enum err err;

	memset(&f, 0x5a, sizeof(f));
	memset(&before, 0x5a, sizeof(before));
	err = set_in(&f, type, text, 10, 100);
	ok(err == ERR_CONFIG && memcmp(&f, &before, sizeof(f)) == 0,
	    "\"%.40s\" is refused and nothing set", text);
	is_str(why, sentence, "... with a remedy");
}

static void
test_bool(void)
{
	static const char *const good[] = { "on", "yes", "true", "off", "no",
		"false", "ON", "False" };
	static const bool means[] = { true, true, true, false, false, false,
		true, false };
	union field f;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(set(&f, &type_bool, good[i]) == OK && f.boolean == means[i],
		    "bool %s", good[i]);
	refuses(&type_bool, "1",
	    "\"1\" is neither on nor off (write on or "
	    "off)");
	refuses(&type_bool, "", "\"\" is neither on nor off (write on or off)");
	refuses(&type_bool, "onn",
	    "\"onn\" is neither on nor off (write on or off)");
}

static void
test_uint(void)
{
	union field f;

	ok(set(&f, &type_uint, "10") == OK && f.number == 10, "the least");
	ok(set(&f, &type_uint, "100") == OK && f.number == 100, "the most");
	ok(set(&f, &type_uint, "0042") == OK && f.number == 42,
	    "leading zeros are no octal");
	ok(set(&f, &type_uint_auto, "auto") == OK && f.number == 0, "auto");
	ok(set(&f, &type_uint_auto, "11") == OK && f.number == 11,
	    "a number where auto may stand");
	refuses(&type_uint, "9", "9 is out of range (write 10 to 100)");
	refuses(&type_uint, "101", "101 is out of range (write 10 to 100)");
	refuses(&type_uint, "0", "0 is out of range (write 10 to 100)");
	refuses(&type_uint, "18446744073709551616",
	    "18446744073709551616 is out of range (write 10 to 100)");
	refuses(&type_uint, "-1",
	    "\"-1\" is not a whole number (write digits only)");
	refuses(&type_uint, "+1",
	    "\"+1\" is not a whole number (write digits only)");
	refuses(&type_uint, "1.5",
	    "\"1.5\" is not a whole number (write digits only)");
	refuses(&type_uint, "0x20",
	    "\"0x20\" is not a whole number (write digits only)");
	refuses(&type_uint, "",
	    "\"\" is not a whole number (write digits only)");
	refuses(&type_uint, "auto",
	    "\"auto\" is not a whole number (write digits only)");
	refuses(&type_uint_auto, "9",
	    "9 is out of range (write auto, or 10 to 100)");
}

static void
test_msec(void)
{
	static const struct {
		const char *text;
		uint64_t msec;
	} good[] = { { "1ms", 1 }, { "10s", 10000 }, { "2m", 120000 },
		{ "3h", 10800000 }, { "4d", 345600000 }, { "10S", 10000 },
		{ "500MS", 500 }, { "0", 0 }, { "0s", 0 } };
	static const char not_time[] =
	    "\"1h30m\" is not a time (write a whole number with ms, s, m, h "
	    "or d behind it, such as 10s)";
	union field f;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(set_in(&f, &type_msec, good[i].text, 0, UINT64_MAX) == OK &&
			f.msec == good[i].msec,
		    "time %s", good[i].text);
	ok(set(&f, &type_msec_off, "0") == OK && f.msec == 0, "0 = off");
	ok(set(&f, &type_msec_off, "10ms") == OK && f.msec == 10, "10ms");
	refuses(&type_msec, "10",
	    "10 has no unit (write 10s for seconds, or 10ms)");
	refuses(&type_msec, "1h30m", not_time);
	refuses(&type_msec, "10x",
	    "\"10x\" is not a time (write a whole number with ms, s, m, h or "
	    "d behind it, such as 10s)");
	refuses(&type_msec, "s",
	    "\"s\" is not a time (write a whole number with ms, s, m, h or "
	    "d behind it, such as 10s)");
	refuses(&type_msec, "10 s",
	    "\"10 s\" is not a time (write a whole number with ms, s, m, h or "
	    "d behind it, such as 10s)");
	refuses(&type_msec, "0", "0 is out of range (write 10ms to 100ms)");
	refuses(&type_msec, "1s", "1s is out of range (write 10ms to 100ms)");
	refuses(&type_msec, "18446744073709551615d",
	    "18446744073709551615d is out of range (write 10ms to 100ms)");
	refuses(&type_msec_off, "9ms",
	    "9ms is out of range (write 0, or 10ms to 100ms)");
}

static void
test_size(void)
{
	static const struct {
		const char *text;
		size_t size;
	} good[] = { { "1", 1 }, { "64k", 65536 }, { "2m", 2097152 },
		{ "1g", 1073741824 }, { "64K", 65536 }, { "0", 0 } };
	union field f;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(set_in(&f, &type_size, good[i].text, 0, UINT64_MAX) == OK &&
			f.size == good[i].size,
		    "size %s", good[i].text);
	refuses(&type_size, "64kb",
	    "\"64kb\" is not a size (write a whole number of bytes, or one "
	    "with k, m or g behind it, such as 64k)");
	refuses(&type_size, "k",
	    "\"k\" is not a size (write a whole number of bytes, or one with "
	    "k, m or g behind it, such as 64k)");
	refuses(&type_size, "1k", "1k is out of range (write 10 to 100)");
	refuses(&type_size, "18446744073709551615g",
	    "18446744073709551615g is out of range (write 10 to 100)");
}

static void
test_units(void)
{
	static const struct {
		enum unit unit;
		uint64_t value;
		const char *text;
	} rows[] = { { UNIT_TIME, 0, "0" }, { UNIT_TIME, 100, "100ms" },
		{ UNIT_TIME, 1000, "1s" }, { UNIT_TIME, 90000, "90s" },
		{ UNIT_TIME, 86400000, "1d" }, { UNIT_SIZE, 65536, "64k" },
		{ UNIT_SIZE, 65537, "65537" }, { UNIT_SIZE, 16777216, "16m" },
		{ UNIT_PLAIN, 7000, "7000" } };
	char text[UNIT_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_write(text, rows[i].unit, rows[i].value);
		is_str(text, rows[i].text, "written as %s", rows[i].text);
	}
}

static void
test_text(void)
{
	union field f;

	ok(set(&f, &type_str, "a b, c") == OK && !strcmp(f.text, "a b, c"),
	    "text is left as it is");
	ok(set(&f, &type_template, "${cn}/x") == OK &&
		!strcmp(f.text, "${cn}/x"),
	    "so is a template");
	ok(set(&f, &type_str, "") == OK && f.text[0] == '\0', "and none");
	ok(set(&f, &type_name, "a_B-9.x") == OK, "a name");
	ok(set(&f, &type_name, "") == OK, "no name");
	refuses(&type_name, "a b",
	    "\"a b\" is not a name (write letters, digits, _ . and - only)");
	refuses(&type_name, "abcdefghijklmnopqrstuvwxyz0123456",
	    "the name is longer than 32 characters");
}

static void
test_list(void)
{
	union field f;

	ok(set(&f, &type_list, " a ,b c,\td") == OK && f.list.count == 3 &&
		!strcmp(f.list.items[0], "a") &&
		!strcmp(f.list.items[1], "b c") &&
		!strcmp(f.list.items[2], "d"),
	    "items lose the blanks around them");
	ok(set(&f, &type_list, "") == OK && f.list.count == 0, "empty list");
	refuses(&type_list, "a,,b",
	    "an item of the list is empty (write a, b without a comma at "
	    "either end)");
	refuses(&type_list, "a, b,",
	    "an item of the list is empty (write a, b without a comma at "
	    "either end)");
	refuses(&type_list, ",",
	    "an item of the list is empty (write a, b without a comma at "
	    "either end)");
}

static void
test_path(void)
{
	union field f;

	ok(set(&f, &type_path, "a.crt") == OK &&
		!strcmp(f.text, "/etc/here/a.crt"),
	    "a path is relative to the ini file");
	ok(set(&f, &type_output, "/run/x") == OK && !strcmp(f.text, "/run/x"),
	    "an absolute one stays");
	ok(set(&f, &type_path, "") == OK && f.text[0] == '\0', "no path");
	ok(set(&f, &type_paths, "a, /b") == OK && f.list.count == 2 &&
		!strcmp(f.list.items[0], "/etc/here/a") &&
		!strcmp(f.list.items[1], "/b"),
	    "paths");
	ok(set(&f, &type_paths_or_dirs, "../d") == OK &&
		!strcmp(f.list.items[0], "/etc/here/../d"),
	    "a directory");
	ok(set(&f, &type_sink, "stderr") == OK && !strcmp(f.text, "stderr"),
	    "a sink that is a word");
	ok(set(&f, &type_sink, "syslog") == OK && !strcmp(f.text, "syslog"),
	    "the other word");
	ok(set(&f, &type_sink, "x.log") == OK &&
		!strcmp(f.text, "/etc/here/x.log"),
	    "a sink that is a file");
	refuses(&type_sink, "",
	    "is empty (write stderr, syslog or the path of a file)");
}

static void
test_choice(void)
{
	union field f;

	ok(set(&f, &type_enum, "plum") == OK && f.choice == 2, "a choice");
	ok(set(&f, &type_set, "plum, apple") == OK && f.set == 5, "two");
	ok(CONFIG_HAS(f.set, 2) && !CONFIG_HAS(f.set, 1), "CONFIG_HAS");
	refuses(&type_enum, "plumb", "\"plumb\" is unknown (write plum)");
	refuses(&type_enum, "kiwi",
	    "\"kiwi\" is unknown (write one of: apple, pear, plum)");
	refuses(&type_enum, "",
	    "\"\" is unknown (write one of: apple, pear, plum)");
	refuses(&type_set, "plum, peer", "\"peer\" is unknown (write pear)");
	refuses(&type_set, "", "is empty (write some of: apple, pear, plum)");
}

static void
test_addrs(void)
{
	static const char remedy[] =
	    " is not an address to listen on (write numbers, such as "
	    "0.0.0.0:8883, [::]:8883 or 127.0.0.1:0)";
	static const char *const bad[] = { "localhost:8883", "0.0.0.0",
		"0.0.0.0:", "0.0.0.0:65536", "::1:8883", "[::1]", "70000",
		"[127.0.0.1]:1", "1.2.3:4", "unix:/x" };
	char sentence[256];
	union field f;
	size_t i;

	ok(set(&f, &type_addrs, "0.0.0.0:8883, [::]:0") == OK &&
		f.addrs.count == 2,
	    "two addresses");
	is_str(f.addrs.items[1].text, "[::]:0", "with their text");
	ok(f.addrs.items[0].sa.ss_family == AF_INET &&
		f.addrs.items[0].len == sizeof(struct sockaddr_in) &&
		address_port(&f.addrs.items[0].sa) == 8883 &&
		!f.addrs.items[0].optional,
	    "IPv4");
	ok(f.addrs.items[1].sa.ss_family == AF_INET6 &&
		f.addrs.items[1].len == sizeof(struct sockaddr_in6) &&
		address_port(&f.addrs.items[1].sa) == 0,
	    "IPv6, port 0");
	for (i = 0; i < 2; i++) {
		ok(set(&f, &type_addrs, i == 0 ? "8883" : ":8883") == OK &&
			f.addrs.count == 2,
		    "a port alone is two addresses");
		is_str(f.addrs.items[0].text, "0.0.0.0:8883", "IPv4");
		is_str(f.addrs.items[1].text, "[::]:8883", "IPv6");
		ok(!f.addrs.items[0].optional && f.addrs.items[1].optional,
		    "only the latter may be left out");
	}
	ok(set(&f, &type_addrs, "") == OK && f.addrs.count == 0, "none");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(sentence, sizeof(sentence), "\"%s%s\"%s",
		    strcmp(bad[i], "70000") == 0 ? "0.0.0.0:" : "", bad[i],
		    remedy);
		refuses(&type_addrs, bad[i], sentence);
	}
}

static void
test_endpoints(void)
{
	union field f;

	ok(set(&f, &type_endpoints,
	       "127.0.0.1:1883, mqtt_a.example:1, [::1]:5, "
	       "unix:/run/m.sock") == OK &&
		f.endpoints.count == 4,
	    "four brokers");
	is_str(f.endpoints.items[0].host, "127.0.0.1", "a number");
	is_int(f.endpoints.items[0].port, 1883, "its port");
	ok(f.endpoints.items[0].path == NULL, "no path");
	is_str(f.endpoints.items[1].host, "mqtt_a.example", "a name");
	is_str(f.endpoints.texts[1], "mqtt_a.example:1", "its text");
	is_str(f.endpoints.items[2].host, "::1", "IPv6 without brackets");
	is_int(f.endpoints.items[2].port, 5, "its port");
	is_str(f.endpoints.items[3].path, "/run/m.sock", "a unix socket");
	ok(f.endpoints.items[3].host == NULL, "has no host");
	is_str(f.endpoints.texts[3], "unix:/run/m.sock", "its text");
	refuses(&type_endpoints, "",
	    "is empty (write host:port or unix:/path)");
	refuses(&type_endpoints, "mqtt://b:1883",
	    "\"mqtt://b:1883\" is a URL (write b:1883: the broker is dialled "
	    "in plaintext)");
	refuses(&type_endpoints, "mqtt://",
	    "\"mqtt://\" is a URL (write host:port: the broker is dialled in "
	    "plaintext)");
	refuses(&type_endpoints, "b",
	    "\"b\" has no port (write b:1883, or where it listens)");
	refuses(&type_endpoints, "b:0",
	    "\"b:0\" has port 0, where nothing listens (write the broker's "
	    "port, such as 1883)");
	refuses(&type_endpoints, "unix:m.sock",
	    "\"unix:m.sock\" does not begin with / (write unix:/path)");
	refuses(&type_endpoints,
	    "unix:/0123456789012345678901234567890123456789012345678901234567"
	    "8901234567890123456789012345678901234567890123456789",
	    "the path of a unix socket is longer than 107 bytes");
}

static void
test_bad_endpoints(void)
{
	static const char *const bad[] = { "b:", "b:x", "b:65536", ":1883",
		"::1", "1.2.3:1883", "256.1.1.1:1", "[b]:1", "[::1", "a b:1",
		"b:1:2" };
	char sentence[256];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(sentence, sizeof(sentence),
		    "\"%s\" is not a broker's address (write host:port, "
		    "[IPv6]:port or unix:/path)",
		    bad[i]);
		refuses(&type_endpoints, bad[i], sentence);
	}
}

static void
test_nets(void)
{
	static const char *const bad[] = { "10.1.2.3/8", "10.0.0.0/33", "10/8",
		"lan", "::1/129", "0.0.0.0/x", "2001:db8::1/32" };
	char sentence[256];
	union field f;
	size_t i;

	ok(set(&f, &type_nets, "10.0.0.0/8, 192.0.2.7, 2001:db8::/32, ::/0") ==
		    OK &&
		f.nets.count == 4,
	    "four networks");
	ok(f.nets.items[0].family == AF_INET && f.nets.items[0].bits == 8 &&
		f.nets.items[0].bytes[0] == 10,
	    "a network");
	is_int(f.nets.items[1].bits, 32, "an address");
	ok(f.nets.items[2].family == AF_INET6 && f.nets.items[2].bits == 32,
	    "IPv6");
	is_int(f.nets.items[3].bits, 0, "everybody");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(sentence, sizeof(sentence),
		    "\"%s\" is not a network (write 10.0.0.0/8, 2001:db8::/32 "
		    "or one address; the bits behind the length must be 0)",
		    bad[i]);
		refuses(&type_nets, bad[i], sentence);
	}
}

static void
test_nearest(void)
{
	char longest[80];

	is_int((long long)config_nearest_distance("bind", "bind"), 0, "same");
	is_int((long long)config_nearest_distance("bnid", "bind"), 1, "swap");
	is_int((long long)config_nearest_distance("bin", "bind"), 1, "less");
	is_int((long long)config_nearest_distance("bindd", "bind"), 1, "more");
	is_int((long long)config_nearest_distance("bend", "bind"), 1, "other");
	is_int((long long)config_nearest_distance("", "bind"), 4, "nothing");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	is_int((long long)config_nearest_distance(longest, "a"),
	    CONFIG_NEAREST_MAX, "too long to be near to anything");
}

int
main(void)
{
	arena = config_arena_new();
	test_bool();
	test_uint();
	test_msec();
	test_size();
	test_units();
	test_text();
	test_list();
	test_path();
	test_choice();
	test_addrs();
	test_endpoints();
	test_bad_endpoints();
	test_nets();
	test_nearest();
	config_arena_free(arena);
	return done_testing();
}
