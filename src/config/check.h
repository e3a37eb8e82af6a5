/* SPDX-License-Identifier: ISC */
/*
 * Checks a configuration as far as that is possible without another layer: its
 * parts must fit each other, and the files it names must exist. The contents of
 * files and templates are checked by the code that reads them.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"

/*
 * Adds a complaint to `r' for each fault of `cfg', whose values are all parsed,
 * and marks the value and its section as bad. Profile pointers of listeners are
 * not used.
 */
void config_check(struct config *cfg, struct report *r);

/* The same for [fetch] alone, without looking at any file. */
void config_check_fetch(struct config *cfg, struct report *r);

enum config_fetch_kind {
	CONFIG_FETCH_FILE, /* it may be in a directory that crl names */
	CONFIG_FETCH_FOLDER /* crl has to name it */
};

/* True if crl of `t' names `path', or for a file its directory. */
bool config_fetch_is_read(const struct config_tls *t, const char *path,
    enum config_fetch_kind kind);

#endif
