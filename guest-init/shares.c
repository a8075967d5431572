#include "guest-init/shares.h"

#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/io.h"
#include "common/num.h"
#include "common/settings.h"
#include "guest-init/host.h"
#include "guest-init/relay.h"

#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>

enum { RELAYS_MAX = 64 };
static pid_t relays[RELAYS_MAX];
static unsigned relay_count;

static const struct share_kind {
    const char *name;
    bool file;
    unsigned long flags;
} kinds[] = {{SHARE_KIND_FOLDER ":", false, MS_NOSUID},
             {SHARE_KIND_FILE ":", true, MS_NOSUID},
             {SHARE_KIND_SUID_FOLDER ":", false, 0},
             {SHARE_KIND_SUID_FILE ":", true, 0},
             {SHARE_KIND_RO_FOLDER ":", false, MS_NOSUID | MS_RDONLY},
             {SHARE_KIND_RO_FILE ":", true, MS_NOSUID | MS_RDONLY}};

/* KEY:KIND:PATH; NULL if it is malformed. */
static const struct share_kind *parse(const char *value, uint64_t *key)
{
    char digits[12];
    size_t len = strcspn(value, ":");
    snprintf(digits, sizeof(digits), "%.*s", (int)len, value);
    if (!value[len] || num_parse(digits, 0, UINT32_MAX, key) < 0)
        return NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strncmp(value + len + 1, kinds[i].name, strlen(kinds[i].name)) == 0)
            return &kinds[i];
    return NULL;
}

bool shares_is_file(const char *value)
{
    uint64_t key;
    const struct share_kind *kind = parse(value, &key);
    return kind && kind->file;
}

bool shares_any(void)
{
    return relay_count > 0;
}

bool shares_is_relay(pid_t pid)
{
    for (unsigned i = 0; i < relay_count; i++)
        if (relays[i] == pid)
            return true;
    return false;
}

/* In the child.  The kernel must not kill it when memory runs out: everything on the share would be lost with it. */
static void relay(const struct relay *r)
{
    int kept[3 + 2 * RELAY_WAYS] = {0, 1, 2};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    prctl(PR_SET_NAME, "share-relay");
    (void)io_write_text("/proc/self/oom_score_adj", "-1000");
    memcpy(kept + 3, r->device, sizeof(r->device));
    memcpy(kept + 3 + RELAY_WAYS, r->connection, sizeof(r->connection));
    if (descriptors_keep(kept, sizeof(kept) / sizeof(*kept)) == 0)
        relay_run(r);
    _exit(0);
}

static void close_all(const struct relay *r)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        if (r->device[i] >= 0)
            close(r->device[i]);
        if (r->connection[i] >= 0)
            close(r->connection[i]);
    }
}

static int connect_all(void *arg, int connection[RELAY_WAYS], struct err *err)
{
    for (int i = 0; i < RELAY_WAYS; i++)
        if ((connection[i] = host_connect(PROTO_SHARE, *(uint32_t *)arg, err)) < 0)
            return -1;
    return 0;
}

static int start(struct relay *r, const struct share_kind *kind, const char *path, struct err *err)
{
    if (connect_all(r->arg, r->connection, err) < 0)
        return -1;
    if (relay_mount(r, path, kind->file, kind->flags, err) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        relay(r);
    if (pid < 0)
        return err_sys(err, "cannot start the relay of the share at %s", path);
    relays[relay_count++] = pid;
    return 0;
}

/* When a server has died, the kernel looks up all names on the share again, and unmounts what is mounted there.
 * Programs would then write to the share instead of, say, a disk.  So such a share stays unusable. */
int shares_mount(const char *value, const char *path, bool covered, struct err *err)
{
    struct relay r = RELAY_NONE;
    uint64_t number = 0;
    const struct share_kind *kind = parse(value, &number);
    uint32_t key = (uint32_t)number;
    if (!kind || relay_count == RELAYS_MAX)
        return err_set(err, "the setting %s of %s is malformed", SETTING_SHARE, path);
    r.connect = covered ? NULL : connect_all;
    r.arg = &key;
    int started = start(&r, kind, path, err);
    close_all(&r);
    if (started < 0)
        return -1;
    return relay_readahead(path) < 0 ? err_sys(err, "the server of the share at %s does not answer", path) : 0;
}
