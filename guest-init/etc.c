/* Like Docker, mounts a file of our own over the image's: the image's file stays intact beneath, even if its disk is
 * kept.  The bytes are in a tmpfs that is mounted nowhere else. */
#include "guest-init/etc.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/settings.h"
#include "guest-init/folders.h"
#include "guest-init/lists.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define OWN "/dev/etc" /* where that tmpfs is while this happens */

/* A link's target may be in a directory that a daemon would create, which is not running here: /run/systemd/resolve. */
static void make_parents(const char *link)
{
    char path[4096 + 8] = "/etc/", *target = path + strlen(path);
    ssize_t n = readlink(link, target, 4096);
    if (n <= 0)
        return;
    target[n] = '\0';
    if (*target == '/')
        memmove(path, target, (size_t)n + 1);
    folders_above(path);
}

/* The file to mount over: the image's file, at the end of its links.  It is created if it is missing, and it replaces a
 * link to something that is not a regular file (/dev/null would be covered for everyone). */
static int open_target(const char *path)
{
    struct stat st;
    int flags = O_RDONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = open(path, flags, 0644);
    if (fd < 0 && errno == ENOENT) {
        make_parents(path);
        fd = open(path, flags, 0644);
    }
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    if (unlink(path) < 0 && errno == EROFS)
        return -1;
    return open(path, flags | O_EXCL, 0644);
}

static int cover(const char *name, const char *data, size_t len, struct err *err)
{
    char own[64], path[64], target[64];
    snprintf(own, sizeof(own), OWN "/%s", name);
    snprintf(path, sizeof(path), "/etc/%s", name);
    cleanup_close int from = open(own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (from < 0 || io_write_all(from, data, len) < 0)
        return err_sys(err, "cannot write %s", own);
    cleanup_close int to = open_target(path);
    if (to < 0 && errno == EROFS)
        return 0; /* a volume is mounted at /etc, and does not have it */
    snprintf(target, sizeof(target), "/proc/self/fd/%d", to);
    if (to < 0 || mount(own, target, NULL, MS_BIND, NULL) < 0)
        return err_sys(err, "cannot set up %s", path);
    return 0;
}

static int cover_all(char *const *settings, struct err *err)
{
    const char *host = lists_value(settings, SETTING_HOSTNAME), *resolv = lists_value(settings, SETTING_RESOLV);
    const char *domain = lists_value(settings, SETTING_DOMAINNAME), *more = lists_value(settings, SETTING_HOSTS);
    cleanup_buf struct buf hosts = {0}, hostname = {0};
    host = host && *host ? host : "localhost";
    sethostname(host, strlen(host));
    if (domain)
        setdomainname(domain, strlen(domain));
    buf_fmt(&hostname, "%s\n", host);
    buf_str(&hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"
                    "ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
    buf_str(&hosts, more ? more : "");
    if (buf_failed(&hosts) || buf_failed(&hostname))
        return err_set(err, "out of memory");
    if (cover("hosts", hosts.data, hosts.len, err) < 0 || cover("hostname", hostname.data, hostname.len, err) < 0)
        return -1;
    return resolv ? cover("resolv.conf", resolv, strlen(resolv), err) : 0;
}

int etc_cover(char *const *settings, struct err *err)
{
    if (folders_make("/etc", 0755) < 0)
        return err_sys(err, "cannot create /etc");
    if (mkdir(OWN, 0700) < 0 || mount("tmpfs", OWN, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
        return err_sys(err, "cannot mount a tmpfs for /etc/hosts");
    int r = cover_all(settings, err);
    umount2(OWN, MNT_DETACH);
    rmdir(OWN);
    return r;
}
