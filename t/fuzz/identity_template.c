/* SPDX-License-Identifier: ISC */
/*
 * Any text as a template, rendered for a certificate whose name is the rest of
 * the input: "TEMPLATE NUL NAME". What compiles gives a string that MQTT
 * allows, or a reason with words.
 */
#include <string.h>

#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "identity/template.h"

static void
render(const struct identity_template *t, struct slice cn,
    enum config_unsafe unsafe)
{
	static struct identity_name name;
	static const uint8_t oid[] = { 0x55, 4, 3 };
	static const uint8_t sha256[CERT_SHA256_LEN];
	const struct cert_attr attr = { .oid = { oid, 3 }, .value = cn };
	const struct cert cert = { .subject = &attr,
		.subject_count = 1,
		.der = cn,
		.serial = cn,
		.canonical_sha256 = sha256 };
	const struct mqtt_connect connect = { .has_username = true,
		.username = slice_str("user"),
		.client_id = slice_str("id") };
	const struct identity_input in = { &cert, &connect,
		slice_str("host.example"), slice_str("192.0.2.1") };
	char why[IDENTITY_WHY_MAX] = "";
	enum reason reason =
	    identity_template_render(t, &in, unsafe, &name, why);
	struct slice out = slice_make(name.bytes, name.len);

	must((reason == REASON_NONE) == (why[0] == '\0'));
	must(strlen(why) < IDENTITY_WHY_MAX);
	if (reason != REASON_NONE)
		return;
	must(out.len > 0 && out.len <= IDENTITY_NAME_MAX);
	must(utf8_valid(out));
	must(unsafe != CONFIG_UNSAFE_REFUSE || !has_control(out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size == 0 ? NULL : memchr(data, '\0', size);
	size_t len = nul == NULL ? size : (size_t)(nul - data);
	struct slice cn = nul == NULL ? slice_str("device-001")
				      : slice_make(nul + 1, size - len - 1);
	struct identity_template *t;
	char why[IDENTITY_WHY_MAX] = "";

	if (identity_template_compile(&t, slice_make(data, len), why) != OK) {
		must(t == NULL && strncmp(why, "column ", 7) == 0);
		return 0;
	}
	if (t == NULL) {
		must(len == 4 && memcmp(data, "none", 4) == 0);
		return 0;
	}
	must(slice_equal(identity_template_text(t), slice_make(data, len)));
	render(t, cn, CONFIG_UNSAFE_REFUSE);
	render(t, cn, CONFIG_UNSAFE_ENCODE);
	identity_template_free(t);
	return 0;
}
