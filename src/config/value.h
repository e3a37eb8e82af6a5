/* SPDX-License-Identifier: ISC */
/*
 * One value of the ini file parsed into the field of its option. Each setter
 * says in words what is wrong and what to write, since only here it is known.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/err.h"
#include "config/arena.h"
#include "config/option.h"

#define CONFIG_WHY_MAX 384

struct config_setting {
	const struct config_option *option;
	const char *text; /* trimmed, ${env:} replaced; lives in the arena */
	const char *dir; /* what relative paths are relative to; likewise */
	struct config_arena *arena;
	/* Out, on ERR_CONFIG: "what is wrong (what to write)". */
	char why[CONFIG_WHY_MAX];
};

/*
 * The setters of config/types.h: each parses s->text into `field', which has
 * the C type of its row. ERR_CONFIG: s->why says why; ERR_NO_MEMORY. `field' is
 * unchanged on error.
 */
enum err config_set_bool(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_uint(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_msec(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_size(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_text(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_name(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_list(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_path(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_paths(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_keys(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_sink(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_addrs(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_endpoints(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_endpoints_or_none(struct config_setting *s,
    void *field) MUST_CHECK;
enum err config_set_nets(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_enum(struct config_setting *s, void *field) MUST_CHECK;
enum err config_set_set(struct config_setting *s, void *field) MUST_CHECK;

#endif
