/*
 * Packets for people: text that cannot upset a terminal, hex, and a CONNECT's
 * fields. Passwords are never shown.
 */
#ifndef RUNTIME_DECODE_H
#define RUNTIME_DECODE_H

#include <stdio.h>

#include "mqtt/connect.h"

/* Prints bytes; what is not printable ASCII or UTF-8 text as \xNN. */
void decode_text(FILE *f, struct slice text);

/* Prints lines of sixteen bytes, each "packet    " and their hex. A password
 * in them is the operator's own, from the operator's own file. */
void decode_hex(FILE *f, struct slice bytes);

/* Prints the names, Will and User Properties of `c' as `who' has them. */
void decode_names(FILE *f, const char *who, const struct mqtt_connect *c);

#endif
