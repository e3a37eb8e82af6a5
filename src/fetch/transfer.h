/* SPDX-License-Identifier: ISC */
/*
 * One download by HTTP or HTTPS: the only wrapper over libcurl. Size, time and
 * redirects are bounded; the content is not examined. Proxies are taken from
 * libcurl's environment variables (http_proxy, https_proxy, no_proxy).
 */
#ifndef FETCH_TRANSFER_H
#define FETCH_TRANSFER_H

#include "base/buf.h"
#include "base/err.h"

#define TRANSFER_WHY_MAX 512

/* The longest ETag and Last-Modified that are kept. */
#define TRANSFER_TAG_MAX 200

struct transfer_request {
	const char *url;
	const char *ca; /* PEM file of the CAs of https servers; "": system */
	size_t max_size; /* bytes */
	uint64_t timeout; /* milliseconds */
	/* What the list in place came with; "": ask for it in any case. */
	const char *etag;
	const char *modified;
	/* Asked during the download; true ends it. */
	bool (*stop)(void *arg);
	void *arg;
};

struct transfer_answer {
	struct buf body;
	bool unchanged; /* the server says so; there is no body */
	char etag[TRANSFER_TAG_MAX]; /* "": none */
	char modified[TRANSFER_TAG_MAX];
	char why[TRANSFER_WHY_MAX]; /* after ERR_REFUSED: why, with advice */
};

/* Prepares libcurl; once, before any other call and any thread. */
enum err transfer_init(void) MUST_CHECK;

/* Frees what transfer_init() took. */
void transfer_fini(void);

/* Runs a download. OK; ERR_REFUSED with answer->why; ERR_CLOSED: stop() said
 * so; ERR_NO_MEMORY. Call transfer_answer_fini() in each case. */
enum err transfer_run(const struct transfer_request *request,
    struct transfer_answer *answer) MUST_CHECK;

/* Frees the body. */
void transfer_answer_fini(struct transfer_answer *answer);

#endif
