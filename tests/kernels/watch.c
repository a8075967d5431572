/* watch SECONDS COMMAND [ARG...]: runs a VMM with the probe as its guest's init, passes its output on, and
 * adds a line of what only the outside can see:
 *
 *     watch init_ms=N exit_ms=N rss_kb=N status=N
 *
 * from our fork to the probe's "@" (the console's first such line), to the VMM's end, and the memory that
 * the VMM had in use at "@", guest's included.  After SECONDS it kills the VMM.
 * Exit status: 0 when "@" came and the VMM ended by itself, 1 otherwise. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long rss_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, "VmRSS:", 6))
            kb = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

int main(int argc, char **argv)
{
    int out[2];
    if (argc < 3 || pipe(out)) {
        fprintf(stderr, "usage: watch SECONDS COMMAND [ARG...]\n");
        return 2;
    }
    double start = now_ms(), deadline = start + atof(argv[1]) * 1e3, init = -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        dup2(out[1], 2);
        close(out[0]);
        close(out[1]);
        execvp(argv[2], argv + 2);
        fprintf(stderr, "watch: %s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    close(out[1]);

    bool line_start = true, late = false;
    long rss = -1;
    char buf[4096];
    for (;;) {
        struct pollfd p = {.fd = out[0], .events = POLLIN};
        double left = deadline - now_ms();
        if (left <= 0 || poll(&p, 1, (int)left + 1) == 0) {
            late = true;
            kill(pid, SIGKILL);
            break;
        }
        ssize_t n = read(out[0], buf, sizeof(buf));
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n && init < 0; i++) {
            if (line_start && buf[i] == '@') {
                init = now_ms() - start;
                rss = rss_kb(pid);
            }
            line_start = buf[i] == '\n';
        }
        fwrite(buf, 1, (size_t)n, stdout);
        fflush(stdout);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    printf("\nwatch init_ms=%.1f exit_ms=%.1f rss_kb=%ld status=%d%s\n", init, now_ms() - start, rss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), late ? " late" : "");
    return init < 0 || late;
}
