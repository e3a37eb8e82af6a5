/* SPDX-License-Identifier: ISC */
/*
 * What MQTT calls a UTF-8 Encoded String (MQTT 5, 1.5.4; RFC 3629): no
 * surrogates, no overlong forms, nothing over U+10FFFF, no U+0000. Control
 * characters are legal there and only advised against, so they are a separate
 * question, for whoever has a policy about them.
 */
#ifndef MQTT_UTF8_H
#define MQTT_UTF8_H

#include <stdbool.h>

#include "base/slice.h"

/* Is `s' a UTF-8 string MQTT allows? The empty one is. */
bool mqtt_utf8_valid(struct slice s);

/* Does `s', valid as above, hold a control: U+0001-001F or U+007F-009F? */
bool mqtt_utf8_has_control(struct slice s);

#endif
