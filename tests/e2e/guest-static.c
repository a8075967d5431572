/* The only file of the test's second root filesystem: a static program, no shell, no library beside it.
 * It shows byte-exactly what reached it and ends as asked.
 *
 *     argv ARG...      every ARG, each followed by a NUL, on stdout
 *     env              every variable, each followed by a NUL, on stdout
 *     cat FILE         the file's bytes on stdout
 *     both             "out" on stdout, "err" on stderr
 *     exit N           exits with N
 *     kill N           dies of signal N
 *     wait             prints "ready", then waits for any signal and exits with its number
 *     signals          prints "ready", then the number of each signal that comes; ends with SIGTERM
 *     eat              takes memory until there is none */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static int show(char **list)
{
    for (; *list; list++)
        fwrite(*list, 1, strlen(*list) + 1, stdout);
    return 0;
}

/* As it comes. */
static int show_file(const char *path)
{
    int in = open(path, O_RDONLY);
    char block[4096];
    if (in < 0) {
        perror(path);
        return 1;
    }
    for (ssize_t n; (n = read(in, block, sizeof(block))) > 0;)
        if (write(STDOUT_FILENO, block, (size_t)n) != n)
            return 1;
    close(in);
    return 0;
}

static int wait_signal(void)
{
    sigset_t all;
    int number = 0;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    puts("ready");
    fflush(stdout);
    sigwait(&all, &number);
    return number;
}

/* By the kernel's own calls: the C library keeps three signals to itself, which others may use. */
static int show_signals(void)
{
    unsigned long long all = ~0ULL;
    long number = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof(all));
    puts("ready");
    while (number != SIGTERM) {
        fflush(stdout);
        number = syscall(SYS_rt_sigtimedwait, &all, NULL, NULL, sizeof(all));
        printf("signal %ld\n", number);
    }
    return 0;
}

static int eat(void)
{
    enum { BITE = 1 << 20 };
    for (char *p; (p = malloc(BITE));)
        memset(p, 1, BITE);
    return 1;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    const char *arg = argc > 2 ? argv[2] : "";
    if (strcmp(verb, "argv") == 0)
        return show(argv + 2);
    if (strcmp(verb, "env") == 0)
        return show(environ);
    if (strcmp(verb, "cat") == 0)
        return show_file(arg);
    if (strcmp(verb, "both") == 0)
        return fputs("out", stdout) < 0 || fputs("err", stderr) < 0;
    if (strcmp(verb, "exit") == 0)
        return (int)strtol(arg, NULL, 10);
    if (strcmp(verb, "kill") == 0)
        return raise((int)strtol(arg, NULL, 10));
    if (strcmp(verb, "wait") == 0)
        return wait_signal();
    if (strcmp(verb, "signals") == 0)
        return show_signals();
    if (strcmp(verb, "eat") == 0)
        return eat();
    fprintf(stderr, "guest-static: unknown verb '%s'\n", verb);
    return 2;
}
