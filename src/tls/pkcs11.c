/* SPDX-License-Identifier: ISC */
/*
 * p11-kit loads the modules and reads the URIs. A URI with module-path has just
 * that module loaded; another one is looked for in all modules that are
 * registered with p11-kit.
 *
 * A login is valid for all sessions of the process with that token (PKCS#11,
 * 5.6), so the second session of a token finds that it is logged in already.
 */
#include "tls/pkcs11.h"

#include <openssl/bn.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "config/key_uri.h"

#define PIN_FILE_MAX 1024
#define MODULES_MAX 64
#define SLOTS_MAX 256

/* Wrong PINs that are remembered, so that they are not tried again. */
#define WRONG_PINS_MAX 16

struct tls_pkcs11 {
	char *text; /* owned: the URI */
	P11KitUri *uri; /* owned */
	EVP_PKEY *public; /* counted */
	CK_FUNCTION_LIST *modules[MODULES_MAX + 1]; /* NULL ends the list */
};

struct tls_pkcs11_session {
	const struct tls_pkcs11 *owner; /* borrowed */
	CK_FUNCTION_LIST *module;
	CK_SESSION_HANDLE handle;
	CK_OBJECT_HANDLE key;
	bool pin_each_time; /* the PIN is needed for each signature */
};

/* State that lasts as long as the process: modules that were loaded by their
 * path, those that are registered, and wrong PINs. */
static struct {
	pthread_mutex_t lock;
	CK_FUNCTION_LIST *modules[MODULES_MAX];
	char *paths[MODULES_MAX];
	size_t count;
	CK_FUNCTION_LIST **registered; /* NULL: not asked for yet */
	uint8_t wrong_pins[WRONG_PINS_MAX][SHA256_DIGEST_LENGTH];
	size_t wrong_pin_count;
} process = { .lock = PTHREAD_MUTEX_INITIALIZER };

static enum err set_why(enum err err, char why[TLS_PKCS11_WHY_MAX],
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static enum err
set_why(enum err err, char why[TLS_PKCS11_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, TLS_PKCS11_WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

/* Reports that a call of the module has failed. */
static enum err
call_failed(enum err err, char why[TLS_PKCS11_WHY_MAX], const char *call,
    CK_RV rv)
{
	return set_why(err, why, "%s: %s (0x%lx)", call, p11_kit_strerror(rv),
	    rv);
}

/*
 * Modules.
 */

/* Loads the module at `path' unless that was done before. With the lock. */
static enum err
load_module(CK_FUNCTION_LIST **out, const char *path,
    char why[TLS_PKCS11_WHY_MAX])
{
	CK_FUNCTION_LIST *module;
	size_t i;
	CK_RV rv;

	for (i = 0; i < process.count; i++)
		if (strcmp(process.paths[i], path) == 0) {
			*out = process.modules[i];
			return OK;
		}
	if (process.count == MODULES_MAX)
		return set_why(ERR_CONFIG, why, "too many modules");
	module = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
	if (module == NULL)
		return set_why(ERR_CONFIG, why,
		    "cannot load the module %s (after the start no module can "
		    "be loaded: restart)",
		    path);
	rv = p11_kit_module_initialize(module);
	if (rv != CKR_OK) {
		p11_kit_module_release(module);
		return call_failed(ERR_CONFIG, why, "C_Initialize", rv);
	}
	process.paths[process.count] = strdup(path);
	if (process.paths[process.count] == NULL)
		return ERR_NO_MEMORY; /* the module stays */
	process.modules[process.count++] = module;
	*out = module;
	return OK;
}

/* Finds the modules in which the key may be. With the lock. */
static enum err
find_modules(struct tls_pkcs11 *p, char why[TLS_PKCS11_WHY_MAX])
{
	const char *path = p11_kit_uri_get_module_path(p->uri);
	const char *name = p11_kit_uri_get_module_name(p->uri);
	CK_FUNCTION_LIST **m;
	size_t count = 0;
	char *own;

	if (path != NULL && path[0] == '/')
		return load_module(&p->modules[0], path, why);
	if (path != NULL)
		return set_why(ERR_CONFIG, why,
		    "its module-path is not an absolute path");
	if (process.registered == NULL)
		process.registered = p11_kit_modules_load_and_initialize(0);
	m = process.registered;
	for (; m != NULL && *m != NULL && count < MODULES_MAX; m++) {
		own = p11_kit_module_get_name(*m);
		if (name == NULL || (own != NULL && strcmp(own, name) == 0))
			p->modules[count++] = *m;
		free(own);
	}
	if (count > 0)
		return OK;
	return set_why(ERR_CONFIG, why,
	    "p11-kit knows no such module (write module-path=/PATH behind the "
	    "? of the URI)");
}

void
tls_pkcs11_finish(void)
{
	size_t i;

	pthread_mutex_lock(&process.lock);
	for (i = 0; i < process.count; i++) {
		(void)p11_kit_module_finalize(process.modules[i]);
		p11_kit_module_release(process.modules[i]);
		free(process.paths[i]);
	}
	process.count = 0;
	if (process.registered != NULL)
		p11_kit_modules_finalize_and_release(process.registered);
	process.registered = NULL;
	pthread_mutex_unlock(&process.lock);
}

/*
 * Keys.
 */

void
tls_pkcs11_free(struct tls_pkcs11 *p)
{
	if (p == NULL)
		return;
	free(p->text);
	if (p->uri != NULL)
		p11_kit_uri_free(p->uri);
	EVP_PKEY_free(p->public);
	free(p);
}

static enum err
read_uri(struct tls_pkcs11 *p, char why[TLS_PKCS11_WHY_MAX])
{
	const char *fault = config_key_uri_fault(p->text);
	int result;

	if (fault != NULL)
		return set_why(ERR_CONFIG, why, "%s", fault);
	result = p11_kit_uri_parse(p->text, P11_KIT_URI_FOR_ANY, p->uri);
	if (result == P11_KIT_URI_NO_MEMORY)
		return ERR_NO_MEMORY;
	if (result != P11_KIT_URI_OK)
		return set_why(ERR_CONFIG, why, "it is not valid: %s",
		    p11_kit_uri_message(result));
	if (p11_kit_uri_any_unrecognized(p->uri))
		return set_why(ERR_CONFIG, why,
		    "it has an attribute that is not known");
	return OK;
}

enum err
tls_pkcs11_new(struct tls_pkcs11 **out, const char *uri, EVP_PKEY *public,
    char why[TLS_PKCS11_WHY_MAX])
{
	struct tls_pkcs11 *p = calloc(1, sizeof(*p));
	int type = EVP_PKEY_id(public);
	enum err err = ERR_NO_MEMORY;

	*out = NULL;
	why[0] = '\0';
	if (p == NULL)
		return ERR_NO_MEMORY;
	p->text = strdup(uri);
	p->uri = p11_kit_uri_new();
	EVP_PKEY_up_ref(public);
	p->public = public;
	if (p->text != NULL && p->uri != NULL)
		err = read_uri(p, why);
	if (err == OK && type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
		err = set_why(ERR_CONFIG, why,
		    "the certificate's key is neither RSA nor EC, which are "
		    "the kinds that can be in a token");
	if (err == OK) {
		pthread_mutex_lock(&process.lock);
		err = find_modules(p, why);
		pthread_mutex_unlock(&process.lock);
	}
	if (err != OK) {
		tls_pkcs11_free(p);
		return err;
	}
	*out = p;
	return OK;
}

/*
 * The PIN.
 */

struct pin {
	uint8_t *data; /* owned; NULL: none */
	size_t len;
	char from[CONFIG_PIN_MAX]; /* for messages */
};

/* Reads the PIN that the URI points to, without the end of its line. */
static enum err
read_pin(struct pin *pin, const struct tls_pkcs11 *p,
    char why[TLS_PKCS11_WHY_MAX])
{
	struct config_pin source;
	const char *fault = config_key_uri_pin(p->text, &source);
	const char *value;
	enum err err;

	memset(pin, 0, sizeof(*pin));
	if (fault != NULL)
		return set_why(ERR_CLOSED, why, "%s", fault);
	if (source.kind == CONFIG_PIN_NONE)
		return OK;
	snprintf(pin->from, sizeof(pin->from), "%s", source.name);
	if (source.kind == CONFIG_PIN_ENV) {
		value = getenv(source.name);
		if (value == NULL)
			return set_why(ERR_CLOSED, why,
			    "the variable %.64s with the PIN is not set",
			    source.name);
		pin->data = (uint8_t *)strdup(value);
		pin->len = strlen(value);
		return pin->data == NULL ? ERR_NO_MEMORY : OK;
	}
	err = file_read(&pin->data, &pin->len, source.name, PIN_FILE_MAX);
	if (err != OK)
		return set_why(ERR_CLOSED, why, "cannot read the PIN: %s: %s",
		    source.name, file_error(err));
	while (pin->len > 0 &&
	    (pin->data[pin->len - 1] == '\n' ||
		pin->data[pin->len - 1] == '\r'))
		pin->len--;
	return OK;
}

/* Identifies a token and a PIN. */
static void
hash_pin(uint8_t out[SHA256_DIGEST_LENGTH], const CK_TOKEN_INFO *token,
    const struct pin *pin)
{
	SHA256_CTX sha;

	SHA256_Init(&sha);
	SHA256_Update(&sha, token->serialNumber, sizeof(token->serialNumber));
	SHA256_Update(&sha, token->label, sizeof(token->label));
	SHA256_Update(&sha, pin->data, pin->len);
	SHA256_Final(out, &sha);
}

static bool
is_wrong_pin(const uint8_t hash[SHA256_DIGEST_LENGTH])
{
	bool found = false;
	size_t i;

	pthread_mutex_lock(&process.lock);
	for (i = 0; i < process.wrong_pin_count && i < WRONG_PINS_MAX; i++)
		found = found ||
		    memcmp(process.wrong_pins[i], hash, SHA256_DIGEST_LENGTH) ==
			0;
	pthread_mutex_unlock(&process.lock);
	return found;
}

static void
remember_wrong_pin(const uint8_t hash[SHA256_DIGEST_LENGTH])
{
	pthread_mutex_lock(&process.lock);
	memcpy(process.wrong_pins[process.wrong_pin_count++ % WRONG_PINS_MAX],
	    hash, SHA256_DIGEST_LENGTH);
	pthread_mutex_unlock(&process.lock);
}

/* Returns why the token should not be asked with this PIN, or NULL. */
static const char *
login_fault(const CK_TOKEN_INFO *token, const struct pin *pin,
    const uint8_t hash[SHA256_DIGEST_LENGTH])
{
	if ((token->flags & CKF_USER_PIN_LOCKED) != 0)
		return "the token is locked after wrong PINs";
	if (pin->data == NULL &&
	    (token->flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0)
		return "the token asks for a PIN (write pin-source=file:/PATH "
		       "behind the ? of the URI)";
	if (is_wrong_pin(hash))
		return "the PIN was wrong before; it is not tried again until "
		       "it changes, so that the token is not locked";
	if ((token->flags & CKF_USER_PIN_FINAL_TRY) != 0)
		return "one more wrong PIN would lock the token, so none is "
		       "tried (log in once by another program)";
	return NULL;
}

static enum err
login_with(const struct tls_pkcs11_session *s, const CK_TOKEN_INFO *token,
    const struct pin *pin, char why[TLS_PKCS11_WHY_MAX])
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	const char *fault;
	CK_RV rv;

	hash_pin(hash, token, pin);
	fault = login_fault(token, pin, hash);
	if (fault != NULL)
		return set_why(ERR_CLOSED, why, "%s", fault);
	rv = s->module->C_Login(s->handle, CKU_USER, pin->data, pin->len);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return OK;
	if (rv != CKR_PIN_INCORRECT && rv != CKR_PIN_INVALID &&
	    rv != CKR_PIN_LEN_RANGE)
		return call_failed(ERR_CLOSED, why, "C_Login", rv);
	remember_wrong_pin(hash);
	return set_why(ERR_CLOSED, why, "the PIN of %.128s is wrong",
	    pin->from);
}

/* Logs in if the token asks for it and no other session has done so. */
static enum err
login(const struct tls_pkcs11_session *s, const CK_TOKEN_INFO *token,
    char why[TLS_PKCS11_WHY_MAX])
{
	CK_SESSION_INFO info;
	struct pin pin;
	enum err err;

	if ((token->flags & CKF_LOGIN_REQUIRED) == 0)
		return OK;
	if (s->module->C_GetSessionInfo(s->handle, &info) == CKR_OK &&
	    (info.state == CKS_RO_USER_FUNCTIONS ||
		info.state == CKS_RW_USER_FUNCTIONS))
		return OK;
	err = read_pin(&pin, s->owner, why);
	if (err == OK)
		err = login_with(s, token, &pin, why);
	file_wipe(pin.data, pin.len);
	return err;
}

/*
 * Sessions.
 */

/* Returns true if the URI means this token. */
static bool
is_token(const struct tls_pkcs11 *p, CK_FUNCTION_LIST *module, CK_SLOT_ID id,
    CK_TOKEN_INFO *token)
{
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(p->uri);
	CK_SLOT_INFO slot;

	return (wanted == (CK_SLOT_ID)-1 || wanted == id) &&
	    module->C_GetSlotInfo(id, &slot) == CKR_OK &&
	    p11_kit_uri_match_slot_info(p->uri, &slot) == 1 &&
	    module->C_GetTokenInfo(id, token) == CKR_OK &&
	    (token->flags & CKF_TOKEN_INITIALIZED) != 0 &&
	    p11_kit_uri_match_token_info(p->uri, token) == 1;
}

/* The tokens that a search has found. */
struct found {
	CK_FUNCTION_LIST *module;
	CK_SLOT_ID slot;
	CK_TOKEN_INFO token;
	size_t count;
};

static void
search_module(struct found *found, const struct tls_pkcs11 *p,
    CK_FUNCTION_LIST *module)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = 0, i;
	CK_TOKEN_INFO token;
	CK_INFO info;

	if (module->C_GetInfo(&info) != CKR_OK ||
	    p11_kit_uri_match_module_info(p->uri, &info) != 1)
		return;
	/* The first call lets the module look for new tokens. */
	if (module->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_OK)
		return;
	count = SLOTS_MAX;
	if (module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return;
	for (i = 0; i < count; i++) {
		if (!is_token(p, module, slots[i], &token))
			continue;
		found->module = module;
		found->slot = slots[i];
		found->token = token;
		found->count++;
	}
}

/* Finds the one token that the URI means. */
static enum err
find_token(struct found *found, const struct tls_pkcs11 *p,
    char why[TLS_PKCS11_WHY_MAX])
{
	size_t i;

	memset(found, 0, sizeof(*found));
	for (i = 0; p->modules[i] != NULL; i++)
		search_module(found, p, p->modules[i]);
	if (found->count == 0)
		return set_why(ERR_CLOSED, why,
		    "no token that the URI describes is present");
	if (found->count > 1)
		return set_why(ERR_CLOSED, why,
		    "the URI describes %zu tokens (add token= or serial=)",
		    found->count);
	return OK;
}

static enum err
open_session(struct tls_pkcs11_session *s, CK_SLOT_ID slot,
    char why[TLS_PKCS11_WHY_MAX])
{
	CK_RV rv = s->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL,
	    NULL, &s->handle);

	if (rv == CKR_OK)
		return OK;
	s->handle = 0;
	return call_failed(rv == CKR_SESSION_COUNT ? ERR_LIMIT : ERR_CLOSED,
	    why, "C_OpenSession", rv);
}

/* Finds the private key that the URI means and that is of the kind of the
 * certificate's key. */
static enum err
find_key(struct tls_pkcs11_session *s, char why[TLS_PKCS11_WHY_MAX])
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type =
	    EVP_PKEY_id(s->owner->public) == EVP_PKEY_RSA ? CKK_RSA : CKK_EC;
	CK_ATTRIBUTE wanted[4] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_OBJECT_HANDLE keys[2];
	CK_ATTRIBUTE *a;
	CK_ULONG n = 2, count = 0;
	CK_RV rv;

	a = p11_kit_uri_get_attribute(s->owner->uri, CKA_LABEL);
	if (a != NULL)
		wanted[n++] = *a;
	a = p11_kit_uri_get_attribute(s->owner->uri, CKA_ID);
	if (a != NULL)
		wanted[n++] = *a;
	rv = s->module->C_FindObjectsInit(s->handle, wanted, n);
	if (rv != CKR_OK)
		return call_failed(ERR_CLOSED, why, "C_FindObjectsInit", rv);
	rv = s->module->C_FindObjects(s->handle, keys, 2, &count);
	(void)s->module->C_FindObjectsFinal(s->handle);
	if (rv != CKR_OK)
		return call_failed(ERR_CLOSED, why, "C_FindObjects", rv);
	if (count == 0)
		return set_why(ERR_CLOSED, why,
		    "the token has no %s key that the URI describes",
		    type == CKK_RSA ? "RSA" : "EC");
	if (count > 1)
		return set_why(ERR_CLOSED, why,
		    "the URI describes several keys of the token (add object= "
		    "or id=)");
	s->key = keys[0];
	return OK;
}

/* Notes whether the key asks for the PIN before each signature. Modules that do
 * not know the attribute have no such keys. */
static void
note_pin_policy(struct tls_pkcs11_session *s)
{
	CK_BBOOL always = CK_FALSE;
	CK_ATTRIBUTE a = { CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always) };

	s->pin_each_time = s->module->C_GetAttributeValue(s->handle, s->key, &a,
			       1) == CKR_OK &&
	    always == CK_TRUE;
}

enum err
tls_pkcs11_open(struct tls_pkcs11_session **out, const struct tls_pkcs11 *p,
    char why[TLS_PKCS11_WHY_MAX])
{
	struct tls_pkcs11_session *s = calloc(1, sizeof(*s));
	struct found found;
	enum err err;

	*out = NULL;
	why[0] = '\0';
	if (s == NULL)
		return set_why(ERR_CLOSED, why, "out of memory");
	s->owner = p;
	err = find_token(&found, p, why);
	s->module = found.module;
	if (err == OK)
		err = open_session(s, found.slot, why);
	if (err == OK)
		err = login(s, &found.token, why);
	if (err == OK)
		err = find_key(s, why);
	if (err != OK) {
		tls_pkcs11_close(s);
		return err == ERR_LIMIT ? ERR_LIMIT : ERR_CLOSED;
	}
	note_pin_policy(s);
	*out = s;
	return OK;
}

void
tls_pkcs11_close(struct tls_pkcs11_session *s)
{
	if (s == NULL)
		return;
	if (s->handle != 0)
		(void)s->module->C_CloseSession(s->handle);
	free(s);
}

/*
 * Signing.
 */

/* The mechanism of a signature, with its parameters and input. */
struct work {
	CK_MECHANISM mechanism;
	CK_RSA_PKCS_PSS_PARAMS pss;
	uint8_t *input;
	size_t input_len;
	uint8_t *owned; /* the input, if it was allocated */
};

static void
set_pss(struct work *w, const struct tls_digest *d)
{
	static const struct {
		int nid;
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
	} hashes[] = {
		{ NID_sha256, CKM_SHA256, CKG_MGF1_SHA256 },
		{ NID_sha384, CKM_SHA384, CKG_MGF1_SHA384 },
		{ NID_sha512, CKM_SHA512, CKG_MGF1_SHA512 },
	};
	size_t i;

	for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (hashes[i].nid == EVP_MD_type(d->md)) {
			w->pss.hashAlg = hashes[i].hash;
			w->pss.mgf = hashes[i].mgf;
		}
	w->pss.sLen = d->len;
	w->mechanism.mechanism = CKM_RSA_PKCS_PSS;
	w->mechanism.pParameter = &w->pss;
	w->mechanism.ulParameterLen = sizeof(w->pss);
}

static enum err
prepare(struct work *w, const struct tls_pkcs11 *p, const struct tls_digest *d)
{
	size_t order;
	int allocated = 0;

	memset(w, 0, sizeof(*w));
	w->input = (uint8_t *)(uintptr_t)d->bytes;
	w->input_len = d->len;
	if (EVP_PKEY_id(p->public) == EVP_PKEY_EC) {
		/* Of a digest that is longer than the order of the curve, the
		 * first bytes count; some tokens refuse the others. */
		order = ((size_t)EVP_PKEY_bits(p->public) + 7) / 8;
		if (w->input_len > order)
			w->input_len = order;
		w->mechanism.mechanism = CKM_ECDSA;
		return OK;
	}
	if (d->pss) {
		set_pss(w, d);
		return OK;
	}
	w->mechanism.mechanism = CKM_RSA_PKCS;
	if (!RSA_add_pkcs1_prefix(&w->input, &w->input_len, &allocated,
		EVP_MD_type(d->md), d->bytes, d->len))
		return ERR_NO_MEMORY;
	w->owned = allocated ? w->input : NULL;
	return OK;
}

/* The token asks for the PIN again. */
static enum err
login_again(const struct tls_pkcs11_session *s, char why[TLS_PKCS11_WHY_MAX])
{
	struct pin pin;
	enum err err = read_pin(&pin, s->owner, why);
	CK_RV rv;

	if (err == OK) {
		rv = s->module->C_Login(s->handle, CKU_CONTEXT_SPECIFIC,
		    pin.data, pin.len);
		if (rv != CKR_OK)
			err = call_failed(ERR_CLOSED, why, "C_Login", rv);
	}
	file_wipe(pin.data, pin.len);
	return err;
}

/* Returns whether a new session can help after this error. */
static enum err
error_of(CK_RV rv)
{
	return rv == CKR_MECHANISM_INVALID ||
		rv == CKR_MECHANISM_PARAM_INVALID ||
		rv == CKR_KEY_TYPE_INCONSISTENT ||
		rv == CKR_KEY_FUNCTION_NOT_PERMITTED ||
		rv == CKR_DATA_LEN_RANGE || rv == CKR_KEY_SIZE_RANGE
	    ? ERR_REFUSED
	    : ERR_CLOSED;
}

static enum err
sign_raw(const struct tls_pkcs11_session *s, struct work *w,
    struct tls_signature *out, char why[TLS_PKCS11_WHY_MAX])
{
	CK_ULONG len = sizeof(out->bytes);
	enum err err;
	CK_RV rv = s->module->C_SignInit(s->handle, &w->mechanism, s->key);

	if (rv != CKR_OK)
		return call_failed(error_of(rv), why, "C_SignInit", rv);
	if (s->pin_each_time) {
		err = login_again(s, why);
		if (err != OK)
			return err;
	}
	rv = s->module->C_Sign(s->handle, w->input, w->input_len, out->bytes,
	    &len);
	if (rv != CKR_OK)
		return call_failed(error_of(rv), why, "C_Sign", rv);
	out->len = len;
	return OK;
}

/* A token returns r and s of the same length; TLS wants them in DER. */
static bool
make_der(struct tls_signature *out)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	size_t half = out->len / 2, len = 0;
	BIGNUM *r = BN_bin2bn(out->bytes, half, NULL);
	BIGNUM *s = BN_bin2bn(out->bytes + half, half, NULL);
	uint8_t *der = NULL;
	bool good =
	    sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s);

	if (!good) {
		BN_free(r);
		BN_free(s);
	}
	good = good && ECDSA_SIG_to_bytes(&der, &len, sig) &&
	    len <= sizeof(out->bytes);
	if (good) {
		memcpy(out->bytes, der, len);
		out->len = len;
	}
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return good;
}

/* Returns true if the signature is one of the certificate's key. */
static bool
verify(const struct tls_pkcs11 *p, const struct tls_digest *d,
    const struct tls_signature *sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->public, NULL);
	bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, d->md);

	if (good && d->pss)
		good =
		    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, -1);
	good = good &&
	    EVP_PKEY_verify(ctx, sig->bytes, sig->len, d->bytes, d->len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

enum err
tls_pkcs11_sign(struct tls_pkcs11_session *s, const struct tls_digest *digest,
    struct tls_signature *out, char why[TLS_PKCS11_WHY_MAX])
{
	struct work w;
	enum err err = prepare(&w, s->owner, digest);

	why[0] = '\0';
	if (err == OK)
		err = sign_raw(s, &w, out, why);
	if (err == OK && w.mechanism.mechanism == CKM_ECDSA && !make_der(out))
		err = set_why(ERR_REFUSED, why, "the signature is malformed");
	if (err == OK && !verify(s->owner, digest, out))
		err = set_why(ERR_MALFORMED, why,
		    "the key in the token is not that of the certificate");
	OPENSSL_free(w.owned);
	ERR_clear_error();
	return err;
}
