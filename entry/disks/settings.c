#include "entry/disks/settings.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/log.h"
#include "common/mac.h"
#include "common/proto.h"
#include "common/settings.h"
#include "common/terminal.h"
#include "entry/disks/hosts.h"
#include "entry/disks/inherited.h"
#include "netsetup/forbidden.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

/* SETTINGS_MAX: the time goes with them. */
enum { HOSTS_MAX = 1 << 20, SETTINGS_MAX = PROTO_SETTINGS_MAX - 12 };

#define NO_DOMAIN "(none)" /* UTS_DOMAINNAME of the kernel */

static void setting(struct buf *out, const char *name, const char *value)
{
    buf_fmt(out, "%s=%s", name, value);
    buf_add(out, "", 1);
}

/* One setting of that name for each of strings, which end with a NUL each. */
static void each_setting(struct buf *out, const char *name, const struct buf *strings)
{
    for (size_t at = 0; at < strings->len; at += strlen(strings->data + at) + 1)
        setting(out, name, strings->data + at);
}

/* An address of this host's own can be bound to. */
static bool is_own(const struct sockaddr *address, socklen_t size)
{
    cleanup_close int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, address, size) == 0;
}

/* Whether the guest could not reach this nameserver: an address of this host, or one that the firewall refuses to the
 * guest, such as the resolvers of some clouds (169.254.169.254, Azure's 168.63.129.16) and routers (fe80::1%eth0). */
static bool out_of_reach(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return forbidden_is(address) || is_own((const struct sockaddr *)&v4, sizeof(v4));
    char plain[INET6_ADDRSTRLEN];
    snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(address, "%"), address);
    return inet_pton(AF_INET6, plain, &v6.sin6_addr) == 1 &&
           (forbidden_is(plain) || is_own((const struct sockaddr *)&v6, sizeof(v6)));
}

/* The line's nameserver, when it is one that only this host can ask. */
static bool is_local_nameserver(const char *line, char address[NET_DNS_MAX])
{
    char word[16];
    return sscanf(line, " %15s %63s", word, address) == 2 && strcmp(word, "nameserver") == 0 && out_of_reach(address);
}

void settings_resolv(const char *text, const char *relay, struct buf *out)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        char line[256], address[NET_DNS_MAX];
        snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), text);
        if (!is_local_nameserver(line, address)) {
            buf_add(out, text, len);
            buf_str(out, "\n");
        } else if (relay) {
            buf_fmt(out, "nameserver %s\n", relay);
            relay = NULL;
        }
        text += len + (text[len] == '\n');
    }
}

static char *read_resolv_conf(void)
{
    return io_read_file(AT_FDCWD, "/etc/resolv.conf", 64 * 1024, NULL);
}

void settings_resolvers(const char *text, char list[NET_DNS_SERVERS][NET_DNS_MAX])
{
    cleanup_free char *copy = strdup(text);
    char *rest = copy;
    int count = 0;
    for (char *line; count < NET_DNS_SERVERS && rest && (line = strsep(&rest, "\n"));)
        count += is_local_nameserver(line, list[count]);
    if (count < NET_DNS_SERVERS)
        list[count][0] = '\0';
}

void settings_local_resolvers(char list[NET_DNS_SERVERS][NET_DNS_MAX])
{
    cleanup_free char *text = read_resolv_conf();
    settings_resolvers(text ? text : "", list);
}

/* The container's hostname, and the names in its /etc/hosts. */
static void name_settings(const struct net_link *link, const struct takeover *taken, struct buf *out)
{
    struct utsname names;
    char address[INET_ADDRSTRLEN], address6[INET6_ADDRSTRLEN];
    struct hosts_own own = {.address = "127.0.1.1"}; /* as Debian does without a network */
    cleanup_buf struct buf hosts = {0};
    cleanup_free char *text = io_read_file(AT_FDCWD, "/etc/hosts", HOSTS_MAX, NULL);
    if (!text && errno != ENOENT)
        log_warn("the guest does not get the lines of /etc/hosts: %s", strerror(errno));
    uname(&names); /* fails on a bad pointer only */
    own.name = names.nodename;
    own.domain = strcmp(names.domainname, NO_DOMAIN) == 0 ? "" : names.domainname;
    if (link)
        own.address = inet_ntop(AF_INET, &link->guest_addr, address, sizeof(address));
    if (link && link->ipv6)
        own.address6 = inet_ntop(AF_INET6, &link->guest_addr6, address6, sizeof(address6));
    const struct card_address *v4 = takeover_address(taken, AF_INET), *v6 = takeover_address(taken, AF_INET6);
    if (v4)
        own.address = inet_ntop(AF_INET, &v4->local, address, sizeof(address));
    if (v6 && v6->scope == RT_SCOPE_UNIVERSE)
        own.address6 = inet_ntop(AF_INET6, &v6->local, address6, sizeof(address6));
    setting(out, SETTING_HOSTNAME, own.name);
    if (own.domain[0])
        setting(out, SETTING_DOMAINNAME, own.domain);
    hosts_make(text ? text : "", &own, &hosts);
    setting(out, SETTING_HOSTS, hosts.data ? hosts.data : "");
    out->failed |= hosts.failed;
}

static void network_settings(const struct net_link *link, struct buf *out)
{
    char text[INET6_ADDRSTRLEN + 8];
    setting(out, SETTING_GATEWAY, inet_ntop(AF_INET, &link->tap_addr, text, sizeof(text)));
    inet_ntop(AF_INET, &link->guest_addr, text, sizeof(text));
    snprintf(text + strlen(text), 5, "/%d", NET_PREFIX);
    setting(out, SETTING_ADDRESS, text);
    setting(out, SETTING_GATEWAY_MAC, mac_text(link->tap_mac, text));
    snprintf(text, sizeof(text), "%u", link->mtu);
    setting(out, SETTING_MTU, text);
    if (!link->ipv6)
        return;
    setting(out, SETTING_GATEWAY6, inet_ntop(AF_INET6, &link->tap_addr6, text, sizeof(text)));
    inet_ntop(AF_INET6, &link->guest_addr6, text, sizeof(text));
    snprintf(text + strlen(text), 5, "/%d", NET_PREFIX6);
    setting(out, SETTING_ADDRESS6, text);
}

static void card_settings(const struct takeover *taken, struct buf *out)
{
    size_t count = 0;
    char mac[MAC_TEXT];
    const struct takeover_card *cards = taken ? takeover_cards(taken, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct card *c = &cards[i].card;
        buf_fmt(out, SETTING_CARD "=%s %s %u", c->name, mac_text(c->mac, mac), c->mtu);
        buf_add(out, "", 1);
        for (size_t n = 0; n < c->address_count; n++) {
            buf_fmt(out, SETTING_CARD_ADDRESS "=%s ", c->name);
            card_address_text(out, &c->address[n]);
            buf_add(out, "", 1);
        }
        for (size_t n = 0; n < c->route_count; n++) {
            buf_fmt(out, SETTING_CARD_ROUTE "=%s ", c->name);
            card_route_text(out, &c->route[n]);
            buf_add(out, "", 1);
        }
    }
}

static void relay_settings(const struct takeover *taken, struct buf *out)
{
    size_t count;
    char text[INET_ADDRSTRLEN], mac[MAC_TEXT];
    const struct takeover_relay *r = takeover_relay(taken);
    const char *card = takeover_cards(taken, &count)[0].card.name;
    if (!r->relay.s_addr)
        return;
    buf_fmt(out, SETTING_CARD_ADDRESS "=%s %s/%d scope link", card, inet_ntop(AF_INET, &r->guest, text, sizeof(text)),
            NET_PREFIX);
    buf_add(out, "", 1);
    buf_fmt(out, SETTING_CARD_NEIGHBOUR "=%s %s %s", card, inet_ntop(AF_INET, &r->relay, text, sizeof(text)),
            mac_text(r->mac, mac));
    buf_add(out, "", 1);
}

static void share_setting(const struct volume *v, struct buf *out)
{
    static const char *const kinds[][2] = {{SHARE_KIND_FOLDER, SHARE_KIND_FILE},
                                           {SHARE_KIND_SUID_FOLDER, SHARE_KIND_SUID_FILE},
                                           {SHARE_KIND_RO_FOLDER, SHARE_KIND_RO_FILE}};
    int row = v->kind == VOLUME_SHARE_RO ? 2 : v->suid;
    buf_fmt(out, "%s=%u:%s:%s", SETTING_SHARE, v->key, kinds[row][v->file], v->target);
    buf_add(out, "", 1);
}

static void disk_settings(const struct settings_plan *plan, struct buf *out)
{
    setting(out, SETTING_ROOTFS, plan->drives->rootfs_format == ROOTFS_EXT4 ? "ext4" : "erofs");
    if (plan->drives->data_mount)
        setting(out, SETTING_DATA_MOUNT, plan->drives->data_mount);
    for (unsigned i = 0; i < plan->drives->volume_count; i++) {
        const struct volume *v = &plan->drives->volume[i];
        if (volume_is_share(v->kind)) {
            share_setting(v, out);
            continue;
        }
        const char *name = v->kind == VOLUME_KEPT ? SETTING_VOLUME_KEPT
                           : v->file              ? SETTING_VOLUME_FILE
                                                  : SETTING_VOLUME;
        buf_fmt(out, "%s=/dev/vd%c:%s", name, drives_letter(plan->drives, i), v->target);
        buf_add(out, "", 1);
    }
}

int settings_make(const struct settings_plan *plan, const struct net_link *link, const struct takeover *taken,
                  struct buf *out, struct err *err)
{
    disk_settings(plan, out);
    setting(out, SETTING_USER, plan->user ? plan->user : "");
    if (plan->workdir)
        setting(out, SETTING_WORKDIR, plan->workdir);
    else
        setting(out, SETTING_WORKDIR_DEFAULT, plan->workdir_default);
    if (plan->readonly)
        setting(out, SETTING_READONLY, "");
    if (plan->init)
        setting(out, SETTING_INIT, plan->init);
    if (plan->tty) {
        uint32_t rows, columns;
        char size[32];
        terminal_size(&rows, &columns);
        snprintf(size, sizeof(size), "%ux%u", rows, columns);
        setting(out, SETTING_TTY, size);
    }
    inherited_settings(out);
    each_setting(out, SETTING_SYSCTL, plan->sysctls);
    char relay[INET_ADDRSTRLEN];
    if (link)
        network_settings(link, out);
    card_settings(taken, out);
    if (taken)
        relay_settings(taken, out);
    name_settings(link, taken, out);
    cleanup_free char *resolv = read_resolv_conf();
    cleanup_buf struct buf kept = {0};
    bool relayed = link && link->dns_port && inet_ntop(AF_INET, &link->tap_addr, relay, sizeof(relay));
    if (taken && takeover_relay(taken)->relay.s_addr)
        relayed = inet_ntop(AF_INET, &takeover_relay(taken)->relay, relay, sizeof(relay)) != NULL;
    settings_resolv(resolv ? resolv : "", relayed ? relay : NULL, &kept);
    setting(out, SETTING_RESOLV, kept.data ? kept.data : "");
    each_setting(out, SETTING_ARGUMENT, plan->command); /* last: the others are looked up by name */
    each_setting(out, SETTING_VARIABLE, plan->environment);
    if (buf_failed(out) || buf_failed(&kept))
        return err_set(err, "out of memory");
    if (out->len > SETTINGS_MAX)
        return err_set(err, "the command, its environment and /etc/hosts have %zu bytes; the limit is %d", out->len,
                       SETTINGS_MAX);
    return 0;
}
