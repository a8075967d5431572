#include "entry/settings.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/settings.h"
#include "common/terminal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

static void setting(struct buf *out, const char *name, const char *value)
{
    buf_fmt(out, "%s=%s", name, value);
    buf_add(out, "", 1);
}

/* The line's nameserver, when it is one and on a loopback address. */
static bool is_local_nameserver(const char *line, char address[64])
{
    char word[16];
    return sscanf(line, " %15s %63s", word, address) == 2 && strcmp(word, "nameserver") == 0 &&
           (strncmp(address, "127.", 4) == 0 || strncmp(address, "::1", 3) == 0);
}

void settings_resolv(const char *text, const char *relay, struct buf *out)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        char line[256], address[64];
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

static bool is_usual_address(const char *address)
{
    static const char *const usual[] = {"::1", "fe00::", "fe00::0", "ff00::", "ff00::0", "ff02::1", "ff02::2"};
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        if (strcmp(address, usual[i]) == 0)
            return true;
    return strncmp(address, "127.", 4) == 0;
}

void settings_hosts(const char *text, const char *hostname, struct buf *out)
{
    for (; *text; text += *text == '\n') {
        char line[1024], *rest = line, *word;
        size_t len = strcspn(text, "\n"), words = 0;
        bool kept = len < sizeof(line);
        snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : 0), text);
        line[strcspn(line, "#")] = '\0';
        while ((word = strsep(&rest, " \t\r")))
            if (*word)
                kept = kept && !(words++ == 0 ? is_usual_address(word) : strcmp(word, hostname) == 0);
        if (kept && words > 1) {
            buf_add(out, text, len);
            buf_str(out, "\n");
        }
        text += len;
    }
}

static char *read_resolv_conf(void)
{
    return io_read_file(AT_FDCWD, "/etc/resolv.conf", 64 * 1024, NULL);
}

void settings_local_resolver(struct in_addr *resolver)
{
    cleanup_free char *text = read_resolv_conf();
    char *rest = text, address[64];
    for (char *line; rest && (line = strsep(&rest, "\n"));)
        if (is_local_nameserver(line, address) && inet_pton(AF_INET, address, resolver) == 1)
            return;
}

static void network_settings(const struct net_link *link, struct buf *out)
{
    char text[INET6_ADDRSTRLEN + 8];
    setting(out, SETTING_GATEWAY, inet_ntop(AF_INET, &link->tap_addr, text, sizeof(text)));
    inet_ntop(AF_INET, &link->guest_addr, text, sizeof(text));
    snprintf(text + strlen(text), 5, "/%d", NET_PREFIX);
    setting(out, SETTING_ADDRESS, text);
    snprintf(text, sizeof(text), "%u", link->mtu);
    setting(out, SETTING_MTU, text);
    if (!link->ipv6)
        return;
    setting(out, SETTING_GATEWAY6, inet_ntop(AF_INET6, &link->tap_addr6, text, sizeof(text)));
    inet_ntop(AF_INET6, &link->guest_addr6, text, sizeof(text));
    snprintf(text + strlen(text), 5, "/%d", NET_PREFIX6);
    setting(out, SETTING_ADDRESS6, text);
}

int settings_make(const struct settings_plan *plan, const struct net_link *link, struct buf *out, struct err *err)
{
    setting(out, SETTING_ROOTFS, plan->rootfs == ROOTFS_EXT4 ? "ext4" : "erofs");
    setting(out, SETTING_USER, plan->user ? plan->user : "");
    setting(out, SETTING_WORKDIR, plan->workdir);
    if (plan->init)
        setting(out, SETTING_INIT, plan->init);
    if (plan->tty) {
        uint32_t rows, columns;
        char size[32];
        terminal_size(&rows, &columns);
        snprintf(size, sizeof(size), "%ux%u", rows, columns);
        setting(out, SETTING_TTY, size);
    }
    struct utsname names;
    cleanup_free char *hosts = io_read_file(AT_FDCWD, "/etc/hosts", 1 << 20, NULL);
    cleanup_buf struct buf more = {0};
    if (uname(&names) == 0) {
        setting(out, SETTING_HOSTNAME, names.nodename);
        settings_hosts(hosts ? hosts : "", names.nodename, &more);
        setting(out, SETTING_HOSTS, more.data ? more.data : "");
    }
    char relay[INET_ADDRSTRLEN];
    if (link)
        network_settings(link, out);
    cleanup_free char *resolv = read_resolv_conf();
    cleanup_buf struct buf kept = {0};
    bool relayed = link && link->dns_port && inet_ntop(AF_INET, &link->tap_addr, relay, sizeof(relay));
    settings_resolv(resolv ? resolv : "", relayed ? relay : NULL, &kept);
    setting(out, SETTING_RESOLV, kept.data ? kept.data : "");
    return buf_failed(out) || buf_failed(&kept) || buf_failed(&more) ? err_set(err, "out of memory") : 0;
}
