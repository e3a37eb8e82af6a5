/*
 * The deny list: who is kept out, by name, address or certificate, and until
 * when. A CSV file whose vocabulary is EMQX's, with kinds for certificates
 * added, becomes one frozen, counted table that any thread may ask.
 *
 * An entry denies while now < until. Asking costs one hash look-up a kind
 * that the list has at all; networks one for each prefix length in use; the
 * regular expressions are tried one by one, each bounded.
 */
#ifndef IDENTITY_DENYLIST_H
#define IDENTITY_DENYLIST_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/report.h"
#include "domain/cert.h"
#include "identity/deny_reader.h"

/* An entry, shown. It may point into itself: do not copy or move it. */
struct identity_deny {
	enum identity_deny_kind kind;
	struct slice who; /* in its normal form */
	struct slice reason; /* may be empty, or say that an expression gave
			      * no verdict within its bounds */
	int64_t until; /* seconds since 1970, or IDENTITY_DENY_FOREVER */
	char text[IDENTITY_DENY_TEXT_MAX]; /* `who', unless it is a name */
};

struct identity_denylist;

/*
 * Reads the list at `path'. ERR_CONFIG: `r' has one complaint for each bad
 * row, "FILE:LINE: ..." (from the 1,001st on only their number), and nothing
 * is loaded. ERR_SYSTEM: cannot be read; `r' says so. ERR_NO_MEMORY. *out is
 * NULL on error, else counted once. Where the bytes are those of `previous'
 * (may be NULL), *out is that very list, counted once more; where the file was
 * not touched since, it is not even read. One thread loads.
 *
 * The first line names the columns: `as' and `who' must be there, `reason'
 * and `until' may, others (EMQX: by, at) are not looked at. `until' is
 * RFC 3339, seconds since 1970, or empty or "infinity". Fields may be quoted
 * as RFC 4180 says. Of several rows with the same `as' and `who' the longest
 * lasting one holds.
 */
enum err identity_denylist_load(struct identity_denylist **out,
    const char *path, struct identity_denylist *previous,
    struct report *r) MUST_CHECK;

/* The same for a file's bytes; `name' is what complaints call it. */
enum err identity_denylist_parse(struct identity_denylist **out,
    struct slice text, const char *name, struct report *r) MUST_CHECK;

/* Takes a count more and returns `l'. Any thread. */
struct identity_denylist *identity_denylist_get(struct identity_denylist *l);

/* Gives a count back; the last one frees. Any thread; NULL is fine. */
void identity_denylist_put(struct identity_denylist *l);

/*
 * The questions, each for the stage that first knows the answer. True: the
 * client is denied at time `now' (seconds since 1970) and `found' says by
 * which entry; its slices live as long as `l' and `found'. A NULL list denies
 * nobody.
 */

/* By address; at accept, and again after a PROXY header. Unix peers never. */
bool identity_denylist_match_peer(const struct identity_denylist *l,
    const struct sockaddr_storage *peer, int64_t now,
    struct identity_deny *found);

/* By certificate, leaf only: cn, serial, sha256, spki, san. */
bool identity_denylist_match_cert(const struct identity_denylist *l,
    const struct cert *cert, int64_t now, struct identity_deny *found);

/* By the final names. An empty one is not looked up. */
bool identity_denylist_match_names(const struct identity_denylist *l,
    struct slice username, struct slice client_id, int64_t now,
    struct identity_deny *found);

/* How many entries, expired ones too. 0 for NULL. */
size_t identity_denylist_count(const struct identity_denylist *l);

/* Bytes of memory it takes. */
size_t identity_denylist_size(const struct identity_denylist *l);

/* Shows entry `index' < identity_denylist_count(), in the file's order. */
void identity_denylist_show(const struct identity_denylist *l, size_t index,
    struct identity_deny *out);

#endif
