/* SPDX-License-Identifier: ISC */
#include "ctl/show.h"

#include <stdbool.h>
#include <string.h>

#include "ctl/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *
text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? "" : s;
}

static long long
number(json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* "1 entry", "2 entries". */
static void
print_count(FILE *f, long long n, const char *one, const char *many)
{
	fprintf(f, "%lld %s", n, n == 1 ? one : many);
}

/* Prints a table under a title; nothing if it has no rows. */
static void
section(FILE *f, const char *title, const struct table_column *columns,
    size_t count, json_t *rows)
{
	if (json_array_size(rows) == 0)
		return;
	fprintf(f, "\n%s\n", title);
	table_print(f, columns, count, rows);
}

static void
print_lines(FILE *f, json_t *lines)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		table_text(f, json_string_value(line));
		fputc('\n', f);
	}
}

/* "3 of 3 replicas, "; nothing unless the command was for a fleet. */
static void
show_replica_count(FILE *f, json_t *answer)
{
	json_t *fleet = json_object_get(answer, "fleet");

	if (json_object_get(fleet, "asked") == NULL)
		return;
	fprintf(f, "%lld of %lld replicas, ", number(fleet, "answered"),
	    number(fleet, "asked"));
}

/* Names the replicas that have not done what they were asked for. */
static void
show_incomplete(json_t *answer)
{
	json_t *fleet = json_object_get(answer, "fleet");
	json_t *missing = json_object_get(fleet, "missing");
	json_t *one;
	size_t i;

	if (json_array_size(missing) > 0) {
		fputs("sallyportctl: no answer from", stderr);
		json_array_foreach(missing, i, one)
		{
			fputs(i == 0 ? " " : ", ", stderr);
			table_text(stderr, json_string_value(one));
		}
		if (text(fleet, "error")[0] != '\0')
			fputs(": ", stderr);
		table_text(stderr, text(fleet, "error"));
		fputc('\n', stderr);
	}
	json_array_foreach(json_object_get(fleet, "failed"), i, one)
	{
		fputs("sallyportctl: ", stderr);
		table_text(stderr, text(one, "replica"));
		fputs(": ", stderr);
		table_text(stderr, text(one, "error"));
		fputc('\n', stderr);
		print_lines(stderr, json_object_get(one, "complaints"));
	}
}

/* True if the first row says of which replica it is: only answers of a fleet
 * do. */
static bool
has_replicas(json_t *rows)
{
	return json_object_get(json_array_get(rows, 0), "replica") != NULL;
}

static void
show_head(FILE *f, json_t *s)
{
	json_t *config = json_object_get(s, "config");
	json_t *process = json_object_get(s, "process");
	json_t *problem;
	char age[32];
	size_t i;

	table_age(age, sizeof(age), number(s, "uptime_s"));
	json_array_foreach(json_object_get(s, "problems"), i, problem)
	{
		fputs(strcmp(text(problem, "level"), "bad") == 0 ? "PROBLEM: "
								 : "warning: ",
		    f);
		table_text(f, text(problem, "text"));
		fputc('\n', f);
	}
	fprintf(f, "sallyport %s, %s, %s, up %s, pid %lld, %lld workers\n",
	    text(s, "version"), text(s, "state"),
	    json_is_true(json_object_get(s, "ready")) ? "ready" : "not ready",
	    age, number(process, "pid"), number(s, "workers"));
	fputs("config ", f);
	table_text(f, text(config, "file"));
	fprintf(f, ", generation %lld of %s, %lld reload%s refused\n",
	    number(config, "generation"), text(config, "loaded_at"),
	    number(config, "reloads_failed"),
	    number(config, "reloads_failed") == 1 ? "" : "s");
	fprintf(f,
	    "process %.1f s of CPU, %.1f MiB, %lld of %lld descriptors\n",
	    json_real_value(json_object_get(process, "cpu_s")),
	    (double)number(process, "resident_bytes") / 1048576,
	    number(process, "open_fds"), number(process, "max_fds"));
}

static void
show_traffic(FILE *f, json_t *t)
{
	static const struct table_column handshakes[] = {
		{ "TLS", "version", TABLE_TEXT },
		{ "CIPHER", "cipher", TABLE_TEXT },
		{ "FULL", "full", TABLE_TEXT },
		{ "RESUMED", "resumed", TABLE_TEXT },
		{ "FAILED", "failed", TABLE_TEXT },
	};

	fprintf(f,
	    "\n%lld accepted, %lld let in, %lld bytes up, %lld bytes down\n",
	    number(t, "accepted"), number(t, "opened"), number(t, "bytes_up"),
	    number(t, "bytes_down"));
	section(f, "TLS handshakes", handshakes, COUNT(handshakes),
	    json_object_get(t, "handshakes"));
}

static void
show_denylist(FILE *f, json_t *d)
{
	if (text(d, "file")[0] == '\0')
		return;
	fputs("\nDeny list: ", f);
	if (json_is_true(json_object_get(d, "shared"))) {
		fputs("the fleet's; edits of ", f);
		table_text(f, text(d, "file"));
		fputs(" are for all replicas\n", f);
		return;
	}
	print_count(f, number(d, "entries"), "entry", "entries");
	fputs(" in ", f);
	table_text(f, text(d, "file"));
	fputc('\n', f);
}

static void
show_fleet(FILE *f, json_t *fleet)
{
	json_t *replicas = json_object_get(fleet, "replicas");
	json_t *name;
	size_t i;

	if (fleet == NULL)
		return;
	fprintf(f, "\nFleet: %s, %s at ", text(fleet, "name"),
	    json_is_true(json_object_get(fleet, "online")) ? "connected"
							   : "no Redis server");
	table_text(f, text(fleet, "address"));
	fputs("; ", f);
	print_count(f, number(fleet, "entries"), "entry", "entries");
	fputs(" denied, ", f);
	print_count(f, number(fleet, "waiting"), "change waits",
	    "changes wait");
	fputs("\nReplicas:", f);
	json_array_foreach(replicas, i, name)
	{
		fputc(' ', f);
		table_text(f, json_string_value(name));
	}
	fputc('\n', f);
}

/* Copies the listeners, with the stages of each as fields of its row. */
static json_t *
flatten(json_t *listeners)
{
	json_t *rows = json_array();
	json_t *copy;
	json_t *one;
	size_t i;

	json_array_foreach(listeners, i, one)
	{
		copy = json_copy(one);
		json_object_update(copy, json_object_get(one, "connections"));
		json_array_append_new(rows, copy);
	}
	return rows;
}

static const struct table_column cert_columns[] = {
	{ "REPLICA", "replica", TABLE_TEXT },
	{ "TLS", "tls", TABLE_TEXT },
	{ "ROLE", "role", TABLE_TEXT },
	{ "DAYS LEFT", "days_left", TABLE_TEXT },
	{ "NOT AFTER", "not_after", TABLE_TEXT },
	{ "SHA-256", "cert_sha256", TABLE_SHORT },
	{ "FILE", "file", TABLE_TEXT },
};

static const struct table_column crl_columns[] = {
	{ "REPLICA", "replica", TABLE_TEXT },
	{ "TLS", "tls", TABLE_TEXT },
	{ "REVOKED", "revoked", TABLE_TEXT },
	{ "THIS UPDATE", "this_update", TABLE_TEXT },
	{ "NEXT UPDATE", "next_update", TABLE_TEXT },
	{ "CHECKED", "verified", TABLE_TEXT },
	{ "FILE", "file", TABLE_TEXT },
};

/* One line for each replica, and what is wrong with it. */
static void
show_replicas(FILE *f, json_t *answer)
{
	static const struct table_column columns[] = {
		{ "REPLICA", "replica", TABLE_TEXT },
		{ "STATE", "state", TABLE_TEXT },
		{ "READY", "ready", TABLE_TEXT },
		{ "VERSION", "version", TABLE_TEXT },
		{ "UP", "uptime_s", TABLE_AGE },
		{ "SESSIONS", "sessions", TABLE_TEXT },
		{ "DENIED", "entries", TABLE_TEXT },
		{ "WAITING", "waiting", TABLE_TEXT },
		{ "LAST CHANGE", "last_id", TABLE_NAME },
	};
	json_t *rows = json_object_get(answer, "replicas");
	json_t *row, *one;
	long long sessions;
	size_t i, n;

	json_array_foreach(rows, i, row)
	{
		sessions = 0;
		json_array_foreach(json_object_get(row, "listeners"), n, one)
		    sessions +=
		    number(json_object_get(one, "connections"), "relay");
		json_object_set_new(row, "sessions", json_integer(sessions));
		json_object_update_missing(row, json_object_get(row, "fleet"));
	}
	table_print(f, columns, COUNT(columns), rows);
	json_array_foreach(rows, i, row)
	{
		json_array_foreach(json_object_get(row, "problems"), n, one)
		{
			table_text(f, text(row, "replica"));
			fputs(strcmp(text(one, "level"), "bad") == 0
				? ": PROBLEM: "
				: ": warning: ",
			    f);
			table_text(f, text(one, "text"));
			fputc('\n', f);
		}
	}
	fprintf(f, "%lld of %lld replicas\n",
	    number(json_object_get(answer, "fleet"), "answered"),
	    number(json_object_get(answer, "fleet"), "asked"));
}

void
show_status(FILE *f, json_t *s)
{
	static const struct table_column listeners[] = {
		{ "LISTENER", "listener", TABLE_TEXT },
		{ "ACCEPTED", "accepted", TABLE_TEXT },
		{ "ACCEPT", "accept", TABLE_TEXT },
		{ "TLS", "tls", TABLE_TEXT },
		{ "WS", "ws", TABLE_TEXT },
		{ "MQTT", "mqtt", TABLE_TEXT },
		{ "IDENTITY", "identity", TABLE_TEXT },
		{ "BACKEND", "backend", TABLE_TEXT },
		{ "RELAY", "relay", TABLE_TEXT },
	};
	static const struct table_column backends[] = {
		{ "BACKEND", "backend", TABLE_TEXT },
		{ "ADDRESS", "address", TABLE_TEXT },
		{ "ENDPOINT", "endpoint", TABLE_TEXT },
		{ "UP", "up", TABLE_TEXT },
		{ "CONNECTED", "dialled", TABLE_TEXT },
		{ "FAILED", "failed", TABLE_TEXT },
		{ "LAST ERROR", "error", TABLE_TEXT },
	};
	static const struct table_column ended[] = {
		{ "REASON", "reason", TABLE_TEXT },
		{ "COUNT", "count", TABLE_TEXT },
		{ "MEANING", "text", TABLE_TEXT },
	};
	json_t *traffic = json_object_get(s, "traffic");
	json_t *rows;

	if (json_object_get(s, "replicas") != NULL) {
		show_replicas(f, s);
		show_incomplete(s);
		return;
	}
	rows = flatten(json_object_get(s, "listeners"));

	show_head(f, s);
	show_traffic(f, traffic);
	section(f, "Connections now, by stage", listeners, COUNT(listeners),
	    rows);
	section(f, "Brokers", backends, COUNT(backends),
	    json_object_get(s, "backends"));
	section(f, "Connections that ended", ended, COUNT(ended),
	    json_object_get(traffic, "ended"));
	section(f, "Certificates", cert_columns + 1, COUNT(cert_columns) - 1,
	    json_object_get(s, "certificates"));
	section(f, "CRLs", crl_columns + 1, COUNT(crl_columns) - 1,
	    json_object_get(s, "crls"));
	show_denylist(f, json_object_get(s, "denylist"));
	show_fleet(f, json_object_get(s, "fleet"));
	json_decref(rows);
}

/* Prints a table. Its first column is the replica; the column is left out if
 * the rows do not name replicas. */
static void
print_of_replicas(FILE *f, const struct table_column *columns, size_t count,
    json_t *rows)
{
	size_t skip = has_replicas(rows) ? 0 : 1;

	table_print(f, columns + skip, count - skip, rows);
}

static void
print_sessions(FILE *f, json_t *answer)
{
	static const struct table_column columns[] = {
		{ "REPLICA", "replica", TABLE_TEXT },
		{ "SID", "sid", TABLE_NAME },
		{ "USER", "user", TABLE_TEXT },
		{ "CLIENT ID", "client_id", TABLE_TEXT },
		{ "PEER", "peer", TABLE_TEXT },
		{ "LISTENER", "listener", TABLE_TEXT },
		{ "STAGE", "stage", TABLE_TEXT },
		{ "IDENTITY", "identity", TABLE_TEXT },
		{ "BROKER", "broker", TABLE_TEXT },
		{ "AGE", "age_s", TABLE_AGE },
		{ "UP", "up", TABLE_BYTES },
		{ "DOWN", "down", TABLE_BYTES },
		{ "MQTT", "mqtt", TABLE_TEXT },
		{ "TLS", "tls", TABLE_TEXT },
		{ "CERTIFICATE", "cert_sha256", TABLE_SHORT },
		{ "ISSUER", "issuer", TABLE_TEXT },
	};

	print_of_replicas(f, columns, COUNT(columns),
	    json_object_get(answer, "sessions"));
}

void
show_sessions(FILE *f, json_t *answer)
{
	long long matched = number(answer, "matched");
	size_t shown = json_array_size(json_object_get(answer, "sessions"));

	print_sessions(f, answer);
	show_replica_count(f, answer);
	print_count(f, matched, "session", "sessions");
	if ((long long)shown < matched)
		fprintf(f, ", %zu shown (--limit)", shown);
	fputc('\n', f);
	show_incomplete(answer);
}

void
show_sessions_rates(FILE *f, json_t *answer)
{
	static const struct table_column columns[] = {
		{ "REPLICA", "replica", TABLE_TEXT },
		{ "SID", "sid", TABLE_NAME },
		{ "USER", "user", TABLE_TEXT },
		{ "CLIENT ID", "client_id", TABLE_TEXT },
		{ "UP/S", "up_s", TABLE_BYTES },
		{ "DOWN/S", "down_s", TABLE_BYTES },
		{ "UP", "up", TABLE_BYTES },
		{ "DOWN", "down", TABLE_BYTES },
		{ "AGE", "age_s", TABLE_AGE },
		{ "STAGE", "stage", TABLE_TEXT },
		{ "PEER", "peer", TABLE_TEXT },
		{ "LISTENER", "listener", TABLE_TEXT },
		{ "BROKER", "broker", TABLE_TEXT },
		{ "IDENTITY", "identity", TABLE_TEXT },
		{ "ISSUER", "issuer", TABLE_TEXT },
	};

	show_replica_count(f, answer);
	print_count(f, number(answer, "matched"), "session", "sessions");
	fputc('\n', f);
	print_of_replicas(f, columns, COUNT(columns),
	    json_object_get(answer, "sessions"));
	show_incomplete(answer);
}

void
show_kicked(FILE *f, json_t *answer)
{
	long long closed = number(answer, "matched");

	print_sessions(f, answer);
	show_replica_count(f, answer);
	fprintf(f, "%lld session%s closed\n", closed, closed == 1 ? "" : "s");
	show_incomplete(answer);
}

void
show_denied(FILE *f, json_t *answer)
{
	static const struct table_column columns[] = {
		{ "AS", "as", TABLE_TEXT },
		{ "WHO", "who", TABLE_TEXT },
		{ "UNTIL", "until", TABLE_TEXT },
		{ "EXPIRED", "expired", TABLE_TEXT },
		{ "REASON", "reason", TABLE_TEXT },
		{ "FROM", "from", TABLE_TEXT },
		{ "REPLICA", "replica", TABLE_TEXT },
	};
	json_t *rows = json_object_get(answer, "denied");
	size_t shown = json_array_size(rows);
	/* Only a fleet has more than one list. */
	bool has_from =
	    json_object_get(json_array_get(rows, 0), "from") != NULL;
	bool of_all = json_object_get(answer, "fleet") != NULL;

	table_print(f, columns, COUNT(columns) - (has_from ? !of_all : 2),
	    rows);
	show_replica_count(f, answer);
	fprintf(f, "%lld of %lld entries", number(answer, "matched"),
	    number(answer, "count"));
	if (number(answer, "matched") > (long long)shown)
		fprintf(f, ", %zu shown from number %lld (--limit, --offset)",
		    shown, number(answer, "offset") + 1);
	fputc('\n', f);
	show_incomplete(answer);
}

/* "for ever", or "until 2027-01-31T12:00:00Z". */
static void
print_until(FILE *f, const char *until)
{
	if (until[0] == '\0')
		fputs("for ever", f);
	else
		fprintf(f, "until %s", until);
}

/* Prints what a change did to one entry. */
static void
print_entry(FILE *f, json_t *a)
{
	const char *until = text(a, "until");
	const char *before = text(a, "until_before");

	if (number(a, "removed") > 0) {
		fputs("no longer denied", f);
	} else if (number(a, "added") > 0) {
		fputs("denied ", f);
		print_until(f, until);
	} else if (number(a, "changed") > 0) {
		fputs("denied ", f);
		print_until(f, until);
		fputs(", was denied ", f);
		print_until(f, before);
	} else {
		fputs("already denied ", f);
		print_until(f, before);
	}
}

/* Prints what a change did to many entries. */
static void
print_entries(FILE *f, json_t *a)
{
	static const struct {
		const char *field;
		const char *what;
	} counts[] = { { "added", "added" }, { "changed", "changed" },
		{ "removed", "removed" }, { "unchanged", "as they were" } };
	const char *between = "";
	size_t i;

	for (i = 0; i < COUNT(counts); i++) {
		if (number(a, counts[i].field) == 0)
			continue;
		fprintf(f, "%s%lld %s", between, number(a, counts[i].field),
		    counts[i].what);
		between = ", ";
	}
}

void
show_change(FILE *f, json_t *answer)
{
	bool dry = json_is_true(json_object_get(answer, "dry_run"));
	long long entries = number(answer, "added") +
	    number(answer, "changed") + number(answer, "removed") +
	    number(answer, "unchanged");
	long long n =
	    number(answer, dry ? "sessions_matching" : "sessions_ended");

	if (dry)
		fputs("dry run: would be ", f);
	if (entries == 1)
		print_entry(f, answer);
	else
		print_entries(f, answer);
	if (number(answer, "added") + number(answer, "changed") > 0) {
		fputs("; ", f);
		if (n == 0)
			fputs("no live session matches", f);
		else
			print_count(f, n,
			    dry ? "session matches" : "session ended",
			    dry ? "sessions match" : "sessions ended");
	}
	if (strcmp(text(answer, "fleet"), "waiting") == 0)
		fputs("; the other replicas get it when the fleet's Redis "
		      "server is back",
		    f);
	fputc('\n', f);
}

static void
print_warnings(FILE *f, json_t *lines)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		fputs("warning: ", f);
		table_text(f, json_string_value(line));
		fputc('\n', f);
	}
}

/* Prints the answer of each replica after its name. */
static void
show_each(FILE *f, json_t *answer, show_fn *show)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "replicas"), i, row)
	{
		table_text(f, text(row, "replica"));
		fputs(": ", f);
		show(f, row);
	}
	fprintf(f, "%lld of %lld replicas\n",
	    number(json_object_get(answer, "fleet"), "answered"),
	    number(json_object_get(answer, "fleet"), "asked"));
	show_incomplete(answer);
}

void
show_reload(FILE *f, json_t *answer)
{
	if (json_object_get(answer, "replicas") != NULL) {
		show_each(f, answer, show_reload);
		return;
	}
	print_warnings(f, json_object_get(answer, "warnings"));
	fprintf(f, "generation %lld is in force\n",
	    number(answer, "generation"));
}

void
show_certs(FILE *f, json_t *answer)
{
	static const struct table_column devices[] = {
		{ "REPLICA", "replica", TABLE_TEXT },
		{ "DAYS LEFT", "days_left", TABLE_TEXT },
		{ "NOT AFTER", "cert_not_after", TABLE_TEXT },
		{ "USER", "user", TABLE_TEXT },
		{ "CLIENT ID", "client_id", TABLE_TEXT },
		{ "SHA-256", "cert_sha256", TABLE_SHORT },
	};
	json_t *certs = json_object_get(answer, "certificates");
	json_t *fleet = json_object_get(answer, "fleet");
	size_t skip = fleet == NULL ? 1 : 0;

	table_print(f, cert_columns + skip, COUNT(cert_columns) - skip, certs);
	section(f, "CRLs", crl_columns + skip, COUNT(crl_columns) - skip,
	    json_object_get(answer, "crls"));
	section(f, "Connected devices, the first to expire first",
	    devices + skip, COUNT(devices) - skip,
	    json_object_get(answer, "devices"));
	if (fleet != NULL)
		fprintf(f, "\n%lld of %lld replicas\n",
		    number(fleet, "answered"), number(fleet, "asked"));
	show_incomplete(answer);
}

void
show_drain(FILE *f, json_t *answer)
{
	if (json_object_get(answer, "replicas") != NULL) {
		show_each(f, answer, show_drain);
		return;
	}
	fprintf(f, "draining; the daemon exits within %lld s\n",
	    (number(answer, "drain_delay_ms") +
		number(answer, "drain_timeout_ms") + 999) /
		1000);
}

void
show_log(FILE *f, json_t *answer)
{
	fprintf(f, "log level %s, until the next reload\n",
	    text(answer, "level"));
}

void
show_error(json_t *answer)
{
	fputs("sallyportctl: ", stderr);
	table_text(stderr, text(answer, "error"));
	fputc('\n', stderr);
	print_lines(stderr, json_object_get(answer, "complaints"));
	print_warnings(stderr, json_object_get(answer, "warnings"));
}
