/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a PROXY header: a good one ends within the bytes given, and
 * not before its last byte has come.
 */
#include "accept/proxy_header.h"
#include "fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct accept_proxy_header header, again;
	const char *why = NULL;
	enum parse parsed;

	parsed =
	    accept_proxy_header_parse(&header, slice_make(data, size), &why);
	if (parsed == PARSE_BAD)
		must(why != NULL);
	if (parsed == PARSE_MORE)
		must(size < ACCEPT_PROXY_HEADER_MAX);
	if (parsed != PARSE_OK)
		return 0;
	must(header.len > 0 && header.len <= size);
	must(header.len <= ACCEPT_PROXY_HEADER_MAX);
	if (header.kind == ACCEPT_PROXY_FORWARDED)
		must(header.source.ss_family == AF_INET ||
		    header.source.ss_family == AF_INET6);
	must(accept_proxy_header_parse(&again, slice_make(data, header.len - 1),
		 &why) == PARSE_MORE);
	must(accept_proxy_header_parse(&again, slice_make(data, header.len),
		 &why) == PARSE_OK);
	return 0;
}
