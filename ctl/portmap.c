#include "ctl/portmap.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/num.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static int add_port(struct json *j, char *port, struct err *err)
{
    uint64_t host, guest;
    struct in_addr address;
    const char *asked = strdupa(port);
    char *protocol = strchr(port, '/');
    if (protocol)
        *protocol++ = '\0';
    char *inner = strrchr(port, ':');
    if (inner)
        *inner++ = '\0';
    char *outer = inner ? strrchr(port, ':') : NULL;
    if (outer)
        *outer++ = '\0';
    if (!inner || num_parse(outer ? outer : port, 1, 65535, &host) || num_parse(inner, 1, 65535, &guest) ||
        (outer && inet_pton(AF_INET, port, &address) != 1) ||
        (protocol && strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0))
        return err_set(err, "run: -p %s: has to be [ADDRESS:]PORT:PORT[/tcp|/udp] on a CNI network", asked);
    json_open(j, NULL, '{');
    json_number(j, "hostPort", host);
    json_number(j, "containerPort", guest);
    json_string(j, "protocol", protocol ? protocol : "tcp");
    if (outer)
        json_string(j, "hostIP", port);
    json_close(j, '}');
    return 0;
}

int portmap_json(const char *ports, struct buf *out, struct err *err)
{
    struct json j = {.out = out, .first = true};
    cleanup_free char *copy = strdup(ports);
    char *rest = copy;
    json_open(&j, NULL, '{');
    json_open(&j, "portMappings", '[');
    for (char *port; (port = strsep(&rest, ","));)
        if (add_port(&j, port, err))
            return -1;
    json_close(&j, ']');
    json_close(&j, '}');
    return !copy || buf_failed(out) ? err_set(err, "out of memory") : 0;
}
