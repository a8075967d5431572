#include "entry/host/undo.h"

#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/log.h"
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct step {
    struct step *before;
    const char *what;
    void (*undo)(void *handle);
    void *handle;
};

struct undo {
    struct step *last;
    pid_t keeper; /* 0: none */
    int life;     /* a socket: the keeper starts when this end is shut, and answers when it is done */
};

struct undo *undo_new(void)
{
    return calloc(1, sizeof(struct undo));
}

int undo_push(struct undo *u, const char *what, void (*undo)(void *handle), void *handle, struct err *err)
{
    struct step *s = malloc(sizeof(*s));
    if (!s) {
        undo(handle);
        return err_set(err, "out of memory while recording %s", what);
    }
    *s = (struct step){u->last, what, undo, handle};
    u->last = s;
    return 0;
}

static void undo_here(struct undo *u)
{
    while (u->last) {
        struct step *s = u->last;
        u->last = s->before;
        log_debug("undoing %s", s->what);
        s->undo(s->handle);
        free(s);
    }
}

/* In the keeper.  All signals are blocked, as in the parent, and its own session keeps the terminal's signals away.
 * Readers of our output must not have to wait for the keeper to close it, so the keeper keeps only stderr, for
 * messages. */
static void keep(struct undo *u, int life)
{
    char c;
    static const int silent[] = {STDIN_FILENO, STDOUT_FILENO};
    prctl(PR_SET_NAME, "entry-keeper");
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setsid();
    descriptors_blank(silent, 2);
    while (read(life, &c, 1) < 0 && errno == EINTR)
        ;
    undo_here(u);
    (void)send(life, "", 1, MSG_NOSIGNAL); /* nobody reads it if entry was killed */
    _exit(0);
}

int undo_entrust(struct undo *u, const int *own, size_t count, struct err *err)
{
    int life[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life) < 0)
        return err_sys(err, "cannot start the keeper");
    cleanup_close int keeper_end = life[0], own_end = life[1];
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(err, "cannot start the keeper");
    if (pid == 0) {
        close(steal_fd(&own_end));
        descriptors_blank(own, count); /* not closed here: the undo functions may close them */
        keep(u, keeper_end);
    }
    u->keeper = pid;
    u->life = steal_fd(&own_end);
    return 0;
}

/* The keeper has undone the work; here it is only forgotten.  The keeper's answer, not its exit status, tells how it
 * ended, because supervise reaps every child meanwhile (process_reap), including a killed keeper. */
static void have_undone(struct undo *u)
{
    char c;
    ssize_t n;
    shutdown(u->life, SHUT_WR);
    while ((n = read(u->life, &c, 1)) < 0 && errno == EINTR)
        ;
    if (n <= 0)
        log_warn("entry-keeper was killed: the next start cleans up instead");
    if (n > 0)
        process_wait(u->keeper, NULL);
    close(u->life);
    for (struct step *s; (s = u->last); free(s))
        u->last = s->before;
}

void undo_all(struct undo *u)
{
    if (u->keeper)
        have_undone(u);
    else
        undo_here(u);
    free(u);
}
