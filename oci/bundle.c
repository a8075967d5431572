#include "oci/bundle.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "oci/confined.h"
#include "oci/report.h"
#include "oci/rewrite.h"
#include "oci/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
    CONFIG_MAX = 16 << 20, /* bytes; arguments and environment of a process take 6 MiB at most */
    FD_HIGH = 200,         /* above what --preserve-fds passes */
};

#define OWN "ctr-jailer"

struct work {
    const char *text;
    size_t len;
    struct rewrite_plan plan;
    bool input;
};

static int work_config(const void *arg, struct buf *out, struct buf *warnings, struct err *err)
{
    const struct work *work = arg;
    return rewrite_config(work->text, work->len, &work->plan, out, warnings, err);
}

static int work_process(const void *arg, struct buf *out, struct buf *warnings, struct err *err)
{
    const struct work *work = arg;
    return session_rewrite(work->text, work->len, work->input, out, warnings, err);
}

static void report_all(const struct arguments *a, const struct buf *warnings)
{
    for (size_t at = 0; at < warnings->len; at += strlen(warnings->data + at) + 1)
        report(a, REPORT_WARNING, warnings->data + at);
}

/* A reader sees the old file or the new one. */
static int write_file(int folder, const struct buf *text, struct err *err)
{
    cleanup_close int fd =
        openat(folder, "config.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || io_write_all(fd, text->data, text->len) < 0 ||
        renameat(folder, "config.json.new", folder, "config.json") < 0)
        return err_sys(err, "cannot write config.json in the bundle's directory " OWN);
    return 0;
}

/* Opens our folder of the bundle, creating it for root alone. */
static int open_own(int bundle, struct err *err)
{
    struct stat st;
    if (mkdirat(bundle, OWN, 0700) < 0 && errno != EEXIST)
        return err_sys(err, "cannot create the directory " OWN " in the bundle");
    int fd = openat(bundle, OWN, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "cannot open the directory " OWN " in the bundle");
    if (fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 022)) {
        close(fd);
        return err_set(err, "the directory " OWN " in the bundle must belong to root, and nobody else may write it");
    }
    return fd;
}

int bundle_make(const struct arguments *a, const struct conf *c, const char *scratch, char path[PATH_MAX],
                struct err *err)
{
    cleanup_free char *bundle = realpath(a->bundle ? a->bundle : ".", NULL);
    cleanup_close int folder = bundle ? open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    struct work work = {.plan = {.conf = c, .bundle = bundle, .scratch = scratch}};
    cleanup_buf struct buf out = {0}, warnings = {0};
    if (folder < 0)
        return err_sys(err, "cannot open the bundle %s", a->bundle ? a->bundle : ".");
    cleanup_free char *text = io_read_file(folder, "config.json", CONFIG_MAX, &work.len);
    if (!text)
        return err_sys(err, "cannot read %s/config.json", bundle);
    work.text = text;
    if (confined_run(work_config, &work, &out, &warnings, err) < 0)
        return -1;
    report_all(a, &warnings);
    cleanup_close int own = open_own(folder, err);
    if (own < 0 || write_file(own, &out, err) < 0)
        return -1;
    return snprintf(path, PATH_MAX, "%s/" OWN, bundle) >= PATH_MAX ? err_set(err, "%s: is too long", bundle) : 0;
}

/* Docker gives /dev/null to a process without -i, and a pipe to others. */
static bool has_input(void)
{
    struct stat st;
    return fstat(STDIN_FILENO, &st) == 0 && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

int bundle_process(const struct arguments *a, char path[PATH_MAX], struct err *err)
{
    struct work work = {.input = has_input()};
    cleanup_buf struct buf out = {0}, warnings = {0};
    cleanup_free char *text = io_read_file(AT_FDCWD, a->process, CONFIG_MAX, &work.len);
    if (!text)
        return err_sys(err, "cannot read %s", a->process);
    work.text = text;
    if (confined_run(work_process, &work, &out, &warnings, err) < 0)
        return -1;
    report_all(a, &warnings);
    cleanup_close int fd = memfd_create("process", MFD_CLOEXEC);
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD, FD_HIGH);
    if (high < 0 || io_write_all(high, out.data, out.len) < 0)
        return err_sys(err, "cannot create a file in memory");
    snprintf(path, PATH_MAX, "/proc/self/fd/%d", high);
    return 0;
}
