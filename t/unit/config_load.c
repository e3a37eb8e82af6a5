/* SPDX-License-Identifier: ISC */
/*
 * Whole texts: what they become, and every complaint about a text that is not
 * an ini file of ours, word for word with its line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/ini.h"
#include "config_kit.h"
#include "tap.h"

#define LONG \
	"0123456789012345678901234567890123456789012345678901234567890123456"

/* A text, or what stands before KIT_GOOD, and its complaints. */
static const struct {
	const char *name;
	const char *text;
	const char *complaints;
} rows[] = {
	{ "empty", "",
	    " there is no listener (add a section [listener mqtts] with bind "
	    "= 0.0.0.0:8883)\n" },
	{ "a key before any section", "workers = 1\n" KIT_GOOD,
	    "1: workers: is before the first [section] (move it into one)\n" },
	{ "unknown section", "[listner a]\nbind = 1\n" KIT_GOOD,
	    "1: [listner]: no such section (write [listener])\n" },
	{ "section in capitals", "[MQTT]\n" KIT_GOOD,
	    "1: [MQTT]: no such section (write [mqtt])\n" },
	{ "section of other programs", "[broker]\n" KIT_GOOD,
	    "1: [broker]: no such section (write [backend])\n" },
	{ "wholly unknown section", "[http]\nx = 1\n" KIT_GOOD,
	    "1: [http]: no such section (write one of: [daemon], [listener], "
	    "[tls], [identity], [mqtt], [backend], [timeouts], [limits], "
	    "[denylist], [fleet], [fetch])\n" },
	{ "section without its name", "[listener]\nbid = 1\n" KIT_GOOD,
	    "1: [listener]: needs a name (write [listener NAME] with any "
	    "word)\n2: bid: no such key in [listener] (write bind)\n" },
	{ "name where there is none", "[daemon x]\nworkers = 1\n" KIT_GOOD,
	    "1: [daemon x]: takes no name (write [daemon])\n" },
	{ "long name", "[backend abcdefghijklmnopqrstuvwxyz0123456]\n" KIT_GOOD,
	    "1: [backend abcdefghijklmnopqrstuvwxyz0123456]: the name is "
	    "longer than 32 characters\n" },
	{ "endless name", "[backend " LONG "]\n" KIT_GOOD,
	    "1: the heading is too long (write a shorter name)\n" },
	{ "section twice",
	    KIT_GOOD "[mqtt]\n[mqtt]\nversions = 4\n[tls]\n" KIT_LISTENER,
	    "8: [mqtt]: exists already, on line 7 (put both into one)\n"
	    "9: versions: \"4\" is unknown (write one of: 3.1, 3.1.1, 5)\n"
	    "10: [tls]: exists already, on line 3 (put both into one)\n"
	    "11: [listener a]: exists already, on line 1 (put both into "
	    "one)\n" },
	{ "heading not closed", "[daemon\nworkers = x\n" KIT_GOOD,
	    "1: \"[daemon\" is not a heading (write [section] or [section "
	    "name], names of letters, digits, _ . and -)\n" },
	{ "heading of three words", "[backend a b]\n" KIT_GOOD,
	    "1: \"[backend a b]\" is not a heading (write [section] or "
	    "[section name], names of letters, digits, _ . and -)\n" },
	{ "heading of no word", "[ ]\n" KIT_GOOD,
	    "1: \"[ ]\" is not a heading (write [section] or [section name], "
	    "names of letters, digits, _ . and -)\n" },
	{ "heading with a slash", "[backend a/b]\n" KIT_GOOD,
	    "1: \"[backend a/b]\" is not a heading (write [section] or "
	    "[section name], names of letters, digits, _ . and -)\n" },
	{ "key behind a heading", "[daemon] workers = 1\n" KIT_GOOD,
	    "1: text follows the heading's ] (write it on a line of "
	    "its own)\n" },
	{ "unknown key", "[timeouts]\ntsl = 1s\n" KIT_GOOD,
	    "2: tsl: no such key in [timeouts] (write tls)\n" },
	{ "wholly unknown key", "[denylist]\ncolour = red\n" KIT_GOOD,
	    "2: colour: no such key in [denylist] (write one of: file, "
	    "shared)\n" },
	{ "key of another section", "[mqtt]\nworkers = 1\n" KIT_GOOD,
	    "2: workers: no such key in [mqtt] (it belongs in [daemon])\n" },
	{ "key of a listener", "[daemon]\nbind = 1\n" KIT_GOOD,
	    "2: bind: no such key in [daemon] (it belongs in [listener "
	    "NAME])\n" },
	{ "habit", KIT_GOOD "handshake_timeout = 1s\ncafile = x\n",
	    "7: handshake_timeout: no such key in [tls] (it is tls in "
	    "[timeouts])\n8: cafile: no such key in [tls] (write "
	    "client_ca)\n" },
	{ "key twice", "[daemon]\nworkers = 1\nworkers = x\n" KIT_GOOD,
	    "3: workers: is set already, on line 2 (keep one)\n" },
	{ "no equals sign", "[daemon]\nworkers\nuser: x\na b = c\n" KIT_GOOD,
	    "2: \"workers\" is not understood (write key = value, a "
	    "[section], or ; before a comment)\n"
	    "3: \"user: x\" is not understood (write key = value, a "
	    "[section], or ; before a comment)\n"
	    "4: \"a b = c\" is not understood (write key = value, a "
	    "[section], or ; before a comment)\n" },
	{ "no key", "[daemon]\n= 1\n" KIT_GOOD,
	    "2: \"= 1\" is not understood (write key = value, a [section], "
	    "or ; before a comment)\n" },
	{ "# behind a value", "[daemon]\nworkers = 1 # one\n" KIT_GOOD,
	    "2: workers: # begins no comment behind a value (write a blank "
	    "and ; instead)\n" },
	{ "; glued to =", "[daemon]\nuser =; none\n" KIT_GOOD,
	    "2: user: the value begins with ; (write a blank in front of it "
	    "if it begins a comment)\n" },
	{ "quotes", "[daemon]\nuser = \"x\"\ngroup = 'x'\n" KIT_GOOD,
	    "2: user: quotes would be part of the value (write it without)\n"
	    "3: group: quotes would be part of the value (write it "
	    "without)\n" },
	{ "curly quotes",
	    "[daemon]\nuser = \u201cx\u201d\ngroup = \u2018x\u2019\n" KIT_GOOD,
	    "2: user: quotes would be part of the value (write it without)\n"
	    "3: group: quotes would be part of the value (write it "
	    "without)\n" },
	{ "a quote at one end",
	    "[daemon]\nuser = \"x\ngroup = x\u201d\n" KIT_GOOD,
	    "2: user: quotes would be part of the value (write it without)\n"
	    "3: group: quotes would be part of the value (write it "
	    "without)\n" },
	{ "guillemets and a lone quote",
	    "[daemon]\nuser = \u00abx\u00bb\ngroup = '\n" KIT_GOOD,
	    "2: user: quotes would be part of the value (write it without)\n"
	    "3: group: quotes would be part of the value (write it "
	    "without)\n" },
	{ "a quote within", "[backend]\nprobe_username = o'neil\n" KIT_GOOD,
	    "" },
	{ "control byte", "[daemon]\nuser = a\001b\n" KIT_GOOD,
	    "2: holds the control byte 0x01: not a line of text (delete "
	    "it)\n" },
	{ "UTF-16", "\xff\xfe[daemon]\n",
	    "1: the file is UTF-16 (save it as UTF-8)\n" },
	{ "unset variable", "[daemon]\nuser = ${env:KIT_UNSET}\n" KIT_GOOD,
	    "2: user: the environment variable KIT_UNSET is not set (set it, "
	    "or write the value itself)\n" },
	{ "variable without a name", "[daemon]\nuser = a${env:}b\n" KIT_GOOD,
	    "2: user: \"${env:}b\" is not an environment variable (write "
	    "${env:NAME})\n" },
	{ "variable not closed", "[daemon]\nuser = ${env:KIT\n" KIT_GOOD,
	    "2: user: \"${env:KIT\" is not an environment variable (write "
	    "${env:NAME})\n" },
	{ "variable of two lines",
	    "[daemon]\nuser = ${env:KIT_LINES}\n" KIT_GOOD,
	    "2: user: the environment variable KIT_LINES holds a line break "
	    "or a control character (take it out)\n" },
	{ "variable with a bad value",
	    "[daemon]\nworkers = ${env:KIT_TEXT}\n" KIT_GOOD,
	    "2: workers: \"te xt\" is not a whole number (write digits "
	    "only)\n" },
	{ "profile that is not there",
	    KIT_TLS "[listener a]\nbind = 1\ntls = x\n",
	    "7: tls: there is no [tls x] (add that section, or leave this "
	    "line out to use [tls])\n" },
	{ "profile with a slip",
	    KIT_GOOD "[backend left]\n[backend right]\n"
		     "[listener b]\nbind = 1\nbackend = rihgt\n",
	    "1: backend: is empty and there is no [backend] (write one of: "
	    "left, right)\n11: backend: there is no [backend rihgt] (write "
	    "right)\n" },
	{ "profile with another name",
	    KIT_GOOD "[backend]\n[backend left]\n[backend right]\n"
		     "[listener b]\nbind = 1\nbackend = up\n",
	    "12: backend: there is no [backend up] (write one of: left, "
	    "right)\n" },
	{ "all in one run",
	    "\xef\xbb\xbf[daemon]\r\nworkers = 0\r\n  log_level = loud\r\n"
	    "[timeouts]\ntls = 10\nfoo\n[listener a]\n[tls]\ncertficate = 1\n"
	    "certificate = server.crt\nmin_version = 1.3\n"
	    "max_version = 1.2\n",
	    "2: workers: 0 is out of range (write auto, or 1 to 1024)\n"
	    "3: log_level: \"loud\" is unknown (write one of: error, warn, "
	    "info, debug)\n"
	    "5: tls: 10 has no unit (write 10s for seconds, or 10ms)\n"
	    "6: \"foo\" is not understood (write key = value, a [section], "
	    "or ; before a comment)\n"
	    "9: certficate: no such key in [tls] (write certificate)\n"
	    "7: bind: is missing (write an address, such as bind = "
	    "0.0.0.0:8883)\n"
	    "8: client_ca: is missing (name the CA of the devices, a PEM "
	    "file)\n"
	    "8: private_key: is missing (name the key of the server's "
	    "certificate, a PEM file)\n"
	    "11: min_version: 1.3 is above max_version = 1.2 (exchange "
	    "them)\n" },
};

static void
test_rows(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(kit_complaints(rows[i].text), rows[i].complaints, "%s",
		    rows[i].name);
}

static void
test_good(void)
{
	struct config *cfg;

	cfg = kit_load("; comment\n# comment\n\n" KIT_GOOD);
	if (!ok(cfg != NULL, "the least"))
		return;
	is_int((long long)cfg->listener_count, 1, "one listener");
	is_str(cfg->listener[0].head.name, "a", "its name");
	is_str(cfg->listener[0].head.section, "listener", "its section");
	is_int(cfg->listener[0].head.line, 4, "its line");
	is_int(cfg->listener[0].where.bind.line, 5, "the line of bind");
	is_str(cfg->listener[0].where.bind.text, "127.0.0.1:0", "its text");
	is_int(cfg->listener[0].where.path.line, 0, "path is not written");
	is_str(cfg->listener[0].where.path.text, "/mqtt", "so its default is");
	ok(cfg->listener[0].tls_profile == &cfg->tls[0], "tied to [tls]");
	is_str(config_name(&cfg->listener[0].head), "a", "called by its name");
	is_str(config_name(&cfg->tls[0].head), "default", "or by none");
	ok(cfg->listener[0].identity_profile == &cfg->identity[0] &&
		cfg->listener[0].backend_profile == &cfg->backend[0],
	    "and to profiles that are not there");
	is_int(cfg->backend[0].head.line, 0, "which are on no line");
	is_str(cfg->dir, kit_dir(), "the folder");
	is_int(strncmp(cfg->tls[0].client_ca.items[0], kit_dir(),
		   strlen(kit_dir())),
	    0, "paths are in it");
	ok(config_get(cfg) == cfg, "counted");
	config_put(cfg);
	is_int(cfg->listener[0].head.line, 4, "and still there");
	config_put(cfg);
	config_put(NULL);
}

/* Is a value with this comment behind it the value alone? */
static void
test_comments(void)
{
	struct config *cfg;

	cfg = kit_load("  [timeouts] ; here\n\ttls=3s\n  mqtt =\t4s ; four\n"
		       "ws = 5s\t;five\r\n[backend]#x\n"
		       "address = unix:/a;b\n[identity]\n"
		       "username = ${cn}#${o};x ; y\n" KIT_GOOD);
	if (!ok(cfg != NULL, "blanks and comments"))
		return;
	is_int((long long)cfg->timeouts.tls, 3000, "no blanks");
	is_int((long long)cfg->timeouts.mqtt, 4000, "blanks, comment");
	is_int((long long)cfg->timeouts.ws, 5000, "tab, comment, CR");
	is_str(cfg->backend[0].address.texts[0], "unix:/a;b", "; in a value");
	config_put(cfg);
}

static void
test_environment(void)
{
	struct config *cfg;

	cfg = kit_load("[daemon]\nuser = ${env:KIT_TEXT}\n"
		       "group = a${env:KIT_NONE}b${env:KIT_TEXT}c\n"
		       "[identity]\nusername = ${env:KIT_MARK}/${cn}\n"
		       "[denylist]\nfile = ${env:KIT_DIR}/deny.csv\n" KIT_GOOD);
	if (!ok(cfg != NULL, "environment variables"))
		return;
	is_str(cfg->daemon.user, "te xt", "alone");
	is_str(cfg->daemon.group, "abte xtc", "several, one of them empty");
	is_str(cfg->identity[0].username, "${env:KIT_TEXT}/${cn}",
	    "once only, and templates stay");
	is_str(cfg->denylist.where.file.text + strlen(kit_dir()), "/deny.csv",
	    "the text is the replaced one");
	config_put(cfg);
}

static void
test_profiles(void)
{
	struct config *cfg;

	cfg =
	    kit_load("[listener a]\nbind = 127.0.0.1:0\nbackend = x\n"
		     "[backend x]\naddress = x:1\n"
		     "[listener b]\nbind = 127.0.0.1:0\nbackend = y\n"
		     "[backend y]\naddress = y:1\n[backend unused]\n" KIT_TLS);
	if (!ok(cfg != NULL, "profiles"))
		return;
	is_int((long long)cfg->backend_count, 3, "no default is made up");
	is_str(cfg->listener[0].backend_profile->address.texts[0], "x:1", "x");
	is_str(cfg->listener[1].backend_profile->address.texts[0], "y:1", "y");
	is_int((long long)cfg->listener[1].backend_profile->head.index, 1,
	    "its index");
	ok(cfg->listener[0].tls_profile == cfg->listener[1].tls_profile,
	    "both share [tls]");
	config_put(cfg);
}

/* `key = aaaa...' with `len' bytes in all. */
static char *
long_line(size_t len)
{
	static const char key[] = "[daemon]\ngroup = ";
	char *text = malloc(sizeof(key) + len + sizeof("\n" KIT_GOOD));

	memcpy(text, key, sizeof(key));
	memset(text + sizeof(key) - 1, 'a', len - 8);
	strcpy(text + sizeof(key) - 1 + len - 8, "\n" KIT_GOOD);
	return text;
}

static void
test_long_line(void)
{
	char sentence[128];
	struct config *cfg;
	char *text;

	text = long_line(CONFIG_INI_LINE_MAX - 2);
	cfg = kit_load(text);
	if (ok(cfg != NULL, "the longest line"))
		is_int((long long)strlen(cfg->daemon.group),
		    CONFIG_INI_LINE_MAX - 10, "arrives whole");
	config_put(cfg);
	free(text);
	text = long_line(CONFIG_INI_LINE_MAX - 1);
	snprintf(sentence, sizeof(sentence),
	    "2: the line is longer than %d bytes (shorten it, or put what it "
	    "lists into a file)\n",
	    CONFIG_INI_LINE_MAX - 2);
	is_str(kit_complaints(text), sentence, "a byte more");
	free(text);
	text = long_line(20000);
	memcpy(text + sizeof("[daemon]"), ";", 1);
	cfg = kit_load(text);
	ok(cfg != NULL, "a comment may be longer");
	config_put(cfg);
	free(text);
}

static void
test_many(void)
{
	const char *complaints;
	char text[3 * 500 + 1];
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i += 3)
		memcpy(text + i, "a=\n", 3);
	text[i] = '\0';
	complaints = kit_complaints(text);
	ok(strstr(complaints, "\n100: a: ") != NULL &&
		strstr(complaints, "\n101: ") == NULL,
	    "a hundred complaints are enough");
	ok(strstr(complaints, "\n 400 more complaints like these\n") != NULL,
	    "the rest are counted");
}

static void
test_nul(void)
{
	static const char text[] = "[mqtt]\nversions = 5\0x\n";
	const char *path = kit_write("");
	struct config *cfg;
	struct report r;
	FILE *f;

	f = fopen(path, "w");
	fwrite(text, 1, sizeof(text) - 1, f);
	fclose(f);
	report_init(&r);
	is_int(config_load(path, &cfg, &r), ERR_CONFIG, "a NUL byte");
	is_str(strstr(r.lines[0], "t.ini:"),
	    "t.ini:2: holds the control byte 0x00: not a line of text (delete "
	    "it)",
	    "is named");
	config_put(cfg);
	report_fini(&r);
}

/* The complaint of config_load() about a file. */
static void
refuses_file(const char *file, const char *complaint)
{
	struct config *cfg;
	struct report r;

	report_init(&r);
	is_int(config_load(file, &cfg, &r), ERR_CONFIG, "%s", file);
	ok(cfg == NULL && r.count == 1, "one complaint");
	is_str(r.lines[0], complaint, "which says it");
	report_fini(&r);
}

static void
test_files(void)
{
	struct config *cfg = NULL;
	struct report r;
	FILE *f;
	int i;

	if (chdir(kit_dir()) != 0)
		return;
	refuses_file("none.ini",
	    "none.ini: cannot be read: No such file or directory (name the "
	    "configuration with -c)");
	if (mkfifo("fifo", 0600) != 0)
		return;
	refuses_file("fifo",
	    "fifo: cannot be read: is not a regular file (name the "
	    "configuration with -c)");
	refuses_file("/tmp",
	    "/tmp: cannot be read: Is a directory (name the "
	    "configuration with -c)");
	f = fopen("big.ini", "w");
	for (i = 0; i <= 1048576; i++)
		fputc('\n', f);
	fclose(f);
	refuses_file("big.ini",
	    "big.ini: is larger than 1048576 bytes (is it this file?)");
	f = fopen("good.ini", "w");
	fputs(KIT_GOOD, f);
	fclose(f);
	report_init(&r);
	is_int(config_load("good.ini", &cfg, &r), OK, "a file");
	is_str(cfg->dir, kit_dir(), "of the working directory");
	config_put(cfg);
	is_int(config_load("./../good.ini", &cfg, &r), ERR_CONFIG, "not here");
	report_fini(&r);
}

/* What a layer above can still find in a file that was refused. */
static void
test_draft(void)
{
	struct config *cfg;
	struct report r;
	FILE *f;

	f = fopen("draft.ini", "w");
	fputs(KIT_LISTENER "backend = x\n"
			   "[tls]\ncertificate = none.crt\n"
			   "[timeouts]\ntls = soon\n"
			   "[identity]\nusername = ${nonsense}\n",
	    f);
	fclose(f);
	report_init(&r);
	is_int(config_load("draft.ini", &cfg, &r), ERR_CONFIG, "a draft");
	if (!ok(cfg != NULL, "is there"))
		return;
	is_int((long long)r.count, 5, "with five complaints");
	ok(cfg->tls[0].head.bad && cfg->timeouts.head.bad &&
		cfg->listener[0].head.bad,
	    "bad sections are marked");
	ok(!cfg->identity[0].head.bad && !cfg->limits.head.bad,
	    "and good ones are not");
	ok(cfg->listener[0].backend_profile == NULL, "no such profile");
	is_int((long long)cfg->timeouts.tls, 10000, "the default holds");
	CONFIG_COMPLAIN(cfg, &r, &cfg->timeouts, tls, "once more");
	is_int((long long)r.count, 5, "a bad value has one complaint");
	CONFIG_COMPLAIN(cfg, &r, &cfg->identity[0], username, "more");
	is_str(r.lines[r.kept - 1], "draft.ini:9: username: more",
	    "a good one may get its first");
	config_put(cfg);
	is_int(config_load("none.ini", &cfg, &r), ERR_CONFIG, "no file");
	ok(cfg == NULL, "no draft");
	report_fini(&r);
}

int
main(void)
{
	setenv("KIT_TEXT", "te xt", 1);
	setenv("KIT_NONE", "", 1);
	setenv("KIT_LINES", "a\nb", 1);
	setenv("KIT_MARK", "${env:KIT_TEXT}", 1);
	setenv("KIT_DIR", kit_dir(), 1);
	unsetenv("KIT_UNSET");
	test_rows();
	test_good();
	test_comments();
	test_environment();
	test_profiles();
	test_long_line();
	test_many();
	test_nul();
	test_files();
	test_draft();
	kit_end();
	return done_testing();
}
