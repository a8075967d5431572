#include "common/cleanup.h"
#include "entry/plan/plan_parts.h"

#include <string.h>

/* vm.swappiness, net.ipv4.conf.eth0/1.arp_filter: components between dots, none of them empty. */
static bool is_name(const char *name, size_t len)
{
    size_t component = 0;
    for (size_t i = 0; i < len; i++) {
        bool separator = name[i] == '.' || name[i] == '/';
        if (separator ? component == 0
                      : !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", name[i]))
            return false;
        component = separator ? 0 : component + 1;
    }
    return component > 0 && len < 200 && memchr(name, '.', len);
}

/* Each comma starts another setting, unless no name follows: net.ipv4.ip_local_reserved_ports=8080,9148. */
int plan_sysctls(const struct options *o, struct buf *out, struct err *err)
{
    static const char accepted[] = "must be NAME=value,... such as vm.overcommit_memory=1,net.core.somaxconn=4096";
    cleanup_free char *copy = strdup(o->value[OPT_SYSCTLS] ? o->value[OPT_SYSCTLS] : "");
    char *rest = copy;
    for (char *piece; rest && (piece = strsep(&rest, ","));) {
        piece += strspn(piece, " ");
        if (!*piece)
            continue;
        const char *equals = strchr(piece, '=');
        if (!equals && out->len > 0) {
            out->data[out->len - 1] = ',';
            buf_add(out, piece, strlen(piece) + 1);
        } else if (!equals || !is_name(piece, (size_t)(equals - piece))) {
            return option_refuse(err, o, OPT_SYSCTLS, accepted);
        } else {
            buf_add(out, piece, strlen(piece) + 1);
        }
    }
    return !copy || buf_failed(out) ? err_set(err, "out of memory") : 0;
}
