/* The processes that have a seccomp filter (common/sandbox.h), by what they do. */
#ifndef CTR_ROLE_H
#define CTR_ROLE_H

enum sandbox_role {
    SANDBOX_SUPERVISOR, /* entry while the VM runs: opens nothing, starts nothing, connects to nothing */
    SANDBOX_DISK,       /* the server of a tree: opens files to read them */
    SANDBOX_RELAY,      /* the DNS relay: speaks IP, opens nothing */
    SANDBOX_JAIL,       /* the jail's first process: waits for the jailer, and reports its end */
    SANDBOX_PROGRAM,    /* mke2fs, e2fsck, resize2fs: it works on the files that it has and can open, and is alone */
    SANDBOX_UNPACK,     /* unpacks a guest's archive: files, directories, links, their owners, modes and times */
    SANDBOX_PACK,       /* packs files for a guest: reads files and directories */
    SANDBOX_CLIENT,     /* ctr-jailer, once it is connected: its streams, its terminal, and entry's socket */
    SANDBOX_WATCH,      /* netsetup's watch: receives changes of routes, and runs iptables-restore in the same role */
    SANDBOX_LAYER,      /* as SANDBOX_UNPACK, for an image's layer: removes folders and their content, too */
    SANDBOX_COPIER,     /* skopeo: as SANDBOX_PROGRAM, with threads, and makes and removes files and folders */
    SANDBOX_LOGGER,     /* the logger of a VM in the background: writes its input to files */
    SANDBOX_SHARE,      /* the server of a shared directory: all operations on files, and nothing else */
    SANDBOX_PULLER,     /* skopeo, from a registry: as SANDBOX_COPIER, and speaks TCP and UDP */
    SANDBOX_ROLES
};

#endif
