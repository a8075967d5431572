/* A VM's network made and undone 20 times in one process, each time at once with the same device and addresses: up
 * refuses a name, an address or a route that is still there.  Exit 1 with a reason on stderr. */
#include "common/cleanup.h"
#include "common/io.h"
#include "netsetup/netsetup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { TIMES = 20, FILE_MAX = 1 << 20 };

static bool mentions(const char *path, const char *what)
{
    cleanup_free char *text = io_read_file(AT_FDCWD, path, FILE_MAX, NULL);
    return !text || strstr(text, what);
}

int main(void)
{
    struct net_plan plan = {.id = "again", .tap = "again0"};
    struct err err = {0};
    inet_pton(AF_INET, "10.251.7.1", &plan.tap_addr);
    if (net_ports_parse("VM_PORTS", "8080:80", &plan.ports, &err))
        return 1;
    for (int i = 0; i < TIMES; i++) {
        struct netsetup *net = netsetup_up(&plan, &err);
        bool there = mentions("/proc/net/dev", "again0:") && mentions("/proc/net/fib_trie", "10.251.7.1");
        if (!net || netsetup_down(net, &err) || !there) {
            fprintf(stderr, "round %d: %s\n", i, there ? err.text : "up made nothing");
            return 1;
        }
        if (mentions("/proc/net/dev", "again0:") || mentions("/proc/net/fib_trie", "10.251.7.")) {
            fprintf(stderr, "round %d: the device or its address is still there\n", i);
            return 1;
        }
    }
    net_ports_free(&plan.ports);
    return 0;
}
