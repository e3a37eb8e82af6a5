#include "admin/certs.h"

#include <stdlib.h>

#include "admin/reply.h"
#include "admin/worker_report.h"
#include "base/clock.h"

#define DAY 86400
#define LIMIT_DEFAULT 20

struct collecting {
	json_t *rows;
	const char *profile;
	int64_t now;
};

/* A bundle may hold a certificate twice, and two files may be one. */
static bool
is_listed(const struct collecting *c, const char *role, const json_t *sha256)
{
	json_t *row;
	size_t i;

	json_array_foreach(c->rows, i, row)
	{
		if (json_equal(json_object_get(row, "cert_sha256"), sha256) &&
		    strcmp(json_string_value(json_object_get(row, "role")),
			role) == 0 &&
		    strcmp(json_string_value(json_object_get(row, "tls")),
			c->profile) == 0)
			return true;
	}
	return false;
}

static void
add_cert(const struct tls_cert_info *info, void *arg)
{
	const char *role =
	    info->role == TLS_CERT_SERVER ? "server" : "client_ca";
	json_t *sha256 = reply_hex(info->sha256, CERT_SHA256_LEN);
	struct collecting *c = arg;

	if (is_listed(c, role, sha256)) {
		json_decref(sha256);
		return;
	}
	json_array_append_new(c->rows,
	    json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:I,s:I}", "tls", c->profile,
		"role", role, "file", info->file, "cert_sha256", sha256,
		"not_before", reply_when(info->not_before), "not_after",
		reply_when(info->not_after), "not_after_s",
		(json_int_t)info->not_after, "days_left",
		(json_int_t)((info->not_after - c->now) / DAY)));
}

json_t *
certs_list(const struct snapshot *s)
{
	struct collecting c = { .rows = json_array(), .now = clock_wall_s() };
	size_t i;

	for (i = 0; i < s->config->tls_count; i++) {
		c.profile = config_name(&s->config->tls[i].head);
		tls_ctx_each_cert(s->tls[i], add_cert, &c);
	}
	return c.rows;
}

static void
add_crl(const struct crl_info *info, void *arg)
{
	int64_t next = info->next_update == INT64_MAX ? 0 : info->next_update;
	struct collecting *c = arg;

	json_array_append_new(c->rows,
	    json_pack("{s:s,s:s,s:o,s:I,s:o,s:I,s:I,s:b}", "tls", c->profile,
		"file", info->file, "this_update",
		reply_when(info->this_update), "this_update_s",
		(json_int_t)info->this_update, "next_update", reply_when(next),
		"next_update_s", (json_int_t)next, "revoked",
		(json_int_t)info->revoked, "verified", (int)info->verified));
}

json_t *
certs_crls(const struct snapshot *s)
{
	struct collecting c = { .rows = json_array() };
	const struct crl_set *set;
	size_t i;

	for (i = 0; i < s->config->tls_count; i++) {
		c.profile = config_name(&s->config->tls[i].head);
		set = tls_ctx_crls(s->tls[i]);
		if (set != NULL)
			crl_set_each(set, add_crl, &c);
	}
	return c.rows;
}

static void
done(struct admin *a, struct http_call *call, const struct http_request *r,
    const struct worker_report *s)
{
	size_t limit = LIMIT_DEFAULT;
	const struct snapshot *snapshot = a->master->snapshot;
	json_t *devices;
	json_t *row;
	size_t i;

	if (!http_request_limit(r, &limit)) {
		reply_error(call, 400, "limit is a number up to 100000");
		return;
	}
	devices = json_array();
	json_array_foreach(s->soonest, i, row)
	{
		if (i < limit)
			json_array_append(devices, row);
	}
	reply_json(call, 200,
	    json_pack("{s:o,s:o,s:o}", "certificates", certs_list(snapshot),
		"crls", certs_crls(snapshot), "devices", devices));
}

void
certs_run(struct admin *a, struct http_call *call, const struct http_request *r)
{
	worker_report_collect(a, call, r, done);
}
