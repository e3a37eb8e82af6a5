/*
 * A walk along the response to the one answer that is asked for.
 */
#include "tls/ocsp.h"

#include "tls/der.h"

#define TAG(number) \
	(CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | (number))
#define TAG_GOOD (CBS_ASN1_CONTEXT_SPECIFIC | 0)
#define TAG_REVOKED TAG(1)
#define STATUS_SUCCESSFUL 0

/* OCSPResponse to the list of its SingleResponses. */
static enum err
find_answers(CBS *answers, struct slice response)
{
	CBS all = tls_der_cbs(response), outer, status, wrapper, bytes, octets;
	CBS basic, data, responder, produced;
	uint8_t code;

	if (!CBS_get_asn1(&all, &outer, CBS_ASN1_SEQUENCE) ||
	    CBS_len(&all) != 0 ||
	    !CBS_get_asn1(&outer, &status, CBS_ASN1_ENUMERATED) ||
	    !CBS_get_u8(&status, &code) || code != STATUS_SUCCESSFUL ||
	    !CBS_get_asn1(&outer, &wrapper, TAG(0)) ||
	    !CBS_get_asn1(&wrapper, &bytes, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&bytes, NULL, CBS_ASN1_OBJECT) ||
	    !CBS_get_asn1(&bytes, &octets, CBS_ASN1_OCTETSTRING))
		return ERR_MALFORMED;
	if (!CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&basic, &data, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_optional_asn1(&data, NULL, NULL, TAG(0)) ||
	    !CBS_get_any_asn1(&data, &responder, NULL) ||
	    !CBS_get_any_asn1(&data, &produced, NULL) ||
	    !CBS_get_asn1(&data, answers, CBS_ASN1_SEQUENCE))
		return ERR_MALFORMED;
	return OK;
}

/* Takes a SingleResponse, and the serial it speaks of. */
static enum err
take_answer(CBS *answers, struct tls_ocsp *out, struct slice *serial)
{
	CBS answer, id, number, status, next;
	unsigned tag;
	int present;

	if (!CBS_get_asn1(answers, &answer, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&answer, &id, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&id, NULL, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_asn1(&id, NULL, CBS_ASN1_OCTETSTRING) ||
	    !CBS_get_asn1(&id, NULL, CBS_ASN1_OCTETSTRING) ||
	    !CBS_get_asn1(&id, &number, CBS_ASN1_INTEGER) ||
	    !CBS_get_any_asn1(&answer, &status, &tag) ||
	    tls_der_time(&answer, &out->this_update) != OK ||
	    !CBS_get_optional_asn1(&answer, &next, &present, TAG(0)))
		return ERR_MALFORMED;
	*serial = tls_der_slice(&number);
	out->status = tag == TAG_GOOD ? TLS_OCSP_GOOD
	    : tag == TAG_REVOKED      ? TLS_OCSP_REVOKED
				      : TLS_OCSP_UNKNOWN;
	out->next_update = INT64_MAX;
	return present ? tls_der_time(&next, &out->next_update) : OK;
}

enum err
tls_ocsp_find(struct tls_ocsp *out, struct slice response, struct slice serial)
{
	struct slice found;
	CBS answers;

	if (find_answers(&answers, response) != OK)
		return ERR_MALFORMED;
	while (CBS_len(&answers) != 0) {
		if (take_answer(&answers, out, &found) != OK)
			return ERR_MALFORMED;
		if (slice_equal(found, serial))
			return OK;
	}
	return ERR_NOT_FOUND;
}
