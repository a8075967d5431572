/* drive [-n ROUNDS] [-j ATONCE] [-m MAXBYTES] [-s SEED] [-t SECONDS] COMMAND...: runs COMMAND... VERB SEED BYTES, as
 * flow.c has them, again and again; plays the fast and slow ends of its stdin, stdout and stderr; and checks every byte
 * and its exit code.  A round in which nothing moves for SECONDS has stalled: it is told with its numbers, and left
 * alone, so that whoever is to blame can be looked at until -w SECONDS have passed. */
#include "tests/streams/pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE_MAX = 64, BLOCK = 256 * 1024, ARGS_MAX = 32 };

struct pipe_end {
    int fd; /* -1: at its end */
    uint64_t seed, at, size;
    uint64_t next;  /* ms: a slow end does nothing before */
    unsigned pause; /* ms at most between two uses; 0: fast */
};

struct round {
    pid_t pid; /* 0: none */
    unsigned number;
    const char *verb;
    uint64_t seed, size, moved; /* moved: when, ms */
    struct pipe_end end[3];     /* by the command's descriptor */
};

static struct {
    unsigned rounds, at_once, seconds, wait;
    uint64_t most, seed;
    char **command;
} plan = {100, 1, 60, 0, 4 << 20, 1, NULL};

static uint64_t random_state, total;
static unsigned char block[BLOCK];

static uint64_t random_below(uint64_t n)
{
    random_state++;
    return pattern_word(random_state, 7) % n;
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Around what buffers and Firecracker's credit are, or anything. */
static uint64_t choose_size(void)
{
    static const uint64_t special[] = {0, 1, 4096, 65528, 65536, 131072, 262144};
    uint64_t near = special[random_below(sizeof(special) / sizeof(*special))], size;
    if (random_below(3) == 0)
        size = near + random_below(17) - (near ? 8 : 0);
    else
        size = random_below(UINT64_C(1) << (1 + random_below(24)));
    return size > plan.most ? size % plan.most : size;
}

static void exec_command(const struct round *r)
{
    char *argv[ARGS_MAX + 4], seed[24], size[24];
    int n = 0;
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)r->seed);
    snprintf(size, sizeof(size), "%llu", (unsigned long long)r->size);
    while (plan.command[n] && n < ARGS_MAX) {
        argv[n] = plan.command[n];
        n++;
    }
    argv[n++] = (char *)r->verb;
    argv[n++] = seed;
    argv[n++] = size;
    argv[n] = NULL;
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(99);
}

static void begin(struct round *r, unsigned number)
{
    static const char *const verbs[] = {"give", "take", "both", "fifo"};
    static const unsigned pauses[] = {0, 0, 0, 2, 5, 50};
    *r = (struct round){.number = number,
                        .verb = verbs[random_below(number % 4 == 0 ? 4 : 3)],
                        .seed = plan.seed * 1000000 + number * 4,
                        .size = choose_size(),
                        .moved = now()};
    bool gives = strcmp(r->verb, "take") != 0, takes = strcmp(r->verb, "take") == 0 || strcmp(r->verb, "both") == 0;
    int theirs[3];
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            abort();
        if (random_below(2))
            fcntl(ends[0], F_SETPIPE_SZ, 4096);
        theirs[i] = ends[i == 0 ? 0 : 1];
        r->end[i].fd = ends[i == 0 ? 1 : 0];
        r->end[i].pause = pauses[random_below(6)];
        fcntl(r->end[i].fd, F_SETFL, O_NONBLOCK);
    }
    r->end[0].seed = strcmp(r->verb, "both") == 0 ? r->seed + 2 : r->seed;
    r->end[1].seed = r->seed;
    r->end[2].seed = r->seed + 1;
    r->end[0].size = takes ? r->size : 0;
    r->end[1].size = gives ? r->size : 0;
    r->end[2].size = gives ? r->size / 4 : 0;
    r->pid = fork();
    if (r->pid == 0) {
        for (int i = 0; i < 3; i++)
            dup2(theirs[i], i);
        exec_command(r);
    }
    for (int i = 0; i < 3; i++)
        close(theirs[i]);
}

static int blame(const struct round *r, const char *what)
{
    printf("# round %u (%s %llu %llu; seed %llu): %s; stdin %llu of %llu%s, stdout %llu of %llu%s, stderr %llu of "
           "%llu%s\n",
           r->number, r->verb, (unsigned long long)r->seed, (unsigned long long)r->size, (unsigned long long)plan.seed,
           what, (unsigned long long)r->end[0].at, (unsigned long long)r->end[0].size, r->end[0].fd < 0 ? " ended" : "",
           (unsigned long long)r->end[1].at, (unsigned long long)r->end[1].size, r->end[1].fd < 0 ? " ended" : "",
           (unsigned long long)r->end[2].at, (unsigned long long)r->end[2].size, r->end[2].fd < 0 ? " ended" : "");
    fflush(stdout);
    return -1;
}

static void close_end(struct pipe_end *e)
{
    close(e->fd);
    e->fd = -1;
}

/* One write or read.  -1: what came is wrong. */
static int use(struct round *r, int which)
{
    struct pipe_end *e = &r->end[which];
    uint64_t where, left = e->size - e->at;
    size_t len = 1 + (size_t)random_below(UINT64_C(1) << (1 + random_below(18)));
    ssize_t n;
    if (which == 0) {
        len = len > left ? (size_t)left : len;
        pattern_fill(e->seed, e->at, block, len);
        n = len ? write(e->fd, block, len) : 0;
        if (n < 0 && errno == EPIPE)
            return blame(r, "its stdin is closed");
    } else {
        n = read(e->fd, block, len);
        if (n > 0 && (!pattern_is(e->seed, e->at, block, (size_t)n, &where) || (uint64_t)n > left)) {
            printf("# it says: %.*s\n", (int)(n > 300 ? 300 : n), which == 2 ? (char *)block : "");
            return blame(r, which == 1 ? "stdout is wrong" : "stderr is wrong");
        }
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        return blame(r, strerror(errno));
    e->at += (uint64_t)n;
    total += (uint64_t)n;
    r->moved = now();
    e->next = e->pause ? r->moved + random_below(e->pause) : 0;
    if (which == 0 ? e->at == e->size : n == 0)
        close_end(e);
    return 0;
}

/* All ends are closed: its exit code, and whether all came. */
static int finish(struct round *r)
{
    int status;
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        ;
    for (int i = 0; i < 3; i++)
        if (r->end[i].at != r->end[i].size)
            return blame(r, "bytes are missing");
    if (status != 0) {
        printf("# wait status %d\n", status);
        return blame(r, "its exit code is another");
    }
    r->pid = 0;
    return 0;
}

/* What is slow waits; -1 at the first fault. */
static int turn(struct round *rounds)
{
    struct pollfd fds[3 * AT_ONCE_MAX];
    uint64_t t = now(), wake = t + 1000;
    for (unsigned i = 0; i < 3 * plan.at_once; i++) {
        struct pipe_end *e = &rounds[i / 3].end[i % 3];
        bool waits = e->next > t;
        fds[i] = (struct pollfd){rounds[i / 3].pid && !waits ? e->fd : -1, i % 3 == 0 ? POLLOUT : POLLIN, 0};
        if (waits && e->next < wake)
            wake = e->next;
    }
    if (poll(fds, 3 * plan.at_once, (int)(wake - t)) < 0 && errno != EINTR)
        abort();
    for (unsigned i = 0; i < plan.at_once; i++) {
        struct round *r = &rounds[i];
        if (!r->pid)
            continue;
        for (int k = 0; k < 3; k++)
            if (fds[3 * i + (unsigned)k].revents && use(r, k) < 0)
                return -1;
        if (r->end[0].fd < 0 && r->end[1].fd < 0 && r->end[2].fd < 0 && finish(r) < 0)
            return -1;
        if (r->pid && now() - r->moved > plan.seconds * UINT64_C(1000))
            return blame(r, "STALLED");
    }
    return 0;
}

static int drive(void)
{
    static struct round rounds[AT_ONCE_MAX];
    unsigned begun = 0, running;
    do {
        running = 0;
        for (unsigned i = 0; i < plan.at_once; i++) {
            if (!rounds[i].pid && begun < plan.rounds)
                begin(&rounds[i], ++begun);
            running += rounds[i].pid != 0;
        }
        if (turn(rounds) < 0)
            return -1;
    } while (running);
    return 0;
}

int main(int argc, char **argv)
{
    int c;
    while ((c = getopt(argc, argv, "+n:j:m:s:t:w:")) != -1) {
        uint64_t value = strtoull(optarg ? optarg : "", NULL, 10);
        if (c == 'n')
            plan.rounds = (unsigned)value;
        else if (c == 'j' && value <= AT_ONCE_MAX)
            plan.at_once = (unsigned)value;
        else if (c == 'm')
            plan.most = value;
        else if (c == 's')
            plan.seed = value;
        else if (c == 't')
            plan.seconds = (unsigned)value;
        else if (c == 'w')
            plan.wait = (unsigned)value;
        else
            return 2;
    }
    plan.command = argv + optind;
    random_state = plan.seed << 32;
    signal(SIGPIPE, SIG_IGN);
    uint64_t began = now();
    int failed = drive();
    printf("# %u rounds, %llu KiB, %llu ms\n", plan.rounds, (unsigned long long)total >> 10,
           (unsigned long long)(now() - began));
    fflush(stdout);
    if (failed)
        sleep(plan.wait);
    return failed ? 1 : 0;
}
