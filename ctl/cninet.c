/* If run or entry is killed, a process is left to call the plugins: the attendant, which starts before anything is
 * made.  The attendant reads nothing that a guest or the network wrote, except the results that it keeps itself.  It
 * holds the namespace's lock.  A namespace whose lock is free therefore belongs to a killed attendant, and the next VM
 * of that name removes it. */
#include "ctl/cninet.h"
#include "cni/caller/cache.h"
#include "cni/caller/chain.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/process.h"
#include "common/run.h"
#include "ctl/ctl.h"
#include "ctl/detach.h"
#include "ctl/ownresolv.h"
#include "ctl/portmap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAME = 128, ENDING_TRIES = 250, ENDING_US = 20000 /* 5 s */ };

struct place {
    char name[NAME], path[NAME + sizeof(CNINET_DIR)], args[NAME];
    struct cni_attachment at;
};

static void find_place(const struct cninet *n, const char *id, const char *ports, struct place *p)
{
    snprintf(p->name, sizeof(p->name), CNINET_PREFIX "%s", id);
    snprintf(p->path, sizeof(p->path), CNINET_DIR "%s", p->name);
    snprintf(p->args, sizeof(p->args), "IgnoreUnknown=1%s%s", n->address ? ";IP=" : "", n->address ? n->address : "");
    p->at = (struct cni_attachment){.networks = n->networks ? n->networks : CNI_NETWORKS,
                                    .plugin_dirs = n->plugins ? n->plugins : CNI_PLUGIN_DIRS,
                                    .cache = n->cache ? n->cache : CNI_CACHE,
                                    .network = n->network,
                                    .id = p->name,
                                    .netns = p->path,
                                    .ifname = CNINET_INTERFACE,
                                    .args = p->args,
                                    .capabilities = ports};
}

/* ip(8) also cares for how /run/netns is shared with other mount namespaces. */
static int ip(const char *const argv[], struct err *err)
{
    cleanup_buf struct buf said = {0};
    int status = run_program(argv, NULL, 0, NULL, &said, err);
    return status <= 0 ? status : err_set(err, "run: ip %s %s: %s", argv[1], argv[2], run_last_line(&said));
}

static int take_away(const struct place *p, struct err *err)
{
    const char *const argv[] = {"ip", "netns", "delete", p->name, NULL};
    int r = cni_del(&p->at, err);
    return access(p->path, F_OK) == 0 && ip(argv, err) ? -1 : r;
}

/* The attendant of a VM that has just ended may still be about to end. */
static bool is_free(int fd)
{
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
        if (i == ENDING_TRIES)
            return false;
        usleep(ENDING_US);
    }
    return true;
}

/* A VM may have lost its attendant. */
static bool is_alive(const char *name)
{
    size_t len;
    cleanup_free char *state = ctl_state(name + strlen(CNINET_PREFIX), &len);
    return state;
}

/* What a killed attendant of the same name left. */
static int clear_place(const struct place *p, struct err *err)
{
    cleanup_close int fd = open(p->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, "cannot open %s", p->path);
    if (is_alive(p->name) || !is_free(fd))
        return err_set(err, "run: a VM has the network namespace %s already (choose another --name)", p->name);
    return access(p->path, F_OK) ? 0 : take_away(p, err); /* its attendant did so */
}

static int make(const struct place *p, struct err *err)
{
    const char *const add[] = {"ip", "netns", "add", p->name, NULL};
    const char *const up[] = {"ip", "-n", p->name, "link", "set", "lo", "up", NULL};
    return clear_place(p, err) || ip(add, err) || ip(up, err) ? -1 : 0;
}

/* Waits until the process that it was told of has ended, or until this process ends if it was told of none. */
static void wait_for_end(int told)
{
    pid_t pid;
    if (io_read_full(told, &pid, sizeof(pid)) != sizeof(pid))
        return;
    struct pollfd end = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    while (end.fd >= 0 && poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
}

static void attend(const struct place *p, int told, int lock)
{
    detach_signals();
    (void)detach_files((int[]){told, lock}, 2);
    wait_for_end(told);
    (void)take_away(p, NULL);
    _exit(0);
}

/* Its parent ends at once: entry, which this process may become, has no child that it does not know. */
static int start_attendant(const struct place *p, int *pipe, struct err *err)
{
    int ends[2];
    cleanup_close int lock = open(p->path, O_RDONLY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) || pipe2(ends, O_CLOEXEC))
        return err_sys(err, "run: cannot hold the network namespace %s", p->name);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        if (fork() == 0)
            attend(p, ends[0], lock);
        _exit(0);
    }
    close(ends[0]);
    *pipe = ends[1];
    if (pid < 0)
        return err_sys(err, "cannot start a process");
    process_wait(pid, NULL);
    return 0;
}

static int move(const struct place *p, const char *result, struct err *err)
{
    cleanup_close int fd = open(p->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET))
        return err_sys(err, "run: cannot enter the network namespace %s", p->name);
    return ownresolv_mount(result, err);
}

int cninet_enter(struct cninet *n, const char *id, const char *ports, struct err *err)
{
    struct place p;
    cleanup_buf struct buf mapped = {0}, result = {0};
    if (ports && portmap_json(ports, &mapped, err))
        return -1;
    find_place(n, id, ports ? mapped.data : NULL, &p);
    if (cni_status(&p.at, err) || make(&p, err))
        return -1;
    if (start_attendant(&p, &n->attendant, err)) {
        take_away(&p, NULL);
        return -1;
    }
    return cni_add(&p.at, &result, err) || move(&p, result.data ? result.data : "{}", err) ? -1 : 0;
}

void cninet_keep(const struct cninet *n, pid_t pid)
{
    if (n->network)
        (void)io_write_all(n->attendant, &pid, sizeof(pid));
}

struct cni_purge {
    int result;
    struct buf networks; /* that dead VMs were on; each followed by a NUL */
};

/* What another has made is not ours to undo, and may well have such a name; ours has such a namespace, too. */
static void purge_kept(const struct cni_attachment *kept, void *data)
{
    struct cni_purge *purge = data;
    struct err err = {0};
    struct place p = {.at = *kept};
    bool fits = (size_t)snprintf(p.name, sizeof(p.name), "%s", kept->id) < sizeof(p.name);
    snprintf(p.path, sizeof(p.path), CNINET_DIR "%s", p.name);
    if (!fits || strncmp(p.name, CNINET_PREFIX, strlen(CNINET_PREFIX)) != 0 || !kept->netns ||
        strcmp(kept->netns, p.path) != 0)
        return;
    cleanup_close int fd = open(p.path, O_RDONLY | O_CLOEXEC);
    if ((fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) || is_alive(p.name))
        return;
    if (take_away(&p, &err)) {
        log_error("purge: %s: %s", p.name, err.text);
        purge->result = -1;
    } else {
        buf_add(&purge->networks, kept->network, strlen(kept->network) + 1);
    }
}

/* A network that the administrator has removed meanwhile has nobody who could collect. */
static void collect(struct cni_attachment at, const struct buf *networks)
{
    const char *last = "";
    for (size_t i = 0; !buf_failed(networks) && i < networks->len; i += strlen(last) + 1) {
        struct err why = {0};
        bool again = strcmp(last, networks->data + i) == 0; /* the results are sorted */
        last = at.network = networks->data + i;
        if (!again && cni_gc(&at, &why))
            log_info("purge: the CNI network %s: %s", last, why.text);
    }
}

int cninet_purge(const struct cninet *n)
{
    struct place p;
    struct err err = {0};
    struct cni_purge purge = {.result = 0};
    find_place(n, "", NULL, &p);
    if (cache_each(&p.at, purge_kept, &purge, &err)) {
        log_error("purge: %s", err.text);
        purge.result = -1;
    }
    collect(p.at, &purge.networks);
    buf_free(&purge.networks);
    return purge.result;
}
