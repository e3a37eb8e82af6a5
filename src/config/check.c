/* SPDX-License-Identifier: ISC */
#include "config/check.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "config/option.h"

/* One check under way. */
struct check {
	struct config *cfg;
	struct report *r;
};

/* A value may be complained of more than once before judge() makes it bad. */
static void
mark_failed(struct config_where *where)
{
	if (where->state == CONFIG_GOOD)
		where->state = CONFIG_FAILED;
}

#define COMPLAIN(c, sec, key, ...) \
	do { \
		CONFIG_COMPLAIN((c)->cfg, (c)->r, sec, key, __VA_ARGS__); \
		mark_failed(&(sec)->where.key); \
	} while (0)

/* One option of one section, while its files are looked at. */
struct subject {
	const struct check *check;
	const struct config_option *option;
	struct config_head *body;
};

static void
check_file(const char *path, void *arg)
{
	const struct subject *s = arg;
	struct config_where *where = config_option_where(s->option, s->body);
	const char *remedy = "correct the path, or the file";
	struct stat st;
	const char *wrong;

	/* stat, not open: opening a FIFO would hang. */
	if (stat(path, &st) != 0 || eaccess(path, R_OK) != 0) {
		wrong = strerror(errno);
		if (errno == EACCES)
			remedy =
			    "correct its owner or mode, or run this as root";
	} else if (S_ISDIR(st.st_mode) &&
	    s->option->reads != CONFIG_READS_FILES_OR_DIRS)
		wrong = "Is a directory";
	else if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		wrong = "Not a regular file";
	else
		return;
	config_complain(s->check->cfg, s->check->r, s->body, where,
	    s->option->key, "%.512s: %s (%s)", path, wrong, remedy);
	mark_failed(where);
}

static void
check_option_files(const struct config_option *option, struct config_head *body,
    void *arg)
{
	struct subject s = { arg, option, body };

	config_option_paths(option, body, check_file, &s);
}

static void
check_daemon(const struct check *c)
{
	struct config_daemon *d = &c->cfg->daemon;
	size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (strlen(d->admin_socket) > max)
		COMPLAIN(c, d, admin_socket,
		    "the path of a unix socket is longer than %zu bytes", max);
}

/* RFC 3986 path characters; the rest a client has to send encoded. */
static bool
is_path(const char *path)
{
	size_t i;

	if (path[0] != '/')
		return false;
	for (i = 0; path[i] != '\0'; i++)
		if (path[i] <= 0x20 || path[i] > 0x7e ||
		    strchr("?#\"<>\\^`{|}", path[i]) != NULL)
			return false;
	return true;
}

/* RFC 6454: scheme://host[:port], or null. */
static bool
is_origin(const char *origin)
{
	const char *host = strstr(origin, "://");

	if (strcmp(origin, "null") == 0)
		return true;
	return host != NULL && host > origin && host[3] != '\0' &&
	    strpbrk(host + 3, "/?#* \t") == NULL;
}

static void
check_websocket(const struct check *c, struct config_listener *l)
{
	size_t i;

	if (l->transport != CONFIG_TRANSPORT_WEBSOCKET) {
		if (l->where.path.line != 0)
			COMPLAIN(c, l, path,
			    "is for WebSocket only (add transport = "
			    "websocket, or take it out)");
		if (l->where.origins.line != 0)
			COMPLAIN(c, l, origins,
			    "is for WebSocket only (add transport = "
			    "websocket, or take it out)");
		return;
	}
	if (!is_path(l->path))
		COMPLAIN(c, l, path,
		    "\"%.64s\" is not the path of a URL (write / and what "
		    "follows, such as /mqtt, without a query)",
		    l->path);
	for (i = 0; i < l->origins.count; i++)
		if (!is_origin(l->origins.items[i]))
			COMPLAIN(c, l, origins,
			    "\"%.64s\" is not an origin (write "
			    "https://host or https://host:port, without a "
			    "path)",
			    l->origins.items[i]);
}

static void
check_proxies(const struct check *c, struct config_listener *l)
{
	if (l->accept_proxy == CONFIG_ACCEPT_PROXY_REQUIRED &&
	    l->trusted_proxies.count == 0)
		COMPLAIN(c, l, accept_proxy,
		    "needs to know whom to believe (add trusted_proxies = "
		    "the load balancers' networks, such as 10.0.0.0/8)");
	if (l->accept_proxy == CONFIG_ACCEPT_PROXY_OFF &&
	    l->trusted_proxies.count > 0)
		COMPLAIN(c, l, trusted_proxies,
		    "has no use without accept_proxy (add accept_proxy = "
		    "required, or take it out)");
}

/* The longest Server Reference; a DISCONNECT with it is one small packet. */
#define REFERENCE_MAX 256

/* MQTT 5, 4.11, asks for a UTF-8 string and recommends names with ports, and
 * a blank between two. */
static bool
is_reference(const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return i <= REFERENCE_MAX && strstr(text, "://") == NULL &&
	    strchr(text, ',') == NULL;
}

static void
check_reference(const struct check *c, struct config_listener *l)
{
	if (!is_reference(l->server_reference))
		COMPLAIN(c, l, server_reference,
		    "\"%.64s\" is not what MQTT 5 has for servers (write host "
		    "or host:port, several with a blank between, up to %d "
		    "characters)",
		    l->server_reference, REFERENCE_MAX);
	if (l->server_moved && l->server_reference[0] == '\0')
		COMPLAIN(c, l, server_moved,
		    "has no use without a place to go (add server_reference "
		    "= host:port, or take it out)");
}

/* The listener, at or before the one at `index', that has `addr' in front of
 * item `item' of the latter; NULL: none. */
static const struct config_listener *
taken_by(const struct config *cfg, size_t index, size_t item,
    const struct config_addr *addr)
{
	const struct config_listener *l;
	size_t i, j;

	if (address_port(&addr->sa) == 0)
		return NULL; /* the kernel finds a free one each time */
	for (i = 0; i <= index; i++) {
		l = &cfg->listener[i];
		for (j = 0; j < (i < index ? l->bind.count : item); j++)
			if (address_equal(&l->bind.items[j].sa, &addr->sa))
				return l;
	}
	return NULL;
}

static void
check_bind(const struct check *c, size_t index)
{
	struct config_listener *l = &c->cfg->listener[index];
	const struct config_listener *other;
	size_t i;

	if (l->bind.count == 0)
		COMPLAIN(c, l, bind,
		    "is missing (write an address, such as bind = "
		    "0.0.0.0:8883)");
	for (i = 0; i < l->bind.count; i++) {
		other = taken_by(c->cfg, index, i, &l->bind.items[i]);
		if (other != NULL)
			COMPLAIN(c, l, bind,
			    "%s is taken by [listener %s] on line %u (choose "
			    "another port or address)",
			    l->bind.items[i].text, other->head.name,
			    other->where.bind.line);
	}
}

#define HTTP_MAX 16

/* The HTTP listener must not have an address at which devices connect. */
static void
check_http(const struct check *c)
{
	const struct config_addrs *http = &c->cfg->daemon.http_listen;
	const struct config_listener *other;
	size_t i;

	if (http->count > HTTP_MAX)
		COMPLAIN(c, &c->cfg->daemon, http_listen,
		    "has %zu addresses (write %d at most)", http->count,
		    HTTP_MAX);
	for (i = 0; i < http->count && c->cfg->listener_count > 0; i++) {
		other = taken_by(c->cfg, c->cfg->listener_count - 1,
		    c->cfg->listener[c->cfg->listener_count - 1].bind.count,
		    &http->items[i]);
		if (other != NULL)
			COMPLAIN(c, &c->cfg->daemon, http_listen,
			    "%s is taken by [listener %s] on line %u (choose "
			    "another port)",
			    http->items[i].text, other->head.name,
			    other->where.bind.line);
	}
}

static void
check_tls_files(const struct check *c, struct config_tls *t)
{
	if (t->certificate.count == 0)
		COMPLAIN(c, t, certificate,
		    "is missing (name the server's certificate, a PEM file)");
	if (t->client_ca.count == 0)
		COMPLAIN(c, t, client_ca,
		    "is missing (name the CA of the devices, a PEM file)");
	if (t->private_key.count == 0)
		COMPLAIN(c, t, private_key,
		    "is missing (name the key of the server's certificate, a "
		    "PEM file)");
	else if (t->certificate.count > t->private_key.count)
		COMPLAIN(c, t, certificate,
		    "names %zu files, private_key %zu (name the key of "
		    "each, in the same order)",
		    t->certificate.count, t->private_key.count);
	else if (t->certificate.count > 0 &&
	    t->certificate.count < t->private_key.count)
		COMPLAIN(c, t, private_key,
		    "names %zu files, certificate %zu (name the key of "
		    "each, in the same order)",
		    t->private_key.count, t->certificate.count);
	if (t->certificate.count > 0 &&
	    t->ocsp_response.count > t->certificate.count)
		COMPLAIN(c, t, ocsp_response,
		    "names %zu files, certificate %zu (name at most one "
		    "for "
		    "each, in the same order)",
		    t->ocsp_response.count, t->certificate.count);
}

static void
check_tls(const struct check *c, struct config_tls *t)
{
	check_tls_files(c, t);
	if (t->min_version > t->max_version)
		COMPLAIN(c, t, min_version,
		    "%s is above max_version = %s (exchange them)",
		    t->where.min_version.text, t->where.max_version.text);
	if (!t->session_tickets && t->ticket_keys[0] != '\0')
		COMPLAIN(c, t, ticket_keys,
		    "has no use with session_tickets = off (turn them on, or "
		    "take this out)");
}

static bool
is_none(const char *template)
{
	return strcmp(template, "none") == 0;
}

static void
check_identity(const struct check *c, struct config_identity *id)
{
	static const char empty[] = "is empty (write a template such as "
				    "${cn}, or none to leave the client's)";
	static const char idle[] = "%s has no use when %s = none (set %s, or "
				   "take this out)";

	if (id->username[0] == '\0')
		COMPLAIN(c, id, username, "%s", empty);
	if (id->clientid[0] == '\0')
		COMPLAIN(c, id, clientid, "%s", empty);
	if (is_none(id->username) && id->username_mode != CONFIG_MODE_OVERRIDE)
		COMPLAIN(c, id, username_mode, idle,
		    id->where.username_mode.text, "username", "username");
	if (is_none(config_clientid(id)) &&
	    id->clientid_mode != CONFIG_MODE_OVERRIDE)
		COMPLAIN(c, id, clientid_mode, idle,
		    id->where.clientid_mode.text, "clientid", "clientid");
	if (strcmp(id->clientid, "prefixed") == 0 &&
	    id->clientid_mode != CONFIG_MODE_OVERRIDE)
		COMPLAIN(c, id, clientid_mode,
		    "%s has no use with clientid = prefixed, the default "
		    "(write "
		    "clientid = username, or another template)",
		    id->where.clientid_mode.text);
}

/* A probe has to fit one read; the worker's number is appended to the ClientID.
 */
#define PROBE_TEXT_MAX 1024
#define PROBE_CLIENTID_MAX 240

static void
check_probe(const struct check *c, struct config_backend *b)
{
	static const char wordy[] = "is %zu bytes long (write %d at most)";

	if (strlen(b->probe_clientid) > PROBE_CLIENTID_MAX)
		COMPLAIN(c, b, probe_clientid, wordy, strlen(b->probe_clientid),
		    PROBE_CLIENTID_MAX);
	if (strlen(b->probe_username) > PROBE_TEXT_MAX)
		COMPLAIN(c, b, probe_username, wordy, strlen(b->probe_username),
		    PROBE_TEXT_MAX);
	if (strlen(b->probe_password) > PROBE_TEXT_MAX)
		COMPLAIN(c, b, probe_password, wordy, strlen(b->probe_password),
		    PROBE_TEXT_MAX);
	if (b->probe_password[0] != '\0' && b->probe_username[0] == '\0')
		COMPLAIN(c, b, probe_password,
		    "has no use without a name (add probe_username, or take "
		    "it out)");
}

static void
check_backend(const struct check *c, struct config_backend *b)
{
	struct sockaddr_storage at;
	size_t i;

	for (i = 0; i < b->source.count; i++)
		if (address_parse_host(&at, b->source.items[i]) != OK)
			COMPLAIN(c, b, source,
			    "\"%.64s\" is not an address (write one of this "
			    "machine's, such as 10.0.0.2, without port or "
			    "prefix)",
			    b->source.items[i]);
	check_probe(c, b);
}

/* A limit that can never take effect, because another one is lower, is a
 * mistake. */
static void
check_limits(const struct check *c)
{
	struct config_limits *l = &c->cfg->limits;

	if (l->handshakes != 0 && l->handshakes_per_prefix > l->handshakes)
		COMPLAIN(c, l, handshakes_per_prefix,
		    "%u is more than handshakes = %u (write less, or 0)",
		    l->handshakes_per_prefix, l->handshakes);
	if (l->connections == 0)
		return;
	if (l->connections_per_address > l->connections)
		COMPLAIN(c, l, connections_per_address,
		    "%u is more than connections = %u (write less, or 0)",
		    l->connections_per_address, l->connections);
	if (l->handshakes > l->connections)
		COMPLAIN(c, l, handshakes,
		    "%u is more than connections = %u (write less, or 0)",
		    l->handshakes, l->connections);
}

#ifdef HAVE_HIREDIS
#define FLEET_IS_BUILT true
#else
#define FLEET_IS_BUILT false
#endif

/* As FLEET_LINK_ADDRESSES_MAX. */
#define FLEET_ADDRESSES_MAX 8
#define FLEET_TEXT_MAX 64

/* Names of keys and replicas need no quoting anywhere. */
static bool
is_plain(const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++)
		if (text[i] <= 0x20 || text[i] > 0x7e || text[i] == '"')
			return false;
	return i <= FLEET_TEXT_MAX;
}

static void
check_fleet_tls(const struct check *c, struct config_fleet *f)
{
	if (f->tls && f->ca[0] == '\0')
		COMPLAIN(c, f, ca,
		    "is missing (name the CA of the Redis server's "
		    "certificate, a PEM file)");
	if (!f->tls && f->ca[0] != '\0')
		COMPLAIN(c, f, ca,
		    "has no use without TLS (add tls = on, or take it out)");
	if (!f->tls && f->certificate[0] != '\0')
		COMPLAIN(c, f, certificate,
		    "has no use without TLS (add tls = on, or take it out)");
	if (!f->tls && f->server_name[0] != '\0')
		COMPLAIN(c, f, server_name,
		    "has no use without TLS (add tls = on, or take it out)");
	if (f->certificate[0] != '\0' && f->private_key[0] == '\0')
		COMPLAIN(c, f, private_key,
		    "is missing (name the key of the certificate)");
	if (f->certificate[0] == '\0' && f->private_key[0] != '\0')
		COMPLAIN(c, f, certificate,
		    "is missing (name the certificate of the key)");
}

static void
check_denylist(const struct check *c)
{
	struct config_denylist *d = &c->cfg->denylist;

	if (d->shared && d->file[0] == '\0')
		COMPLAIN(c, d, file,
		    "is missing (name the file that is shared, or take shared "
		    "out)");
	if (d->shared && c->cfg->fleet.address.count == 0)
		COMPLAIN(c, d, shared,
		    "there is no fleet to share it with (write where Valkey or "
		    "Redis is in [fleet] address)");
}

static void
check_fleet(const struct check *c)
{
	struct config_fleet *f = &c->cfg->fleet;
	bool given = f->tls || f->ca[0] != '\0' || f->certificate[0] != '\0' ||
	    f->private_key[0] != '\0' || f->server_name[0] != '\0' ||
	    f->username[0] != '\0' || f->password[0] != '\0' ||
	    f->password_file[0] != '\0' || f->name[0] != '\0' ||
	    f->copy[0] != '\0';
	size_t i;

	if (!given && f->address.count == 0)
		return;
	if (!FLEET_IS_BUILT)
		COMPLAIN(c, f, address,
		    "this program was built without hiredis, so it cannot "
		    "share anything (build it with libhiredis-dev installed, "
		    "or take [fleet] out)");
	else if (f->address.count == 0)
		COMPLAIN(c, f, address,
		    "is missing (write where Valkey or Redis is, such as "
		    "address = 127.0.0.1:6379)");
	else if (f->address.count > FLEET_ADDRESSES_MAX)
		COMPLAIN(c, f, address, "has %zu addresses (write %d at most)",
		    f->address.count, FLEET_ADDRESSES_MAX);
	for (i = 0; i < f->address.count; i++)
		if (f->tls && f->address.items[i].host == NULL &&
		    f->server_name[0] == '\0')
			COMPLAIN(c, f, server_name,
			    "is missing (a unix socket has no host name to "
			    "look for in the certificate)");
	check_fleet_tls(c, f);
	if (f->prefix[0] == '\0' || !is_plain(f->prefix))
		COMPLAIN(c, f, prefix,
		    "\"%.64s\" (write 1 to %d visible characters)", f->prefix,
		    FLEET_TEXT_MAX);
	if (!is_plain(f->name))
		COMPLAIN(c, f, name,
		    "\"%.64s\" (write up to %d visible characters)", f->name,
		    FLEET_TEXT_MAX);
	if (f->password[0] != '\0' && f->password_file[0] != '\0')
		COMPLAIN(c, f, password_file,
		    "and password are both given (take one of them out)");
	if (f->username[0] != '\0' && f->password[0] == '\0' &&
	    f->password_file[0] == '\0')
		COMPLAIN(c, f, username,
		    "has no use without a password (add password or "
		    "password_file, or take it out)");
}

/* True for a URL that sallyport-fetch can use: http or https, and a host. */
static bool
is_url(const char *url)
{
	const char *host = strstr(url, "://");
	size_t i;

	if (host == NULL ||
	    (strncasecmp(url, "http://", 7) != 0 &&
		strncasecmp(url, "https://", 8) != 0))
		return false;
	for (i = 0; url[i] != '\0'; i++)
		if (url[i] <= 0x20 || url[i] > 0x7e)
			return false;
	return host[3] != '\0' && host[3] != '/';
}

/* True if the two paths are the same apart from slashes at their ends. */
static bool
same_path(const char *a, size_t len, const char *b)
{
	size_t other = strlen(b);

	while (len > 1 && a[len - 1] == '/')
		len--;
	while (other > 1 && b[other - 1] == '/')
		other--;
	return len == other && memcmp(a, b, len) == 0;
}

bool
config_fetch_is_read(const struct config_tls *t, const char *path,
    enum config_fetch_kind kind)
{
	const char *slash = strrchr(path, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash - path), i;

	for (i = 0; i < t->crl.count; i++) {
		if (same_path(path, strlen(path), t->crl.items[i]))
			return true;
		if (kind == CONFIG_FETCH_FILE && folder > 0 &&
		    same_path(path, folder, t->crl.items[i]))
			return true;
	}
	return false;
}

static bool
is_read(const struct config *cfg, const char *path, enum config_fetch_kind kind)
{
	size_t i;

	for (i = 0; i < cfg->tls_count; i++)
		if (config_fetch_is_read(&cfg->tls[i], path, kind))
			return true;
	return false;
}

/* The file that a list is put into. */
static void
check_fetch_file(const struct check *c, struct config_fetch *f)
{
	const char *slash = strrchr(f->file, '/');
	size_t len = strlen(f->file), i;

	if (!is_read(c->cfg, f->file, CONFIG_FETCH_FILE))
		COMPLAIN(c, f, file,
		    "no [tls] reads %.512s (add it, or its directory, to crl)",
		    f->file);
	else if (slash == NULL || slash[1] == '\0' || slash[1] == '.' ||
	    f->file[len - 1] == '~')
		COMPLAIN(c, f, file,
		    "the daemon skips such a name in a directory (write one "
		    "that neither begins with . nor ends in ~)");
	for (i = 0; i < f->head.index; i++)
		if (strcmp(c->cfg->fetch[i].file, f->file) == 0)
			COMPLAIN(c, f, file,
			    "is that of line %u, too (write another)",
			    c->cfg->fetch[i].where.file.line);
}

static void
check_fetch(const struct check *c, struct config_fetch *f)
{
	size_t i;

	/* Not shown: it may hold a password. */
	for (i = 0; i < f->url.count; i++)
		if (!is_url(f->url.items[i]))
			COMPLAIN(c, f, url,
			    "item %zu is not such a URL (write "
			    "http://HOST/PATH or https://HOST/PATH, and %%XX "
			    "for blanks and commas)",
			    i + 1);
	if (f->url.count > 0 && f->file[0] == '\0')
		COMPLAIN(c, f, file,
		    "is missing (write one that crl of [tls] names)");
	else if (f->file[0] != '\0' && f->url.count == 0)
		COMPLAIN(c, f, url,
		    "is missing (write where the list is, such as "
		    "http://ca.example/client-ca.crl)");
	else if (f->file[0] != '\0')
		check_fetch_file(c, f);
	if (f->points_folder[0] != '\0' &&
	    !is_read(c->cfg, f->points_folder, CONFIG_FETCH_FOLDER))
		COMPLAIN(c, f, points_folder,
		    "no [tls] reads %.512s (add it to crl)", f->points_folder);
}

/* Marks an option that has failed a check as bad, and its section with it. */
static void
judge(const struct config_option *option, struct config_head *body, void *arg)
{
	struct config_where *where = config_option_where(option, body);

	(void)arg;
	if (where->state == CONFIG_GOOD)
		return;
	where->state = CONFIG_BAD;
	body->bad = true;
}

void
config_check(struct config *cfg, struct report *r)
{
	struct check c = { cfg, r };
	size_t i;

	check_daemon(&c);
	check_http(&c);
	for (i = 0; i < cfg->listener_count; i++) {
		check_bind(&c, i);
		check_websocket(&c, &cfg->listener[i]);
		check_proxies(&c, &cfg->listener[i]);
		check_reference(&c, &cfg->listener[i]);
	}
	for (i = 0; i < cfg->tls_count; i++)
		check_tls(&c, &cfg->tls[i]);
	for (i = 0; i < cfg->identity_count; i++)
		check_identity(&c, &cfg->identity[i]);
	for (i = 0; i < cfg->backend_count; i++)
		check_backend(&c, &cfg->backend[i]);
	check_limits(&c);
	check_denylist(&c);
	check_fleet(&c);
	for (i = 0; i < cfg->fetch_count; i++)
		if (!cfg->fetch[i].head.bad)
			check_fetch(&c, &cfg->fetch[i]);
	config_option_each(cfg, check_option_files, &c);
	config_option_each(cfg, judge, NULL);
}

void
config_check_fetch(struct config *cfg, struct report *r)
{
	struct check c = { cfg, r };
	size_t i;

	for (i = 0; i < cfg->fetch_count; i++)
		if (!cfg->fetch[i].head.bad)
			check_fetch(&c, &cfg->fetch[i]);
	config_option_each(cfg, judge, NULL);
}
