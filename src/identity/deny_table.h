/*
 * The entries of a deny list: filled once, indexed once, then only read. An
 * entry costs 24 bytes, 11 in the index, and its key; equal reasons are kept
 * once. Knows nothing of what the kinds mean.
 *
 *   bytes    ...key...reason...key...key...      one run, grown while filling
 *   entries  { until, key at, reason at, kind }  in the file's order
 *   slots    { tag, entry }                      hashed, three quarters full
 */
#ifndef IDENTITY_DENY_TABLE_H
#define IDENTITY_DENY_TABLE_H

#include "base/err.h"
#include "base/hash.h"
#include "identity/deny_key.h"

#define IDENTITY_DENY_RECENT 64

struct identity_deny_entry {
	int64_t until;
	uint32_t key; /* offset into bytes */
	uint32_t reason;
	uint16_t key_len;
	uint16_t reason_len;
	uint8_t kind; /* enum identity_deny_kind */
};

struct identity_deny_slot {
	uint32_t tag; /* half of the hash, so that a miss reads no entry */
	uint32_t entry; /* index + 1; 0: free */
};

struct identity_deny_table {
	uint8_t *bytes; /* owned */
	size_t bytes_len;
	size_t bytes_cap;
	struct identity_deny_entry *entries; /* owned */
	size_t count;
	size_t cap;
	struct identity_deny_slot *slots; /* owned; NULL until indexed */
	size_t slot_count;
	size_t longest[IDENTITY_DENY_COUNT]; /* key of each kind; 0: none */
	struct hash_key hash;
	/* While filling: reasons seen lately, as index + 1 of an entry. */
	uint32_t recent[IDENTITY_DENY_RECENT];
};

/* Makes `t' empty. */
void identity_deny_table_init(struct identity_deny_table *t);

/* Frees what it owns; a zeroed one is fine. */
void identity_deny_table_fini(struct identity_deny_table *t);

/* Adds an entry; before indexing. `key' has at most 65,535 bytes, `reason'
 * too. ERR_NO_MEMORY; ERR_LIMIT over 4 GiB. */
enum err identity_deny_table_add(struct identity_deny_table *t,
    enum identity_deny_kind kind, struct slice key, struct slice reason,
    int64_t until) MUST_CHECK;

/* Builds the index, leaves of equal entries the longest lasting one, and
 * gives spare memory back. ERR_NO_MEMORY. Once. */
enum err identity_deny_table_index(struct identity_deny_table *t) MUST_CHECK;

/* The entry with this key, expired or not; NULL: none. */
const struct identity_deny_entry *identity_deny_table_find(
    const struct identity_deny_table *t, enum identity_deny_kind kind,
    struct slice key);

/* An entry's key and reason; they live as long as the table. */
struct slice identity_deny_table_key(const struct identity_deny_table *t,
    const struct identity_deny_entry *e);
struct slice identity_deny_table_reason(const struct identity_deny_table *t,
    const struct identity_deny_entry *e);

/* Bytes of memory it takes. */
size_t identity_deny_table_size(const struct identity_deny_table *t);

#endif
