#include "tests/fuzz/sim.h"

#include "common/proto.h"
#include "common/sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* More than any loop needs from the world's end to its own; more watches than the channel may ever have. */
enum { PATIENCE = 1000, WATCHES_MAX = 2000 };

static struct {
    const uint8_t *data;
    size_t left;
    uint64_t ms;
    uint32_t random;
    int idle; /* rounds since the input's end */
} sim;

void sim_begin(const uint8_t *data, size_t size)
{
    sim.data = data;
    sim.left = size;
    sim.ms = 1000;
    sim.random = sim.idle = 0;
}

/* libFuzzer writes files and starts threads. */
int sandbox_enter(enum sandbox_role role, struct err *err)
{
    (void)role, (void)err;
    return 0;
}

bool sim_more(void)
{
    return sim.left > 0;
}

uint8_t sim_byte(void)
{
    if (sim.left == 0)
        return 0;
    sim.left--;
    return *sim.data++;
}

const uint8_t *sim_bytes(size_t *len)
{
    const uint8_t *bytes = sim.data;
    size_t want = sim_byte();
    bytes += sim.left > 0 || want > 0;
    *len = want < sim.left ? want : sim.left;
    sim.left -= *len;
    sim.data += *len;
    return sim.data - *len;
}

void sim_sleep(uint64_t ms)
{
    sim.ms += ms;
}

void sim_write(int fd, const void *data, size_t len)
{
    (void)!send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void sim_flood(int fd)
{
    static const char much[150000];
    sim_write(fd, much, sizeof(much));
}

void sim_drain(int fd)
{
    static char dropped[65536];
    while (recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT) > 0)
        ;
}

void sim_message(int fd, uint8_t type, uint32_t session)
{
    size_t len;
    const uint8_t *bytes = sim_bytes(&len);
    struct buf out = {0};
    proto_put(&out, (enum proto_type)type, &session, 1, bytes, len);
    sim_write(fd, out.data, out.len);
    buf_free(&out);
}

/* --- what the target calls instead of the system ------------------------------------------------------- */

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static const struct timespec none;
    int ready;
    if (count > WATCHES_MAX)
        abort();
    while ((ready = ppoll(fds, count, &none, NULL)) == 0) {
        if (sim_step())
            continue;
        if (sim.idle++ > PATIENCE)
            abort(); /* nothing can happen any more, and it waits */
        sim_end();
        sim.ms += timeout > 0 ? (uint64_t)timeout : 0;
        return ppoll(fds, count, &none, NULL);
    }
    return ready;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){.tv_sec = (time_t)(sim.ms / 1000), .tv_nsec = (long)(sim.ms % 1000) * 1000000};
    return 0;
}

/* Sessions 1, 2, 3, so that the input can name them. */
ssize_t getrandom(void *data, size_t len, unsigned flags)
{
    (void)flags;
    memset(data, 0, len);
    sim.random++;
    memcpy(data, &sim.random, len < sizeof(sim.random) ? len : sizeof(sim.random));
    return (ssize_t)len;
}
