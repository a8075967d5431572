#include "entry/life/servers.h"

#include "common/container.h"
#include "common/log.h"

#include <poll.h>

static void on_end(struct watch *w, short revents)
{
    (void)revents;
    struct server_watch *server = container_of(w, struct server_watch, end);
    if (server->server->disk)
        log_error("the %s disk's server has ended: the guest can no longer read that disk", server->server->disk);
    else if (!server->all->ending)
        log_error("the server of the share %s has ended: the guest can no longer use that share",
                  server->server->share);
    loop_remove(server->all->loop, w);
}

int servers_watch(struct servers *s, struct loop *loop, const struct file_server *list, unsigned count)
{
    s->loop = loop;
    for (unsigned i = 0; i < count; i++) {
        s->watches[i] = (struct server_watch){
            .end = {.fd = list[i].end, .events = POLLIN, .ready = on_end}, .all = s, .server = &list[i]};
        if (loop_add(loop, &s->watches[i].end) < 0)
            return -1;
    }
    return 0;
}
