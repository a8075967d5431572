#include "netsetup/show.h"
#include "common/json.h"
#include "common/mac.h"
#include "netsetup/gc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Ids and device names hold nothing that JSON would escape. */
void show_link(struct buf *out, const char *id, const struct net_link *link)
{
    char tap[INET_ADDRSTRLEN], guest[INET_ADDRSTRLEN], mac[MAC_TEXT];
    inet_ntop(AF_INET, &link->tap_addr, tap, sizeof(tap));
    inet_ntop(AF_INET, &link->guest_addr, guest, sizeof(guest));
    buf_fmt(out, "{\"id\":\"%s\",\"tap\":\"%s\",\"tap_ip\":\"%s\",\"guest_ip\":\"%s\",\"prefix\":%d,", id, link->tap,
            tap, guest, NET_PREFIX);
    buf_fmt(out, "\"tap_mac\":\"%s\",", mac_text(link->tap_mac, mac));
    buf_fmt(out, "\"mac\":\"%s\",\"mtu\":%u", mac_text(link->guest_mac, mac), link->mtu);
    if (link->dns_port)
        buf_fmt(out, ",\"dns_port\":%u", link->dns_port);
    if (link->ipv6) {
        char tap6[INET6_ADDRSTRLEN], guest6[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET6, &link->tap_addr6, tap6, sizeof(tap6));
        inet_ntop(AF_INET6, &link->guest_addr6, guest6, sizeof(guest6));
        buf_fmt(out, ",\"tap_ip6\":\"%s\",\"guest_ip6\":\"%s\",\"prefix6\":%d", tap6, guest6, NET_PREFIX6);
    }
    buf_str(out, "}");
}

static void show_found(const struct gc_found *vm, void *data)
{
    struct buf *out = data;
    buf_fmt(out, "%s{\"id\":\"%.*s\",\"alive\":%s,\"taps\":%u,\"rules\":%u}", out->data[out->len - 1] == '[' ? "" : ",",
            (int)strcspn(vm->mark, "~"), vm->mark, vm->alive ? "true" : "false", vm->taps, vm->rules);
}

int show_all(struct buf *out, struct err *err)
{
    buf_str(out, "[");
    if (buf_failed(out) || gc_list(show_found, out, err) < 0)
        return -1;
    buf_str(out, "]");
    return buf_failed(out) ? err_set(err, "out of memory") : 0;
}

static void show_texts(struct json *j, const struct card *card)
{
    json_open(j, "addresses", '[');
    for (size_t i = 0; i < card->address_count; i++) {
        cleanup_buf struct buf text = {0};
        card_address_text(&text, &card->address[i]);
        json_string(j, NULL, text.data);
    }
    json_close(j, ']');
    json_open(j, "routes", '[');
    for (size_t i = 0; i < card->route_count; i++) {
        cleanup_buf struct buf text = {0};
        card_route_text(&text, &card->route[i]);
        json_string(j, NULL, text.data);
    }
    json_close(j, ']');
}

void show_takeover(struct buf *out, const char *id, const struct takeover *t)
{
    struct json j = {.out = out};
    size_t count;
    char mac[MAC_TEXT];
    const struct takeover_card *cards = takeover_cards(t, &count);
    json_open(&j, NULL, '{');
    json_string(&j, "id", id);
    json_open(&j, "cards", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&j, NULL, '{');
        json_string(&j, "interface", cards[i].card.name);
        json_string(&j, "tap", cards[i].tap);
        json_string(&j, "mac", mac_text(cards[i].card.mac, mac));
        json_number(&j, "mtu", cards[i].card.mtu);
        show_texts(&j, &cards[i].card);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    const struct takeover_relay *r = takeover_relay(t);
    if (r->relay.s_addr) {
        char text[INET_ADDRSTRLEN];
        json_string(&j, "relay", inet_ntop(AF_INET, &r->relay, text, sizeof(text)));
        json_string(&j, "relay_guest", inet_ntop(AF_INET, &r->guest, text, sizeof(text)));
        json_string(&j, "relay_mac", mac_text(r->mac, mac));
    }
    json_close(&j, '}');
}
