/* `@ctr-jailer/ID` for a VM, `@ctr-jailer/ID~NONCE` for its marks, `@ctr-jailer/net/ADDRESS` for a subnet and
 * `@ctr-jailer/uid/N` for users, `@ctr-jailer/ports/all`; an id holds no slash and no tilde.
 *
 * bind(2) says exactly whether a name is held.  The name's holder comes from a list of all sockets, which other
 * processes can disturb by opening and closing sockets meanwhile.  So the holder counts as another user only if the
 * list shows that, and as root if the list does not show the holder. */
#include "netsetup/claim.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "netsetup/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "ctr-jailer/"
enum { NAME_MAX_LEN = NET_MARK_MAX + 8, NONCE_TRIES = 100, CLAIM_TRIES = 100 };

/* A socket that is bound to the name, with how = bind; or, with how = connect, one that is connected to the bound one.
 * -1 with errno. */
static int hold_by(int (*how)(int fd, const struct sockaddr *addr, socklen_t len), const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, PREFIX "%s", name);
    cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    if (how(fd, (const struct sockaddr *)&addr, len) < 0)
        return -1;
    return steal_fd(&fd);
}

static int hold(const char *name)
{
    return hold_by(bind, name);
}

struct strangers {
    void (*found)(void *arg, const char *name, uid_t uid);
    void *arg;
};

static int see(const struct nlmsghdr *nlh, void *data)
{
    const struct strangers *s = data;
    const struct nlattr *attr, *name = NULL, *owner = NULL;
    mnl_attr_for_each(attr, nlh, sizeof(struct unix_diag_msg))
    {
        if (mnl_attr_get_type(attr) == UNIX_DIAG_NAME)
            name = attr;
        else if (mnl_attr_get_type(attr) == UNIX_DIAG_UID)
            owner = attr;
    }
    char text[NAME_MAX_LEN + 1];
    const size_t skip = 1 + strlen(PREFIX); /* an abstract name starts with a NUL */
    size_t len = name ? mnl_attr_get_payload_len(name) : 0;
    if (!owner || mnl_attr_get_u32(owner) == 0 || len <= skip || len - skip > NAME_MAX_LEN ||
        memcmp(mnl_attr_get_payload(name), "\0" PREFIX, skip) != 0)
        return MNL_CB_OK;
    memcpy(text, (const char *)mnl_attr_get_payload(name) + skip, len - skip);
    text[len - skip] = '\0';
    s->found(s->arg, text, mnl_attr_get_u32(owner));
    return MNL_CB_OK;
}

void claim_strangers(void (*found)(void *arg, const char *name, uid_t uid), void *arg)
{
    char buf[MNL_NLMSG_HDRLEN + sizeof(struct unix_diag_req)];
    struct unix_diag_req *req;
    struct strangers s = {found, arg};
    struct nlmsghdr *nlh = nl_request(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sizeof(*req), &req);
    req->sdiag_family = AF_UNIX;
    req->udiag_states = UINT32_MAX;
    req->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_UID;
    if (nl_call(NETLINK_SOCK_DIAG, nlh, see, &s) < 0)
        log_debug("cannot read who holds abstract sockets: %m");
}

struct claim_wanted {
    const char *name;
    bool stranger;
    uid_t uid;
};

static void compare(void *arg, const char *name, uid_t uid)
{
    struct claim_wanted *w = arg;
    if (strcmp(name, w->name) != 0)
        return;
    w->stranger = true;
    w->uid = uid;
}

/* For a name that is held: whether a user other than root holds it.  If so, a warning says who. */
static bool has_stranger(const char *name)
{
    struct claim_wanted w = {.name = name};
    claim_strangers(compare, &w);
    if (w.stranger)
        log_warn("uid %u holds the socket @" PREFIX "%s, which is reserved for root's VMs: it is ignored", w.uid, name);
    return w.stranger;
}

static int claim(const char *name)
{
    int fd = hold(name);
    if (fd >= 0 || errno != EADDRINUSE)
        return fd;
    if (!has_stranger(name)) {
        errno = EADDRINUSE;
        return -1;
    }
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int claim_id(const char *id)
{
    return claim(id);
}

int claim_subnet(struct in_addr addr)
{
    char text[INET_ADDRSTRLEN], name[NAME_MAX_LEN];
    addr.s_addr &= htonl(~UINT32_C(3));
    snprintf(name, sizeof(name), "net/%s", inet_ntop(AF_INET, &addr, text, sizeof(text)));
    return claim(name);
}

int claim_uids(uid_t first)
{
    char name[NAME_MAX_LEN];
    snprintf(name, sizeof(name), "uid/%u", first);
    return hold(name);
}

static const char all_ports[] = "ports/all";

int claim_ports(void)
{
    return claim(all_ports);
}

bool claim_ports_held(void)
{
    cleanup_close int fd = hold_by(connect, all_ports);
    return fd >= 0 && !has_stranger(all_ports);
}

int claim_new_mark(const char *id, char mark[NET_MARK_MAX + 1])
{
    for (int i = 0; i < NONCE_TRIES; i++) {
        uint32_t nonce;
        if (getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce))
            return -1;
        snprintf(mark, NET_MARK_MAX + 1, "%.*s~%08x", NET_ID_MAX, id, nonce);
        int fd = hold(mark);
        if (fd >= 0 || errno != EADDRINUSE)
            return fd;
    }
    return -1;
}

int claim_mark(const char *mark)
{
    return hold(mark);
}

int claim_vm(struct claim_vm *c, const char *id, char mark[NET_MARK_MAX + 1], struct err *err)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < CLAIM_TRIES; i++) {
        c->id = claim_id(id);
        if (c->id >= 0 && (c->mark = claim_new_mark(id, mark)) >= 0)
            return 0;
        if (c->id >= 0 || errno != EADDRINUSE)
            return err_sys(err, "cannot claim the id %s", id);
        nanosleep(&pause, NULL);
    }
    return err_set(err, "a VM with the id %s is already running here", id);
}

void claim_vm_release(struct claim_vm *c)
{
    if (c->mark >= 0)
        close(c->mark);
    if (c->id >= 0)
        close(c->id);
    *c = (struct claim_vm)CLAIM_VM_NONE;
}
