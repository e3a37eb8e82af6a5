/* SPDX-License-Identifier: ISC */
/*
 * The types that an option can have, each in one row, and the C types behind
 * them. All memory belongs to the struct config that it hangs from and is
 * never written after the load.
 */
#ifndef CONFIG_TYPES_H
#define CONFIG_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"

/*
 * CONFIG_TYPE_name: the C type of the field; the function of config/value.h
 * that parses it; what values it takes, for people, where for a number only
 * the word is named that may stand for 0; what it names for us to read; the
 * smallest and the largest value; the words of config/choices.h.
 */
#define CONFIG_TYPE_BOOL \
	bool, config_set_bool, "on, off", CONFIG_READS_NOTHING, 0, 0, NULL
/* A number. */
#define CONFIG_TYPE_UINT(lo, hi) \
	uint32_t, config_set_uint, NULL, CONFIG_READS_NOTHING, lo, hi, NULL
#define CONFIG_TYPE_UINT_AUTO(lo, hi) \
	uint32_t, config_set_uint, "auto", CONFIG_READS_NOTHING, lo, hi, NULL
/* A time such as 10s, in milliseconds; with _OFF also 0, for never. */
#define CONFIG_TYPE_MSEC(lo, hi) \
	uint64_t, config_set_msec, NULL, CONFIG_READS_NOTHING, lo, hi, NULL
#define CONFIG_TYPE_MSEC_OFF(lo, hi) \
	uint64_t, config_set_msec, "0", CONFIG_READS_NOTHING, lo, hi, NULL
/* A size such as 64k, in bytes. */
#define CONFIG_TYPE_SIZE(lo, hi) \
	size_t, config_set_size, NULL, CONFIG_READS_NOTHING, lo, hi, NULL
/* Text, "" if empty. */
#define CONFIG_TYPE_STR \
	const char *, config_set_text, "text", CONFIG_READS_NOTHING, 0, 0, NULL
/* Text with ${...}, as written: identity/template.h reads it. */
#define CONFIG_TYPE_TEMPLATE \
	const char *, config_set_text, "a template", CONFIG_READS_NOTHING, 0, \
	    0, NULL
/* The name of a profile; "" for the one without a name. */
#define CONFIG_TYPE_NAME \
	const char *, config_set_name, "the name of a profile", \
	    CONFIG_READS_NOTHING, 0, 0, NULL
/* Words with commas between them. */
#define CONFIG_TYPE_LIST \
	struct config_list, config_set_list, "a list", CONFIG_READS_NOTHING, \
	    0, 0, NULL
/* Files to read, by their absolute paths; for one, "" if there is none. */
#define CONFIG_TYPE_PATH \
	const char *, config_set_path, "a file", CONFIG_READS_FILE, 0, 0, NULL
#define CONFIG_TYPE_PATHS \
	struct config_list, config_set_paths, "files", CONFIG_READS_FILES, 0, \
	    0, NULL
/* The same; an item may also be a PKCS#11 URI, which stays as it is. */
#define CONFIG_TYPE_KEYS \
	struct config_list, config_set_keys, "files or pkcs11: URIs", \
	    CONFIG_READS_KEYS, 0, 0, NULL
#define CONFIG_TYPE_PATHS_OR_DIRS \
	struct config_list, config_set_paths, "files or directories", \
	    CONFIG_READS_FILES_OR_DIRS, 0, 0, NULL
/* A file to write, by its absolute path; "" if there is none. */
#define CONFIG_TYPE_OUTPUT \
	const char *, config_set_path, "a path", CONFIG_READS_NOTHING, 0, 0, \
	    NULL
/* Several of them, and directories. */
#define CONFIG_TYPE_OUTPUTS \
	struct config_list, config_set_paths, "files or directories", \
	    CONFIG_READS_NOTHING, 0, 0, NULL
/* stderr, syslog, or the absolute path of a log file. */
#define CONFIG_TYPE_SINK \
	const char *, config_set_sink, "stderr, syslog, or a file", \
	    CONFIG_READS_NOTHING, 0, 0, NULL
/* Addresses to listen on, such as 0.0.0.0:8883. */
#define CONFIG_TYPE_ADDRS \
	struct config_addrs, config_set_addrs, "addresses to listen on", \
	    CONFIG_READS_NOTHING, 0, 0, NULL
/* Where brokers are, such as host:1883 or unix:/path. */
#define CONFIG_TYPE_ENDPOINTS \
	struct config_endpoints, config_set_endpoints, "addresses of brokers", \
	    CONFIG_READS_NOTHING, 0, 0, NULL
/* The same for another server, or none. */
#define CONFIG_TYPE_ENDPOINTS_OR_NONE \
	struct config_endpoints, config_set_endpoints_or_none, "addresses", \
	    CONFIG_READS_NOTHING, 0, 0, NULL
/* Networks, such as 10.0.0.0/8. */
#define CONFIG_TYPE_NETS \
	struct config_nets, config_set_nets, "networks", CONFIG_READS_NOTHING, \
	    0, 0, NULL
/* One of the words of an enum. */
#define CONFIG_TYPE_ENUM(e) \
	enum e, config_set_enum, NULL, CONFIG_READS_NOTHING, 0, 0, e##_choices
/* Several of them, a bit each; CONFIG_HAS() tests one. */
#define CONFIG_TYPE_SET(e) \
	unsigned, config_set_set, NULL, CONFIG_READS_NOTHING, 0, 0, e##_choices

/* What an option names that has to be read. */
enum config_reads {
	CONFIG_READS_NOTHING,
	CONFIG_READS_FILE,
	CONFIG_READS_FILES,
	CONFIG_READS_FILES_OR_DIRS,
	CONFIG_READS_KEYS /* files; of a URI, the file with its PIN */
};

/* The longest name of a section. */
#define CONFIG_NAME_LEN_MAX 32

/* Words of a comma list, trimmed, none empty. */
struct config_list {
	const char **items;
	size_t count;
};

/* An address to listen on. */
struct config_addr {
	const char *text; /* "[::]:8883" */
	struct sockaddr_storage sa;
	socklen_t len;
	/* A port without a host stands for two addresses, 0.0.0.0 and [::].
	 * True for the second one: a machine without IPv6 does without it. */
	bool optional;
};

struct config_addrs {
	struct config_addr *items;
	size_t count;
};

/* Where a broker is: a name or number with a port, or a unix socket. */
struct config_endpoint {
	const char *host; /* no brackets; NULL for a unix socket */
	const char *path; /* of a unix socket; NULL otherwise */
	uint16_t port; /* host order; 0 for a unix socket */
};

struct config_endpoints {
	const char **texts; /* whole: "broker:1883", "unix:/run/x.sock" */
	struct config_endpoint *items; /* the same, in parts */
	size_t count;
};

/* Address ranges, for address_net_match(). */
struct config_nets {
	struct address_net *items;
	size_t count;
};

/* Whether a value is good. In a configuration in force all are. */
enum config_state {
	CONFIG_GOOD,
	CONFIG_FAILED, /* it failed a check; others may complain of it, too */
	CONFIG_BAD /* complained of: the default is in the field, and further
		    * complaints about it are dropped */
};

/* Where a value was written, for complaints. */
struct config_where {
	unsigned line; /* 0: not in the file, the default applies */
	const char *text; /* as written, ${env:} replaced; or the default */
	enum config_state state;
};

/* The beginning of every section's struct. */
struct config_head {
	const char *section; /* "tls" */
	const char *name; /* of [tls NAME]; "" for [tls] */
	unsigned line; /* of its heading; 0: not in the file */
	size_t index; /* in its array */
	bool bad; /* has a bad value; only in a draft, see config_load(). Of
		   * [fetch]: or one that the daemon cannot know */
};

#endif
