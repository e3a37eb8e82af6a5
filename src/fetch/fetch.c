/* SPDX-License-Identifier: ISC */
#include "fetch/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"
#include "fetch/list_file.h"
#include "fetch/transfer.h"

/* The same as the daemon's limit for a file of lists. */
#define FILE_MAX (512u * 1024 * 1024)

/* One list being fetched. */
struct fetching {
	const struct plan_source *source;
	fetch_stop *stop;
	void *arg;
	struct fetch_result *out;
	uint8_t *data; /* owned: the file in place; NULL: none */
	size_t len;
	struct list_file_origin origin; /* of it */
	const char *url; /* being asked */
	char shown[PLAN_URL_MAX]; /* the same without secrets */
};

static const char *
name_of(const struct fetching *f)
{
	return config_name(&f->source->section->head);
}

/* Logs that something went wrong. */
static void
complain(const struct fetching *f, enum log_level level, const char *event,
    const char *why)
{
	log_event(level, event, "[fetch %s] %s%s%s: %s", name_of(f),
	    f->source->path, f->url == NULL ? "" : ": ",
	    f->url == NULL ? "" : f->shown, why);
}

static void
raise_outcome(struct fetching *f, enum fetch_outcome outcome)
{
	if (f->out->outcome < outcome)
		f->out->outcome = outcome;
}

/* Reads the file in place. One that does not exist is empty. */
static enum err
read_in_place(struct fetching *f)
{
	enum err err;

	free(f->data);
	err = file_read(&f->data, &f->len, f->source->path, FILE_MAX);
	if (err == ERR_SYSTEM && errno == ENOENT)
		err = OK;
	if (err != OK && err != ERR_NO_MEMORY) {
		complain(f, LOG_LEVEL_ERROR, "fetch_unwritten",
		    file_error(err));
		raise_outcome(f, FETCH_UNWRITTEN);
		err = ERR_SYSTEM;
	}
	if (err != OK)
		return err;
	list_file_read(&f->origin, slice_make(f->data, f->len));
	return crl_download_sum_up(&f->out->summary,
	    slice_make(f->data, f->len), &f->source->signers, clock_wall_s());
}

/* Writes a list that was found good. */
static enum err
put(struct fetching *f, const struct transfer_answer *answer, struct slice pem)
{
	struct list_file_origin origin = { .url = hash_fnv(HASH_FNV_BEGIN,
					       slice_str(f->url)) };
	struct list_file_content content = { f->shown, &origin, pem };
	char why[LIST_FILE_WHY_MAX];
	enum err err;

	memcpy(origin.etag, answer->etag, sizeof(origin.etag));
	memcpy(origin.modified, answer->modified, sizeof(origin.modified));
	err = list_file_write(f->source->path, &content, &f->source->signers,
	    why);
	if (err == OK)
		f->out->outcome = FETCH_NEW;
	else if (err == ERR_REFUSED) {
		complain(f, LOG_LEVEL_ERROR, "fetch_refused", why);
		raise_outcome(f, FETCH_REFUSED);
	} else if (err == ERR_SYSTEM) {
		complain(f, LOG_LEVEL_ERROR, "fetch_unwritten", why);
		raise_outcome(f, FETCH_UNWRITTEN);
	}
	return err;
}

/* Judges the download and puts it in place. OK: done. */
static enum err
take(struct fetching *f, const struct transfer_answer *answer)
{
	struct crl_download download = { buf_slice(&answer->body),
		slice_make(f->data, f->len), f->source->signers,
		clock_wall_s() };
	char why[CRL_DOWNLOAD_WHY_MAX];
	struct buf pem;
	enum err err;

	if (answer->unchanged) {
		f->out->outcome = FETCH_UNCHANGED;
		return OK;
	}
	f->out->bytes = buf_len(&answer->body);
	buf_init(&pem, 0);
	err = crl_download_check(&download, &pem, why);
	if (err == OK)
		err = put(f, answer, buf_slice(&pem));
	else if (err == ERR_EXISTS) {
		f->out->outcome = FETCH_UNCHANGED;
		err = OK;
	} else if (err == ERR_REFUSED) {
		complain(f, LOG_LEVEL_ERROR, "fetch_refused", why);
		raise_outcome(f, FETCH_REFUSED);
	}
	buf_fini(&pem);
	return err;
}

/* Downloads from one server. OK: the file has the list of this server. */
static enum err
try_server(struct fetching *f, const char *url)
{
	const struct config_fetch *section = f->source->section;
	bool known = f->out->summary.lists > 0 &&
	    f->origin.url == hash_fnv(HASH_FNV_BEGIN, slice_str(url));
	struct transfer_request request = { url, section->ca, section->max_size,
		section->timeout, known ? f->origin.etag : "",
		known ? f->origin.modified : "", f->stop, f->arg };
	struct transfer_answer answer;
	enum err err;

	f->url = url;
	plan_show_url(f->shown, url);
	err = transfer_run(&request, &answer);
	if (err == OK)
		err = take(f, &answer);
	else if (err == ERR_REFUSED) {
		complain(f, LOG_LEVEL_WARN, "fetch_failed", answer.why);
		raise_outcome(f, FETCH_FAILED);
	} else if (err == ERR_CLOSED)
		raise_outcome(f, FETCH_STOPPED);
	transfer_answer_fini(&answer);
	return err;
}

/* Tries the servers in their order, until one has a good list. */
static enum err
try_servers(struct fetching *f)
{
	enum err err = ERR_REFUSED;
	size_t i;

	f->out->outcome = FETCH_NEW;
	for (i = 0; i < f->source->url_count && err == ERR_REFUSED; i++)
		err = try_server(f, f->source->urls[i]);
	return err;
}

static void
log_good(const struct fetching *f)
{
	const struct crl_summary *s = &f->out->summary;
	char when[TIME_TEXT_MAX] = "none";
	struct log_line l;

	if (s->next_update != INT64_MAX)
		time_write(s->next_update, when);
	log_begin(&l, LOG_LEVEL_INFO,
	    f->out->outcome == FETCH_NEW ? "fetch_new" : "fetch_unchanged");
	log_str(&l, "fetch", name_of(f));
	log_str(&l, "file", f->source->path);
	log_str(&l, "url", f->shown);
	log_str(&l, "number", s->number);
	log_u64(&l, "revoked", s->revoked);
	log_str(&l, "next_update", when);
	log_seconds(&l, "took", f->out->took);
	log_end(&l);
}

/* Says what is in place at the end. */
static void
conclude(struct fetching *f)
{
	f->out->in_force = f->out->summary.lists > 0;
	if (f->out->outcome <= FETCH_UNCHANGED && f->out->in_force)
		log_good(f);
	if (f->out->in_force || f->out->outcome == FETCH_STOPPED)
		return;
	f->url = NULL;
	complain(f, LOG_LEVEL_ERROR, "fetch_outdated",
	    "it holds no list in force: with crl_policy = hard the devices of "
	    "its CA are refused");
}

enum err
fetch_run(const struct plan_source *source, fetch_stop *stop, void *arg,
    struct fetch_result *out)
{
	struct fetching f = { .source = source,
		.stop = stop,
		.arg = arg,
		.out = out };
	uint64_t begin = clock_mono_ms();
	char why[LIST_FILE_WHY_MAX];
	enum err err;

	memset(out, 0, sizeof(*out));
	err = read_in_place(&f);
	if (err == OK && list_file_check(source->path, why) != OK) {
		complain(&f, LOG_LEVEL_ERROR, "fetch_unwritten", why);
		raise_outcome(&f, FETCH_UNWRITTEN);
	} else if (err == OK) {
		err = try_servers(&f);
		if (err != ERR_NO_MEMORY)
			err = read_in_place(&f);
	}
	out->took = clock_mono_ms() - begin;
	if (err != ERR_NO_MEMORY)
		conclude(&f);
	free(f.data);
	return err == ERR_NO_MEMORY ? err : OK;
}
