#include "ctl/ownresolv.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/jsonread.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define UPSTREAM "/run/systemd/resolve/resolv.conf" /* systemd-resolved.service(8) */
enum { TEXT_MAX = 64 * 1024 };

/* One line per item, or all in one. */
static void add_words(const struct jsonread *j, int list, const char *keyword, bool line_each, struct buf *out)
{
    size_t count = 0;
    for (int item = jsonread_first(j, list); item >= 0; item = jsonread_next(j, item)) {
        cleanup_free char *word = jsonread_string(j, item);
        if (!word || strpbrk(word, " \t\r\n"))
            continue;
        if (line_each || !count++)
            buf_str(out, keyword);
        buf_fmt(out, " %s%s", word, line_each ? "\n" : "");
    }
    if (count)
        buf_str(out, "\n");
}

/* Nothing where the network names no server. */
static void from_result(const char *result, struct buf *out)
{
    struct jsonread j;
    if (jsonread_open(&j, result, strlen(result)) == 0) {
        int dns = jsonread_member(&j, 0, "dns");
        add_words(&j, jsonread_member(&j, dns, "nameservers"), "nameserver", true, out);
        if (out->len) {
            cleanup_free char *domain = jsonread_string(&j, jsonread_member(&j, dns, "domain"));
            if (domain && !strpbrk(domain, " \t\r\n"))
                buf_fmt(out, "domain %s\n", domain);
            add_words(&j, jsonread_member(&j, dns, "search"), "search", false, out);
            add_words(&j, jsonread_member(&j, dns, "options"), "options", false, out);
        }
    }
    jsonread_close(&j);
}

static void from_host(struct buf *out)
{
    cleanup_free char *own = io_read_file(AT_FDCWD, RESOLV_CONF, TEXT_MAX, NULL);
    cleanup_free char *upstream =
        own && strstr(own, "127.0.0.53") ? io_read_file(AT_FDCWD, UPSTREAM, TEXT_MAX, NULL) : NULL;
    if (upstream)
        buf_str(out, upstream);
}

/* Over the file, from a file system that nobody else sees. */
static int mount_text(const struct buf *text)
{
    cleanup_close int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        return -1;
    cleanup_close int tree = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    cleanup_close int file = tree < 0 ? -1 : openat(tree, "resolv.conf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || io_write_all(file, text->data, text->len))
        return -1;
    cleanup_close int over = open_tree(tree, "resolv.conf", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return over < 0 ? -1 : move_mount(over, "", AT_FDCWD, RESOLV_CONF, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
}

int ownresolv_mount(const char *result, struct err *err)
{
    cleanup_buf struct buf text = {0};
    from_result(result, &text);
    if (!text.len)
        from_host(&text);
    if (buf_failed(&text))
        return err_set(err, "out of memory");
    if (!text.len)
        return 0;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) || mount_text(&text))
        return err_sys(err, "run: cannot give the VM an " RESOLV_CONF " of its own");
    return 0;
}
