#include "common/cleanup.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/num.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { DEFAULT_SECONDS = 7, KILL_SECONDS = 15, SECONDS_MAX = 86400 };

static int stop(const char *id, uint64_t seconds, struct err *err)
{
    cleanup_close int fd = ctl_connect(id, err);
    if (fd < 0 || confine_client(err) < 0)
        return -1;
    uint32_t field = (uint32_t)seconds;
    cleanup_buf struct buf request = {0};
    proto_put(&request, PROTO_STOP, &field, 1, NULL, 0);
    /* When it was refused at once, reading says so. */
    if (buf_failed(&request) || (send(fd, request.data, request.len, MSG_NOSIGNAL) < 0 && errno != EPIPE))
        return err_sys(err, "cannot ask the VM");
    uint8_t answer[PROTO_HEADER];
    if (io_read_full(fd, answer, sizeof(answer)) != sizeof(answer) || answer[4] != PROTO_TEXT)
        return err_set(err, "the VM's entry closed the connection: only root may ask");
    char c;
    ssize_t n;
    while ((n = read(fd, &c, 1)) > 0 || (n < 0 && errno == EINTR))
        ; /* it says nothing more; the connection ends with it */
    return 0;
}

int ctl_stop(const char *id, char **argv, struct err *err)
{
    uint64_t seconds = DEFAULT_SECONDS;
    if (argv[1] &&
        (strcmp(argv[1], "-t") != 0 || !argv[2] || argv[3] || num_parse(argv[2], 0, SECONDS_MAX, &seconds) < 0))
        return err_set(err, "stop: use it as: stop [-t SECONDS]");
    return stop(id, seconds, err);
}

/* The value of the flag at **arg, in the same argument or in the next, which *arg is then moved to; NULL: another. */
static const char *value_of(char ***arg, const char *flag)
{
    size_t len = strlen(flag);
    if (strncmp(**arg, flag, len) != 0 || ((**arg)[len] && (**arg)[len] != '='))
        return NULL;
    if ((**arg)[len])
        return **arg + len + 1;
    return (*arg)[1] ? *++*arg : "";
}

/* Seconds, also written as 15s. */
static int read_seconds(const char *text, uint64_t *seconds)
{
    char digits[16];
    size_t len = strspn(text, "0123456789");
    snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
    return text[len] && strcmp(text + len, "s") != 0 ? -1 : num_parse(digits, 0, SECONDS_MAX, seconds);
}

int ctl_kill(const char *id, char **argv, struct err *err)
{
    uint64_t seconds = KILL_SECONDS;
    bool wrong = false;
    for (char **arg = argv + 1; *arg && !wrong; arg++) {
        const char *value;
        if ((value = value_of(&arg, "--vmm-id")))
            id = value;
        else if ((value = value_of(&arg, "--shutdown-timeout")))
            wrong = read_seconds(value, &seconds) < 0;
        else if (**arg == '-' || id)
            wrong = true;
        else
            id = *arg;
    }
    if (wrong || !id || !*id)
        return err_set(err, "kill: use it as: kill [--vmm-id] ID [--shutdown-timeout SECONDS]");
    return stop(id, seconds, err);
}
