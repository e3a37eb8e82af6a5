/* SPDX-License-Identifier: ISC */
/*
 * libcurl may bring OpenSSL's libcrypto into this process, by its TLS or by
 * another library that it needs, while BoringSSL is linked in. That works only
 * because the linker hides BoringSSL's symbols (--exclude-libs, see module.mk):
 * t/96-fetch/symbols.t.
 */
#include "fetch/transfer.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* More is a loop, or a server that leads us astray. */
#define REDIRECTS_MAX 5

/* Not even a slow server takes longer to accept a connection. */
#define CONNECT_TIMEOUT_MS 20000

/* Seconds after which a Last-Modified can be relied on. */
#define SETTLED_S 60

/* A download under way. */
struct transfer {
	const struct transfer_request *request;
	struct transfer_answer *answer;
	CURL *curl;
	char error[CURL_ERROR_SIZE]; /* by libcurl, of an error */
	bool over; /* the limit of size was reached */
	bool stopped;
	bool no_memory;
};

enum err
transfer_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
	    ? OK
	    : ERR_NO_MEMORY;
}

void
transfer_fini(void)
{
	curl_global_cleanup();
}

void
transfer_answer_fini(struct transfer_answer *answer)
{
	buf_fini(&answer->body);
}

/* Takes some bytes of the body. What it returns other than `len' ends the
 * download, so a gigabyte is not read to its end. */
static size_t
take_body(char *data, size_t size, size_t len, void *arg)
{
	struct transfer *t = arg;
	enum err err = buf_append(&t->answer->body, data, len * size);

	t->over = t->over || err == ERR_LIMIT;
	t->no_memory = t->no_memory || err == ERR_NO_MEMORY;
	return err == OK ? len * size : 0;
}

static int
on_progress(void *arg, curl_off_t dl_all, curl_off_t dl, curl_off_t ul_all,
    curl_off_t ul)
{
	struct transfer *t = arg;

	(void)dl_all;
	(void)dl;
	(void)ul_all;
	(void)ul;
	if (t->request->stop(t->request->arg))
		t->stopped = true;
	return t->stopped;
}

/* Copies a header of the last answer. One that is too long, or holds what does
 * not belong into a line of text, counts as none. */
static void
copy_header(char out[TRANSFER_TAG_MAX], CURL *curl, const char *name)
{
	struct curl_header *h;
	size_t i;

	out[0] = '\0';
	if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &h) !=
		CURLHE_OK ||
	    strlen(h->value) >= TRANSFER_TAG_MAX ||
	    strstr(h->value, "-----") != NULL)
		return; /* the last one resembles PEM */
	for (i = 0; h->value[i] != '\0'; i++)
		if (h->value[i] < 0x20 || h->value[i] > 0x7e)
			return;
	memcpy(out, h->value, i + 1);
}

/*
 * Copies Last-Modified, unless the file was changed less than a minute before
 * the answer: it may have changed again within the same second, and then this
 * time would hide the next list (RFC 9110 8.8.2.2).
 */
static void
copy_modified(char out[TRANSFER_TAG_MAX], CURL *curl)
{
	char date[TRANSFER_TAG_MAX];
	time_t changed, sent;

	copy_header(out, curl, "Last-Modified");
	copy_header(date, curl, "Date");
	changed = curl_getdate(out, NULL);
	sent = curl_getdate(date, NULL);
	if (changed == -1 || sent == -1 || sent - changed < SETTLED_S)
		out[0] = '\0';
}

/* Adds "NAME: VALUE" to the headers of the request unless the value is empty.
 * False: out of memory. */
static bool
add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[TRANSFER_TAG_MAX + 64];
	struct curl_slist *more;

	if (value[0] == '\0')
		return true;
	snprintf(line, sizeof(line), "%s: %s", name, value);
	more = curl_slist_append(*list, line);
	if (more != NULL)
		*list = more;
	return more != NULL;
}

static struct curl_slist *
make_headers(const struct transfer_request *r)
{
	struct curl_slist *list = NULL;

	if (add_header(&list, "Accept", "application/pkix-crl, */*") &&
	    add_header(&list, "If-None-Match", r->etag) &&
	    add_header(&list, "If-Modified-Since", r->modified))
		return list;
	curl_slist_free_all(list);
	return NULL;
}

/* The first two arguments of curl_easy_setopt() in one call each, so that a
 * failure of any is seen. */
#define SET(t, option, value) \
	(curl_easy_setopt((t)->curl, CURLOPT_##option, value) == CURLE_OK)

/* Limits the protocols, redirects, time and size of a download. */
static bool
set_limits(struct transfer *t)
{
	const struct transfer_request *r = t->request;
	long timeout = (long)r->timeout;

	return SET(t, PROTOCOLS_STR, "http,https") &&
	    SET(t, REDIR_PROTOCOLS_STR, "http,https") &&
	    SET(t, FOLLOWLOCATION, 1L) &&
	    SET(t, MAXREDIRS, (long)REDIRECTS_MAX) &&
	    SET(t, TIMEOUT_MS, timeout) &&
	    SET(t, CONNECTTIMEOUT_MS,
		timeout < CONNECT_TIMEOUT_MS ? timeout
					     : (long)CONNECT_TIMEOUT_MS) &&
	    SET(t, MAXFILESIZE_LARGE, (curl_off_t)r->max_size) &&
	    SET(t, NOSIGNAL, 1L);
}

/* Requires TLS 1.2. If the request names CAs, only these are trusted, and not
 * those of the system. */
static bool
set_tls(struct transfer *t)
{
	if (!SET(t, SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2))
		return false;
	if (t->request->ca[0] == '\0')
		return true;
	return SET(t, CAINFO, t->request->ca) && SET(t, CAPATH, NULL);
}

static bool
set_all(struct transfer *t, struct curl_slist *headers)
{
	return set_limits(t) && set_tls(t) && SET(t, URL, t->request->url) &&
	    SET(t, HTTPHEADER, headers) &&
	    SET(t, USERAGENT, "sallyport-fetch/" PACKAGE_VERSION) &&
	    SET(t, WRITEFUNCTION, take_body) && SET(t, WRITEDATA, t) &&
	    SET(t, XFERINFOFUNCTION, on_progress) && SET(t, XFERINFODATA, t) &&
	    SET(t, NOPROGRESS, 0L) && SET(t, ERRORBUFFER, t->error);
}

__attribute__((format(printf, 2, 3))) static enum err
refuse(struct transfer *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->answer->why, TRANSFER_WHY_MAX, fmt, ap);
	va_end(ap);
	return ERR_REFUSED;
}

/* Returns what can be done about an error of libcurl; "" if its own text is
 * enough. */
static const char *
advice(CURLcode code)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return " (name the CA of the server in ca, or use http: the "
		       "list itself is signed)";
	case CURLE_SSL_CACERT_BADFILE:
		return " (ca must be a PEM file that this user can read)";
	case CURLE_TOO_MANY_REDIRECTS:
		return " (does the server redirect in a circle?)";
	case CURLE_UNSUPPORTED_PROTOCOL:
		return " (only http and https are followed)";
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
		return " (the server broke off)";
	case CURLE_OPERATION_TIMEDOUT:
		return " (see timeout)";
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return " (is a proxy needed? set http_proxy or https_proxy)";
	default:
		return "";
	}
}

static enum err
judge_error(struct transfer *t, CURLcode code)
{
	if (t->stopped)
		return ERR_CLOSED;
	if (t->no_memory || code == CURLE_OUT_OF_MEMORY)
		return ERR_NO_MEMORY;
	if (t->over || code == CURLE_FILESIZE_EXCEEDED)
		return refuse(t,
		    "it is larger than max_size, %zu bytes (raise it if this "
		    "is the list)",
		    t->request->max_size);
	return refuse(t, "%s%s",
	    t->error[0] != '\0' ? t->error : curl_easy_strerror(code),
	    advice(code));
}

static enum err
judge_status(struct transfer *t)
{
	bool asked =
	    t->request->etag[0] != '\0' || t->request->modified[0] != '\0';
	long status = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 304 && asked) {
		t->answer->unchanged = true;
		return OK;
	}
	if (status != 200)
		return refuse(t,
		    "the server answered with HTTP status %ld (is the URL "
		    "right?)",
		    status);
	copy_header(t->answer->etag, t->curl, "ETag");
	copy_modified(t->answer->modified, t->curl);
	return OK;
}

enum err
transfer_run(const struct transfer_request *request,
    struct transfer_answer *answer)
{
	struct transfer t = { .request = request, .answer = answer };
	struct curl_slist *headers = make_headers(request);
	enum err err = ERR_NO_MEMORY;
	CURLcode code;

	memset(answer, 0, sizeof(*answer));
	buf_init(&answer->body, request->max_size);
	t.curl = curl_easy_init();
	if (t.curl != NULL && headers != NULL && set_all(&t, headers)) {
		code = curl_easy_perform(t.curl);
		err =
		    code == CURLE_OK ? judge_status(&t) : judge_error(&t, code);
	}
	curl_easy_cleanup(t.curl);
	curl_slist_free_all(headers);
	return err;
}
