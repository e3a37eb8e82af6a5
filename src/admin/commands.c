#include "admin/commands.h"

#include <string.h>

#include "admin/certs.h"
#include "admin/control.h"
#include "admin/deny.h"
#include "admin/metrics.h"
#include "admin/reply.h"
#include "admin/sessions.h"
#include "admin/status.h"

#define FILTERS " sid user client_id cert peer listener min_age max_age limit "

static const struct command commands[] = {
	{ "/status", HTTP_GET, " ", status_run },
	{ "/sessions", HTTP_GET, FILTERS, sessions_list_run },
	{ "/kick", HTTP_POST, FILTERS "all ", sessions_kick_run },
	{ "/denied", HTTP_GET, " as who limit ", deny_list_run },
	{ "/deny", HTTP_POST, " as who until reason ", deny_add_run },
	{ "/allow", HTTP_POST, " as who ", deny_remove_run },
	{ "/cert", HTTP_GET, " limit ", certs_run },
	{ "/metrics", HTTP_GET, " ", metrics_run },
	{ "/reload", HTTP_POST, " ", control_reload },
	{ "/drain", HTTP_POST, " ", control_drain },
	{ "/log", HTTP_POST, " level ", control_log },
};

/* The first parameter that the command does not know, or NULL: a filter with
 * a slip in it must not match all. */
static const char *
unknown_param(const struct command *c, const struct http_request *r)
{
	const char *found;
	const char *key;
	size_t len;
	size_t i;

	for (i = 0; i < r->param_count; i++) {
		key = r->params[i].key;
		len = strlen(key);
		if (len == 0 || strchr(key, ' ') != NULL)
			return key;
		found = c->params;
		while ((found = strstr(found, key)) != NULL &&
		    (found[-1] != ' ' || found[len] != ' '))
			found++;
		if (found == NULL)
			return key;
	}
	return NULL;
}

static const struct command *
find(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].path, path) == 0)
			return &commands[i];
	return NULL;
}

/* Who changes what stands in the log. */
static void
audit(const struct http_request *r)
{
	struct log_line line;
	size_t i;

	log_begin(&line, LOG_LEVEL_INFO, "admin");
	log_str(&line, "command", r->path + 1);
	for (i = 0; i < r->param_count; i++)
		log_str(&line, r->params[i].key, r->params[i].value);
	log_end(&line);
}

void
commands_handle(struct http_call *call, const struct http_request *r, void *arg)
{
	const struct command *c = find(r->path);
	enum http_method method = r->method == HTTP_HEAD ? HTTP_GET : r->method;
	const char *unknown;

	if (c == NULL) {
		reply_error(call, 404, "no such command: %s", r->path);
		return;
	}
	if (method != c->method) {
		reply_error(call, 405, "%s wants %s", r->path,
		    c->method == HTTP_POST ? "POST" : "GET");
		return;
	}
	unknown = unknown_param(c, r);
	if (unknown != NULL) {
		reply_error(call, 400, "%s knows no \"%s\", only:%s", r->path,
		    unknown, c->params);
		return;
	}
	if (method == HTTP_POST)
		audit(r);
	c->run(arg, call, r);
}
