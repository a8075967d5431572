/* An image's layers (OCI image-spec, layer.md), each unpacked over those below it. */
#ifndef CTR_LAYER_H
#define CTR_LAYER_H

#include "common/err.h"

/* Unpacks a layer: in is its archive, an uncompressed regular file that is read from its start; dir is the folder with
 * the layers below, a descriptor (O_PATH will do).  Removes from it the files that the layer's whiteouts name, and
 * those in the way of the layer's files.  Names stay beneath dir and go through no link.  If this layer has an entry
 * below a name that is a link or a file in a layer below, a directory hides the link or file, as in overlayfs.  A layer
 * with a file below its own link is refused.  -1 with err: the folder has a part of the layer. */
int layer_apply(int in, int dir, struct err *err);

/* Removes an entry of a folder, with all that is below it.  For folders that nobody else changes.  0, even if there is
 * no such entry; or -1 with errno. */
int layer_remove(int folder, const char *entry);

#endif
