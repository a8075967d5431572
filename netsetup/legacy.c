/* The older tables' rules: read from the kernel (xtables.c), which takes 0.1 ms where iptables-save takes 2, and
 * removed with iptables-legacy-restore: the kernel's interface replaces whole tables, which is not safe beside other
 * programs without iptables' own lock. */
#include "netsetup/legacy.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/run.h"
#include "netsetup/fwrestore.h"
#include "netsetup/fwscan.h"
#include "netsetup/rules.h"
#include "netsetup/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { NAMES_MAX = 4096, CHAIN = 64 };

static const char *saver(int family)
{
    return family == AF_INET6 ? "ip6tables-legacy-save" : "iptables-legacy-save";
}

/* The tables that this namespace has; reading others would create them. */
int legacy_scan(struct fw_scan *scan, struct err *err)
{
    char path[256], *rest = NULL;
    const char *file = scan->family == AF_INET6 ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names";
    cleanup_free char *names = io_read_file(AT_FDCWD, file, NAMES_MAX, NULL);
    if (!names && errno != ENOENT && errno != EACCES) /* rules in the wrong backend would not hold */
        return err_sys(err, "cannot read %s", file);
    scan->absent = !names || !names[0];
    /* Without the program, no such rule can be added or removed. */
    if (scan->absent || !run_find(saver(scan->family), path, sizeof(path)))
        return 0;
    for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
        if (xtables_scan(scan, name, err) < 0)
            return -1;
    return 0;
}

/* Whether a line of iptables-save is a rule of the VM's. */
static bool is_own(const char *line, const char *id)
{
    static const char option[] = " --comment ";
    char comment[256];
    const char *p = strncmp(line, "-A ", 3) == 0 ? strstr(line, option) : NULL;
    if (!p)
        return false;
    p += strlen(option);
    size_t len = *p == '"' ? strcspn(++p, "\"") : strcspn(p, " ");
    snprintf(comment, sizeof(comment), "%.*s", (int)len, p);
    const char *owner = rules_owner(comment);
    return owner && strcmp(owner, id) == 0;
}

/* The command that removes a line of iptables-save if it is a rule of the VM.  The VM's own chain is flushed as a
 * whole, and removed at the end of the table. */
static void put_removal(struct buf *out, const char *line, const char *id, char chain[CHAIN])
{
    const char *rule = line + strlen("-A ");
    if (chain[0] && strcmp(line, "COMMIT") == 0) {
        buf_fmt(out, "-X %s\n", chain);
        chain[0] = '\0';
    }
    if (line[0] == '*' || strcmp(line, "COMMIT") == 0) {
        buf_fmt(out, "%s\n", line);
    } else if (is_own(line, id) && !fw_own_chain(rule)) {
        buf_fmt(out, "-D %s\n", rule);
    } else if (is_own(line, id) && !chain[0]) {
        snprintf(chain, CHAIN, "%.*s", (int)strcspn(rule, " "), rule);
        buf_fmt(out, ":%s - [0:0]\n", chain);
    }
}

int legacy_remove(const struct fw_scan *scan, const char *id, struct err *err)
{
    cleanup_buf struct buf saved = {0}, text = {0};
    const char *const argv[] = {saver(scan->family), NULL};
    char *rest = NULL, chain[CHAIN] = "";
    bool any = false;
    for (size_t i = 0; i < scan->own_count; i++)
        any |= strcmp(scan->own[i].id, id) == 0;
    if (!any)
        return 0;
    if (tool_run(argv, NULL, &saved, err) < 0)
        return -1;
    for (char *line = strtok_r(saved.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        put_removal(&text, line, id, chain);
    if (buf_failed(&text))
        return err_set(err, "out of memory");
    return fw_restore(FW_LEGACY, scan->family, text.data, err);
}
