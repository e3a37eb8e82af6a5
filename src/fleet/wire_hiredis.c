/* SPDX-License-Identifier: ISC */
/*
 * hiredis's reader makes no objects of its own here: its callbacks come to the
 * functions below, which count what a reply takes. Without them an array's
 * announced length alone would decide how much memory is allocated.
 */
#include "fleet/wire.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <stdlib.h>
#include <string.h>

#if HIREDIS_MAJOR >= 1
typedef size_t array_len;
#else
typedef int array_len;
#endif

struct fleet_reader {
	redisReader *reader; /* owned */
	size_t fed; /* bytes since the last whole reply */
	size_t elements; /* of the reply that is being read */
	bool over; /* a bound was passed */
};

static const struct fleet_reply nothing = { .type = FLEET_WIRE_NIL };

const struct fleet_reply *
fleet_reply_item(const struct fleet_reply *r, size_t i)
{
	return r != NULL && r->type == FLEET_WIRE_ARRAY && i < r->count &&
		r->items[i] != NULL
	    ? r->items[i]
	    : &nothing;
}

struct slice
fleet_reply_text(const struct fleet_reply *r)
{
	return r != NULL &&
		(r->type == FLEET_WIRE_STRING || r->type == FLEET_WIRE_STATUS)
	    ? r->text
	    : slice_make("", 0);
}

/* Arrays are nested 7 deep at most: hiredis's own limit. */
void
fleet_reply_free(struct fleet_reply *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->count; i++)
		fleet_reply_free(r->items[i]);
	free(r->items);
	free(r);
}

/*
 * The reader's callbacks.
 */

/* Puts a new object where the task says. NULL: over the bounds, no memory. */
static struct fleet_reply *
make(const redisReadTask *task, enum fleet_wire_type type, size_t extra)
{
	struct fleet_reader *reader = task->privdata;
	struct fleet_reply *parent;
	struct fleet_reply *r;

	if (++reader->elements > FLEET_WIRE_ELEMENTS_MAX ||
	    extra > FLEET_WIRE_REPLY_MAX) {
		reader->over = true;
		return NULL;
	}
	r = calloc(1, sizeof(*r) + extra);
	if (r == NULL)
		return NULL;
	r->type = type;
	if (task->parent == NULL)
		return r;
	parent = task->parent->obj;
	if (task->idx < 0 || (size_t)task->idx >= parent->count) {
		free(r);
		return NULL;
	}
	parent->items[task->idx] = r;
	return r;
}

static void *
make_string(const redisReadTask *task, char *text, size_t len)
{
	enum fleet_wire_type type = task->type == REDIS_REPLY_ERROR
	    ? FLEET_WIRE_ERROR
	    : task->type == REDIS_REPLY_STATUS ? FLEET_WIRE_STATUS
					       : FLEET_WIRE_STRING;
	struct fleet_reply *r = make(task, type, len + 1);
	char *copy;

	if (r == NULL)
		return NULL;
	copy = (char *)(r + 1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	r->text = slice_make(copy, len);
	return r;
}

static void *
make_array(const redisReadTask *task, array_len elements)
{
	struct fleet_reader *reader = task->privdata;
	struct fleet_reply *r;

	if ((long long)elements < 0 ||
	    (long long)elements > FLEET_WIRE_ELEMENTS_MAX) {
		reader->over = true;
		return NULL;
	}
	r = make(task, FLEET_WIRE_ARRAY, 0);
	if (r == NULL || elements == 0)
		return r;
	r->items = calloc((size_t)elements, sizeof(struct fleet_reply *));
	if (r->items != NULL) {
		r->count = (size_t)elements;
		return r;
	}
	if (task->parent == NULL)
		free(r); /* otherwise its parent owns it */
	return NULL;
}

static void *
make_integer(const redisReadTask *task, long long value)
{
	struct fleet_reply *r = make(task, FLEET_WIRE_INTEGER, 0);

	if (r != NULL)
		r->number = value;
	return r;
}

static void *
make_nil(const redisReadTask *task)
{
	return make(task, FLEET_WIRE_NIL, 0);
}

static void
free_object(void *object)
{
	fleet_reply_free(object);
}

/* hiredis 1.0 has more types. We never ask for the protocol version that has
 * them, but a Redis server may send them. */
#if HIREDIS_MAJOR >= 1
static void *
make_double(const redisReadTask *task, double value, char *text, size_t len)
{
	(void)value;
	return make_string(task, text, len);
}

static void *
make_bool(const redisReadTask *task, int value)
{
	return make_integer(task, value);
}

static redisReplyObjectFunctions functions = {
	.createString = make_string,
	.createArray = make_array,
	.createInteger = make_integer,
	.createDouble = make_double,
	.createNil = make_nil,
	.createBool = make_bool,
	.freeObject = free_object,
};
#else
static redisReplyObjectFunctions functions = {
	.createString = make_string,
	.createArray = make_array,
	.createInteger = make_integer,
	.createNil = make_nil,
	.freeObject = free_object,
};
#endif

/*
 * The interface.
 */

struct fleet_reader *
fleet_reader_new(void)
{
	struct fleet_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->reader = redisReaderCreateWithFunctions(&functions);
	if (r->reader == NULL) {
		free(r);
		return NULL;
	}
	r->reader->privdata = r;
	return r;
}

void
fleet_reader_free(struct fleet_reader *r)
{
	if (r == NULL)
		return;
	redisReaderFree(r->reader);
	free(r);
}

enum err
fleet_reader_feed(struct fleet_reader *r, struct slice in)
{
	r->fed += in.len;
	if (r->fed > FLEET_WIRE_REPLY_MAX)
		return ERR_LIMIT;
	return redisReaderFeed(r->reader, (const char *)in.data, in.len) ==
		REDIS_OK
	    ? OK
	    : ERR_NO_MEMORY;
}

enum parse
fleet_reader_next(struct fleet_reader *r, struct fleet_reply **out,
    const char **why)
{
	void *reply = NULL;

	*out = NULL;
	if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
		*why = r->over ? "a reply over the bounds" : r->reader->errstr;
		return PARSE_BAD;
	}
	if (reply == NULL)
		return PARSE_MORE;
	r->elements = 0;
	r->fed = r->reader->len - r->reader->pos;
	*out = reply;
	return PARSE_OK;
}

enum err
fleet_wire_command(struct buf *out, const struct slice *argv, size_t argc)
{
	const char **texts = calloc(argc, sizeof(*texts));
	size_t *lens = calloc(argc, sizeof(*lens));
	enum err err = ERR_NO_MEMORY;
	char *command = NULL;
	size_t i;
	long long len = -1;

	for (i = 0; texts != NULL && lens != NULL && i < argc; i++) {
		texts[i] = (const char *)argv[i].data;
		lens[i] = argv[i].len;
	}
	if (texts != NULL && lens != NULL)
		len = redisFormatCommandArgv(&command, (int)argc, texts, lens);
	if (len > 0) {
		err = buf_append(out, command, (size_t)len);
		redisFreeCommand(command);
	}
	free(texts);
	free(lens);
	return err;
}
