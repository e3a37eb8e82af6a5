#include "config/value_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/address.h"

#define UNIX_PREFIX "unix:"

/* "8883" or ":8883": the port, or NULL when there is more than that. */
static const char *
port_only(const char *text)
{
	if (*text == ':')
		text++;
	return text[strspn(text, "0123456789")] == '\0' ? text : NULL;
}

static enum err
parse_addr(struct config_setting *s, const char *text, struct config_addr *out)
{
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0 ||
	    address_parse(&out->sa, text) != OK)
		return config_value_bad(s,
		    "\"%.64s\" is not an address to listen on (write numbers, "
		    "such as 0.0.0.0:8883, [::]:8883 or 127.0.0.1:0)",
		    text);
	out->text = text;
	out->len = address_len(&out->sa);
	return OK;
}

/* A port alone is both families; `out' has room for the two. */
static enum err
parse_port_only(struct config_setting *s, const char *port,
    struct config_addr *out)
{
	static const char *const hosts[] = { "0.0.0.0:", "[::]:" };
	char text[ADDRESS_TEXT_MAX];
	const char *copy;
	enum err err;
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s%.64s", hosts[i], port);
		copy = config_arena_text(s->arena, text, strlen(text));
		if (copy == NULL)
			return ERR_NO_MEMORY;
		err = parse_addr(s, copy, &out[i]);
		if (err != OK)
			return err;
	}
	out[1].optional = true;
	return OK;
}

enum err
config_value_addrs(struct config_setting *s, void *field)
{
	struct config_addrs addrs = { 0 };
	struct config_list list;
	const char *port;
	enum err err;
	size_t i;

	err = config_value_split(s, &list);
	if (err != OK)
		return err;
	addrs.items = config_arena_array(s->arena, list.count,
	    2 * sizeof(addrs.items[0]));
	if (addrs.items == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < list.count && err == OK; i++) {
		port = port_only(list.items[i]);
		if (port != NULL) {
			err =
			    parse_port_only(s, port, &addrs.items[addrs.count]);
			addrs.count += 2;
		} else {
			err = parse_addr(s, list.items[i],
			    &addrs.items[addrs.count++]);
		}
	}
	if (err == OK)
		*(struct config_addrs *)field = addrs;
	return err;
}

static enum err
bad_endpoint(struct config_setting *s, const char *text)
{
	const char *scheme = strstr(text, "://");

	if (scheme != NULL)
		return config_value_bad(s,
		    "\"%.64s\" is a URL (write %.64s: the broker is dialled "
		    "in plaintext)",
		    text, scheme[3] != '\0' ? scheme + 3 : "host:port");
	if (strchr(text, ':') == NULL && strlen(text) < ADDRESS_HOST_MAX)
		return config_value_bad(s,
		    "\"%.64s\" has no port (write %.64s:1883, or where it "
		    "listens)",
		    text, text);
	return config_value_bad(s,
	    "\"%.64s\" is not a broker's address (write host:port, "
	    "[IPv6]:port or unix:/path)",
	    text);
}

static enum err
parse_unix(struct config_setting *s, const char *text,
    struct config_endpoint *out)
{
	const char *path = text + strlen(UNIX_PREFIX);
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (path[0] != '/')
		return config_value_bad(s,
		    "\"%.64s\" does not begin with / (write unix:/path)", text);
	if (strlen(path) > most)
		return config_value_bad(s,
		    "the path of a unix socket is longer than %zu bytes", most);
	out->path = path;
	return OK;
}

/* Only digits and dots, and yet no address: nothing a resolver would know. */
static bool
broken_number(const char *host)
{
	struct in_addr addr;

	return host[strspn(host, "0123456789.")] == '\0' &&
	    inet_pton(AF_INET, host, &addr) != 1;
}

/* In brackets there has to be an IPv6 address. */
static bool
broken_brackets(const char *text)
{
	struct sockaddr_storage sa;

	return text[0] == '[' && address_parse(&sa, text) != OK;
}

static enum err
parse_host(struct config_setting *s, const char *text,
    struct config_endpoint *out)
{
	char host[ADDRESS_HOST_MAX];

	if (address_split(text, host, &out->port) != OK ||
	    broken_number(host) || broken_brackets(text))
		return bad_endpoint(s, text);
	if (out->port == 0)
		return config_value_bad(s,
		    "\"%.64s\" has port 0, where nothing listens (write the "
		    "broker's port, such as 1883)",
		    text);
	out->host = config_arena_text(s->arena, host, strlen(host));
	return out->host == NULL ? ERR_NO_MEMORY : OK;
}

static enum err
parse_endpoint(struct config_setting *s, const char *text,
    struct config_endpoint *out)
{
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(s, text, out);
	return parse_host(s, text, out);
}

enum err
config_value_endpoints(struct config_setting *s, void *field)
{
	struct config_endpoints endpoints = { 0 };
	struct config_list list;
	enum err err;
	size_t i;

	err = config_value_split(s, &list);
	if (err != OK)
		return err;
	if (list.count == 0)
		return config_value_bad(s,
		    "is empty (write host:port or unix:/path)");
	endpoints.items = config_arena_array(s->arena, list.count,
	    sizeof(endpoints.items[0]));
	if (endpoints.items == NULL)
		return ERR_NO_MEMORY;
	endpoints.texts = list.items;
	endpoints.count = list.count;
	for (i = 0; i < list.count && err == OK; i++)
		err = parse_endpoint(s, list.items[i], &endpoints.items[i]);
	if (err == OK)
		*(struct config_endpoints *)field = endpoints;
	return err;
}

enum err
config_value_nets(struct config_setting *s, void *field)
{
	struct config_nets nets = { 0 };
	struct config_list list;
	enum err err;
	size_t i;

	err = config_value_split(s, &list);
	if (err != OK)
		return err;
	nets.count = list.count;
	nets.items =
	    config_arena_array(s->arena, list.count, sizeof(nets.items[0]));
	if (nets.items == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < list.count; i++)
		if (address_net_parse(&nets.items[i], list.items[i]) != OK)
			return config_value_bad(s,
			    "\"%.64s\" is not a network (write 10.0.0.0/8, "
			    "2001:db8::/32 or one address; the bits behind "
			    "the length must be 0)",
			    list.items[i]);
	*(struct config_nets *)field = nets;
	return OK;
}
