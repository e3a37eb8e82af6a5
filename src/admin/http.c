#include "admin/http.h"

#include <string.h>
#include <strings.h>

static enum parse
fail(unsigned *status, unsigned code, const char **why, const char *text)
{
	*status = code;
	*why = text;
	return PARSE_BAD;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Replaces %XX, in place, and + in a query. A NUL may not come out of it:
 * what follows would be cut off unseen. */
static bool
decode(char *text, bool query)
{
	char *out = text;
	int high;
	int low;

	for (; *text != '\0'; text++) {
		if (*text == '+' && query) {
			*out++ = ' ';
			continue;
		}
		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		high = hex_digit(text[1]);
		low = high == -1 ? -1 : hex_digit(text[2]);
		if (low == -1 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high << 4 | low);
		text += 2;
	}
	*out = '\0';
	return true;
}

static enum http_method
method_of(const char *word)
{
	if (strcmp(word, "GET") == 0)
		return HTTP_GET;
	if (strcmp(word, "HEAD") == 0)
		return HTTP_HEAD;
	if (strcmp(word, "POST") == 0)
		return HTTP_POST;
	return HTTP_OTHER;
}

/* Cuts "a=b&c=d" into its parameters. */
static enum parse
cut_query(struct http_request *r, char *query, unsigned *status,
    const char **why)
{
	struct http_param *p;
	char *value;
	char *pair;

	while ((pair = strsep(&query, "&")) != NULL) {
		if (*pair == '\0')
			continue;
		if (r->param_count == HTTP_PARAMS_MAX)
			return fail(status, 414, why, "too many parameters");
		value = strchr(pair, '=');
		if (value == NULL)
			return fail(status, 400, why,
			    "a parameter is KEY=VALUE");
		*value++ = '\0';
		if (!decode(pair, true) || !decode(value, true))
			return fail(status, 400, why, "bad %-encoding");
		p = &r->params[r->param_count];
		if (http_request_param(r, pair) != NULL)
			return fail(status, 400, why,
			    "a parameter is given twice");
		p->key = pair;
		p->value = value;
		r->param_count++;
	}
	return PARSE_OK;
}

/* "METHOD TARGET HTTP/1.x" */
static enum parse
parse_first(struct http_request *r, char *line, unsigned *status,
    const char **why)
{
	char *method = strsep(&line, " ");
	char *target = line == NULL ? NULL : strsep(&line, " ");
	char *query;

	if (line == NULL)
		return fail(status, 400, why, "no request line");
	if (strcmp(line, "HTTP/1.1") != 0 && strcmp(line, "HTTP/1.0") != 0)
		return strncmp(line, "HTTP/", 5) == 0
		    ? fail(status, 505, why, "only HTTP/1.0 and HTTP/1.1")
		    : fail(status, 400, why, "no HTTP version");
	r->method = method_of(method);
	if (r->method == HTTP_OTHER)
		return fail(status, 405, why, "no such method here");
	if (target[0] != '/')
		return fail(status, 400, why, "the target is not a path");
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	if (!decode(target, false))
		return fail(status, 400, why, "bad %-encoding");
	r->path = target;
	return query == NULL ? PARSE_OK : cut_query(r, query, status, why);
}

/* Does the header `line' have the name `name'? Then its value, else NULL. */
static const char *
header_value(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	line += len + 1;
	return line + strspn(line, " \t");
}

static enum parse
parse_header(struct http_request *r, const char *line, unsigned *status,
    const char **why)
{
	const char *value;

	if (strchr(line, ':') == NULL || strchr(" \t:", line[0]) != NULL)
		return fail(status, 400, why, "bad header line");
	value = header_value(line, "Accept");
	if (value != NULL &&
	    strstr(value, "application/openmetrics-text") != NULL)
		r->openmetrics = true;
	if (header_value(line, "Transfer-Encoding") != NULL)
		return fail(status, 413, why, "requests have no body here");
	value = header_value(line, "Content-Length");
	if (value != NULL && strcmp(value, "0") != 0)
		return fail(status, 413, why, "requests have no body here");
	return PARSE_OK;
}

static bool
is_clean(const char *head, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r'))
			return false;
		if (head[i] == '\r' && (i + 1 == len || head[i + 1] != '\n'))
			return false;
		if ((unsigned char)head[i] < 0x20 &&
		    strchr("\r\n\t", head[i]) == NULL)
			return false;
		if (head[i] == '\0' || head[i] == 0x7f)
			return false;
	}
	return true;
}

enum parse
http_request_parse(struct http_request *r, char *head, size_t len,
    unsigned *status, const char **why)
{
	enum parse verdict;
	bool first = true;
	char *line = head;
	char *end;

	memset(r, 0, sizeof(*r));
	if (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0 ||
	    !is_clean(head, len))
		return fail(status, 400, why, "bad bytes in the head");
	head[len - 2] = '\0';
	for (; *line != '\0'; line = end + 2) {
		end = strchr(line, '\r');
		*end = '\0';
		verdict = first ? parse_first(r, line, status, why)
				: parse_header(r, line, status, why);
		if (verdict != PARSE_OK)
			return verdict;
		first = false;
	}
	if (first)
		return fail(status, 400, why, "no request line");
	return PARSE_OK;
}

const char *
http_request_param(const struct http_request *r, const char *key)
{
	size_t i;

	for (i = 0; i < r->param_count; i++)
		if (strcmp(r->params[i].key, key) == 0)
			return r->params[i].value;
	return NULL;
}

bool
http_request_limit(const struct http_request *r, size_t *limit)
{
	const char *text = http_request_param(r, "limit");
	size_t n = 0;

	if (text == NULL)
		return true;
	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '9' && n <= HTTP_LIMIT_MAX; text++)
		n = n * 10 + (size_t)(*text - '0');
	if (*text != '\0' || n > HTTP_LIMIT_MAX)
		return false;
	*limit = n;
	return true;
}

const char *
http_status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} rows[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 422, "Unprocessable Content" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Error";
}
