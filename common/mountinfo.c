#include "common/mountinfo.h"

#include "common/array.h"

#include <stddef.h>
#include <string.h>

/* Space, tab, newline and backslash are \ooo. */
static void unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in; out++) {
        bool octal = in[0] == '\\';
        for (int i = 1; octal && i <= 3; i++)
            octal = in[i] >= '0' && in[i] <= '7';
        *out = octal ? (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0')) : *in;
        in += octal ? 4 : 1;
    }
    *out = '\0';
}

/* 36 35 98:0 /root /point options [tags...] - type source options */
static bool parse(char *line, struct mountinfo *m)
{
    char *field[5], *rest = strstr(line, " - ");
    if (!rest)
        return false;
    *rest = '\0';
    rest += 3;
    for (int i = 0; i < 5; i++)
        if (!(field[i] = strsep(&line, " ")))
            return false;
    char *type = strsep(&rest, " ");
    unescape(field[3]);
    unescape(field[4]);
    unescape(type);
    *m = (struct mountinfo){field[3], field[4], type};
    return true;
}

bool mountinfo_next(char **text, struct mountinfo *m)
{
    for (char *line; *text && *(line = *text);) {
        strsep(text, "\n");
        if (parse(line, m))
            return true;
    }
    return false;
}

bool mountinfo_is_kernels(const struct mountinfo *m)
{
    static const char *const types[] = {"proc",       "sysfs",   "devtmpfs", "devpts", "mqueue",     "cgroup",
                                        "cgroup2",    "debugfs", "tracefs",  "bpf",    "securityfs", "pstore",
                                        "efivarfs",   "fusectl", "configfs", "autofs", "hugetlbfs",  "binfmt_misc",
                                        "rpc_pipefs", "nsfs",    "selinuxfs"};
    for (size_t i = 0; i < COUNT(types); i++)
        if (strcmp(m->type, types[i]) == 0)
            return true;
    return false;
}
