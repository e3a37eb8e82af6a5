#include "ctl/command.h"

#include <errno.h>
#include <string.h>

#include "ctl/client.h"

static const struct command commands[] = {
	{ "status", "GET", "/status", { NULL }, show_status },
	{ "sessions", "GET", "/sessions", { NULL }, show_sessions },
	{ "kick", "POST", "/kick", { NULL }, show_kicked },
	{ "deny", "POST", "/deny", { "as", "who" }, show_reload },
	{ "allow", "POST", "/allow", { "as", "who" }, show_reload },
	{ "denied", "GET", "/denied", { NULL }, show_denied },
	{ "reload", "POST", "/reload", { NULL }, show_reload },
	{ "drain", "POST", "/drain", { NULL }, show_drain },
	{ "metrics", "GET", "/metrics", { NULL }, NULL },
	{ "cert", "GET", "/cert", { NULL }, show_certs },
	{ "log", "POST", "/log", { "level" }, show_log },
};

const struct command *
command_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

bool
command_add(struct command_call *c, const char *key, const char *value)
{
	if (c->param_count == CTL_PARAMS_MAX)
		return false;
	c->params[c->param_count].key = key;
	c->params[c->param_count].value = value;
	c->param_count++;
	return true;
}

static int
absent(const char *path, enum err err)
{
	int code = errno;

	fprintf(stderr, "sallyportctl: %s: ", path);
	switch (err) {
	case ERR_NOT_FOUND:
		fputs("there is no such socket. Is sallyport running, and is "
		      "this its [daemon] admin_socket? Another one: -s SOCKET "
		      "or SALLYPORT_SOCKET\n",
		    stderr);
		break;
	case ERR_REFUSED:
		fputs("nobody listens there any more: sallyport has ended\n",
		    stderr);
		break;
	case ERR_SYSTEM:
		fprintf(stderr, "%s%s\n", strerror(code),
		    code == EACCES
			? ": only root and the daemon's user may ask it"
			: "");
		break;
	default:
		fprintf(stderr, "no answer: %s\n", err_text(err));
		break;
	}
	return CTL_ABSENT;
}

/* The target with its query, ending in a NUL. */
static enum err
write_target(struct buf *out, const struct command_call *c)
{
	const char *path = c->command->path;
	enum err err = buf_append(out, path, strlen(path));
	size_t i;

	for (i = 0; err == OK && i < c->param_count; i++) {
		err = buf_append(out, i == 0 ? "?" : "&", 1);
		if (err == OK)
			err = client_encode(out, c->params[i].key);
		if (err == OK)
			err = buf_append(out, "=", 1);
		if (err == OK)
			err = client_encode(out, c->params[i].value);
	}
	return err == OK ? buf_append(out, "", 1) : err;
}

/* Nothing matched? A kick of nobody is an error in itself. */
static bool
found_nothing(json_t *answer)
{
	const json_t *matched = json_object_get(answer, "matched");

	return matched != NULL && json_integer_value(matched) == 0;
}

static int
exit_code(unsigned status, json_t *answer)
{
	if (status == 400)
		return CTL_USAGE;
	if (status != 200 || found_nothing(answer))
		return CTL_REFUSED;
	return CTL_OK;
}

static int
present(const struct command_call *c, const struct client_answer *a)
{
	json_t *answer;
	int code;

	if (a->status == 200 && c->command->show == NULL) {
		fwrite(a->body.data, 1, a->body.len, stdout);
		return CTL_OK;
	}
	answer = json_loadb((const char *)a->body.data, a->body.len, 0, NULL);
	if (answer == NULL) {
		fprintf(stderr, "sallyportctl: HTTP %u: no JSON: %.200s\n",
		    a->status, (const char *)a->body.data);
		return CTL_REFUSED;
	}
	code = exit_code(a->status, answer);
	if (json_object_get(answer, "error") != NULL)
		show_error(answer);
	if (c->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (json_object_get(answer, "error") == NULL) {
		c->command->show(stdout, answer);
	}
	json_decref(answer);
	return code;
}

int
command_run(const struct command_call *c)
{
	struct client_answer answer;
	struct buf target;
	enum err err;
	int code;

	buf_init(&target, 0);
	err = write_target(&target, c);
	if (err == OK)
		err = client_ask(&answer, c->socket, c->command->method,
		    (const char *)buf_data(&target));
	if (err != OK) {
		code = absent(c->socket, err);
	} else {
		code = present(c, &answer);
		client_answer_fini(&answer);
	}
	buf_fini(&target);
	if (fflush(stdout) != 0)
		return CTL_REFUSED;
	return code;
}
