/* SPDX-License-Identifier: ISC */
/*
 * Questions that one replica asks the others, through the Redis server:
 *
 * 	asker	stores the question, with a time to live, and announces it
 * 	others	read it, unless its time is over, and do what it says
 * 	others	store the answer, and announce it to the asker
 * 	asker	takes it; at the deadline it knows who has not answered
 *
 * The Redis server's clock alone decides whether a question is still valid, so
 * a replica that stood still does not do late what its asker has given up. The
 * connection is one of its own: a large answer does not delay the deny list.
 *
 * What a question means is not known here. Questions and answers are a
 * stranger's input: their size is bounded here, and the code that uses them
 * checks the rest.
 */
#ifndef FLEET_RPC_H
#define FLEET_RPC_H

#include "fleet/link.h"

#define FLEET_RPC_QUESTION_MAX ((size_t)256 << 10)
#define FLEET_RPC_ANSWER_MAX ((size_t)4 << 20)
/* Bytes of all answers to a question. */
#define FLEET_RPC_ANSWERS_MAX ((size_t)64 << 20)
/* The most replicas. */
#define FLEET_RPC_REPLICAS_MAX 255
/* The longest name of a replica. */
#define FLEET_RPC_NAME_MAX 64

struct fleet_rpc;

struct fleet_rpc_options {
	const struct fleet_link_options *link; /* borrowed for the call; its
						* owner is not used */
	const char *prefix; /* borrowed */
	const char *name; /* borrowed: of this replica */
	uint32_t number; /* of this process */
};

/* NULL: no memory. It starts to connect. */
struct fleet_rpc *fleet_rpc_new(const struct fleet_rpc_options *o,
    const struct fleet_link_access *access);

/* Ends all questions under way; their callers are told that no more answers
 * come. NULL is allowed. */
void fleet_rpc_free(struct fleet_rpc *t);

void fleet_rpc_set_access(struct fleet_rpc *t,
    const struct fleet_link_access *access);

/* Appends the channels that this replica has to subscribe to: fills `out', and
 * the texts of `names'. */
void fleet_rpc_channels(const struct fleet_rpc *t, struct slice out[2],
    char names[2][128]);

/* Takes a message that came over one of them. */
void fleet_rpc_message(struct fleet_rpc *t, struct slice channel,
    struct slice text);

/*
 * Answering.
 */

/* A question that waits for its answer. Copy it. */
struct fleet_question {
	char id[33];
	uint32_t asker;
};

/* Called for each question; `from' is the asker's name. Both texts are borrowed
 * for the call. */
typedef void fleet_rpc_asked(void *arg, const struct fleet_question *q,
    const char *from, struct slice text);

/* From now on questions are passed to `asked'. If this is not called, questions
 * are not answered. */
void fleet_rpc_listen(struct fleet_rpc *t, fleet_rpc_asked *asked, void *arg);

/* Sends an answer of at most FLEET_RPC_ANSWER_MAX bytes, if the asker still
 * waits for it. */
void fleet_rpc_answer(struct fleet_rpc *t, const struct fleet_question *q,
    struct slice text);

/*
 * Asking.
 */

/* A replica that was asked. */
struct fleet_rpc_part {
	char name[FLEET_RPC_NAME_MAX + 1];
	uint32_t number;
	bool fetching; /* its answer is on the way */
	bool answered;
};

struct fleet_rpc_asker {
	/* An answer came; borrowed for the call. */
	void (*answered)(void *arg, const char *name, struct slice text);
	/* All have answered, or it is too late. `parts' says who was asked. If
	 * `why' is not NULL, the question may have reached no replica. Called
	 * once, and last. */
	void (*done)(void *arg, const char *why,
	    const struct fleet_rpc_part *parts, size_t count);
};

struct fleet_rpc_request {
	struct slice text; /* borrowed for the call */
	const char *to; /* names with commas between them; "*": all */
	uint64_t ms; /* until the answers must be there */
	const struct fleet_rpc_asker *asker; /* static */
	void *arg; /* borrowed */
};

/* NULL, or why no question can be asked now; a static text. */
const char *fleet_rpc_why_not(const struct fleet_rpc *t);

/* True if `to' names `name'. */
bool fleet_rpc_is_for(const char *to, const char *name);

/* Asks the other replicas. OK: `done' will be called, never from inside.
 * ERR_CLOSED: not connected; ERR_NO_MEMORY. */
enum err fleet_rpc_ask(struct fleet_rpc *t,
    const struct fleet_rpc_request *r) MUST_CHECK;

#endif
