/*
 * The commands of the admin socket, as one table.
 */
#ifndef ADMIN_COMMANDS_H
#define ADMIN_COMMANDS_H

#include "admin/admin.h"

/* One command. GET looks, POST changes something. */
struct command {
	const char *path;
	enum http_method method;
	const char *params; /* the keys it knows, a blank around each */
	void (*run)(struct admin *a, struct http_call *call,
	    const struct http_request *request);
};

/* http_handler of the admin socket; `arg' is a struct admin. */
void commands_handle(struct http_call *call, const struct http_request *request,
    void *arg);

#endif
