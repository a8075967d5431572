/* A server ends with the channel, which entry has, and the guest's connections: by itself when the VM has ended,
 * however that was.  So nobody has to kill it, and it can have a user that we may not signal. */
#include "entry/disks/shares.h"

#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/log.h"
#include "common/privilege.h"
#include "common/process.h"
#include "share/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define INSTALLED CTR_LIB_DIR "/share"

/* Numbers of its descriptors: what its arguments say. */
enum { FOLDER = 3, CHANNEL = 4 };

/* The lower bits tell them apart. */
int shares_draw_keys(struct drives_plan *plan, struct err *err)
{
    for (unsigned i = 0; i < plan->volume_count; i++) {
        uint32_t *key = &plan->volume[i].key;
        if (getrandom(key, sizeof(*key), 0) != sizeof(*key))
            return err_sys(err, "cannot draw a random number");
        *key = (*key & ~UINT32_C(0xff)) | i;
    }
    return 0;
}

static int find_program(char *path, size_t size, struct err *err)
{
    ssize_t n = readlink("/proc/self/exe", path, size - 1);
    path[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        snprintf(slash + 1, size - (size_t)(slash + 1 - path), "share");
    if (access(path, X_OK) == 0)
        return 0;
    snprintf(path, size, "%s", INSTALLED);
    return access(path, X_OK) == 0 ? 0 : err_sys(err, "cannot run %s, the server of VM_VOLUMES=...:rw", path);
}

/* The child: it has stderr, and its two. */
static void become(const char *program, const struct volume *v, int folder, int channel, uid_t uid)
{
    bool readonly = v->kind == VOLUME_SHARE_RO;
    char *const argv[] = {"share", "serve", "3", "4", (char *)v->source, readonly ? "ro" : v->suid ? "suid" : NULL,
                          NULL};
    char *const env[] = {log_shows(LOG_DEBUG) ? "VM_LOG_LEVEL=debug" : NULL, NULL};
    static const int silent[] = {STDIN_FILENO, STDOUT_FILENO};
    int kept[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, FOLDER, CHANNEL};
    sigset_t none;
    sigemptyset(&none);
    setsid(); /* a terminal's Ctrl-C is for the command in the guest */
    sigprocmask(SIG_SETMASK, &none, NULL);
    int f = fcntl(folder, F_DUPFD, CHANNEL + 1), c = fcntl(channel, F_DUPFD, CHANNEL + 1);
    if (f >= 0 && c >= 0 && dup2(f, FOLDER) >= 0 && dup2(c, CHANNEL) >= 0 && descriptors_blank(silent, 2) == 0 &&
        descriptors_keep(kept, sizeof(kept) / sizeof(*kept)) == 0 &&
        privilege_drop_for_program(uid, share_rights(readonly)) == 0)
        execve(program, argv, env);
    log_error("cannot start the server of %s: %s", v->source, strerror(errno));
    _exit(1);
}

static int start(const char *program, const struct volume *v, uid_t uid, struct share_server *server, struct err *err)
{
    int pair[2];
    *server = (struct share_server){.end = -1, .channel = -1, .key = v->key, .source = v->source};
    cleanup_close int folder = open(v->source, O_PATH | O_CLOEXEC | (v->file ? 0 : O_DIRECTORY));
    if (folder < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(err, "cannot share %s", v->source);
    cleanup_close int theirs = pair[1];
    server->channel = pair[0];
    pid_t pid = process_fork(&server->end);
    if (pid == 0)
        become(program, v, folder, theirs, uid);
    return pid < 0 ? err_sys(err, "cannot share %s", v->source) : 0;
}

int shares_start(const struct drives_plan *plan, struct shares *s, struct err *err)
{
    char program[PATH_MAX];
    if (plan->share_count == 0)
        return 0;
    if (find_program(program, sizeof(program), err) < 0)
        return -1;
    for (unsigned i = 0; i < plan->volume_count; i++)
        if (volume_is_share(plan->volume[i].kind) &&
            start(program, &plan->volume[i], plan->sharer, &s->server[s->count++], err) < 0)
            return -1;
    return 0;
}

void shares_stop(void *handle)
{
    struct shares *s = handle;
    for (unsigned i = 0; i < s->count; i++) {
        if (s->server[i].channel >= 0)
            close(steal_fd(&s->server[i].channel));
        process_end(&s->server[i].end);
    }
}
