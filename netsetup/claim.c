/* `@ctr-jailer/<id>` for a VM and `@ctr-jailer/net/<address>` for a subnet; an id holds no slash. */
#include "netsetup/claim.h"
#include "common/cleanup.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int claim(const char *kind, const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "ctr-jailer/%s%s", kind, name);
    cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)))
        return -1;
    return steal_fd(&fd);
}

int claim_id(const char *id)
{
    return claim("", id);
}

int claim_subnet(struct in_addr addr)
{
    char text[INET_ADDRSTRLEN];
    addr.s_addr &= htonl(~UINT32_C(3));
    return claim("net/", inet_ntop(AF_INET, &addr, text, sizeof(text)));
}
