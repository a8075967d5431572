/* What a session's streams are tested with, in the guest and outside:
 *
 *     give SEED N     N bytes of the stream SEED to stdout, and N/4 of SEED+1 to stderr; stdin is not read
 *     take SEED N     stdin must be N bytes of SEED
 *     both SEED N     both at once: stdin is SEED+2
 *     fifo SEED N     as give, to stdout through a fifo and a process that copies
 *     late SEED N     waits for one byte on stdin, then gives (without stderr), and waits for the end of stdin
 *     press MIB       keeps MIB of memory in use, and rests a little between two rounds, until it is killed
 *     check SEED N    as take, and says what is wrong
 *
 * Writes and reads are of random sizes, with short rests between some of them. */
#include "tests/streams/pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024 };

struct end {
    int fd; /* -1: at its end */
    uint64_t seed, at, size;
};

static uint64_t random_state;
static unsigned char block[BLOCK];

static uint64_t random_below(uint64_t n)
{
    random_state++;
    return pattern_word(random_state, 0) % n;
}

/* Small sizes as often as large ones. */
static size_t random_size(void)
{
    return 1 + (size_t)random_below(UINT64_C(1) << (1 + random_below(18)));
}

static void rest(void)
{
    if (random_below(64) == 0)
        usleep((useconds_t)random_below(20000));
}

static int wrong(const struct end *e, const char *what, uint64_t where)
{
    fprintf(stderr, "flow: stream %llu: %s at byte %llu of %llu: %s\n", (unsigned long long)e->seed, what,
            (unsigned long long)where, (unsigned long long)e->size, strerror(errno));
    return 1;
}

static int write_some(struct end *e)
{
    size_t len = random_size();
    if (len > e->size - e->at)
        len = (size_t)(e->size - e->at);
    if (len > 0) {
        pattern_fill(e->seed, e->at, block, len);
        ssize_t n = write(e->fd, block, len);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return wrong(e, "cannot write", e->at);
        e->at += n > 0 ? (uint64_t)n : 0;
    }
    if (e->at == e->size) {
        close(e->fd);
        e->fd = -1;
    }
    return 0;
}

static int read_some(struct end *e)
{
    uint64_t where;
    ssize_t n = read(e->fd, block, random_size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        return wrong(e, "cannot read", e->at);
    if (n == 0) {
        e->fd = -1;
        errno = 0;
        return e->at == e->size ? 0 : wrong(e, "ends", e->at);
    }
    errno = 0;
    if (!pattern_is(e->seed, e->at, block, (size_t)n, &where))
        return wrong(e, "another byte", where);
    e->at += (uint64_t)n;
    return e->at <= e->size ? 0 : wrong(e, "goes on", e->at);
}

/* Until both outputs and the input are at their ends.  Only what poll says is ready is used, but outputs may block all
 * the same, as any program's do. */
static int run(struct end *in, struct end *out, struct end *err)
{
    while (in->fd >= 0 || out->fd >= 0 || err->fd >= 0) {
        struct pollfd fds[] = {{in->fd, POLLIN, 0}, {out->fd, POLLOUT, 0}, {err->fd, POLLOUT, 0}};
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return 1;
        if ((fds[0].revents && read_some(in)) || (fds[1].revents && write_some(out)) ||
            (fds[2].revents && write_some(err)))
            return 1;
        rest();
    }
    return 0;
}

/* cat, with a fifo between it and the giver. */
static int copy(const char *path)
{
    ssize_t n = 0;
    int in = open(path, O_RDONLY);
    unlink(path);
    while (in >= 0 && (n = read(in, block, BLOCK)) > 0)
        for (ssize_t done = 0, put; done < n; done += put)
            if ((put = write(STDOUT_FILENO, block + done, (size_t)(n - done))) < 0)
                return 1;
    return n < 0;
}

static int give_by_fifo(struct end *out, struct end *err)
{
    struct end none = {.fd = -1};
    int status = 1;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/flow.%d", (int)getpid());
    mkdir("/tmp", 01777);
    if (mkfifo(path, 0600) < 0)
        return wrong(out, "no fifo", 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(copy(path));
    int fifo = open(path, O_WRONLY);
    dup2(fifo, STDOUT_FILENO);
    close(fifo);
    int failed = run(&none, out, err);
    close(STDOUT_FILENO);
    waitpid(pid, &status, 0);
    return failed || status;
}

static int press(size_t mib)
{
    size_t size = mib << 20;
    unsigned char *p = malloc(size);
    for (unsigned char round = 1; p; round++, usleep(200000))
        for (size_t i = 0; i < size; i += 4096)
            p[i] = round;
    return 1;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, size = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    struct end in = {.fd = -1}, out = {1, seed, 0, size}, err = {2, seed + 1, 0, size / 4};
    char byte;
    random_state = seed;
    if (strcmp(verb, "give") == 0)
        return run(&in, &out, &err);
    if (strcmp(verb, "fifo") == 0)
        return give_by_fifo(&out, &err);
    if (strcmp(verb, "press") == 0)
        return press((size_t)seed);
    if (strcmp(verb, "late") == 0) {
        err.fd = -1;
        int failed = read(0, &byte, 1) != 1 || run(&in, &out, &err);
        while (read(0, &byte, 1) > 0)
            ;
        return failed;
    }
    in = (struct end){0, seed, 0, size};
    if (strcmp(verb, "both") == 0) {
        in.seed = seed + 2;
        return run(&in, &out, &err);
    }
    out.fd = err.fd = -1;
    if (strcmp(verb, "take") == 0 || strcmp(verb, "check") == 0)
        return run(&in, &out, &err);
    fprintf(stderr, "flow: unknown verb '%s'\n", verb);
    return 2;
}
