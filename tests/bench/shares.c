/* What a share costs: the same work in a folder, on a plain libfuse passthrough mount of it, and on a share of it, in
 * turn in one run.  All content is in the page cache below; what differs is the way to it.
 *
 *     shares FOLDER PLAIN SHARE [ROUNDS [ROW]]      a table on stderr, JSON on stdout; 1 when a bound does not hold
 *
 * The bounds are for a share against the plain mount.  Of the rounds, the best counts: what else the machine does makes
 * every way slower, and never faster. */
#include "common/log.h"
#include "tests/bench/measure.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS = 10, ROUNDS_MAX = 50, BLOCK = 1 << 20, BLOCKS = 256, READS = 20000, FILES = 5000, MADE = 2000 };
enum { WAITS = 2000, WAIT_FSYNC_MIB = 16 };
static const char *here; /* the folder or mount that is measured */
static char block[BLOCK] __attribute__((aligned(4096)));

static void check(bool good, const char *what)
{
    if (good)
        return;
    log_error("%s: %s: %m", here, what);
    exit(1);
}

static int open_here(const char *name, int flags)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", here, name);
    int fd = open(path, flags | O_CLOEXEC, 0644);
    check(fd >= 0, name);
    return fd;
}

/* What a measurement says: how much a second, of its unit. */
static double rate(double amount, double began)
{
    return amount * 1e3 / (now_ms() - began);
}

static double sequential_write(void)
{
    int fd = open_here("data", O_WRONLY | O_CREAT | O_TRUNC);
    double began = now_ms();
    for (int i = 0; i < BLOCKS; i++)
        check(write(fd, block, BLOCK) == BLOCK, "write");
    double result = rate(BLOCKS, began);
    close(fd);
    return result;
}

/* The file is opened anew: a FUSE kernel then forgets what it had read. */
static double sequential_read(void)
{
    int fd = open_here("data", O_RDONLY);
    double began = now_ms();
    for (int i = 0; i < BLOCKS; i++)
        check(read(fd, block, BLOCK) == BLOCK, "read");
    double result = rate(BLOCKS, began);
    close(fd);
    return result;
}

static double random_read(void)
{
    uint64_t x = 88172645463325252U;
    int fd = open_here("data", O_RDONLY);
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    double began = now_ms();
    for (int i = 0; i < READS; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17; /* xorshift64 */
        check(pread(fd, block, 4096, (off_t)(x % (BLOCKS * (BLOCK / 4096)) * 4096)) == 4096, "pread");
    }
    double result = rate(READS, began);
    close(fd);
    return result;
}

static double stat_all(void)
{
    char name[32];
    struct stat st;
    int dir = open_here("files", O_PATH | O_DIRECTORY);
    double began = now_ms();
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%d", i);
        check(fstatat(dir, name, &st, 0) == 0, "stat");
    }
    double result = rate(FILES, began);
    close(dir);
    return result;
}

/* A mount that is mounted again forgets all names (reconfigure_super in fs/super.c), and no other mount does.  The
 * server is given a moment to forget them, too. */
static double stat_cold(void)
{
    (void)mount(NULL, here, NULL, MS_REMOUNT | MS_NODEV | MS_NOSUID, NULL); /* a folder is no mount */
    usleep(300 * 1000);
    return stat_all();
}

static double create_unlink(void)
{
    char name[32];
    int dir = open_here("made", O_PATH | O_DIRECTORY);
    double began = now_ms();
    for (int i = 0; i < MADE; i++) {
        snprintf(name, sizeof(name), "%d", i);
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        check(fd >= 0 && close(fd) == 0, "create");
    }
    for (int i = 0; i < MADE; i++) {
        snprintf(name, sizeof(name), "%d", i);
        check(unlinkat(dir, name, 0) == 0, "unlink");
    }
    double result = rate(MADE, began);
    close(dir);
    return result;
}

static atomic_bool enough;
static double longest_fsync;

static void *fsync_on(void *arg)
{
    (void)arg;
    int fd = open_here("synced", O_WRONLY | O_CREAT | O_TRUNC);
    while (!atomic_load(&enough)) {
        for (int i = 0; i < WAIT_FSYNC_MIB; i++)
            check(pwrite(fd, block, BLOCK, (off_t)i * BLOCK) == BLOCK, "write");
        double began = now_ms();
        check(fsync(fd) == 0, "fsync");
        double took = now_ms() - began;
        longest_fsync = took > longest_fsync ? took : longest_fsync;
    }
    close(fd);
    return NULL;
}

/* The time of a stat, in ms, that 99 of 100 keep.  Each asks the server. */
static double stat_waits(void)
{
    static double took[WAITS];
    struct statx st;
    int dir = open_here("files", O_PATH | O_DIRECTORY);
    for (int i = 0; i < WAITS; i++) {
        double began = now_ms();
        check(statx(dir, "0", AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) == 0, "statx");
        took[i] = now_ms() - began;
    }
    close(dir);
    (void)median(took, WAITS); /* sorts them */
    return took[WAITS * 99 / 100];
}

/* Alone, and beside fsyncs: the difference. */
static double fsync_delay(void)
{
    pthread_t thread;
    double alone = stat_waits();
    atomic_store(&enough, false);
    check(pthread_create(&thread, NULL, fsync_on, NULL) == 0, "thread");
    usleep(20 * 1000);
    double beside = stat_waits();
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    return beside > alone ? beside - alone : 0;
}

enum bound { SHARE_OF_PLAIN, AT_MOST };
static const struct row {
    const char *name, *unit;
    double (*measure)(void);
    enum bound bound;
    double limit;
} rows[] = {
    {"sequential write", "MiB/s", sequential_write, SHARE_OF_PLAIN, 0.7},
    {"sequential read", "MiB/s", sequential_read, SHARE_OF_PLAIN, 0.7},
    {"random 4k read", "/s", random_read, SHARE_OF_PLAIN, 0.45},
    {"cold stat", "/s", stat_cold, SHARE_OF_PLAIN, 0.35},
    {"warm stat", "/s", stat_all, SHARE_OF_PLAIN, 0.8}, /* equal, but for noise */
    {"create+unlink", "/s", create_unlink, SHARE_OF_PLAIN, 0.45},
    {"stat beside fsync", "ms later", fsync_delay, AT_MOST, 5},
};
enum { ROW_COUNT = sizeof(rows) / sizeof(*rows), PLACES = 3, FOLDER = 0, PLAIN = 1, SHARE = 2 };
static double results[ROW_COUNT][PLACES][ROUNDS_MAX];

static void prepare(const char *folder)
{
    char name[32];
    here = folder;
    int dir = open_here(".", O_RDONLY | O_DIRECTORY);
    check(mkdirat(dir, "made", 0755) == 0 && mkdirat(dir, "files", 0755) == 0, "mkdir");
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "files/%d", i);
        close(open_here(name, O_WRONLY | O_CREAT));
    }
    close(dir);
    (void)sequential_write(); /* what is read */
}

static bool is_wanted(size_t row, const char *only)
{
    return !only || strcmp(rows[row].name, only) == 0;
}

static bool report(size_t row, int rounds)
{
    const struct row *r = &rows[row];
    double best[PLACES];
    for (int place = 0; place < PLACES; place++) {
        double *sorted = results[row][place];
        (void)median(sorted, (size_t)rounds);
        best[place] = r->bound == AT_MOST ? sorted[0] : sorted[rounds - 1];
    }
    double ratio = best[SHARE] / best[PLAIN];
    bool holds = r->bound == AT_MOST ? best[SHARE] <= r->limit : ratio >= r->limit;
    fprintf(stderr, "%-18s %11.4g %11.4g %11.4g  %-9s", r->name, best[FOLDER], best[PLAIN], best[SHARE], r->unit);
    if (r->bound == AT_MOST)
        fprintf(stderr, "       %s: at most %g\n", holds ? "holds" : "FAILS", r->limit);
    else
        fprintf(stderr, " %.2f  %s: at least %g\n", ratio, holds ? "holds" : "FAILS", r->limit);
    printf("%s\"%s\":{\"folder\":%.5g,\"plain\":%.5g,\"share\":%.5g}", row ? "," : "", r->name, best[FOLDER],
           best[PLAIN], best[SHARE]);
    return holds;
}

int main(int argc, char **argv)
{
    int rounds = argc > 4 ? atoi(argv[4]) : ROUNDS;
    const char *only = argc > 5 ? argv[5] : NULL;
    bool hold = true;
    log_init("bench");
    if (argc < 4 || rounds < 1 || rounds > ROUNDS_MAX)
        return 1;
    prepare(argv[1]);
    for (int round = 0; round < rounds; round++)
        for (size_t row = 0; row < ROW_COUNT; row++)
            for (int place = 0; place < PLACES && is_wanted(row, only); place++) {
                here = argv[1 + place];
                results[row][place][round] = rows[row].measure();
            }
    fprintf(stderr, "%-18s %11s %11s %11s   best of %d; share / plain\n", "", "folder", "plain FUSE", "share", rounds);
    printf("{");
    for (size_t row = 0; row < ROW_COUNT; row++)
        if (is_wanted(row, only))
            hold &= report(row, rounds);
    puts("}");
    fprintf(stderr, "the longest fsync took %.0f ms\n", longest_fsync);
    return hold ? 0 : 1;
}
