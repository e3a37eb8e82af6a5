/* SPDX-License-Identifier: ISC */
/*
 * What can be said about a configuration without asking another layer: that
 * its parts fit each other and that the files it names are there. What is in
 * the files, and in the templates, is for those who read them.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"

/*
 * Adds a complaint to `r' for each thing that is wrong with `cfg', whose
 * values are all parsed, and marks what it is about as bad, and its section.
 * Profile pointers of listeners are not looked at.
 */
void config_check(struct config *cfg, struct report *r);

#endif
