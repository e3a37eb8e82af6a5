/* SPDX-License-Identifier: ISC */
#include "session/proxy_to_broker.h"

#include "identity/text.h"
#include "tls/stream_tls.h"

void
proxy_to_broker_note_local(struct session_setup *setup)
{
	struct sockaddr_storage local;

	if (setup->listener->backend_profile->proxy_protocol ==
		CONFIG_PROXY_PROTOCOL_OFF ||
	    setup->local.sa.sa_family != AF_UNSPEC)
		return;
	if (listener_bound(setup->fd, &local) == OK)
		session_address_store(&setup->local, &local);
}

/* Stores the certificate's CN as UTF-8 in `*cn', empty if it has none.
 * ERR_MALFORMED if it has several or one that is not text: a broker that names
 * devices by the CN would otherwise use the name that the device claims. */
static enum err
find_cn(const struct cert *cert, uint8_t *out, size_t cap, struct slice *cn)
{
	const struct cert_attr *found = NULL;
	size_t len = 0;
	size_t i;

	for (i = 0; i < cert->subject_count; i++) {
		if (!slice_equal(cert->subject[i].oid, slice_str(CERT_OID_CN)))
			continue;
		if (found != NULL)
			return ERR_MALFORMED;
		found = &cert->subject[i];
	}
	*cn = slice_make(NULL, 0);
	if (found == NULL)
		return OK;
	if (identity_text_append(found->type, found->value, out, cap, &len) !=
	    IDENTITY_TEXT_OK)
		return ERR_MALFORMED;
	*cn = slice_make(out, len);
	return OK;
}

enum err
proxy_to_broker_write(const struct session *s,
    uint8_t out[BACKEND_PROXY_OUT_MAX], size_t *len)
{
	const struct session_setup *setup = s->setup;
	enum config_proxy_protocol version =
	    setup->listener->backend_profile->proxy_protocol;
	const struct cert *cert = setup->connect->cert;
	struct backend_proxy_out p = { 0 };
	struct sockaddr_storage source;
	struct sockaddr_storage local;
	uint8_t cn[BACKEND_PROXY_OUT_MAX];
	struct tls_info info;
	enum err err = OK;

	*len = 0;
	if (version == CONFIG_PROXY_PROTOCOL_OFF)
		return OK;
	session_peer(s, &source);
	session_address_load(&setup->local, &local);
	tls_stream_info(s->tls, &info);
	p.source = &source;
	p.destination = &local;
	p.tls = cert == NULL ? BACKEND_PROXY_NO_CERTIFICATE
	    : info.resumed   ? BACKEND_PROXY_RESUMED
			     : BACKEND_PROXY_VERIFIED;
	p.tls_version = slice_str(info.version);
	p.cipher = slice_str(info.cipher);
	p.authority = slice_str(info.sni);
	if (cert != NULL && version == CONFIG_PROXY_PROTOCOL_V2)
		err = find_cn(cert, cn, sizeof(cn), &p.cn);
	if (err != OK)
		return err;
	return backend_proxy_out_write(out, len, version, &p);
}
