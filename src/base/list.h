/*
 * A doubly linked list whose nodes live inside their owners. The list owns
 * nothing. A node not in a list points at itself, so list_remove() is safe
 * to call twice.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

/* The struct of type `type' whose member `member' is `node'. */
#define list_entry(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Goes over `head'; the current node may be removed from inside. */
#define list_each(node, safe, head) \
	for ((node) = (head)->next, (safe) = (node)->next; (node) != (head); \
	     (node) = (safe), (safe) = (node)->next)

/* Makes a head empty, or a node alone. */
static inline void
list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* Puts `node' (alone before) at the end of `head'. */
static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Takes `node' out of whatever list it is in; harmless when in none. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#endif
