#include "session/proxy.h"

#include "identity/text.h"
#include "tls/stream_tls.h"

/* The CN of a certificate, as UTF-8; empty when there is none. One that is in
 * doubt is an error and not left out: a broker that names devices by it would
 * take their own word instead. Several are: it would take any one of them. */
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
proxy_header(const struct session *s, uint8_t out[BACKEND_PROXY_OUT_MAX],
    size_t *len)
{
	const struct session_setup *a = s->setup;
	enum config_proxy_protocol how =
	    a->listener->backend_profile->proxy_protocol;
	const struct cert *cert = a->admission->cert;
	struct backend_proxy_out p = { 0 };
	struct sockaddr_storage source;
	struct sockaddr_storage local;
	uint8_t cn[BACKEND_PROXY_OUT_MAX];
	struct tls_info info;
	enum err err = OK;

	*len = 0;
	if (how == CONFIG_PROXY_PROTOCOL_OFF)
		return OK;
	session_peer(s, &source);
	session_address_load(&a->local, &local);
	tls_stream_info(s->tls, &info);
	p.source = &source;
	p.destination = &local;
	p.tls = cert == NULL ? BACKEND_PROXY_NO_CERTIFICATE
	    : info.resumed   ? BACKEND_PROXY_RESUMED
			     : BACKEND_PROXY_VERIFIED;
	p.tls_version = slice_str(info.version);
	p.cipher = slice_str(info.cipher);
	p.authority = slice_str(info.sni);
	if (cert != NULL && how == CONFIG_PROXY_PROTOCOL_V2)
		err = find_cn(cert, cn, sizeof(cn), &p.cn);
	if (err != OK)
		return err;
	return backend_proxy_out_write(out, len,
	    how == CONFIG_PROXY_PROTOCOL_V1 ? BACKEND_PROXY_V1
					    : BACKEND_PROXY_V2,
	    &p);
}
