/* The VM's drives, in their fixed order: root, data, scratch (what the guest writes to its root, when that is EROFS),
 * then the volumes.  The order decides the guest's names: /dev/vda, vdb, ...
 *
 * There are four kinds:
 * - served: a tree as an EROFS image over FUSE (served.h): the root, and each volume.  Nothing is copied.
 * - sealed: an EROFS image that is there already: the root.
 * - passing: an ext4 in a sparse file in VM_SCRATCH_DIR, gone with the VM: scratch, data without a volume, a root as
 *   ext4.
 * - kept: data.ext4 in the user's volume (datadisk.h): data, and each :disk of VM_VOLUMES.
 *
 * drives_start begins them in that order and adds each to struct drives before it makes anything, so drives_remove can
 * always undo what there is.  A served drive's process scans its tree, and a passing drive's mke2fs works, while the
 * caller goes on; a kept drive is checked at once, because e2fsck may refuse it.  drives_finish waits for all of them.
 *
 * Who holds what: drive.fd keeps a passing or kept file open and locked until the VM's end.  A passing file has no name
 * until it is complete, so a killed start leaves none; its name goes as soon as Firecracker has opened it.  A served
 * image lives as long as its process, which ends with entry. */
#ifndef CTR_DRIVES_H
#define CTR_DRIVES_H

#include "common/err.h"
#include "entry/disks/ext4.h"
#include "entry/disks/served.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum rootfs_format { ROOTFS_EROFS, ROOTFS_EXT4 };
/* Disks among the volumes, and shares. */
enum { VOLUMES_MAX = 8, SHARES_MAX = 64, DRIVES_MAX = 3 + VOLUMES_MAX };

/* A disk is read-only, and as it was at the start; a share is the host's directory or file itself (share/); a kept disk
 * is a file in the host's directory, as the data disk is in VM_DATA_DIR (datadisk.h). */
enum volume_kind { VOLUME_DISK, VOLUME_SHARE, VOLUME_SHARE_RO, VOLUME_KEPT };

static inline bool volume_is_share(enum volume_kind kind)
{
    return kind == VOLUME_SHARE || kind == VOLUME_SHARE_RO;
}

/* A directory or file of the host that the guest sees. */
struct volume {
    const char *source; /* on the host */
    const char *target; /* in the guest */
    bool file;
    enum volume_kind kind;
    uint64_t size;   /* of a kept disk: bytes; */
    bool size_given; /* else one that is there stays as it is */
    uint32_t key;    /* of a share: shares_draw_keys */
    bool suid;       /* of a share: the guest may make and run set-user-id programs */
};

struct drives_plan {
    const char *id;     /* of the VM: names files */
    const char *rootfs; /* the root filesystem's tree, or its image when rootfs_sealed */
    bool rootfs_sealed;
    bool rootfs_tree; /* it is a tree, and not an empty one */
    enum rootfs_format rootfs_format;
    uint64_t rootfs_size; /* bytes */
    const char *data_dir;
    bool data_persistent;
    uint64_t datafs_size;   /* bytes; */
    bool datafs_given;      /* else one that is there stays as it is */
    const char *data_mount; /* where the guest mounts it; NULL: nowhere */
    const char *scratch_dir;
    struct volume volume[VOLUMES_MAX + SHARES_MAX];
    unsigned volume_count, share_count; /* the second is of the first */
    char *volumes;                      /* their text; owned */
    uid_t uid;                          /* who must be able to use them */
    gid_t gid;
    uid_t server; /* the user that their servers run as */
    uid_t sharer; /* the same of shares */
    uid_t maker;  /* the user that mke2fs runs as, who has a passing file until it is complete */
};

struct drive {
    char name[24];   /* "root", "data", "scratch", "volume0" */
    char path[4096]; /* where its file is now */
    bool unlink;     /* path goes once the jail holds the file */
    bool read_only;
    int fd;                    /* keeps the file, and its lock; -1: a served one */
    struct served served;      /* its server, when it has one; pid_fd is -1 otherwise */
    struct ext4_making making; /* until drives_finish, when it is an ext4 that ends with the VM */
    struct served_plan tree;   /* what is served, or written out */
};

struct drives {
    struct drive drive[DRIVES_MAX];
    unsigned count;
};

/* The letter of the device of a volume that is a disk: 'd' for /dev/vdd. */
char drives_letter(const struct drives_plan *plan, unsigned volume);

/* Removes what disks of dead VMs have left in VM_SCRATCH_DIR. */
void drives_clear(const char *scratch_dir);

/* Checks the persistent disk, and starts to make the others: their trees are scanned, and their filesystems made, by
 * processes side by side, while the caller goes on.  Fills in *d, which must be zeroed.  dir is a directory in our own
 * mount namespace, for served disks.  -1 with err; call drives_remove then too. */
int drives_start(const struct drives_plan *plan, const char *dir, struct drives *d, struct err *err);

/* Waits until all are made.  -1 with the first drive's err; call drives_remove then too. */
int drives_finish(const struct drives_plan *plan, struct drives *d, struct err *err);

/* Removes the names that only Firecracker needed, which has the files open by now.  (Not earlier: 9p opens by name.) */
void drives_unlink(struct drives *d);

/* Takes a struct drives.  Keeps persistent data. */
void drives_remove(void *d);

#endif
