/* SPDX-License-Identifier: ISC */
/*
 * A doubly linked list whose nodes are members of the entries. The list owns
 * nothing. A node outside a list points to itself, so calling list_remove()
 * twice does no harm.
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

/* Loops over the nodes of `head'. The loop may remove the current node. */
#define list_each(node, safe, head) \
	for ((node) = (head)->next, (safe) = (node)->next; (node) != (head); \
	     (node) = (safe), (safe) = (node)->next)

/* Makes an empty head, or a node outside any list. */
static inline void
list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

/* True if the list has no nodes, or the node is in no list. */
static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* Appends `node', which must be in no list, to `head'. */
static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Removes `node' from its list, if it is in one. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#endif
