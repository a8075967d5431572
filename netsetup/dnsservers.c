#include "netsetup/dnsservers.h"
#include "common/cleanup.h"
#include "common/loop.h"
#include "common/units.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#define SHUNNED (10 * SECOND)

int dnsservers_add(struct dnsservers *s, const char *address, struct err *err)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    if (s->count == DNSSERVERS_MAX)
        return err_set(err, "cannot relay DNS to %s: too many servers", address);
    int problem = getaddrinfo(address, "53", &hints, &found);
    if (problem)
        return err_set(err, "cannot relay DNS to %s: %s", address, gai_strerror(problem));
    struct dnsserver *server = &s->list[s->count++];
    memcpy(&server->address, found->ai_addr, found->ai_addrlen);
    server->len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int dnsservers_next(const struct dnsservers *s, unsigned tried)
{
    int shunned = -1;
    uint64_t now = loop_now();
    for (size_t i = 0; i < s->count; i++) {
        if (tried & 1U << i)
            continue;
        if (s->list[i].shunned <= now)
            return (int)i;
        if (shunned < 0)
            shunned = (int)i;
    }
    return shunned;
}

void dnsservers_shun(struct dnsservers *s, int server)
{
    s->list[server].shunned = loop_now() + SHUNNED;
}

int dnsservers_connect(const struct dnsservers *s, int server, int type)
{
    const struct dnsserver *to = &s->list[server];
    cleanup_close int fd = socket(to->address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || (connect(fd, (const struct sockaddr *)&to->address, to->len) < 0 && errno != EINPROGRESS))
        return -1;
    return steal_fd(&fd);
}
