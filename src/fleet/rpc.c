/* SPDX-License-Identifier: ISC */
#include "fleet/rpc.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/hash.h"
#include "base/log.h"
#include "fleet/scripts.h"
#include "io/timer.h"

#define ID_LEN 32
#define NUMBER_LEN 8
/* Questions that are read at once; a Redis server that announces more is not
 * believed. */
#define READING_MAX 16
/* For how long an answer stays in the Redis server. */
#define ANSWER_TTL "10000"
#define HEAD_MAX 20000

/* A question of ours. */
struct outgoing_question {
	struct list node; /* in rpc->outgoing */
	struct fleet_rpc *rpc; /* borrowed */
	char id[ID_LEN + 1];
	char *to; /* owned */
	struct timer deadline;
	const struct fleet_rpc_asker *asker;
	void *arg;
	struct fleet_rpc_part parts[FLEET_RPC_REPLICAS_MAX];
	size_t count;
	bool known; /* the parts are */
	size_t fetching; /* replies that are on the way to us */
	size_t bytes; /* of the answers so far */
	bool over; /* `done' was called; it is freed with the last reply */
	/* Replicas whose answers came before the list of all. */
	uint32_t early[FLEET_RPC_REPLICAS_MAX];
	size_t early_count;
};

struct fleet_rpc {
	struct loop *loop; /* borrowed */
	struct fleet_link *link; /* owned */
	const char *prefix; /* borrowed */
	const char *name; /* borrowed */
	uint32_t number;
	bool ready; /* connected, and the Redis server can be written to */
	struct list outgoing;
	size_t reading;
	fleet_rpc_asked *asked;
	void *asked_arg;
};

/* An answer that is on the way to us. */
struct fetch {
	struct outgoing_question *asking;
	size_t part;
};

static struct slice
key(const struct fleet_rpc *t, char out[128], const char *what, const char *id)
{
	int n = snprintf(out, 128, "%s:%s%s", t->prefix, what, id);

	return slice_make(out, (size_t)n);
}

/* Reads an identifier of a question. */
static bool
read_id(char out[ID_LEN + 1], struct slice in)
{
	size_t i;

	if (in.len != ID_LEN)
		return false;
	for (i = 0; i < in.len; i++)
		if (encode_hex_value(in.data[i]) == -1)
			return false;
	memcpy(out, in.data, ID_LEN);
	out[ID_LEN] = '\0';
	return true;
}

static bool
read_number(uint32_t *out, struct slice in)
{
	size_t i;
	int digit;

	*out = 0;
	for (i = 0; i < in.len; i++) {
		digit = encode_hex_value(in.data[i]);
		if (digit == -1)
			return false;
		*out = *out << 4 | (uint32_t)digit;
	}
	return in.len == NUMBER_LEN;
}

/* Reads "NAME NUMBER". */
static bool
read_replica(char name[FLEET_RPC_NAME_MAX + 1], uint32_t *number,
    struct slice in)
{
	size_t len;
	size_t i;

	if (in.len < NUMBER_LEN + 2)
		return false;
	len = in.len - NUMBER_LEN - 1;
	if (len > FLEET_RPC_NAME_MAX || in.data[len] != ' ')
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum(in.data[i]) &&
		    (in.data[i] == '\0' || !strchr("._-", in.data[i])))
			return false;
	memcpy(name, in.data, len);
	name[len] = '\0';
	return read_number(number, slice_make(in.data + len + 1, NUMBER_LEN));
}

/* Logs a reply of the Redis server that is not what was asked for. */
static void
complain(const char *what, const struct fleet_reply *r)
{
	struct slice text = r->type == FLEET_WIRE_ERROR
	    ? r->text
	    : slice_str("not what was asked for");

	log_event(LOG_LEVEL_WARN, "fleet_talk", "%s: %.*s", what,
	    (int)(text.len < 160 ? text.len : 160), (const char *)text.data);
}

bool
fleet_rpc_is_for(const char *to, const char *name)
{
	size_t len = strlen(name);

	if (strcmp(to, "*") == 0)
		return true;
	while (*to != '\0') {
		if (strncmp(to, name, len) == 0 &&
		    (to[len] == ',' || to[len] == '\0'))
			return true;
		to += strcspn(to, ",");
		to += *to == ',';
	}
	return false;
}

/*
 * Asking.
 */

static void
free_if_over(struct outgoing_question *a)
{
	if (!a->over || a->fetching > 0)
		return;
	list_remove(&a->node);
	free(a->to);
	free(a);
}

static void
withdrawn(void *arg, const struct fleet_reply *reply)
{
	(void)arg;
	(void)reply;
}

/* No caller may begin with it any more. */
static void
withdraw(const struct outgoing_question *a)
{
	char question[128];
	struct slice argv[5] = { slice_str("SET"),
		key(a->rpc, question, "ask:", a->id), slice_str(""),
		slice_str("PX"), slice_str("1") };

	(void)fleet_link_send(a->rpc->link, argv, 5, withdrawn, NULL);
}

static void
end(struct outgoing_question *a, const char *why)
{
	if (a->over)
		return;
	a->over = true;
	timer_stop(&a->deadline);
	withdraw(a);
	a->asker->done(a->arg, why, a->parts, a->count);
	free_if_over(a);
}

static void
too_late(void *arg)
{
	end(arg, NULL);
}

/* Ends the question if all have answered. */
static void
end_if_complete(struct outgoing_question *a)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (!a->parts[i].answered)
			return;
	end(a, NULL);
}

static void
fetched(void *arg, const struct fleet_reply *reply)
{
	struct fetch *f = arg;
	struct outgoing_question *a = f->asking;
	struct fleet_rpc_part *p = &a->parts[f->part];
	struct slice text = fleet_reply_text(reply);

	free(f);
	a->fetching--;
	a->bytes += text.len;
	if (reply != NULL && reply->type != FLEET_WIRE_STRING)
		complain("an answer cannot be read", reply);
	if (!a->over && text.len > 0 && text.len <= FLEET_RPC_ANSWER_MAX &&
	    a->bytes <= FLEET_RPC_ANSWERS_MAX) {
		p->answered = true;
		a->asker->answered(a->arg, p->name, text);
		end_if_complete(a); /* a may be gone */
		return;
	}
	free_if_over(a);
}

/* Takes the answer of part `i' out of the Redis server. */
static void
fetch(struct outgoing_question *a, size_t i)
{
	struct fetch *f = malloc(sizeof(*f));
	char id[ID_LEN + NUMBER_LEN + 2], answer[128];
	struct slice argv[4] = { slice_str("EVAL"),
		slice_str(FLEET_SCRIPT_TAKE), slice_str("1") };

	if (f == NULL)
		return;
	f->asking = a;
	f->part = i;
	snprintf(id, sizeof(id), "%s:%08" PRIx32, a->id, a->parts[i].number);
	argv[3] = key(a->rpc, answer, "answer:", id);
	if (!fleet_link_send(a->rpc->link, argv, 4, fetched, f)) {
		free(f);
		return;
	}
	a->parts[i].fetching = true;
	a->fetching++;
}

/* A replica says that its answer is there. */
static void
take_announcement(struct outgoing_question *a, uint32_t number)
{
	size_t i;

	if (!a->known) {
		if (a->early_count < FLEET_RPC_REPLICAS_MAX)
			a->early[a->early_count++] = number;
		return;
	}
	for (i = 0; i < a->count; i++)
		if (a->parts[i].number == number && !a->parts[i].fetching)
			fetch(a, i);
}

/* The question is stored, and these replicas are alive. */
static void
stored(void *arg, const struct fleet_reply *reply)
{
	struct outgoing_question *a = arg;
	struct fleet_rpc_part *p;
	size_t i;

	a->fetching--;
	if (a->over) {
		free_if_over(a);
		return;
	}
	if (reply == NULL || reply->type != FLEET_WIRE_ARRAY) {
		if (reply != NULL)
			complain("a question cannot be asked", reply);
		end(a,
		    reply == NULL
			? "the connection to the Redis server was lost"
			: "the Redis server refused the question");
		return; /* a may be gone */
	}
	for (i = 0; i < reply->count && a->count < FLEET_RPC_REPLICAS_MAX;
	     i++) {
		p = &a->parts[a->count];
		if (read_replica(p->name, &p->number,
			fleet_reply_text(fleet_reply_item(reply, i))) &&
		    p->number != a->rpc->number &&
		    fleet_rpc_is_for(a->to, p->name))
			a->count++;
	}
	a->known = true;
	for (i = 0; i < a->early_count; i++)
		take_announcement(a, a->early[i]);
	end_if_complete(a); /* a may be gone */
}

static bool
send_question(struct fleet_rpc *t, struct outgoing_question *a,
    const struct fleet_rpc_request *r)
{
	char question[128], replicas[128], ask[128], ms[24];
	struct slice argv[9] = { slice_str("EVAL"), slice_str(FLEET_SCRIPT_ASK),
		slice_str("2"), key(t, question, "ask:", a->id),
		key(t, replicas, "replicas", "") };
	struct buf text;
	char *head = NULL;
	int len =
	    asprintf(&head, "%s %s %08" PRIx32 "\n", r->to, t->name, t->number);
	bool sent = false;

	if (len < 0)
		return false;
	buf_init(&text, 0);
	snprintf(ms, sizeof(ms), "%" PRIu64, r->ms);
	if (buf_append(&text, head, (size_t)len) == OK &&
	    buf_append(&text, r->text.data, r->text.len) == OK) {
		argv[5] = buf_slice(&text);
		argv[6] = slice_str(ms);
		argv[7] = key(t, ask, "ask", "");
		argv[8] = slice_str(a->id);
		sent = fleet_link_send(t->link, argv, 9, stored, a);
	}
	buf_fini(&text);
	free(head);
	return sent;
}

const char *
fleet_rpc_why_not(const struct fleet_rpc *t)
{
	return t->ready ? NULL : fleet_link_why(t->link);
}

enum err
fleet_rpc_ask(struct fleet_rpc *t, const struct fleet_rpc_request *r)
{
	struct hash_key id = hash_key_random();
	struct outgoing_question *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return ERR_NO_MEMORY;
	a->rpc = t;
	a->asker = r->asker;
	a->arg = r->arg;
	a->to = strdup(r->to);
	encode_hex(a->id, slice_make(&id, sizeof(id)));
	if (a->to == NULL || strlen(r->to) > HEAD_MAX ||
	    !send_question(t, a, r)) {
		free(a->to);
		free(a);
		return ERR_CLOSED;
	}
	a->fetching = 1;
	list_init(&a->node);
	list_append(&t->outgoing, &a->node);
	timer_init(&a->deadline, t->loop, too_late, a);
	timer_start(&a->deadline, r->ms);
	return OK;
}

/*
 * Answering.
 */

/* A question that is being read. */
struct incoming_question {
	struct fleet_rpc *rpc; /* borrowed */
	char id[ID_LEN + 1];
};

/* Splits "TO NAME NUMBER\nTEXT", and passes it to the function that handles it.
 */
static void
take_question(struct fleet_rpc *t, const char *id, struct slice in)
{
	const uint8_t *line =
	    in.len == 0 ? NULL : memchr(in.data, '\n', in.len);
	struct fleet_question q;
	char name[FLEET_RPC_NAME_MAX + 1];
	const uint8_t *blank;
	char *to;

	if (line == NULL || (size_t)(line - in.data) > HEAD_MAX)
		return;
	blank = memchr(in.data, ' ', (size_t)(line - in.data));
	if (blank == NULL ||
	    !read_replica(name, &q.asker,
		slice_make(blank + 1, (size_t)(line - blank - 1))))
		return;
	to = strndup((const char *)in.data, (size_t)(blank - in.data));
	if (to == NULL || !fleet_rpc_is_for(to, t->name)) {
		free(to);
		return;
	}
	free(to);
	memcpy(q.id, id, sizeof(q.id));
	t->asked(t->asked_arg, &q, name,
	    slice_make(line + 1, in.len - (size_t)(line - in.data) - 1));
}

static void
question_read(void *arg, const struct fleet_reply *reply)
{
	struct incoming_question *r = arg;
	struct fleet_rpc *t = r->rpc;
	struct slice text = fleet_reply_text(reply);

	t->reading--;
	if (reply != NULL && reply->type != FLEET_WIRE_STRING &&
	    reply->type != FLEET_WIRE_NIL)
		complain("a question cannot be read", reply);
	if (text.len <= FLEET_RPC_QUESTION_MAX + HEAD_MAX && t->asked != NULL)
		take_question(t, r->id, text);
	free(r);
}

/* A question was announced: reads it, unless it is our own. */
static void
read_question(struct fleet_rpc *t, const char *id)
{
	char question[128];
	struct slice argv[2] = { slice_str("GET"),
		key(t, question, "ask:", id) };
	struct incoming_question *r;
	struct list *node;
	struct list *next;

	list_each(node, next, &t->outgoing)
		if (strcmp(list_entry(node, struct outgoing_question, node)->id,
			id) == 0)
			return;
	if (t->reading >= READING_MAX || t->asked == NULL)
		return;
	r = malloc(sizeof(*r));
	if (r == NULL)
		return;
	r->rpc = t;
	memcpy(r->id, id, sizeof(r->id));
	if (fleet_link_send(t->link, argv, 2, question_read, r))
		t->reading++;
	else
		free(r);
}

static void
answer_stored(void *arg, const struct fleet_reply *reply)
{
	(void)arg;
	if (reply != NULL && reply->type == FLEET_WIRE_ERROR)
		complain("an answer cannot be sent", reply);
}

void
fleet_rpc_answer(struct fleet_rpc *t, const struct fleet_question *q,
    struct slice text)
{
	char question[128], answer[128], channel[128], id[ID_LEN + 12];
	char to[NUMBER_LEN + 1];
	struct slice argv[9] = { slice_str("EVAL"),
		slice_str(FLEET_SCRIPT_ANSWER), slice_str("2"),
		key(t, question, "ask:", q->id) };

	snprintf(id, sizeof(id), "%s:%08" PRIx32, q->id, t->number);
	snprintf(to, sizeof(to), "%08" PRIx32, q->asker);
	argv[4] = key(t, answer, "answer:", id);
	argv[5] = text;
	argv[6] = key(t, channel, "to:", to);
	argv[7] = slice_str(id);
	argv[8] = slice_str(ANSWER_TTL);
	(void)fleet_link_send(t->link, argv, 9, answer_stored, NULL);
}

/*
 * Messages.
 */

/* "ID:NUMBER": the answer of that replica is there. */
static void
take_answer_message(struct fleet_rpc *t, struct slice text)
{
	struct list *node;
	struct list *next;
	struct outgoing_question *a;
	char id[ID_LEN + 1];
	uint32_t number;

	if (text.len != ID_LEN + 1 + NUMBER_LEN ||
	    !read_id(id, slice_make(text.data, ID_LEN)) ||
	    !read_number(&number,
		slice_make(text.data + ID_LEN + 1, NUMBER_LEN)))
		return;
	list_each(node, next, &t->outgoing) {
		a = list_entry(node, struct outgoing_question, node);
		if (!a->over && strcmp(a->id, id) == 0) {
			take_announcement(a, number);
			return;
		}
	}
}

void
fleet_rpc_channels(const struct fleet_rpc *t, struct slice out[2],
    char names[2][128])
{
	char number[NUMBER_LEN + 1];

	snprintf(number, sizeof(number), "%08" PRIx32, t->number);
	out[0] = key(t, names[0], "ask", "");
	out[1] = key(t, names[1], "to:", number);
}

void
fleet_rpc_message(struct fleet_rpc *t, struct slice channel, struct slice text)
{
	char names[2][128];
	struct slice own[2];
	char id[ID_LEN + 1];

	fleet_rpc_channels(t, own, names);
	if (slice_equal(channel, own[1]))
		take_answer_message(t, text);
	else if (slice_equal(channel, own[0]) && read_id(id, text))
		read_question(t, id);
}

void
fleet_rpc_listen(struct fleet_rpc *t, fleet_rpc_asked *asked, void *arg)
{
	t->asked = asked;
	t->asked_arg = arg;
}

/*
 * Making and freeing.
 */

/* A Redis server that cannot be written to, such as a replica of another one,
 * is left for the next address. */
static void
probed(void *arg, const struct fleet_reply *reply)
{
	struct fleet_rpc *t = arg;
	char why[FLEET_LINK_WHY_MAX];

	if (reply == NULL)
		return;
	t->ready = reply->type == FLEET_WIRE_STATUS;
	if (t->ready)
		return;
	snprintf(why, sizeof(why), "no questions: %.*s",
	    (int)(reply->text.len < 160 ? reply->text.len : 160),
	    reply->text.len == 0 ? "" : (const char *)reply->text.data);
	fleet_link_reject(t->link, why);
}

static void
link_up(void *arg)
{
	struct fleet_rpc *t = arg;
	char id[NUMBER_LEN + 1], probe[128];
	struct slice argv[5] = { slice_str("SET"), { NULL, 0 }, slice_str(""),
		slice_str("PX"), slice_str("1") };

	snprintf(id, sizeof(id), "%08" PRIx32, t->number);
	argv[1] = key(t, probe, "probe:", id);
	(void)fleet_link_send(t->link, argv, 5, probed, t);
}

static void
link_down(void *arg)
{
	struct fleet_rpc *t = arg;

	t->ready = false;
}

static const struct fleet_link_owner owner = { link_up, link_down, NULL };

struct fleet_rpc *
fleet_rpc_new(const struct fleet_rpc_options *o,
    const struct fleet_link_access *access)
{
	struct fleet_rpc *t = calloc(1, sizeof(*t));
	struct fleet_link_options link = *o->link;

	if (t == NULL)
		return NULL;
	t->loop = link.loop;
	t->prefix = o->prefix;
	t->name = o->name;
	t->number = o->number;
	list_init(&t->outgoing);
	link.owner = &owner;
	link.arg = t;
	t->link = fleet_link_new(&link, access);
	if (t->link != NULL)
		return t;
	free(t);
	return NULL;
}

void
fleet_rpc_free(struct fleet_rpc *t)
{
	struct list *node;
	struct list *next;
	struct outgoing_question *a;

	if (t == NULL)
		return;
	t->asked = NULL;
	fleet_link_stop(t->link);
	list_each(node, next, &t->outgoing) {
		a = list_entry(node, struct outgoing_question, node);
		end(a, "the daemon is stopping");
	}
	fleet_link_free(t->link);
	free(t);
}

void
fleet_rpc_set_access(struct fleet_rpc *t,
    const struct fleet_link_access *access)
{
	fleet_link_set_access(t->link, access);
}
