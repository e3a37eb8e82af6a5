/* SPDX-License-Identifier: ISC */
/*
 * The lock is held only while a key is looked up and copied, which takes
 * nanoseconds. Rotation needs no timer: the first use after twelve hours
 * creates the new key.
 */
#include "tls/tickets.h"

#include <openssl/cipher.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "tls/load.h"

#define ROTATE_MS (12ULL * 3600 * 1000)
#define OWN_KEYS 3 /* the current key and the two before it */
#define FILE_KEYS_MAX 64

/* A ticket is the key's name, an IV, the encrypted session and an HMAC. */
#define IV_LEN 16
#define MAC_LEN 32

struct ticket_key {
	uint8_t name[TLS_TICKET_NAME_LEN];
	uint8_t hmac[32];
	uint8_t aes[32];
	size_t len; /* of hmac and of aes: 16 or 32 */
};

struct tls_tickets {
	atomic_uint refs;
	bool own; /* generated here, so they rotate */
	pthread_mutex_t lock; /* guards all fields below */
	uint64_t rotate_at; /* monotonic ms */
	size_t count;
	size_t room;
	struct ticket_key keys[]; /* newest first; keys[0] encrypts */
};

static struct tls_tickets *
keys_new(size_t room)
{
	struct tls_tickets *t =
	    calloc(1, sizeof(*t) + room * sizeof(t->keys[0]));

	if (t == NULL)
		return NULL;
	atomic_init(&t->refs, 1);
	pthread_mutex_init(&t->lock, NULL);
	t->room = room;
	return t;
}

/* Puts a new key in front, as if made at `now', and drops the oldest. */
static void
rotate(struct tls_tickets *t, uint64_t now)
{
	struct ticket_key *k = &t->keys[0];

	if (t->count < t->room)
		t->count++;
	memmove(k + 1, k, (t->count - 1) * sizeof(*k));
	RAND_bytes(k->name, sizeof(k->name));
	RAND_bytes(k->hmac, sizeof(k->hmac));
	RAND_bytes(k->aes, sizeof(k->aes));
	k->len = 16;
	t->rotate_at = now + ROTATE_MS;
}

/* After days without any use, the keys are replaced as often as if they had
 * been used. */
static void
rotate_if_due(struct tls_tickets *t)
{
	uint64_t now = clock_mono_ms();
	size_t i;

	if (!t->own)
		return;
	for (i = 0; i < t->room && now >= t->rotate_at; i++)
		rotate(t, t->rotate_at);
	if (now >= t->rotate_at)
		t->rotate_at = now + ROTATE_MS;
}

struct tls_tickets *
tls_tickets_new(void)
{
	struct tls_tickets *t = keys_new(OWN_KEYS);

	if (t == NULL)
		return NULL;
	t->own = true;
	rotate(t, clock_mono_ms());
	return t;
}

/* Copies the keys of a file in which each secret has `half' bytes. */
static void
fill_from_file(struct tls_tickets *t, const uint8_t *data, size_t half)
{
	struct ticket_key *k;

	for (k = t->keys; t->count < t->room; k++, t->count++) {
		memcpy(k->name, data, sizeof(k->name));
		data += sizeof(k->name);
		memcpy(k->hmac, data, half);
		data += half;
		memcpy(k->aes, data, half);
		data += half;
		k->len = half;
	}
}

/* Bytes of a key of ours in a file. */
#define OWN_LEN (TLS_TICKET_NAME_LEN + 2 * 16)

_Static_assert(OWN_KEYS *OWN_LEN == TLS_TICKETS_EXPORT_MAX, "own keys");

size_t
tls_tickets_export(struct tls_tickets *t, uint8_t out[TLS_TICKETS_EXPORT_MAX],
    uint64_t *rotate_ms)
{
	uint64_t now = clock_mono_ms();
	uint8_t *at = out;
	size_t i;

	*rotate_ms = 0;
	if (!t->own)
		return 0;
	pthread_mutex_lock(&t->lock);
	for (i = 0; i < t->count; i++) {
		memcpy(at, t->keys[i].name, TLS_TICKET_NAME_LEN);
		memcpy(at + TLS_TICKET_NAME_LEN, t->keys[i].hmac, 16);
		memcpy(at + TLS_TICKET_NAME_LEN + 16, t->keys[i].aes, 16);
		at += OWN_LEN;
	}
	if (t->rotate_at > now)
		*rotate_ms = t->rotate_at - now;
	pthread_mutex_unlock(&t->lock);
	return (size_t)(at - out);
}

enum err
tls_tickets_import(struct tls_tickets *t, const uint8_t *data, size_t len,
    uint64_t rotate_ms)
{
	size_t count = len / OWN_LEN;

	if (!t->own || len % OWN_LEN != 0 || count == 0 || count > OWN_KEYS ||
	    rotate_ms > ROTATE_MS)
		return ERR_MALFORMED;
	pthread_mutex_lock(&t->lock);
	OPENSSL_cleanse(t->keys, t->room * sizeof(t->keys[0]));
	for (t->count = 0; t->count < count; t->count++) {
		memcpy(t->keys[t->count].name, data, TLS_TICKET_NAME_LEN);
		data += TLS_TICKET_NAME_LEN;
		memcpy(t->keys[t->count].hmac, data, 16);
		memcpy(t->keys[t->count].aes, data + 16, 16);
		data += 32;
		t->keys[t->count].len = 16;
	}
	t->rotate_at = clock_mono_ms() + rotate_ms;
	pthread_mutex_unlock(&t->lock);
	return OK;
}

static enum err
refuse(const struct tls_load_report *report, const char *path, const char *what)
{
	return tls_load_error(report, "ticket_keys", "%s: %s", path, what);
}

/* Warns of keys that others can read or guess: of `each' bytes, in a file of
 * `len'. */
static void
check_keys(const uint8_t *data, size_t len, size_t each,
    const struct tls_load_source *src)
{
	const uint8_t *secret;
	size_t i, key;

	tls_load_warn_if_open(src->report, src->option, src->path);
	for (key = 0; key < len / each; key++) {
		secret = data + key * each + TLS_TICKET_NAME_LEN;
		for (i = 1; i < each - TLS_TICKET_NAME_LEN; i++)
			if (secret[i] != secret[0])
				break;
		if (i == each - TLS_TICKET_NAME_LEN)
			tls_load_warning(src->report, src->option,
			    "%s: all bytes of key %zu are the same, so any "
			    "client can make tickets (try: openssl rand 80)",
			    src->path, key + 1);
	}
}

enum err
tls_tickets_load(struct tls_tickets **out, const char *path,
    const struct tls_load_report *report)
{
	const struct tls_load_source src = { path, "ticket_keys", NULL,
		report };
	uint8_t *data;
	size_t len, each;
	enum err err;

	*out = NULL;
	err = file_read(&data, &len, path, FILE_KEYS_MAX * 80);
	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK)
		return refuse(report, path, tls_load_text(err, "it is empty"));
	/* 240 bytes can be three keys of 80 or five of 48. We recommend keys
	 * of 80 bytes, so three are assumed. */
	each = len % 80 == 0 ? 80 : 48;
	if (len == 0 || len % each != 0) {
		file_wipe(data, len);
		return refuse(report, path,
		    "its length is no multiple of 80 or 48 bytes "
		    "(try: openssl rand 80)");
	}
	check_keys(data, len, each, &src);
	*out = keys_new(len / each);
	if (*out != NULL)
		fill_from_file(*out, data, (each - TLS_TICKET_NAME_LEN) / 2);
	file_wipe(data, len);
	return *out == NULL ? ERR_NO_MEMORY : OK;
}

struct tls_tickets *
tls_tickets_get(struct tls_tickets *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void
tls_tickets_put(struct tls_tickets *t)
{
	if (t == NULL ||
	    atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t, sizeof(*t) + t->room * sizeof(t->keys[0]));
	free(t);
}

/* Copies the key that encrypts. */
static void
copy_first(struct tls_tickets *t, struct ticket_key *out)
{
	pthread_mutex_lock(&t->lock);
	rotate_if_due(t);
	*out = t->keys[0];
	pthread_mutex_unlock(&t->lock);
}

/* Copies the key called `name' and tells in *first whether it is the one that
 * encrypts. Returns false if the key is unknown or too old. */
static bool
copy_named(struct tls_tickets *t, const uint8_t *name, struct ticket_key *out,
    bool *first)
{
	bool found = false;
	size_t i;

	pthread_mutex_lock(&t->lock);
	rotate_if_due(t);
	for (i = 0; i < t->count && !found; i++) {
		found = memcmp(t->keys[i].name, name, TLS_TICKET_NAME_LEN) == 0;
		if (found)
			*out = t->keys[i];
		*first = i == 0;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

static const EVP_CIPHER *
cipher_of(const struct ticket_key *k)
{
	return k->len == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
}

static int
seal(struct tls_tickets *t, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher,
    HMAC_CTX *hmac)
{
	struct ticket_key k;
	int ok;

	copy_first(t, &k);
	memcpy(name, k.name, TLS_TICKET_NAME_LEN);
	RAND_bytes(iv, 16);
	ok = EVP_EncryptInit_ex(cipher, cipher_of(&k), NULL, k.aes, iv) &&
	    HMAC_Init_ex(hmac, k.hmac, k.len, EVP_sha256(), NULL);
	OPENSSL_cleanse(&k, sizeof(k));
	return ok ? 1 : -1;
}

static int
open_sealed(struct tls_tickets *t, const uint8_t *name, const uint8_t *iv,
    EVP_CIPHER_CTX *cipher, HMAC_CTX *hmac)
{
	struct ticket_key k;
	bool first;
	int ok;

	if (!copy_named(t, name, &k, &first))
		return 0;
	ok = EVP_DecryptInit_ex(cipher, cipher_of(&k), NULL, k.aes, iv) &&
	    HMAC_Init_ex(hmac, k.hmac, k.len, EVP_sha256(), NULL);
	OPENSSL_cleanse(&k, sizeof(k));
	if (!ok)
		return -1;
	return first ? 1 : 2; /* 2: send a ticket under the new key */
}

int
tls_tickets_key(struct tls_tickets *t, uint8_t *name, uint8_t *iv,
    EVP_CIPHER_CTX *cipher, HMAC_CTX *hmac, int encrypt)
{
	return encrypt ? seal(t, name, iv, cipher, hmac)
		       : open_sealed(t, name, iv, cipher, hmac);
}

/* Decrypts `len' bytes at `in' to `out', which has room for them. Returns the
 * length of the plaintext, or -1. */
static int
decrypt(EVP_CIPHER_CTX *cipher, uint8_t *out, const uint8_t *in, int len)
{
	int first, last;

	if (!EVP_DecryptUpdate(cipher, out, &first, in, len) ||
	    !EVP_DecryptFinal_ex(cipher, out + first, &last))
		return -1;
	return first + last;
}

/* Checks the HMAC at the end of a ticket, over all before it. */
static bool
is_genuine(HMAC_CTX *hmac, struct slice ticket)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	size_t covered = ticket.len - MAC_LEN;
	unsigned len;

	return HMAC_Update(hmac, ticket.data, covered) &&
	    HMAC_Final(hmac, mac, &len) && len == MAC_LEN &&
	    CRYPTO_memcmp(mac, ticket.data + covered, MAC_LEN) == 0;
}

enum err
tls_tickets_open(struct tls_tickets *t, struct slice ticket, uint8_t **data,
    size_t *len)
{
	uint8_t name[TLS_TICKET_NAME_LEN], iv[IV_LEN];
	size_t head = sizeof(name) + sizeof(iv), body;
	EVP_CIPHER_CTX cipher;
	enum err err = ERR_MALFORMED;
	HMAC_CTX hmac;
	int n = -1;

	*data = NULL;
	if (ticket.len <= head + MAC_LEN || ticket.len > UINT16_MAX)
		return ERR_MALFORMED;
	body = ticket.len - head - MAC_LEN;
	memcpy(name, ticket.data, sizeof(name));
	memcpy(iv, ticket.data + sizeof(name), sizeof(iv));
	EVP_CIPHER_CTX_init(&cipher);
	HMAC_CTX_init(&hmac);
	if (tls_tickets_key(t, name, iv, &cipher, &hmac, 0) <= 0) {
		err = ERR_NOT_FOUND;
	} else if (is_genuine(&hmac, ticket)) {
		*data = malloc(body);
		if (*data == NULL)
			err = ERR_NO_MEMORY;
		else
			n = decrypt(&cipher, *data, ticket.data + head,
			    (int)body);
	}
	EVP_CIPHER_CTX_cleanup(&cipher);
	HMAC_CTX_cleanup(&hmac);
	if (n >= 0) {
		*len = (size_t)n;
		return OK;
	}
	free(*data);
	*data = NULL;
	return err;
}
