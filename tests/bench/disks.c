/* How long the scratch disk and a new data disk take for capacities from 1 GiB to 15 TiB, against mke2fs as it
 * comes, in the same run.
 *
 *     disks FOLDER [ROUNDS]      a table on stderr, JSON on stdout; 1 when the bound does not hold */
#include "common/log.h"
#include "entry/disks/ext4.h"
#include "tests/bench/measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 7, ROUNDS_MAX = 100, BOUND_MS = 50 };
#define GIB (INT64_C(1) << 30)

static int plain_mke2fs(const char *path)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execlp("mke2fs", "mke2fs", "-q", "-F", "-t", "ext4", path, NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* One disk of this size, in ms: kept or passing ones as entry makes them, or (-1) by plain mke2fs. */
static double once(const char *path, int64_t size, int kept)
{
    struct err err = {0};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    double start = now_ms();
    if (fd < 0 || ftruncate(fd, size) < 0 ||
        (kept < 0 ? plain_mke2fs(path) : ext4_make(fd, "bench", kept, 0, &err)) < 0) {
        log_error("%s: %s", path, err.text);
        exit(1);
    }
    double took = now_ms() - start;
    close(fd);
    unlink(path);
    return took;
}

int main(int argc, char **argv)
{
    static const int64_t sizes[] = {1, 64, 1024, 4096, 15 * 1024};
    const char *names[] = {"mke2fs", "scratch", "data"};
    int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS, failed = 0;
    char path[4096];
    log_init("bench");
    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX)
        return 1;
    snprintf(path, sizeof(path), "%s/disk", argv[1]);
    fprintf(stderr, "%10s %12s %12s %12s   ms, medians\n", "disk", names[0], names[1], names[2]);
    printf("{");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        double ms[3][ROUNDS_MAX], middle[3];
        for (int round = 0; round < rounds; round++)
            for (int way = 0; way < 3; way++)
                ms[way][round] = once(path, sizes[i] * GIB, way - 1);
        fprintf(stderr, "%6lld GiB", (long long)sizes[i]);
        printf("%s\"%lld_GiB\":{", i ? "," : "", (long long)sizes[i]);
        for (int way = 0; way < 3; way++) {
            middle[way] = median(ms[way], (size_t)rounds);
            fprintf(stderr, " %12.1f", middle[way]);
            printf("%s\"%s_ms\":%.2f", way ? "," : "", names[way], middle[way]);
        }
        bool holds = middle[1] <= BOUND_MS;
        fprintf(stderr, "   %s: scratch at most %d ms\n", holds ? "holds" : "FAILS", BOUND_MS);
        printf("}");
        failed |= !holds;
    }
    puts("}");
    return failed;
}
