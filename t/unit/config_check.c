/* SPDX-License-Identifier: ISC */
/*
 * Values that are good each by itself, and do not fit each other or the
 * files there are.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_kit.h"
#include "tap.h"

#define WSS "[listener w]\nbind = 127.0.0.1:0\ntransport = websocket\n"

static const struct {
	const char *name;
	const char *text;
	const char *complaints;
} rows[] = {
	{ "no bind", "[listener a]\n" KIT_TLS,
	    "1: bind: is missing (write an address, such as bind = "
	    "0.0.0.0:8883)\n" },
	{ "empty bind", "[listener a]\nbind =\n" KIT_TLS,
	    "2: bind: is missing (write an address, such as bind = "
	    "0.0.0.0:8883)\n" },
	{ "one address twice", KIT_TLS "[listener a]\nbind = [::]:1, [::]:1\n",
	    "6: bind: [::]:1 is taken by [listener a] on line 6 (choose "
	    "another port or address)\n" },
	{ "one address in two listeners",
	    KIT_TLS "[listener a]\nbind = 1\n[listener b]\nbind = [::]:1, "
		    "127.0.0.1:1\n",
	    "8: bind: [::]:1 is taken by [listener a] on line 6 (choose "
	    "another port or address)\n" },
	{ "port 0 is never taken",
	    KIT_TLS "[listener a]\nbind = 127.0.0.1:0, 127.0.0.1:0\n", "" },
	{ "HTTP where devices come in",
	    "[daemon]\nhttp_listen = 127.0.0.1:1\n" KIT_TLS
	    "[listener a]\nbind = 127.0.0.1:1\n",
	    "2: http_listen: 127.0.0.1:1 is taken by [listener a] on line 8 "
	    "(choose another port)\n" },
	{ "path without WebSocket", KIT_LISTENER "path = /mqtt\n" KIT_TLS,
	    "3: path: is for WebSocket only (add transport = websocket, or "
	    "take it out)\n" },
	{ "origins without WebSocket", KIT_LISTENER "origins = x\n" KIT_TLS,
	    "3: origins: is for WebSocket only (add transport = websocket, or "
	    "take it out)\n" },
	{ "path without its slash", KIT_TLS WSS "path = mqtt\n",
	    "8: path: \"mqtt\" is not the path of a URL (write / and what "
	    "follows, such as /mqtt, without a query)\n" },
	{ "path with a query", KIT_TLS WSS "path = /a?b\n",
	    "8: path: \"/a?b\" is not the path of a URL (write / and what "
	    "follows, such as /mqtt, without a query)\n" },
	{ "path with a blank", KIT_TLS WSS "path = /a b\n",
	    "8: path: \"/a b\" is not the path of a URL (write / and what "
	    "follows, such as /mqtt, without a query)\n" },
	{ "good path and origins",
	    KIT_TLS WSS "path = /a/%20b\n"
			"origins = https://a.example, http://[::1]:80, null\n",
	    "" },
	{ "origins that are none",
	    KIT_TLS WSS "origins = a.example, https://b/c\n",
	    "8: origins: \"a.example\" is not an origin (write https://host "
	    "or https://host:port, without a path)\n"
	    "8: origins: \"https://b/c\" is not an origin (write https://host "
	    "or https://host:port, without a path)\n" },
	{ "any origin by a star", KIT_TLS WSS "origins = https://*\n",
	    "8: origins: \"https://*\" is not an origin (write https://host "
	    "or https://host:port, without a path)\n" },
	{ "PROXY without trusted_proxies",
	    KIT_LISTENER "accept_proxy = required\n" KIT_TLS,
	    "3: accept_proxy: needs to know whom to believe (add "
	    "trusted_proxies = the load balancers' networks, such as "
	    "10.0.0.0/8)\n" },
	{ "trust in vain", KIT_LISTENER "trusted_proxies = ::1\n" KIT_TLS,
	    "3: trusted_proxies: has no use without accept_proxy (add "
	    "accept_proxy = required, or take it out)\n" },
	{ "sources that are none",
	    KIT_LISTENER KIT_TLS "[backend]\nsource = ::1, 10.0.0.0/24, h\n",
	    "8: source: \"10.0.0.0/24\" is not an address (write one of this "
	    "machine's, such as 10.0.0.2, without port or prefix)\n"
	    "8: source: \"h\" is not an address (write one of this "
	    "machine's, such as 10.0.0.2, without port or prefix)\n" },
	{ "a probe's password without a name",
	    KIT_LISTENER KIT_TLS "[backend]\nprobe_password = x\n",
	    "8: probe_password: has no use without a name (add "
	    "probe_username, or take it out)\n" },
	{ "places to go",
	    KIT_LISTENER "server_reference = a.example:8883 [::1]:8883 b\n"
			 "server_moved = on\n" KIT_TLS,
	    "" },
	{ "a place that is a URL",
	    KIT_LISTENER "server_reference = mqtts://a.example\n" KIT_TLS,
	    "3: server_reference: \"mqtts://a.example\" is not what MQTT 5 "
	    "has for servers (write host or host:port, several with a blank "
	    "between, up to 256 characters)\n" },
	{ "moved to nowhere", KIT_LISTENER "server_moved = on\n" KIT_TLS,
	    "3: server_moved: has no use without a place to go (add "
	    "server_reference = host:port, or take it out)\n" },
	{ "no [tls]", KIT_LISTENER,
	    " [tls]: certificate: is missing (name the server's certificate, "
	    "a PEM file)\n"
	    " [tls]: client_ca: is missing (name the CA of the devices, a PEM "
	    "file)\n"
	    " [tls]: private_key: is missing (name the key of the server's "
	    "certificate, a PEM file)\n" },
	{ "empty [tls NAME]", KIT_LISTENER "tls = x\n[tls x]\n",
	    "4: certificate: is missing (name the server's certificate, a PEM "
	    "file)\n"
	    "4: client_ca: is missing (name the CA of the devices, a PEM "
	    "file)\n"
	    "4: private_key: is missing (name the key of the server's "
	    "certificate, a PEM file)\n" },
	{ "keys and certificates",
	    KIT_LISTENER "[tls]\ncertificate = server.crt, two.crt\n"
			 "private_key = server.key\nclient_ca = client-ca.crt\n"
			 "ocsp_response = two.crt, two.crt, two.crt\n",
	    "4: certificate: names 2 files, private_key 1 (name the key "
	    "of each, in the same order)\n"
	    "7: ocsp_response: names 3 files, certificate 2 (name at most "
	    "one for each, in the same order)\n" },
	{ "more keys than certificates",
	    KIT_LISTENER "[tls]\ncertificate = server.crt\n"
			 "private_key = server.key, two.key\n"
			 "client_ca = client-ca.crt\n",
	    "5: private_key: names 2 files, certificate 1 (name the key "
	    "of each, in the same order)\n" },
	{ "several certificates",
	    KIT_LISTENER "[tls]\ncertificate = server.crt, two.crt\n"
			 "private_key = server.key, two.key\n"
			 "client_ca = client-ca.crt\nocsp_response = two.crt\n",
	    "" },
	{ "versions", KIT_GOOD "min_version = 1.3\nmax_version = 1.2\n",
	    "7: min_version: 1.3 is above max_version = 1.2 (exchange "
	    "them)\n" },
	{ "the highest version only", KIT_GOOD "min_version = 1.3\n", "" },
	{ "tickets", KIT_GOOD "session_tickets = off\nticket_keys = two.key\n",
	    "8: ticket_keys: has no use with session_tickets = off (turn them "
	    "on, or take this out)\n" },
	{ "files that are not there",
	    KIT_GOOD "crl = my.crl, no.crl\nticket_keys = no.keys\n"
		     "[denylist]\nfile = .\n",
	    "7: crl: DIR/no.crl: No such file or directory (correct the path, "
	    "or the file)\n"
	    "8: ticket_keys: DIR/no.keys: No such file or directory (correct "
	    "the path, or the file)\n"
	    "10: file: DIR/.: Is a directory (correct the path, or the "
	    "file)\n" },
	{ "a directory of CRLs", KIT_GOOD "crl = .\n", "" },
	{ "a device", KIT_GOOD "crl = /dev/null\n",
	    "7: crl: /dev/null: Not a regular file (correct the path, or the "
	    "file)\n" },
	{ "bad value, then no more about it",
	    KIT_LISTENER "[tls]\ncertificate = a,,b\n"
			 "private_key = server.key\n"
			 "client_ca = client-ca.crt\n",
	    "4: certificate: an item of the list is empty (write a, b without "
	    "a comma at either end)\n" },
	{ "empty names", KIT_GOOD "[identity]\nusername =\nclientid =\n",
	    "8: username: is empty (write a template such as ${cn}, or none "
	    "to leave the client's)\n"
	    "9: clientid: is empty (write a template such as ${cn}, or none "
	    "to leave the client's)\n" },
	{ "modes of nothing",
	    KIT_GOOD "[identity]\nusername = none\nusername_mode = match\n"
		     "clientid_mode = fill\n",
	    "9: username_mode: match has no use when username = none (set "
	    "username, or take this out)\n"
	    "10: clientid_mode: fill has no use with clientid = prefixed, the "
	    "default (write clientid = username, or another template)\n" },
	{ "limits",
	    KIT_GOOD "[limits]\nconnections = 10\n"
		     "connections_per_address = 11\nhandshakes = 12\n",
	    "9: connections_per_address: 11 is more than connections = 10 "
	    "(write less, or 0)\n"
	    "10: handshakes: 12 is more than connections = 10 (write less, or "
	    "0)\n" },
	{ "limits without an upper one",
	    KIT_GOOD "[limits]\nconnections_per_address = 11\n", "" },
	{ "admin_socket",
	    KIT_GOOD "[daemon]\nadmin_socket = /0123456789012345678901234567"
		     "890123456789012345678901234567890123456789012345678901"
		     "234567890123456789012345678\n",
	    "8: admin_socket: the path of a unix socket is longer than 107 "
	    "bytes\n" },
};

/* `text' with the kit's folder replaced by DIR. */
static const char *
without_dir(const char *text)
{
	static char out[4096];
	const char *dir = kit_dir(), *hit;
	size_t len = 0;

	while ((hit = strstr(text, dir)) != NULL) {
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*sDIR",
		    (int)(hit - text), text);
		text = hit + strlen(dir);
	}
	snprintf(out + len, sizeof(out) - len, "%s", text);
	return out;
}

static void
test_rows(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(without_dir(kit_complaints(rows[i].text)),
		    rows[i].complaints, "%s", rows[i].name);
}

/* Root may read anything, so this one asks as another user. */
static void
test_rights(void)
{
	char path[512];
	bool root = geteuid() == 0;

	kit_touch("secret.key");
	snprintf(path, sizeof(path), "%s/secret.key", kit_dir());
	if (chmod(path, 0) != 0 || chmod(kit_dir(), 0777) != 0 ||
	    chmod(kit_write(""), 0666) != 0 || (root && seteuid(65534) != 0)) {
		diag("cannot become nobody");
		return;
	}
	is_str(without_dir(kit_complaints(
		   KIT_LISTENER "[tls]\ncertificate = secret.key\n"
				"private_key = secret.key\n"
				"client_ca = secret.key\n")),
	    "4: certificate: DIR/secret.key: Permission denied (correct its "
	    "owner or mode, or run this as root)\n"
	    "5: private_key: DIR/secret.key: Permission denied (correct its "
	    "owner or mode, or run this as root)\n"
	    "6: client_ca: DIR/secret.key: Permission denied (correct its "
	    "owner or mode, or run this as root)\n",
	    "files that may not be read");
	if ((root && seteuid(0) != 0) || chmod(kit_dir(), 0700) != 0)
		diag("cannot become root again");
}

/* What config_compare() says of a step from one text to another. */
static const char *
changes(const char *from, const char *to)
{
	static char out[4096];
	struct config *a = kit_load(from), *b = kit_load(to);
	size_t len = 0, i;
	struct report r;

	report_init(&r);
	out[0] = '\0';
	if (a != NULL && b != NULL)
		config_compare(a, b, &r);
	for (i = 0; i < r.kept; i++)
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s\n",
		    strstr(r.lines[i], "t.ini"));
	report_fini(&r);
	config_put(a);
	config_put(b);
	return out;
}

static void
test_compare(void)
{
	is_str(changes(KIT_GOOD, KIT_GOOD), "", "nothing changed");
	is_str(changes(KIT_GOOD, KIT_GOOD "[timeouts]\ntls = 3s\n"), "",
	    "what a reload changes");
	is_str(changes("[daemon]\nworkers = 1\n" KIT_GOOD,
		   "[daemon]\nlog_level = debug\nworkers = 2\n" KIT_GOOD),
	    "t.ini:3: workers: changed from \"1\", which a reload does not "
	    "put in force (restart)\n",
	    "what it does not");
	is_str(changes("[daemon]\nworkers = 1\n" KIT_GOOD, KIT_GOOD),
	    "t.ini: [daemon]: workers: changed from \"1\", which a reload "
	    "does not put in force (restart)\n",
	    "what was taken out");
	is_str(changes(KIT_TLS "[listener a]\nbind = 127.0.0.1:0\n"
			       "[listener b]\nbind = 127.0.0.1:0\n",
		   KIT_TLS "[listener a]\nbind = 127.0.0.2:0\n"
			   "[listener c]\nbind = 127.0.0.1:0\n"),
	    "t.ini:6: bind: changed from \"127.0.0.1:0\", which a reload does "
	    "not put in force (restart)\n"
	    "t.ini: [listener b] is gone: it is closed, its sessions are sent "
	    "away, and only a restart opens it again\n"
	    "t.ini:7: [listener c] is new and opens with a restart\n",
	    "listeners");
}

static void
count_file(const char *path, void *arg)
{
	(void)path;
	++*(int *)arg;
}

static void
test_files(void)
{
	struct config *cfg;
	int count = 0;

	cfg = kit_load(KIT_GOOD "crl = my.crl, .\n[denylist]\nfile = deny.csv\n"
				"[daemon]\nadmin_socket = a\nlog = b\n");
	if (!ok(cfg != NULL, "files"))
		return;
	config_files(cfg, count_file, &count);
	is_int(count, 7, "the ini file and all it names to be read");
	config_put(cfg);
}

int
main(void)
{
	test_rows();
	test_compare();
	test_files();
	test_rights();
	kit_end();
	return done_testing();
}
