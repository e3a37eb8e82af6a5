/* SPDX-License-Identifier: ISC */
/*
 * The configuration: a text file turned into one immutable, counted struct.
 *
 * Nothing in it is written after config_load() has returned, so any thread may
 * read it as long as it, or the owner of the pointer, holds a count. The
 * contents of the files named in it are for the layers that read them; they
 * complain through CONFIG_COMPLAIN, so that their messages begin with
 * FILE:LINE, too.
 *
 * Fields come from config/options.h: cfg->timeouts.tls is a uint64_t of
 * milliseconds, listener->transport an enum config_transport, and
 * section->where.KEY tells the line of the value.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/err.h"
#include "base/log.h"
#include "base/report.h"
#include "config/choices.h"
#include "config/options.h"
#include "config/types.h"

/* The first column of a type: its C type. */
#define CONFIG_FIRST(first, ...) first
#define CONFIG_CTYPE(...) CONFIG_FIRST(__VA_ARGS__)

#define CONFIG_FIELD(section, key, type, def, reload, help) \
	CONFIG_CTYPE(CONFIG_TYPE_##type) key;
#define CONFIG_WHERE(section, key, type, def, reload, help) \
	struct config_where key;

/* The members of every section's struct. */
#define CONFIG_BODY(options) \
	struct config_head head; \
	options(CONFIG_FIELD) struct { \
		options(CONFIG_WHERE) \
	} where;

struct config_daemon {
	CONFIG_BODY(CONFIG_DAEMON)
};

struct config_tls {
	CONFIG_BODY(CONFIG_TLS)
};

struct config_identity {
	CONFIG_BODY(CONFIG_IDENTITY)
};

struct config_backend {
	CONFIG_BODY(CONFIG_BACKEND)
};

struct config_mqtt {
	CONFIG_BODY(CONFIG_MQTT)
};

struct config_timeouts {
	CONFIG_BODY(CONFIG_TIMEOUTS)
};

struct config_limits {
	CONFIG_BODY(CONFIG_LIMITS)
};

struct config_denylist {
	CONFIG_BODY(CONFIG_DENYLIST)
};

struct config_fleet {
	CONFIG_BODY(CONFIG_FLEET)
};

struct config_fetch {
	CONFIG_BODY(CONFIG_FETCH)
};

struct config_listener {
	CONFIG_BODY(CONFIG_LISTENER)
	/* The profiles that its tls =, identity = and backend = name; never
	 * NULL in a configuration in force. */
	const struct config_tls *tls_profile;
	const struct config_identity *identity_profile;
	const struct config_backend *backend_profile;
};

/*
 * All of it. Arrays hold the sections in the order of the file. If a listener
 * uses the profile without a name and the file has no profile of that kind,
 * one with all defaults comes last. head.index is the position in the array.
 */
struct config {
	_Atomic unsigned refs; /* config_get(), config_put() only */
	const char *file; /* as named on the command line */
	const char *dir; /* absolute; relative paths begin here */
	struct config_arena *arena; /* owned; holds all memory of this */

	struct config_daemon daemon;
	struct config_mqtt mqtt;
	struct config_timeouts timeouts;
	struct config_limits limits;
	struct config_denylist denylist;
	struct config_fleet fleet;

	struct config_listener *listener;
	size_t listener_count; /* at least 1 */
	struct config_tls *tls;
	size_t tls_count;
	struct config_identity *identity;
	size_t identity_count;
	struct config_backend *backend;
	size_t backend_count;
	struct config_fetch *fetch;
	size_t fetch_count;
};

/*
 * Reads and checks `file'. OK: *out is a configuration with a count of one, and
 * nothing was added to `r'. ERR_CONFIG: `r' holds every complaint found, each
 * "FILE:LINE: key: what is wrong (what to write)", and *out is a draft or NULL.
 * ERR_NO_MEMORY: *out is NULL, and `r' has one complaint. Main thread only,
 * because inih keeps its settings in globals.
 *
 * A draft contains what could be read of a file with errors. It serves to find
 * more errors in one run, and must not be put in force. A bad value in it is
 * replaced by its default, and head.bad is set in its section: skip that
 * section. There may be no listener, and a listener's profile pointer may be
 * NULL. CONFIG_COMPLAIN drops complaints about a value that has one already.
 * Call config_put() for a draft, too.
 */
enum err config_load(const char *file, struct config **out,
    struct report *r) MUST_CHECK;

/* An option that another program reads from the file. */
struct config_wanted {
	const char *section; /* NULL ends a list */
	const char *key; /* NULL: all of the section */
};

/*
 * The same for another program, which reads only the options in `wanted': all
 * others keep their defaults, whatever stands in the file. No file that is
 * named is looked at, no listener has to exist, and none is linked to its
 * profiles.
 */
enum err config_load_part(const char *file, const struct config_wanted *wanted,
    struct config **out, struct report *r) MUST_CHECK;

/* Adds a count and returns `cfg'. Any thread. */
struct config *config_get(struct config *cfg);

/* Releases a count; the last one frees. Any thread. NULL is allowed. */
void config_put(struct config *cfg);

/* The name of a section in logs and replies; "default" for the profile without
 * one. Static, or valid as long as `head'. */
const char *config_name(const struct config_head *head);

/* The template of the ClientID, or "none", or "prefixed" (see the manual);
 * clientid = username is that of the Username. Valid as long as `i'. */
const char *config_clientid(const struct config_identity *i);

/*
 * Adds the complaint "FILE:LINE: key: " and the formatted rest to `r', about
 * option `key' of the section `sec' (a pointer to one of the structs above).
 * If the value is a default: "FILE: [section name]: key: ".
 */
#define CONFIG_COMPLAIN(cfg, r, sec, key, ...) \
	config_complain((cfg), (r), &(sec)->head, &(sec)->where.key, #key, \
	    __VA_ARGS__)

/* The function behind CONFIG_COMPLAIN. */
void config_complain(const struct config *cfg, struct report *r,
    const struct config_head *head, const struct config_where *where,
    const char *key, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/*
 * Adds a line to `r' for each RESTART option and each listener in which `next'
 * differs from `running': a reload does not put these in force.
 */
void config_compare(const struct config *running, const struct config *next,
    struct report *r);

/*
 * The [backend] profile of `running' with the same name as backend[i] of
 * `next', if everything that dialling depends on is unchanged; else NULL.
 */
const struct config_backend *config_backend_before(const struct config *running,
    const struct config *next, size_t i);

/*
 * Calls `each' for the ini file and every file and directory to be read that
 * its options name: what a watcher has to look at. `path' is valid during the
 * call; a path may come twice.
 */
void config_files(const struct config *cfg,
    void (*each)(const char *path, void *arg), void *arg);

#endif
