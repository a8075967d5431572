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

void settings_resolv(const char *text, struct buf *out)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        size_t word = strspn(text, " \t");
        const char *value = text + word + strlen("nameserver");
        bool nameserver = len > word + 10 && strncmp(text + word, "nameserver", 10) == 0 && strchr(" \t", *value);
        if (nameserver)
            value += strspn(value, " \t");
        if (!nameserver || (strncmp(value, "127.", 4) != 0 && strncmp(value, "::1", 3) != 0)) {
            buf_add(out, text, len);
            buf_str(out, "\n");
        }
        text += len + (text[len] == '\n');
    }
}

int settings_make(const struct settings_plan *plan, const struct net_link *link, struct buf *out, struct err *err)
{
    setting(out, SETTING_ROOTFS, plan->rootfs == ROOTFS_EXT4 ? "ext4" : "erofs");
    setting(out, SETTING_USER, plan->user ? plan->user : "");
    setting(out, SETTING_WORKDIR, plan->workdir);
    if (plan->tty) {
        uint32_t rows, columns;
        char size[32];
        terminal_size(&rows, &columns);
        snprintf(size, sizeof(size), "%ux%u", rows, columns);
        setting(out, SETTING_TTY, size);
    }
    struct utsname names;
    if (uname(&names) == 0)
        setting(out, SETTING_HOSTNAME, names.nodename);
    if (link) {
        char text[INET_ADDRSTRLEN + 8];
        inet_ntop(AF_INET, &link->tap_addr, text, sizeof(text));
        setting(out, SETTING_GATEWAY, text);
        inet_ntop(AF_INET, &link->guest_addr, text, sizeof(text));
        snprintf(text + strlen(text), 4, "/%d", NET_PREFIX);
        setting(out, SETTING_ADDRESS, text);
        snprintf(text, sizeof(text), "%u", link->mtu);
        setting(out, SETTING_MTU, text);
    }
    cleanup_free char *resolv = io_read_file(AT_FDCWD, "/etc/resolv.conf", 64 * 1024, NULL);
    cleanup_buf struct buf kept = {0};
    settings_resolv(resolv ? resolv : "", &kept);
    setting(out, SETTING_RESOLV, kept.data ? kept.data : "");
    return buf_failed(out) || buf_failed(&kept) ? err_set(err, "out of memory") : 0;
}
