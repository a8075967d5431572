/* The data disk of a persistent DATA_DIR: data.ext4 in it, made once, locked while a VM uses it, grown when
 * it is to be larger. */
#ifndef CTR_DATADISK_H
#define CTR_DATADISK_H

#include "common/err.h"

#include <stdint.h>
#include <sys/types.h>

/* Opens, and if need be makes, checks or grows dir's data disk, and hands it over to uid and gid.
 * size: bytes that it is to have; 0: as it is, and a new one fresh_size.  Sets *fd, which holds its lock and is the
 * caller's also on failure, and path, a buffer of len bytes.  -1 with err. */
int datadisk_open(const char *dir, uint64_t size, uint64_t fresh_size, uid_t uid, gid_t gid, char *path, size_t len,
                  int *fd, struct err *err);

#endif
