#include "entry/life/state.h"

#include "common/mac.h"
#include "entry/life/netjson.h"
#include "entry/life/status.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

/* The parameters of the guest's first interface, besides its address: the MAC address, and without takeover the prefix
 * and the gateway. */
static void fill_interface(struct json *j, const struct state *s)
{
    char text[INET_ADDRSTRLEN], mac[MAC_TEXT];
    size_t count;
    if (s->taken) {
        const struct card_address *v4 = takeover_address(s->taken, AF_INET);
        json_string(j, "mac", mac_text(takeover_cards(s->taken, &count)[0].card.mac, mac));
        if (v4)
            json_number(j, "prefix", v4->prefix);
    } else if (s->link) {
        json_string(j, "mac", mac_text(s->link->guest_mac, mac));
        json_number(j, "prefix", NET_PREFIX);
        json_string(j, "gateway", inet_ntop(AF_INET, &s->link->tap_addr, text, sizeof(text)));
    }
}

void state_fill(const struct state *s, struct buf *out)
{
    struct json j = {.out = out};
    struct stat netns = {0};
    struct status_process firecracker = STATUS_PROCESS_NONE;
    if (s->jail)
        firecracker = status_firecracker(s->jail);
    (void)stat("/proc/self/ns/net", &netns);
    json_open(&j, NULL, '{');
    json_string(&j, "id", s->id);
    json_open(&j, "pids", '{');
    json_number(&j, "entry", (uint64_t)getpid());
    if (firecracker.pid > 0)
        json_number(&j, "firecracker", (uint64_t)firecracker.pid);
    json_close(&j, '}');
    json_number(&j, "uid", s->uid);
    json_number(&j, "started", s->started);
    json_number(&j, "netns", netns.st_ino);
    json_string(&j, "image", s->image);
    json_string(&j, "network", s->network);
    netjson_fill(&j, s->link, s->taken, s->ports);
    fill_interface(&j, s);
    json_close(&j, '}');
    buf_str(out, "\n");
    if (firecracker.stat >= 0)
        close(firecracker.stat);
    if (firecracker.status >= 0)
        close(firecracker.status);
}
