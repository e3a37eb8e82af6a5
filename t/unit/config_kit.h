/* SPDX-License-Identifier: ISC */
/*
 * What the tests of src/config share: a folder with empty files to name, and
 * t.ini in it with a text to load.
 */
#ifndef UNIT_CONFIG_KIT_H
#define UNIT_CONFIG_KIT_H

#include "config/config.h"

/* The least that is good: a listener and a [tls] whose files are there. */
#define KIT_TLS \
	"[tls]\n" \
	"certificate = server.crt\n" \
	"private_key = server.key\n" \
	"client_ca = client-ca.crt\n"
#define KIT_LISTENER "[listener a]\nbind = 127.0.0.1:0\n"
#define KIT_GOOD KIT_LISTENER KIT_TLS

/* The folder, made at the first call; exits on failure. */
const char *kit_dir(void);

/* Makes an empty file in it, readable by its owner. */
void kit_touch(const char *name);

/* Writes `text' to t.ini of the folder and returns its path. */
const char *kit_write(const char *text);

/* Loads `text' as t.ini; NULL if it was refused. Call config_put(). */
struct config *kit_load(const char *text);

/* The complaints about `text', one a line, without "FOLDER/t.ini:" in front;
 * "" if it was accepted. Static, until the next call. */
const char *kit_complaints(const char *text);

/* Removes the folder. */
void kit_end(void);

#endif
