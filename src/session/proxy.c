#include "session/proxy.h"

#include "identity/text.h"
#include "tls/stream_tls.h"

/* The one CN of a certificate, as UTF-8; empty when there is none or several,
 * since a broker would take any one of them for the name. */
static struct slice
find_cn(const struct cert *cert, uint8_t *out, size_t cap)
{
	const struct cert_attr *found = NULL;
	size_t len = 0;
	size_t i;

	for (i = 0; i < cert->subject_count; i++) {
		if (!slice_equal(cert->subject[i].oid, slice_str(CERT_OID_CN)))
			continue;
		if (found != NULL)
			return slice_make(NULL, 0);
		found = &cert->subject[i];
	}
	if (found == NULL ||
	    identity_text_append(found->type, found->value, out, cap, &len) !=
		IDENTITY_TEXT_OK)
		return slice_make(NULL, 0);
	return slice_make(out, len);
}

enum err
proxy_header(const struct session *s, uint8_t out[BACKEND_PROXY_OUT_MAX],
    size_t *len)
{
	const struct approach *a = s->approach;
	enum config_proxy_protocol how =
	    a->listener->backend_profile->proxy_protocol;
	const struct cert *cert = a->admission->cert;
	struct backend_proxy_out p = { 0 };
	struct sockaddr_storage source;
	struct sockaddr_storage local;
	uint8_t cn[BACKEND_PROXY_OUT_MAX];
	struct tls_info info;

	*len = 0;
	if (how == CONFIG_PROXY_PROTOCOL_OFF)
		return OK;
	session_peer(s, &source);
	session_address_show(&a->local, &local);
	tls_stream_info(s->tls, &info);
	p.source = &source;
	p.destination = &local;
	p.tls = cert == NULL ? BACKEND_PROXY_NO_CERTIFICATE
	    : info.resumed   ? BACKEND_PROXY_RESUMED
			     : BACKEND_PROXY_VERIFIED;
	p.tls_version = slice_str(info.version);
	p.cipher = slice_str(info.cipher);
	p.authority = slice_str(info.sni);
	if (cert != NULL)
		p.cn = find_cn(cert, cn, sizeof(cn));
	return backend_proxy_out_write(out, len,
	    how == CONFIG_PROXY_PROTOCOL_V1 ? BACKEND_PROXY_V1
					    : BACKEND_PROXY_V2,
	    &p);
}
