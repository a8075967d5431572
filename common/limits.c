#include "common/limits.h"

#include "common/num.h"

#include <stdio.h>
#include <string.h>

#define NONE RLIM_INFINITY
#define STACK ((rlim_t)8 << 20)
#define STACK_LEAST ((rlim_t)1 << 20)
#define MEMLOCK ((rlim_t)8 << 20)

/* The kernel derives one number for nproc and sigpending from the size of its memory; here, that number is 0. */
const struct limits_row limits_rows[LIMITS_COUNT] = {
    {"as", RLIMIT_AS, {NONE, NONE}},
    {"core", RLIMIT_CORE, {0, NONE}},
    {"cpu", RLIMIT_CPU, {NONE, NONE}},
    {"data", RLIMIT_DATA, {NONE, NONE}},
    {"fsize", RLIMIT_FSIZE, {NONE, NONE}},
    {"locks", RLIMIT_LOCKS, {NONE, NONE}},
    {"memlock", RLIMIT_MEMLOCK, {MEMLOCK, MEMLOCK}},
    {"msgqueue", RLIMIT_MSGQUEUE, {819200, 819200}},
    {"nice", RLIMIT_NICE, {0, 0}},
    {"nofile", RLIMIT_NOFILE, {1024, 4096}},
    {"nproc", RLIMIT_NPROC, {0, 0}},
    {"rss", RLIMIT_RSS, {NONE, NONE}},
    {"rtprio", RLIMIT_RTPRIO, {0, 0}},
    {"rttime", RLIMIT_RTTIME, {NONE, NONE}},
    {"sigpending", RLIMIT_SIGPENDING, {0, 0}},
    {"stack", RLIMIT_STACK, {STACK, NONE}},
};

static struct rlimit given; /* the stack's */

/* The kernel looks at the limit whenever the stack grows, so a raised one counts at once. */
int limits_stack(struct err *err)
{
    if (getrlimit(RLIMIT_STACK, &given) < 0)
        return err_sys(err, "cannot read the limit of the stack");
    if (given.rlim_cur >= STACK)
        return 0;
    struct rlimit own = {STACK, given.rlim_max < STACK ? STACK : given.rlim_max};
    if (setrlimit(RLIMIT_STACK, &own) < 0) { /* to raise the hard limit takes CAP_SYS_RESOURCE */
        own = (struct rlimit){given.rlim_max, given.rlim_max};
        setrlimit(RLIMIT_STACK, &own);
    }
    if (own.rlim_cur < STACK_LEAST)
        return err_set(err,
                       "the stack's hard limit is %llu KiB, and ctr-jailer needs 1024: raise it (ulimit -Hs 8192, "
                       "docker run --ulimit stack=8388608)",
                       (unsigned long long)own.rlim_cur / 1024);
    return 0;
}

struct rlimit limits_stack_given(void)
{
    struct rlimit own = given;
    if (!own.rlim_max)
        getrlimit(RLIMIT_STACK, &own);
    return own;
}

void limits_stack_back(void)
{
    setrlimit(RLIMIT_STACK, &given);
}

void limits_print(const struct limits_row *row, const struct rlimit *limit, struct buf *out)
{
    const rlim_t values[] = {limit->rlim_cur, limit->rlim_max};
    buf_str(out, row->name);
    for (int i = 0; i < 2; i++)
        if (values[i] == RLIM_INFINITY)
            buf_fmt(out, "%cunlimited", i ? ':' : '=');
        else
            buf_fmt(out, "%c%llu", i ? ':' : '=', (unsigned long long)values[i]);
}

static bool parse_value(const char *text, rlim_t *out)
{
    uint64_t value;
    *out = RLIM_INFINITY;
    if (strcmp(text, "unlimited") == 0)
        return true;
    if (num_parse(text, 0, INT64_MAX, &value) < 0)
        return false;
    *out = (rlim_t)value;
    return true;
}

const struct limits_row *limits_parse(const char *text, struct rlimit *limit)
{
    char name[16], soft[24], hard[24], rest;
    if (sscanf(text, "%15[a-z]=%23[0-9a-z]:%23[0-9a-z]%c", name, soft, hard, &rest) != 3 ||
        !parse_value(soft, &limit->rlim_cur) || !parse_value(hard, &limit->rlim_max))
        return NULL;
    for (int i = 0; i < LIMITS_COUNT; i++)
        if (strcmp(limits_rows[i].name, name) == 0)
            return &limits_rows[i];
    return NULL;
}
