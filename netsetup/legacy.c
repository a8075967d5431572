/* The older tables' rules, read and removed with iptables-legacy-save and -restore: their kernel interface
 * replaces whole tables, which is no thing to do beside others without iptables' own lock. */
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/run.h"
#include "netsetup/fw.h"
#include "netsetup/tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { NAMES_MAX = 4096 };

/* Does this namespace have such tables at all?  Asking iptables would create them. */
static bool in_use(int family)
{
    const char *path = family == AF_INET6 ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names";
    cleanup_free char *names = io_read_file(AT_FDCWD, path, NAMES_MAX, NULL);
    return names && names[0];
}

/* The text behind an option of a saved rule, in or out of quotes; cut at size. */
static bool option(const char *rule, const char *name, char *out, size_t size)
{
    const char *p = strstr(rule, name);
    if (!p)
        return false;
    p += strlen(name);
    size_t len = *p == '"' ? strcspn(++p, "\"") : strcspn(p, " ");
    snprintf(out, size, "%.*s", (int)len, p);
    return true;
}

static void see_dnat(struct fw_scan *scan, const char *rule, const char *chain)
{
    struct fw_dnat dnat = {.first = 0};
    char proto[8] = "", address[INET_ADDRSTRLEN + 3] = "", ports[16] = "";
    option(rule, " -p ", proto, sizeof(proto));
    if (option(rule, " -d ", address, sizeof(address)))
        address[strcspn(address, "/")] = '\0';
    option(rule, " --dport ", ports, sizeof(ports));
    dnat.proto = !strcmp(proto, "tcp") ? IPPROTO_TCP : !strcmp(proto, "udp") ? IPPROTO_UDP : 0;
    if (sscanf(ports, "%hu:%hu", &dnat.first, &dnat.last) == 1)
        dnat.last = dnat.first;
    inet_pton(AF_INET, address, &dnat.addr);
    fw_see_dnat(scan, chain, &dnat);
}

/* One line of iptables-save: `*table`, `:CHAIN POLICY [0:0]` or `-A CHAIN rule`. */
static void see_line(struct fw_scan *scan, char *line, char table[32])
{
    char chain[64] = "", comment[256] = "", jump[64] = "";
    if (line[0] == '*') {
        snprintf(table, 32, "%s", line + 1);
    } else if (line[0] == ':') {
        char policy[16] = "";
        if (sscanf(line, ":%63s %15s", chain, policy) == 2)
            fw_see_chain(scan, table, chain, !strcmp(policy, "DROP"));
    } else if (sscanf(line, "-A %63s", chain) == 1) {
        option(line, " --comment ", comment, sizeof(comment));
        option(line, " -j ", jump, sizeof(jump));
        struct fw_own *own = fw_see_rule(scan, table, chain, comment, jump);
        if (own && !(own->text = strdup(line + strlen("-A "))))
            scan->failed = true;
        if (!own && !strcmp(table, "nat") && fw_takes_ports(jump))
            see_dnat(scan, line, chain);
    }
}

int legacy_scan(struct fw_scan *scan, struct err *err)
{
    char path[256], table[32] = "", *rest = NULL;
    cleanup_buf struct buf saved = {0};
    const char *name = scan->family == AF_INET6 ? "ip6tables-legacy-save" : "iptables-legacy-save";
    scan->absent = !in_use(scan->family);
    /* Without the program no such rule can be made or removed either. */
    if (scan->absent || !run_find(name, path, sizeof(path)))
        return 0;
    const char *const argv[] = {name, NULL};
    if (tool_run(argv, NULL, &saved, err))
        return -1;
    for (char *line = strtok_r(saved.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        see_line(scan, line, table);
    return 0;
}

int legacy_remove(const struct fw_scan *scan, const char *id, struct err *err)
{
    cleanup_buf struct buf text = {0};
    const char *table = "";
    for (size_t i = 0; i < scan->own_count; i++) {
        const struct fw_own *own = &scan->own[i];
        if (strcmp(own->id, id) != 0)
            continue;
        if (strcmp(own->table, table) != 0)
            buf_fmt(&text, "%s*%s\n", table[0] ? "COMMIT\n" : "", own->table);
        table = own->table;
        buf_fmt(&text, "-D %s\n", own->text);
    }
    if (!text.len)
        return 0;
    buf_str(&text, "COMMIT\n");
    if (buf_failed(&text))
        return err_set(err, "out of memory");
    return fw_restore(FW_LEGACY, scan->family, text.data, err);
}
