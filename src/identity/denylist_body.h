/*
 * The inside of a deny list, for identity/denylist_load and identity/denylist
 * only: one makes it, the other asks it.
 */
#ifndef IDENTITY_DENYLIST_BODY_H
#define IDENTITY_DENYLIST_BODY_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "identity/deny_regex.h"
#include "identity/deny_table.h"
#include "identity/denylist.h"

struct identity_deny_pattern {
	struct identity_deny_regex *regex; /* owned */
	const struct identity_deny_entry *entry; /* in the table */
};

/* Prefix lengths that some network of one family has. */
struct identity_deny_lengths {
	uint8_t bits[129];
	size_t count;
};

struct identity_denylist {
	atomic_uint refs;
	uint64_t digest; /* of the file's bytes */
	struct stat look; /* the file's; loaders only */
	bool settled; /* ... and a change since would show; loaders only */
	bool serial_with_issuer; /* some serial names its issuer */
	struct identity_deny_table table;
	struct identity_deny_pattern *patterns; /* owned */
	size_t pattern_count;
	struct identity_deny_lengths v4;
	struct identity_deny_lengths v6;
};

#endif
