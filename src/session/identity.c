#include "session/identity.h"

#include <stdlib.h>

#include "base/log.h"

/* Bytes to keep of a claimed name: one more than is logged, so that the log
 * sees that it was cut, and none where the client became what it claimed. */
static size_t
claim_len(struct slice claimed, struct slice final)
{
	if (slice_equal(claimed, final))
		return 0;
	return claimed.len > LOG_VALUE_MAX ? LOG_VALUE_MAX + 1 : claimed.len;
}

/* Copies `len' bytes of a name behind what is in w->text already. */
static struct slice
keep(struct session_identity *w, size_t *used, struct slice name, size_t len)
{
	struct slice kept = slice_make(w->text + *used, len);

	if (len > 0)
		memcpy(w->text + *used, name.data, len);
	*used += len;
	return kept;
}

static struct slice
keep_claim(struct session_identity *w, size_t *used, struct slice claimed,
    struct slice final)
{
	if (slice_equal(claimed, final))
		return final;
	return keep(w, used, claimed, claim_len(claimed, final));
}

struct session_identity *
session_identity_new(struct identity_rules *rules, const struct cert *cert,
    const struct mqtt_connect *c, const struct identity_verdict *v)
{
	size_t size = v->username.len + v->client_id.len +
	    claim_len(c->username, v->username) +
	    claim_len(c->client_id, v->client_id);
	struct session_identity *w = malloc(sizeof(*w) + size);
	size_t used = 0;

	if (w == NULL)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->rules = identity_rules_get(rules);
	w->not_after = INT64_MAX;
	if (cert != NULL) {
		memcpy(w->sha256, cert->sha256, CERT_SHA256_LEN);
		w->not_after = cert->chain_not_after;
		w->has_certificate = true;
	}
	w->username = keep(w, &used, v->username, v->username.len);
	w->client_id = keep(w, &used, v->client_id, v->client_id.len);
	if (c->has_username)
		w->claimed_username =
		    keep_claim(w, &used, c->username, w->username);
	if (c->client_id.len > 0)
		w->claimed_id =
		    keep_claim(w, &used, c->client_id, w->client_id);
	return w;
}

void
session_identity_free(struct session_identity *w)
{
	if (w == NULL)
		return;
	identity_rules_put(w->rules);
	free(w);
}
