/* The files and folders that the guest's kernel knows, each held by an O_PATH descriptor.
 *
 * The guest's kernel gives a node back (FORGET) after as many look-ups as the server has told it of.  A file has one
 * node, however many names led to it: the guest caches its content under the node's number.  While a node is held, the
 * host's kernel cannot give the file's inode number to another file.  All functions may be called by any thread. */
#ifndef CTR_SHARE_NODES_H
#define CTR_SHARE_NODES_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct nodes;

struct node {
    int fd;      /* O_PATH */
    mode_t type; /* S_IFREG, ... */
    uint64_t id;
    /* nodes.c's own */
    struct nodes *all;
    struct node *next;
    uint64_t dev, ino, mount, lookups;
    unsigned users;
};

/* With the folder, which this takes, as the node FUSE_ROOT_ID; at most max nodes, with numbers of that era
 * (share/slots.h).  NULL with errno. */
struct nodes *nodes_new(int folder, uint32_t max, uint32_t era);
void nodes_free(struct nodes *n);

/* The node with that number, which stays until node_done; NULL with errno ESTALE. */
struct node *nodes_use(struct nodes *n, uint64_t id);
void node_done(struct node *node);

/* Takes fd, an O_PATH descriptor of the file that st (with STATX_MNT_ID) describes, and counts a look-up of its node.
 * The node's number; 0 with errno: ENFILE when the guest knows too many. */
uint64_t nodes_enter(struct nodes *n, int fd, const struct statx *st);

/* The guest gives so many look-ups back. */
void nodes_forget(struct nodes *n, uint64_t id, uint64_t lookups);

/* How many there are. */
uint32_t nodes_count(struct nodes *n);

/* Whether there is room for one more: 0, or -1 with errno ENFILE.  Asked before an entry is made, so that the guest may
 * ask for the same again. */
int nodes_room(struct nodes *n);

static inline void node_done_p(struct node **node)
{
    if (*node)
        node_done(*node);
}
#define cleanup_node __attribute__((cleanup(node_done_p)))

#endif
