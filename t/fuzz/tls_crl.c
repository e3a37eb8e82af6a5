/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a CRL: the index must hold as many serials as were counted,
 * and answer for any.
 */
#include "fuzz/fuzz.h"
#include "tls/crl_list.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crl_list *c;
	const char *text = NULL;
	uint32_t i, used = 0;

	if (crl_list_parse(&c, slice_make(data, size), "fuzz", &text) != OK) {
		must(c == NULL && text != NULL);
		return 0;
	}
	for (i = 0; c->slots != NULL && i <= c->mask; i++) {
		if (c->slots[i] == 0)
			continue;
		used++;
		must(c->slots[i] + 2u + c->der[c->slots[i] + 1] <= size);
		must(crl_list_has(c,
		    slice_make(c->der + c->slots[i] + 2,
			c->der[c->slots[i] + 1])));
	}
	must(used == c->count);
	(void)crl_list_has(c, slice_make(data, size > 20 ? 20 : size));
	crl_list_put(c);
	return 0;
}
