#include "rootdisk/layout.h"

#include "rootdisk/erofs.h"
#include "rootdisk/holes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

uint32_t layout_directory_block(const struct tree *t, uint32_t first, uint32_t end, uint32_t *bytes)
{
    uint32_t used = 0;
    for (; first < end; first++) {
        uint32_t more = (uint32_t)(sizeof(struct erofs_dirent) + strlen(tree_name(t, t->entries[first].name)));
        if (used + more > EROFS_BLOCK)
            break;
        used += more;
    }
    *bytes = used;
    return first;
}

uint32_t layout_inode_bytes(const struct node *n)
{
    return (uint32_t)sizeof(struct erofs_inode) + (n->xattrs ? EROFS_XATTR_HEADER + n->xattrs : 0);
}

static uint64_t directory_bytes(const struct tree *t, const struct node *dir)
{
    uint64_t blocks = 0;
    uint32_t bytes = 0, end = dir->first + dir->count;
    for (uint32_t i = dir->first; i < end; blocks++)
        i = layout_directory_block(t, i, end, &bytes);
    return (blocks - 1) * EROFS_BLOCK + bytes; /* never empty: "." and ".." */
}

/* Gives the inode a place at or after `at`; returns the place after it.  An inode stays within one block where it can
 * (it always can without large xattrs), since kernels read the inline tail, and an inlined symlink's inode, from one
 * block. */
static uint64_t place_inode(struct node *n, uint64_t at)
{
    uint32_t need = layout_inode_bytes(n), tail = n->size % EROFS_BLOCK;
    if ((S_ISDIR(n->mode) || S_ISLNK(n->mode)) && tail > 0 && need + tail <= EROFS_BLOCK) {
        n->flags |= NODE_INLINE;
        need += tail;
    }
    if (n->flags & NODE_HOLES) /* the map is read an address at a time */
        need += 4 * holes_chunks(n->size);
    uint32_t whole = need < EROFS_BLOCK ? need : EROFS_BLOCK;
    if (at % EROFS_BLOCK + whole > EROFS_BLOCK)
        at += EROFS_BLOCK - at % EROFS_BLOCK;
    n->nid = (uint32_t)(at / EROFS_SLOT);
    return (at + need + EROFS_SLOT - 1) / EROFS_SLOT * EROFS_SLOT;
}

/* Blocks that the node's data takes outside its inode. */
static uint64_t data_blocks(const struct node *n)
{
    return n->size / EROFS_BLOCK + (n->size % EROFS_BLOCK && !(n->flags & NODE_INLINE));
}

static int too_large(const struct tree *t, uint32_t node, struct err *err)
{
    char path[512];
    tree_path(t, node, path, sizeof(path));
    return err_set(err, "the tree's files (with %s of %llu bytes) exceed 16 TiB, the limit of EROFS with 4 KiB blocks",
                   path, (unsigned long long)t->nodes[node].size);
}

static int place_files(struct layout *l, struct tree *t, struct err *err)
{
    uint64_t at = l->meta_blocks;
    for (uint32_t i = 0; i < t->node_count; i++) {
        struct node *n = &t->nodes[i];
        if (!S_ISREG(n->mode) || n->size == 0)
            continue;
        if (n->size > (uint64_t)EROFS_BLOCKS_MAX * EROFS_BLOCK || at + data_blocks(n) > EROFS_BLOCKS_MAX)
            return too_large(t, i, err);
        n->block = (uint32_t)at;
        at += data_blocks(n);
        l->files[l->file_count++] = i;
    }
    l->blocks = (uint32_t)at;
    return 0;
}

int layout_tree(struct layout *l, struct tree *t, struct err *err)
{
    *l = (struct layout){0};
    uint64_t at = EROFS_SUPER_OFFSET + sizeof(struct erofs_super);
    uint32_t files = 0;
    for (uint32_t i = 0; i < t->node_count; i++) {
        struct node *n = &t->nodes[i];
        if (S_ISDIR(n->mode))
            n->size = directory_bytes(t, n);
        files += S_ISREG(n->mode) && n->size > 0;
        at = place_inode(n, at);
    }
    at = (at + EROFS_BLOCK - 1) / EROFS_BLOCK;
    for (uint32_t i = 0; i < t->node_count; i++) {
        struct node *n = &t->nodes[i];
        if ((!S_ISDIR(n->mode) && !S_ISLNK(n->mode)) || data_blocks(n) == 0)
            continue;
        n->block = (uint32_t)at;
        at += data_blocks(n);
    }
    /* Far beyond what fits in memory; it keeps nid within 32 bits. */
    if (at * EROFS_BLOCK / EROFS_SLOT > UINT32_MAX)
        return err_set(err, "the tree's metadata exceeds 128 GiB");
    l->meta_blocks = (uint32_t)at;
    l->files = malloc((files + 1) * sizeof(*l->files));
    if (!l->files)
        return err_sys(err, "cannot lay out the image");
    return place_files(l, t, err);
}

void layout_free(struct layout *l)
{
    free(l->files);
    *l = (struct layout){0};
}
