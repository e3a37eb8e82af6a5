/*
 * The C types behind the option types of config/options.h. All of it belongs
 * to the struct config it hangs from and is never written after the load.
 */
#ifndef CONFIG_TYPES_H
#define CONFIG_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"

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
	/* A port without a host stands for two addresses, 0.0.0.0 and [::];
	 * the second one may be left out on a machine without IPv6. */
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
	const char **texts; /* "broker:1883", "unix:/run/x.sock": complete */
	struct config_endpoint *items; /* the same, in parts */
	size_t count;
};

/* Address ranges; may be given to address_net_match(). */
struct config_nets {
	struct address_net *items;
	size_t count;
};

/* What became of a value; in a configuration in force all are good. */
enum config_state {
	CONFIG_GOOD,
	CONFIG_DOUBTED, /* the check complained of it, and still goes on */
	CONFIG_BAD /* complained of: more is not heard, the default holds */
};

/* Where a value was written, for later complaints. */
struct config_where {
	unsigned line; /* 0: not in the file, the default holds */
	const char *text; /* as written, ${env:} replaced; or the default */
	enum config_state state;
};

/* What every section begins with. */
struct config_head {
	const char *section; /* "tls" */
	const char *name; /* of [tls NAME]; "" for [tls] */
	unsigned line; /* of its heading; 0: not in the file */
	size_t index; /* in its array: for arrays that run beside it */
	bool bad; /* has a bad value; only in a draft, config_load_draft() */
};

#endif
