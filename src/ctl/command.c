/* SPDX-License-Identifier: ISC */
#include "ctl/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/table.h"

#define FILTERS \
	" user client-id cert peer listener backend min-age max-age sid " \
	"limit "

#define FILTER_HELP \
	"FILTER, all that are given must match:\n" \
	"  --user NAME            the Username, as the broker knows it; in " \
	"names\n" \
	"                         * stands for any text and ? for one " \
	"character\n" \
	"  --client-id ID         the ClientID, as the broker knows it\n" \
	"  --cert SHA256          of the client certificate, in hex\n" \
	"  --peer ADDRESS         an address, or a network (192.0.2.0/24)\n" \
	"  --listener NAME        the [listener NAME] it connected to\n" \
	"  --backend NAME         the [backend NAME], or the broker's " \
	"address\n" \
	"  --min-age TIME         connected for at least so long: 30s, 5m, " \
	"2h, 1d\n" \
	"  --max-age TIME         connected for at most so long\n" \
	"  --sid NUMBER           the session's number, as in the log\n"

static const char filter_help[] = FILTER_HELP;

static const char sessions_help[] = FILTER_HELP
    "KEY: sid, age, up, down, user, client_id, listener, backend, stage;\n"
    "  with - in descending order\n";

static const char kind_help[] =
    "KIND: clientid, username, peerhost, peerhost_net, clientid_re,\n"
    "  username_re, cn, serial, sha256, spki, san\n";

static const char deny_help[] =
    "KIND: clientid, username, peerhost, peerhost_net, clientid_re,\n"
    "  username_re, cn, serial, sha256, spki, san\n"
    "  --for TIME             for so long: 30m, 2h, 1d\n"
    "  --until TIME           until a date, 2026-12-24T18:00:00Z\n"
    "  --reason TEXT          for the log and for `denied'\n"
    "  --from FILE            entries as in a deny list's file; with KIND one\n"
    "                         value on each line\n"
    "  --stdin                the same from standard input\n"
    "  --dry-run              only say what would be done\n"
    "  --all                  allow a pattern that matches every client\n"
    "  --local                on this replica only, in its own file\n";

static const char allow_help[] =
    "KIND: clientid, username, peerhost, peerhost_net, clientid_re,\n"
    "  username_re, cn, serial, sha256, spki, san\n"
    "  --from FILE, --stdin   as for deny\n"
    "  --dry-run              only say what would be done\n"
    "FILTER, all that are given must match:\n"
    "  --as KIND              the kind\n"
    "  --match TEXT           a part of WHO or of the reason\n"
    "  --expired yes|no       entries that have ended, or have not\n"
    "  --all                  every entry\n"
    "  --local                on this replica only, in its own file\n";

static const char denied_help[] =
    "FILTER, all that are given must match:\n"
    "  --as KIND              the kind\n"
    "  --who WHO              exactly this\n"
    "  --match TEXT           a part of WHO or of the reason\n"
    "  --expired yes|no       entries that have ended, or have not\n"
    "  --sort ORDER           who, as or until; -who and so on reverse it\n"
    "  --offset N, --limit N  show N entries from number N on\n";

static const struct command commands[] = {
	{ "status", "GET", "/status", { NULL }, " fleet watch ", NULL,
	    "[--watch[=SECONDS]]", "what the daemon does and how it is", "",
	    show_status },
	{ "sessions", "GET", "/sessions", { NULL }, FILTERS "sort fleet watch ",
	    NULL,
	    "[FILTER ...] [--sort [-]KEY] [--limit N] [--watch[=SECONDS]]",
	    "list the connections", sessions_help, show_sessions },
	{ "kick", "POST", "/kick", { NULL }, FILTERS "all fleet ", NULL,
	    "FILTER ... | --all",
	    "close live sessions; the clients may connect again", filter_help,
	    show_kicked },
	{ "deny", "POST", "/deny", { "as", "who" },
	    " until for reason from stdin dry-run all local ", NULL,
	    "KIND WHO | [KIND] --from FILE | [KIND] --stdin [OPTION ...]",
	    "close the sessions of clients and refuse new ones", deny_help,
	    show_change },
	{ "allow", "POST", "/allow", { "as", "who" },
	    " as match expired all from stdin dry-run local ",
	    " as match expired all ",
	    "KIND WHO | FILTER ... | [KIND] --from FILE [--dry-run]",
	    "remove entries from the deny list", allow_help, show_change },
	{ "denied", "GET", "/denied", { NULL },
	    " as who match expired sort offset limit fleet watch ", NULL,
	    "[FILTER ...] [--sort ORDER] [--offset N] [--limit N]",
	    "print the deny list", denied_help, show_denied },
	{ "reload", "POST", "/reload", { NULL }, " fleet ", NULL, "",
	    "load the configuration and its files again", "", show_reload },
	{ "drain", "POST", "/drain", { NULL }, " fleet ", NULL, "",
	    "let all sessions leave, then exit", "", show_drain },
	{ "metrics", "GET", "/metrics", { NULL }, " watch ", NULL,
	    "[--watch[=SECONDS]]", "all numbers, for Prometheus", "", NULL },
	{ "cert", "GET", "/cert", { NULL }, " limit fleet watch ", NULL,
	    "[--limit N] [--watch[=SECONDS]]",
	    "certificates and CRLs, and when they expire", "", show_certs },
	{ "log", "POST", "/log", { "level" }, " ", NULL, "LEVEL",
	    "set the log level until the next reload",
	    "LEVEL: error, warn, info, debug\n", show_log },
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))

static const char general_help[] =
    "TIME: 30s, 5m, 2h, 1d; --until also takes a date, 2026-12-24T18:00:00Z\n"
    "\n"
    "  -s, --socket SOCKET    or SALLYPORT_SOCKET (" CTL_SOCKET ")\n"
    "  -j, --json             JSON instead of tables\n"
    "      --fleet[=NAMES]    all replicas, or some (one,two): status,\n"
    "                         sessions, kick, denied, reload, drain, cert\n"
    "  -V, --version          print the version\n"
    "  -h, --help             print this; after a COMMAND, its own help\n"
    "\n"
    "Exit status: 0 done, 1 refused or nothing found, 3 no daemon answers,\n"
    "  64 wrong arguments.\n";

const struct command *
command_find(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

bool
command_takes(const struct command *c, const char *option)
{
	const char *found = c->options;
	size_t len = strlen(option);

	while ((found = strstr(found, option)) != NULL) {
		if (found[-1] == ' ' && found[len] == ' ')
			return true;
		found++;
	}
	return false;
}

const char *
command_value(const struct command_call *call, const char *key)
{
	size_t i;

	for (i = 0; i < call->param_count; i++)
		if (strcmp(call->params[i].key, key) == 0)
			return call->params[i].value;
	return NULL;
}

bool
command_is_list(const struct command_call *call)
{
	return command_value(call, "from") != NULL ||
	    command_value(call, "stdin") != NULL;
}

bool
command_has_filter(const struct command_call *call)
{
	const char *options = call->command->filter_option;
	struct command c = { .options = options };
	size_t i;

	for (i = 0; i < call->param_count && options != NULL; i++)
		if (call->params[i].option != NULL &&
		    command_takes(&c, call->params[i].option))
			return true;
	return false;
}

/* Lines of --help are at most 80 columns wide; the summary of a command with
 * long arguments goes to a line of its own. */
static void
print_summary(FILE *f, const struct command *c)
{
	int used = fprintf(f, "  %s%s%s", c->name,
	    c->synopsis[0] == '\0' ? "" : " ", c->synopsis);

	if (used > 24)
		fprintf(f, "\n%25s%s\n", "", c->summary);
	else
		fprintf(f, "%*s%s\n", 25 - used, "", c->summary);
}

void
command_help(FILE *f, const struct command *c)
{
	size_t i;

	if (c != NULL) {
		fprintf(f, "usage: sallyportctl [-s SOCKET] [-j] %s%s%s\n",
		    c->name, c->synopsis[0] == '\0' ? "" : " ", c->synopsis);
		fprintf(f, "\n%s\n%s%s", c->summary,
		    c->help[0] == '\0' ? "" : "\n", c->help);
		return;
	}
	fputs("usage: sallyportctl [-s SOCKET] [-j] COMMAND [OPTION ...]\n\n",
	    f);
	for (i = 0; i < COUNT; i++)
		print_summary(f, &commands[i]);
	fprintf(f, "\n%s%s%s", filter_help, kind_help, general_help);
}

bool
command_add(struct command_call *c, const struct command_param *param)
{
	if (c->param_count == CTL_PARAMS_MAX)
		return false;
	c->params[c->param_count++] = *param;
	return true;
}

/* Explains why the socket may not be used. */
static const char *
why_denied(const char *path)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash != NULL && slash != folder) {
		*slash = '\0';
		if (access(folder, X_OK) == -1)
			return ": its folder may not be entered by this user";
	}
	return ": only root, the daemon's user and the members of [daemon] "
	       "admin_group may use it";
}

/* Explains why there is no answer. */
static int
report_absent(const char *path, enum err err)
{
	int code = errno;
	struct stat st;

	fprintf(stderr, "sallyportctl: %s: ", path);
	switch (err) {
	case ERR_NOT_FOUND:
		fputs("there is no such socket. Is sallyport running, and is "
		      "this its [daemon] admin_socket? For another one use -s "
		      "SOCKET or SALLYPORT_SOCKET\n",
		    stderr);
		break;
	case ERR_REFUSED:
		fputs(stat(path, &st) == 0 && !S_ISSOCK(st.st_mode)
			? "is not a socket (name that of [daemon] "
			  "admin_socket)\n"
			: "no process listens there: sallyport has ended\n",
		    stderr);
		break;
	case ERR_TIMEOUT:
		fputs("the daemon is there, but does not answer (is it "
		      "stopped, or in a debugger?)\n",
		    stderr);
		break;
	case ERR_SYSTEM:
		fprintf(stderr, "%s%s\n", strerror(code),
		    code == EACCES ? why_denied(path) : "");
		break;
	default:
		fprintf(stderr, "no answer: %s\n", err_text(err));
		break;
	}
	return CTL_ABSENT;
}

/* Writes path and query, ending in a NUL. */
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

/* True for an answer with a count of matches, and that is 0. */
static bool
found_nothing(json_t *answer)
{
	const json_t *matched = json_object_get(answer, "matched");

	return matched != NULL && json_integer_value(matched) == 0;
}

static int
exit_code(unsigned status, json_t *answer)
{
	const json_t *fleet = json_object_get(answer, "fleet");

	if (status == 400)
		return CTL_USAGE;
	if (status != 200 || found_nothing(answer))
		return CTL_REFUSED;
	/* Not all replicas have done it. */
	if (json_is_false(json_object_get(fleet, "complete")))
		return CTL_REFUSED;
	return CTL_OK;
}

int
command_ask(const struct command_call *c, struct command_answer *out)
{
	struct buf target;
	enum err err;

	memset(out, 0, sizeof(*out));
	buf_init(&target, 0);
	err = write_target(&target, c);
	if (err == OK)
		err = client_ask(&out->raw, c->socket, c->command->method,
		    (const char *)buf_data(&target));
	buf_fini(&target);
	if (err != OK)
		return report_absent(c->socket, err);
	if (out->raw.status == 200 && c->command->show == NULL)
		return CTL_OK;
	out->json = json_loadb((const char *)out->raw.body.data,
	    out->raw.body.len, 0, NULL);
	if (out->json == NULL)
		return CTL_REFUSED;
	return exit_code(out->raw.status, out->json);
}

void
command_answer_fini(struct command_answer *a)
{
	client_answer_fini(&a->raw);
	json_decref(a->json);
}

void
command_print(FILE *f, const struct command_call *c,
    const struct command_answer *a)
{
	bool error = json_object_get(a->json, "error") != NULL;

	if (a->raw.status == 200 && c->command->show == NULL) {
		fwrite(a->raw.body.data, 1, a->raw.body.len, f);
		return;
	}
	if (a->json == NULL) {
		fprintf(stderr, "sallyportctl: HTTP %u: not JSON: %.200s\n",
		    a->raw.status, (const char *)a->raw.body.data);
		return;
	}
	if (error)
		show_error(a->json);
	if (c->json) {
		if (table_json(f, a->json) != OK)
			fputs("sallyportctl: out of memory\n", stderr);
	} else if (!error) {
		c->command->show(f, a->json);
	}
}

int
command_written(int code)
{
	/* Long texts are written before the flush. */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fputs("sallyportctl: the output could not be written\n", stderr);
	return CTL_REFUSED;
}

int
command_run(const struct command_call *c)
{
	struct command_answer answer;
	int code = command_ask(c, &answer);

	if (code == CTL_ABSENT)
		return code;
	command_print(stdout, c, &answer);
	command_answer_fini(&answer);
	return command_written(code);
}
