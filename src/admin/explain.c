/* SPDX-License-Identifier: ISC */
/*
 * Each step is printed when it is taken; with --json the same is collected in
 * one object and printed at the end.
 */
#include "admin/explain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/reply.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/time.h"
#include "base/utf8.h"
#include "fleet/list.h"
#include "identity/template.h"
#include "identity/text.h"
#include "mqtt/property.h"
#include "runtime/runtime.h"
#include "session/client_check.h"
#include "tls/facts.h"

#define ADMITTED 0
#define REFUSED 1

#define FILE_MAX_BYTES (1024 * 1024)
#define PATH_OF_COPY 32
/* A longer value of a variable is cut, except with --json. */
#define VALUE_SHOWN 100
#define DN_MAX 1024

/* A plain MQTT 5 CONNECT: clean start, no ClientID, no names. */
static const uint8_t plain_connect[] = { 0x10, 0x0d, 0x00, 0x04, 'M', 'Q', 'T',
	'T', 0x05, 0x02, 0x00, 0x3c, 0x00, 0x00, 0x00 };

/* All that is known of the client while it is led through the stages. */
struct client {
	const struct explain_options *o;
	const struct snapshot *snapshot;
	const struct config_listener *listener;
	struct sockaddr_storage peer;
	struct cert *cert; /* owned */
	struct mqtt_connect connect;
	uint8_t bytes[65536 + MQTT_HEADER_MAX]; /* the CONNECT's file */
	size_t len;
	json_t *doc; /* owned; NULL: text is printed */
};

/* Prints text as it is, but what could control a terminal, and what is not
 * UTF-8, as \xNN. */
static void
print_text(struct slice text)
{
	uint32_t code;
	size_t len;

	while (text.len > 0) {
		len = utf8_decode(text, &code);
		if (len == 0 || utf8_is_unsafe(code)) {
			printf("\\x%02x", text.data[0]);
			len = 1;
		} else {
			if (code == '\\')
				putchar('\\');
			fwrite(text.data, 1, len, stdout);
		}
		text = slice_make(text.data + len, text.len - len);
	}
}

/* Adds a member to the object called `name' of the document, which is made if
 * there is none; "" is the document itself. Takes `value'. */
static void
set_member(struct client *c, const char *name, const char *key, json_t *value)
{
	json_t *o = c->doc;

	if (name[0] != '\0') {
		o = json_object_get(c->doc, name);
		if (o == NULL) {
			o = json_object();
			json_object_set_new(c->doc, name, o);
		}
	}
	json_object_set_new(o, key, value);
}

/* Reports a step: the stage's name and what came of it. */
__attribute__((format(printf, 3, 4))) static void
add_step(struct client *c, const char *stage, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->doc != NULL) {
		json_array_append_new(json_object_get(c->doc, "steps"),
		    json_pack("{s:s,s:o}", "stage", stage, "text",
			reply_text(slice_str(text))));
		return;
	}
	printf("%-9s ", stage);
	print_text(slice_str(text));
	putchar('\n');
}

/* Prints `name = "value"', which --json has elsewhere. */
static void
print_field(const char *stage, const char *name, struct slice value)
{
	printf("%-9s %s = \"", stage, name);
	print_text(value);
	fputs("\"\n", stdout);
}

static int
refused(struct client *c, const char *stage, enum reason reason,
    const char *detail)
{
	if (c->doc != NULL) {
		set_member(c, "", "reason", json_string(reason_name(reason)));
		set_member(c, "", "detail",
		    reply_text(slice_str(detail == NULL ? "" : detail)));
		set_member(c, "", "mqtt3_code",
		    json_integer(reason_v3(reason)));
		set_member(c, "", "mqtt5_code",
		    json_integer(reason_v5(reason)));
	}
	add_step(c, stage, "refused: %s%s%s", reason_name(reason),
	    detail != NULL && detail[0] != '\0' ? ": " : "",
	    detail != NULL ? detail : "");
	add_step(c, "", "%s", reason_text(reason));
	if (reason_v3(reason) != 0 || reason_v5(reason) != 0)
		add_step(c, "",
		    "the client receives %u (MQTT 3), 0x%02x (MQTT 5)",
		    reason_v3(reason), reason_v5(reason));
	return REFUSED;
}

static void
trace(void *arg, const char *step, struct slice outcome)
{
	struct client *c = arg;

	if (c->doc != NULL) {
		json_array_append_new(json_object_get(c->doc, "steps"),
		    json_pack("{s:s,s:s,s:o}", "stage", "identity", "step",
			step, "text", reply_text(outcome)));
		return;
	}
	printf("%-9s %s: ", "identity", step);
	print_text(outcome);
	putchar('\n');
}

static int
find_listener(struct client *c)
{
	const struct config *cfg = c->snapshot->config;
	size_t i;

	for (i = 0; i < cfg->listener_count; i++) {
		c->listener = &cfg->listener[i];
		if (c->o->listener == NULL ||
		    strcmp(c->o->listener, c->listener->head.name) == 0)
			return ADMITTED;
	}
	fprintf(stderr, "sallyport: %s: there is no [listener %s]\n",
	    c->o->file, c->o->listener);
	return RUNTIME_EXIT_CONFIG;
}

static int
accept_stage(struct client *c)
{
	const char *peer = c->o->peer != NULL ? c->o->peer : "127.0.0.1";
	struct client_check_detail detail;
	enum reason reason;

	if (address_parse_host(&c->peer, peer) != OK) {
		fprintf(stderr, "sallyport: --peer %s: not an IP address\n",
		    peer);
		return RUNTIME_EXIT_CONFIG;
	}
	reason = client_check_peer(c->snapshot->denylist, &c->peer,
	    clock_wall_s(), &detail);
	if (reason != REASON_NONE)
		return refused(c, "accept", reason, detail.text);
	add_step(c, "accept", "%s at [listener %s]", peer,
	    c->listener->head.name);
	return ADMITTED;
}

static int
no_certificate(struct client *c)
{
	if (c->listener->tls_profile->client_certificate ==
	    CONFIG_CLIENT_CERTIFICATE_REQUIRED)
		return refused(c, "tls", REASON_TLS_NO_CERTIFICATE, NULL);
	add_step(c, "tls", "no certificate, and none is required");
	return ADMITTED;
}

/* Writes a name as one line; "" if it cannot be written. */
static void
write_dn(char out[DN_MAX], const struct cert_attr *attrs, size_t count)
{
	uint8_t dn[DN_MAX - 1];
	struct identity_text_out text = { dn, sizeof(dn), 0 };

	out[0] = '\0';
	if (identity_dn_append(attrs, count, IDENTITY_DN_EMQX, &text, NULL) !=
	    IDENTITY_TEXT_OK)
		return;
	memcpy(out, dn, text.len);
	out[text.len] = '\0';
}

/* One fact of the certificate. */
static void
add_fact(struct client *c, const char *name, const char *value)
{
	if (c->doc != NULL)
		set_member(c, "certificate", name,
		    reply_text(slice_str(value)));
	else
		add_step(c, "tls", "%s %s", name, value);
}

static void
add_hex_fact(struct client *c, const char *name, struct slice bytes)
{
	char text[2 * 64 + 1];

	encode_hex(text,
	    slice_make(bytes.data, bytes.len > 64 ? 64 : bytes.len));
	add_fact(c, name, text);
}

static void
add_date_fact(struct client *c, const char *name, int64_t seconds)
{
	char text[TIME_TEXT_MAX];

	time_write(seconds, text);
	add_fact(c, name, text);
}

static void
add_sans(struct client *c)
{
	static const char *const kinds[] = {
		[CERT_SAN_DNS] = "dns",
		[CERT_SAN_URI] = "uri",
		[CERT_SAN_EMAIL] = "email",
		[CERT_SAN_IP] = "ip",
	};
	json_t *all = json_array();
	const struct cert_san *san;
	char address[64];
	struct slice value;
	size_t i;

	for (i = 0; i < c->cert->san_count; i++) {
		san = &c->cert->sans[i];
		value = san->value;
		if (san->kind == CERT_SAN_IP) {
			if (inet_ntop(value.len == 4 ? AF_INET : AF_INET6,
				value.data, address, sizeof(address)) == NULL)
				continue;
			value = slice_str(address);
		}
		json_array_append_new(all,
		    json_pack("{s:s,s:o}", "kind", kinds[san->kind], "value",
			reply_text(value)));
		if (c->doc == NULL) {
			printf("%-9s alternative name %s:", "tls",
			    kinds[san->kind]);
			print_text(value);
			putchar('\n');
		}
	}
	if (c->doc != NULL)
		set_member(c, "certificate", "alternative_names",
		    json_incref(all));
	json_decref(all);
}

/* The facts of the certificate, whatever comes of it. */
static void
add_certificate(struct client *c)
{
	const struct cert *cert = c->cert;
	char dn[DN_MAX];

	write_dn(dn, cert->subject, cert->subject_count);
	add_fact(c, "subject", dn);
	write_dn(dn, cert->issuer, cert->issuer_count);
	add_fact(c, "issuer", dn);
	add_hex_fact(c, "serial", cert->serial);
	add_date_fact(c, "not_before", cert->not_before);
	add_date_fact(c, "not_after", cert->not_after);
	add_hex_fact(c, "sha256", slice_make(cert->sha256, CERT_SHA256_LEN));
	add_hex_fact(c, "spki", slice_make(cert->spki, CERT_SHA256_LEN));
	add_sans(c);
}

/* Copies all of `from', up to FILE_MAX_BYTES, to `to'. */
static enum err
copy_all(int to, int from)
{
	uint8_t bytes[4096];
	size_t total = 0;
	enum err err;
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		total += (size_t)n;
		if (total > FILE_MAX_BYTES)
			return ERR_LIMIT;
		err = file_write_all(to, slice_make(bytes, (size_t)n));
		if (err != OK)
			return err;
	}
	return n == 0 ? OK : ERR_SYSTEM;
}

/*
 * Returns the path by which the file CERT can be read: its own, or, since a
 * pipe (/dev/stdin, or <(COMMAND) in a shell) can be read only once and only
 * by waiting, that of a copy in memory, which is written to `out'. NULL with
 * *err.
 */
static const char *
readable_path(const char *path, char out[PATH_OF_COPY], enum err *err)
{
	struct stat st;
	int from, to;

	*err = OK;
	if (stat(path, &st) == -1 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return path;
	from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	to = from == -1 ? -1 : memfd_create("certificate", MFD_CLOEXEC);
	*err = to == -1 ? ERR_SYSTEM : copy_all(to, from);
	if (from != -1)
		close(from);
	snprintf(out, PATH_OF_COPY, "/proc/self/fd/%d", to);
	return *err == OK ? out : NULL; /* `to' is open until the end */
}

/* Explains why there is no certificate in the file `path', which is read as
 * `readable'. */
static int
bad_file(const char *path, const char *readable, enum err err)
{
	static const char begin[] = "-----BEGIN ";
	uint8_t *data = NULL;
	const char *found;
	const char *end;
	size_t len = 0;

	if (err == ERR_SYSTEM) {
		fprintf(stderr, "sallyport: %s: %s\n", path, strerror(errno));
		return RUNTIME_EXIT_CONFIG;
	}
	if (readable != NULL)
		err = file_read(&data, &len, readable, FILE_MAX_BYTES);
	if (err != OK || len == 0) {
		fprintf(stderr, "sallyport: %s: %s\n", path,
		    err == OK ? "contains no certificate: the file is empty"
			      : file_error(err));
		free(data);
		return RUNTIME_EXIT_CONFIG;
	}
	found = strstr((const char *)data, begin);
	end = found == NULL ? NULL : strstr(found + sizeof(begin) - 1, "-----");
	if (end == NULL ||
	    strncmp(found, "-----BEGIN CERTIFICATE-----", 27) == 0)
		fprintf(stderr,
		    "sallyport: %s: contains no certificate that can be read "
		    "(name a file in PEM or DER, leaf first; of PKCS#12 make "
		    "PEM: openssl pkcs12 -in FILE -nokeys -out PEM)\n",
		    path);
	else
		fprintf(stderr,
		    "sallyport: %s: contains no certificate, but a %.*s (name "
		    "a "
		    "file in PEM or DER, leaf first)\n",
		    path, (int)(end - found - (long)(sizeof(begin) - 1)),
		    found + sizeof(begin) - 1);
	file_wipe(data, len);
	return RUNTIME_EXIT_CONFIG;
}

/* Shows the value of every variable of a template, or why it has none. Those of
 * the CONNECT are left out where in->connect is NULL. */
static void
show_variables(struct client *c, const struct identity_input *in)
{
	static struct identity_name name; /* large */
	enum config_unsafe unsafe =
	    c->listener->identity_profile->unsafe_characters;
	char why[IDENTITY_WHY_MAX];
	enum reason reason;
	const char *key;
	char label[64];
	int v;

	for (v = 0; v < IDENTITY_VARIABLE_COUNT; v++) {
		if (in->connect == NULL &&
		    (v == IDENTITY_CLIENT_USERNAME ||
			v == IDENTITY_CLIENT_CLIENTID))
			continue;
		key = identity_variable_name((enum identity_variable)v);
		name.len = 0;
		reason = identity_variable_append((enum identity_variable)v, in,
		    unsafe, &name, why);
		if (c->doc != NULL) {
			set_member(c,
			    reason == REASON_NONE ? "variables"
						  : "variables_missing",
			    key,
			    reply_text(reason == REASON_NONE
				    ? slice_make(name.bytes, name.len)
				    : slice_str(why)));
			continue;
		}
		snprintf(label, sizeof(label), "${%s}", key);
		if (reason != REASON_NONE)
			add_step(c, "variable", "%s", why);
		else if (name.len <= VALUE_SHOWN)
			print_field("variable", label,
			    slice_make(name.bytes, name.len));
		else
			add_step(c, "variable", "%s = \"%.60s...\" (%zu bytes)",
			    label, (const char *)name.bytes, name.len);
	}
}

/* Fills in what is known of the client; `address' has to live as long. */
static void
fill_input(struct client *c, struct identity_input *in,
    const struct mqtt_connect *connect, char address[ADDRESS_TEXT_MAX])
{
	address_text(address, &c->peer);
	in->cert = c->cert;
	in->connect = connect;
	in->sni = slice_str(c->o->sni != NULL ? c->o->sni : "");
	in->peer = slice_str(address);
}

/* A certificate that is refused has variables, too. */
static int
refused_cert(struct client *c, enum reason reason, const char *detail)
{
	char address[ADDRESS_TEXT_MAX];
	struct identity_input in;

	fill_input(c, &in, NULL, address);
	if (c->cert != NULL)
		show_variables(c, &in);
	return refused(c, "tls", reason, detail);
}

static int
tls_stage(struct client *c)
{
	const struct tls_ctx *ctx =
	    c->snapshot->tls[c->listener->tls_profile->head.index];
	struct client_check_detail detail;
	char copy[PATH_OF_COPY];
	const char *why = NULL;
	enum reason reason;
	const char *path;
	enum err err;

	if (strcmp(c->o->cert, "none") == 0)
		return no_certificate(c);
	path = readable_path(c->o->cert, copy, &err);
	if (path == NULL)
		return bad_file(c->o->cert, NULL, err);
	reason = tls_ctx_explain(ctx, path, &c->cert, &why, &err);
	if (err != OK)
		return bad_file(c->o->cert, path, err);
	if (c->cert != NULL)
		add_certificate(c);
	if (reason != REASON_NONE)
		return refused_cert(c, reason, why);
	reason = client_check_cert(c->snapshot->denylist, c->cert,
	    clock_wall_s(), &detail);
	if (reason != REASON_NONE)
		return refused_cert(c, reason, detail.text);
	add_step(c, "tls", "the certificate is good");
	return ADMITTED;
}

static int
read_connect(struct client *c)
{
	FILE *f;

	if (c->o->connect == NULL) {
		memcpy(c->bytes, plain_connect, sizeof(plain_connect));
		c->len = sizeof(plain_connect);
		return ADMITTED;
	}
	f = fopen(c->o->connect, "rbe");
	if (f != NULL) {
		c->len = fread(c->bytes, 1, sizeof(c->bytes), f);
		if (!ferror(f)) {
			fclose(f);
			return ADMITTED;
		}
		fclose(f);
	}
	fprintf(stderr, "sallyport: %s: %s\n", c->o->connect, strerror(errno));
	return RUNTIME_EXIT_CONFIG;
}

/*
 * Packets. Passwords are never shown.
 */

static void
print_user_properties(const char *who, struct slice properties)
{
	struct mqtt_property_walk walk;
	struct mqtt_property p;

	mqtt_property_walk_init(&walk, properties, MQTT_PROPERTIES_CONNECT);
	while (mqtt_property_next(&walk, &p))
		if (p.id == MQTT_PROPERTY_USER) {
			printf("%-9s User Property \"", who);
			print_text(p.name);
			fputs("\" = \"", stdout);
			print_text(p.value);
			fputs("\"\n", stdout);
		}
}

/* Shows the names, Will and User Properties in a CONNECT as `who' sees it. */
static void
show_names(struct client *c, const char *who,
    const struct mqtt_connect *connect)
{
	if (c->doc != NULL) {
		set_member(c, who, "username",
		    connect->has_username ? reply_text(connect->username)
					  : json_null());
		set_member(c, who, "client_id", reply_text(connect->client_id));
		set_member(c, who, "has_password",
		    json_boolean(connect->has_password));
		return;
	}
	if (connect->has_username)
		print_field(who, "Username", connect->username);
	else
		printf("%-9s no Username\n", who);
	print_field(who, "ClientID", connect->client_id);
	printf("%-9s %s password\n", who, connect->has_password ? "a" : "no");
	if (connect->has_will)
		print_field(who, "Will topic", connect->will_topic);
	if (connect->level == MQTT_LEVEL_5)
		print_user_properties(who, connect->properties);
}

/* Shows a packet in hex. A password in it is the operator's own, from the file
 * CONNECT. */
static void
show_hex(struct client *c, struct slice bytes)
{
	char *text;
	size_t i;

	if (c->doc != NULL) {
		text = malloc(2 * bytes.len + 1);
		if (text == NULL)
			return;
		encode_hex(text, bytes);
		set_member(c, "", "packet", json_string(text));
		free(text);
		return;
	}
	for (i = 0; i < bytes.len; i++) {
		if (i % 16 == 0)
			printf("%s%-9s", i == 0 ? "" : "\n", "packet");
		printf(" %02x", bytes.data[i]);
	}
	putchar('\n');
}

static int
mqtt_stage(struct client *c)
{
	const char *why = NULL;
	size_t used;
	int code = read_connect(c);

	if (code != ADMITTED)
		return code;
	switch (mqtt_policy_parse(&c->snapshot->mqtt, &c->connect,
	    slice_make(c->bytes, c->len), &used, &why)) {
	case PARSE_OK:
		break;
	case PARSE_MORE:
		return refused(c, "mqtt", REASON_MQTT_CLOSED,
		    "the file ends inside the packet");
	case PARSE_BAD:
		return refused(c, "mqtt", c->connect.reason, why);
	}
	add_step(c, "mqtt", "a good CONNECT of %zu bytes, level %d%s", used,
	    (int)c->connect.level, c->connect.bridge ? ", from a bridge" : "");
	show_names(c, "client", &c->connect);
	return ADMITTED;
}

static void
show_packet(struct client *c, const struct buf *packet)
{
	struct mqtt_connect after;
	struct slice bytes = buf_slice(packet);
	const char *why;
	size_t used;

	if (slice_equal(bytes, c->connect.raw))
		add_step(c, "packet", "goes to the broker unchanged");
	show_hex(c, bytes);
	if (mqtt_connect_parse(&after, bytes, &used, &why) == PARSE_OK)
		show_names(c, "broker", &after);
}

static int
identity_stage(struct client *c)
{
	const struct identity_trace tracer = { trace, c };
	struct identity_decision v = { 0 };
	struct client_check_detail detail;
	char address[ADDRESS_TEXT_MAX];
	struct client_check_input in;
	enum reason reason;
	struct buf packet;

	in.listener = c->listener;
	fill_input(c, &in.client, &c->connect, address);
	in.now = clock_wall_s();
	in.trace = &tracer;
	show_variables(c, &in.client);
	buf_init(&packet, 0);
	reason = client_check_connect(c->snapshot, &in, &v, &packet, &detail);
	if (reason == REASON_NONE)
		show_packet(c, &packet);
	buf_fini(&packet);
	identity_decision_fini(&v);
	if (reason != REASON_NONE)
		return refused(c, "identity", reason, detail.text);
	add_step(c, "verdict", "admitted");
	return ADMITTED;
}

/* Prints the collected document. */
static void
print_document(struct client *c, int code)
{
	if (c->doc == NULL)
		return;
	if (code == ADMITTED || code == REFUSED) {
		set_member(c, "", "verdict",
		    json_string(code == ADMITTED ? "admitted" : "refused"));
		json_dumpf(c->doc, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	}
	json_decref(c->doc);
}

/* Judges by the fleet's deny list, too, as the copy on disk has it: the Redis
 * server is not asked. */
static int
load_fleet(struct client *c)
{
	const struct snapshot *s = c->snapshot;
	const char *copy = s->config->fleet.copy;
	struct report why;
	bool found = false;
	enum err err;

	if (s->fleet_denied == NULL)
		return ADMITTED;
	report_init(&why);
	err = fleet_list_read(copy, s->fleet_denied,
	    s->fleet_file == NULL ? NULL
				  : identity_denylist_base(s->fleet_file),
	    &found, &why);
	if (err != OK)
		fprintf(stderr, "sallyport: %s\n",
		    why.kept > 0 ? why.lines[0] : err_text(err));
	report_fini(&why);
	if (err != OK)
		return RUNTIME_EXIT_CONFIG;
	if (found)
		add_step(c, "fleet", "%zu entries denied, as its copy has them",
		    identity_denylist_count(s->fleet_denied));
	else
		add_step(c, "fleet",
		    "its deny list is not known here: no copy%s%s",
		    copy[0] == '\0' ? "" : " at ", copy);
	return ADMITTED;
}

int
explain_run(const struct explain_options *o)
{
	static int (*const stages[])(struct client *) = { load_fleet,
		find_listener, accept_stage, tls_stage, mqtt_stage,
		identity_stage };
	static struct client c; /* large; explain runs once per process */
	struct snapshot *snapshot = NULL;
	int code = ADMITTED;
	size_t i;

	if (runtime_load(&snapshot, o->file) != OK)
		return RUNTIME_EXIT_CONFIG;
	memset(&c, 0, sizeof(c));
	c.o = o;
	c.snapshot = snapshot;
	if (o->json)
		c.doc = json_pack("{s:[]}", "steps");
	for (i = 0; code == ADMITTED && i < sizeof(stages) / sizeof(stages[0]);
	     i++)
		code = stages[i](&c);
	if (code == REFUSED)
		add_step(&c, "verdict", "refused");
	print_document(&c, code);
	tls_facts_free(c.cert);
	snapshot_put(snapshot);
	return code;
}
