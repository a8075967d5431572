#include "rootdisk/sparse.h"

#include "common/cleanup.h"
#include "common/settings.h"
#include "common/units.h"
#include "rootdisk/erofs.h"
#include "rootdisk/holes.h"
#include "rootdisk/xattr.h"

#include <limits.h>
#include <string.h>

/* A file with fewer holes is no trouble when overlayfs copies it; copying more data would slow each start.  Data is
 * counted in whole chunks. */
#define HOLES_LEAST (16 * MIB)
#define DATA_MOST (16 * MIB)
#define DATA_MOST_OF_ALL (64 * MIB)
enum { LIST_MAX = 32 << 10 };

static uint64_t data_bytes(const struct tree *t, const struct node *n)
{
    const char *map = t->blobs.data + n->blob + n->xattrs;
    uint64_t chunks = 0;
    for (uint32_t i = 0; i < holes_chunks(n->size); i++)
        chunks += map[i / 8] >> i % 8 & 1;
    return chunks << holes_chunk_bits(n->size);
}

/* The paths from the root, without the leading slash, each followed by a NUL. */
static void list_files(const struct tree *t, struct buf *list)
{
    char path[PATH_MAX];
    uint64_t all = 0;
    for (uint32_t i = 0; i < t->node_count; i++) {
        const struct node *n = &t->nodes[i];
        if (!(n->flags & NODE_HOLES))
            continue;
        uint64_t data = data_bytes(t, n);
        tree_path(t, i, path, sizeof(path));
        size_t len = strlen(path);
        if (data > DATA_MOST || all + data > DATA_MOST_OF_ALL || n->size < data + HOLES_LEAST ||
            len + 1 == sizeof(path) || list->len + len > LIST_MAX)
            continue;
        all += data;
        buf_add(list, path + 1, len);
    }
}

int sparse_note(struct tree *t, struct err *err)
{
    cleanup_buf struct buf list = {0}, attributes = {0};
    struct node *root = &t->nodes[TREE_ROOT];
    list_files(t, &list);
    if (list.len == 0 && !buf_failed(&list))
        return 0;
    buf_add(&attributes, t->blobs.data + root->blob, root->xattrs);
    const char *rest = strchr(ROOTDISK_SPARSE, '.') + 1;
    xattr_append(&attributes, EROFS_XATTR_TRUSTED, rest, list.data, list.len);
    if (attributes.len > EROFS_XATTR_BODY_MAX - EROFS_XATTR_HEADER) /* the tree's own come first */
        return 0;
    uint32_t blob =
        buf_failed(&list) || buf_failed(&attributes) ? TREE_NONE : tree_add_blob(t, attributes.data, attributes.len);
    if (blob == TREE_NONE)
        return err_sys(err, "cannot list the sparse files");
    root->blob = blob;
    root->xattrs = (uint32_t)attributes.len;
    return 0;
}
