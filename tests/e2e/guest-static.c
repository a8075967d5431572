/* The only file of the test's second root filesystem: a static program, no shell, no library beside it.
 * It shows byte-exactly what reached it and ends as asked.
 *
 *     argv ARG...      every ARG, each followed by a NUL, on stdout
 *     env              every variable, each followed by a NUL, on stdout
 *     cat FILE         the file's bytes on stdout
 *     both             "out" on stdout, "err" on stderr
 *     exit N           exits with N
 *     kill N           dies of signal N
 *     forks N          leaves N processes without a parent, which end; prints how many stay zombies
 *     list PATH...     the type and mode of each, and where it leads
 *     wait             prints "ready", then waits for any signal and exits with its number
 *     signals          prints "ready", then the number of each signal that comes; ends with SIGTERM
 *     eat              takes memory until there is none
 *     hold N           takes N MiB, frees them, says "freed" and then waits for a signal; then takes them again, prints
 *                      "again" and exits with 0
 *     random           32 bytes of /dev/hwrng in hexadecimal, and the name of the device behind it
 *     boot             /proc/meminfo, as it was when this started; then as wait
 *     uptime SINCE     the kernel's milliseconds so far, and SINCE; as PID 1 it ends the machine then */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
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

/* The zombies of all /proc. */
static int count_zombies(void)
{
    int count = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[280], state = 0;
        snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '0' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1)
            count += state == 'Z';
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return count;
}

static int leave_orphans(long n)
{
    for (long i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(fork() < 0);
        int status;
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
            perror("fork");
            return 1;
        }
    }
    /* the last of them may be on their way still */
    for (int i = 0; i < 100 && count_zombies() > 0; i++)
        usleep(100000);
    printf("%d zombies\n", count_zombies());
    return 0;
}

static int list(char **paths)
{
    for (; *paths; paths++) {
        struct stat st, leads;
        if (lstat(*paths, &st) < 0 || stat(*paths, &leads) < 0)
            perror(*paths);
        else
            printf("%s %o %o\n", *paths, st.st_mode, leads.st_mode);
    }
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

static int show_uptime(const char *since)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    printf("since_cs=%s uptime_ms=%lld\n", since, (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000);
    fflush(stdout);
    return getpid() == 1 ? tcdrain(STDOUT_FILENO) || reboot(RB_AUTOBOOT) : 0;
}

static int eat(void)
{
    enum { BITE = 1 << 20 };
    for (char *p; (p = malloc(BITE));)
        memset(p, 1, BITE);
    return 1;
}

static void *take(long mib)
{
    size_t size = (size_t)mib << 20;
    char *p = malloc(size);
    if (p)
        memset(p, 1, size);
    return p;
}

static int hold(long mib)
{
    sigset_t all;
    int number;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    void *p = take(mib);
    free(p);
    puts(p ? "freed" : "there is not so much");
    fflush(stdout);
    sigwait(&all, &number);
    p = take(mib);
    puts(p ? "again" : "there is not so much");
    free(p);
    return !p;
}

static int show_random(void)
{
    unsigned char bytes[32];
    int fd = open("/dev/hwrng", O_RDONLY);
    if (fd < 0 || read(fd, bytes, sizeof(bytes)) <= 0) {
        perror("/dev/hwrng");
        return 1;
    }
    close(fd);
    for (size_t i = 0; i < sizeof(bytes); i++)
        printf("%02x", bytes[i]);
    puts("");
    fflush(stdout);
    return show_file("/sys/class/misc/hw_random/rng_current");
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
    if (strcmp(verb, "forks") == 0)
        return leave_orphans(strtol(arg, NULL, 10));
    if (strcmp(verb, "list") == 0)
        return list(argv + 2);
    if (strcmp(verb, "wait") == 0)
        return wait_signal();
    if (strcmp(verb, "boot") == 0)
        return show_file("/proc/meminfo") ? 1 : wait_signal();
    if (strcmp(verb, "uptime") == 0)
        return show_uptime(arg);
    if (strcmp(verb, "signals") == 0)
        return show_signals();
    if (strcmp(verb, "eat") == 0)
        return eat();
    if (strcmp(verb, "hold") == 0)
        return hold(strtol(arg, NULL, 10));
    if (strcmp(verb, "random") == 0)
        return show_random();
    fprintf(stderr, "guest-static: unknown verb '%s'\n", verb);
    return 2;
}
