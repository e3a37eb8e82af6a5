/*
 * The configuration: a text file turned into one frozen, counted struct.
 *
 * Nothing here is written after config_load() has returned it, so any thread
 * may read it for as long as it, or who handed it over, holds a count. What
 * the files named in it contain is for the layers that read them; they
 * complain through CONFIG_COMPLAIN so that their words, too, begin FILE:LINE.
 *
 * Fields are grown from config/options.h: cfg->timeouts.tls is a uint64_t of
 * milliseconds, listener->transport an enum config_transport; and
 * section->where.KEY tells the line it stands on.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/err.h"
#include "base/log.h"
#include "base/report.h"
#include "config/choices.h"
#include "config/options.h"
#include "config/types.h"

/* The field's C type of each option type; see config/options.h. */
#define CONFIG_CTYPE_BOOL bool
#define CONFIG_CTYPE_UINT(lo, hi) uint32_t
#define CONFIG_CTYPE_UINT_AUTO(lo, hi) uint32_t
#define CONFIG_CTYPE_MSEC(lo, hi) uint64_t
#define CONFIG_CTYPE_MSEC_OFF(lo, hi) uint64_t
#define CONFIG_CTYPE_SIZE(lo, hi) size_t
#define CONFIG_CTYPE_STR const char *
#define CONFIG_CTYPE_TEMPLATE const char *
#define CONFIG_CTYPE_NAME const char *
#define CONFIG_CTYPE_LIST struct config_list
#define CONFIG_CTYPE_PATH const char *
#define CONFIG_CTYPE_PATHS struct config_list
#define CONFIG_CTYPE_PATHS_OR_DIRS struct config_list
#define CONFIG_CTYPE_OUTPUT const char *
#define CONFIG_CTYPE_SINK const char *
#define CONFIG_CTYPE_ADDRS struct config_addrs
#define CONFIG_CTYPE_ENDPOINTS struct config_endpoints
#define CONFIG_CTYPE_NETS struct config_nets
#define CONFIG_CTYPE_ENUM(e) enum e
#define CONFIG_CTYPE_SET(e) unsigned

#define CONFIG_FIELD(section, key, type, def, reload, help) \
	CONFIG_CTYPE_##type key;
#define CONFIG_WHERE(section, key, type, def, reload, help) \
	struct config_where key;

/* What every section struct is made of. */
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

struct config_listener {
	CONFIG_BODY(CONFIG_LISTENER)
	/* What its tls =, identity = and backend = name; never NULL. */
	const struct config_tls *tls_profile;
	const struct config_identity *identity_profile;
	const struct config_backend *backend_profile;
};

/*
 * All of it. Arrays hold the sections in the file's order; a profile without
 * a name that some listener uses and the file leaves out comes last, with all
 * its defaults. head.index is the position in these arrays.
 */
struct config {
	_Atomic unsigned refs; /* config_get(), config_put() only */
	const char *file; /* as named on the command line */
	const char *dir; /* absolute; what relative paths are relative to */
	struct config_arena *arena; /* owns all that hangs from here */

	struct config_daemon daemon;
	struct config_mqtt mqtt;
	struct config_timeouts timeouts;
	struct config_limits limits;
	struct config_denylist denylist;

	struct config_listener *listener;
	size_t listener_count; /* at least 1 */
	struct config_tls *tls;
	size_t tls_count;
	struct config_identity *identity;
	size_t identity_count;
	struct config_backend *backend;
	size_t backend_count;
};

/*
 * Reads and checks `file'. OK: *out is a configuration with a count of one
 * and nothing was added to `r'. Otherwise *out is NULL and `r' holds every
 * complaint found, each "FILE:LINE: key: what is wrong (what to write)":
 * ERR_CONFIG; or ERR_NO_MEMORY, with one complaint. Main thread only (inih
 * keeps its settings in globals).
 */
enum err config_load(const char *file, struct config **out,
    struct report *r) MUST_CHECK;

/*
 * As config_load(), but on ERR_CONFIG *out is what could be made of the file,
 * or NULL where that is nothing: a draft, good for finding more complaints, so
 * that one run tells all of them, and for nothing else. Put it.
 *
 * In a draft a bad value is replaced by its default, and its section has
 * head.bad: skip that. There may be no listener; a listener's profile pointer
 * may be NULL. CONFIG_COMPLAIN adds nothing about a value that was complained
 * of before.
 */
enum err config_load_draft(const char *file, struct config **out,
    struct report *r) MUST_CHECK;

/* Takes a count more and returns `cfg'. Any thread. */
struct config *config_get(struct config *cfg);

/* Gives a count back; the last one frees. Any thread; NULL is fine. */
void config_put(struct config *cfg);

/* What a section is called in logs and answers: its name, or "default" for the
 * profile without one. Static, or lives as long as `head'. */
const char *config_name(const struct config_head *head);

/*
 * Adds "FILE:LINE: key: " and the formatted rest to `r', for option `key' of
 * the section `sec' (a pointer to one of the structs above). Where the value
 * is a default: "FILE: [section name]: key: ".
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
 * Adds a line to `r' for each RESTART option, and each listener, in which
 * `next' differs from `running': what a reload could not put in force.
 */
void config_compare(const struct config *running, const struct config *next,
    struct report *r);

/*
 * The profile of `running' that backend[i] of `next' is again, with all that
 * dialling depends on unchanged; or NULL.
 */
const struct config_backend *config_backend_before(const struct config *running,
    const struct config *next, size_t i);

/*
 * Calls `each' for every file and directory the options name to be read, and
 * for the ini file itself: what a watcher has to look at. `path' lives as
 * long as `cfg'; the same one may come twice.
 */
void config_files(const struct config *cfg,
    void (*each)(const char *path, void *arg), void *arg);

#endif
