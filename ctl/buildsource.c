/* Where a Dockerfile comes from: a path, http(s)://HOST/PATH (that one file, by curl, without a context), or a git
 * repository, URL.git:/PATH/Dockerfile[#REF], whose scheme may have git+ in front.  The context is the directory of the
 * Dockerfile.
 *
 * git clones shallowly, with the user's own configuration and credentials; a ref that is not there is an error. */
#include "common/array.h"
#include "common/beneath.h"
#include "common/cleanup.h"
#include "ctl/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_git(const char *text)
{
    static const char *const schemes[] = {"git+http://", "git+https://", "git+ssh://", "git://", "ssh://"};
    for (size_t i = 0; i < COUNT(schemes); i++)
        if (begins(text, schemes[i]))
            return true;
    return false;
}

static int git(const char *const argv[], const char *what, struct err *err)
{
    int status = build_run(argv, err);
    return status > 0 ? err_set(err, "%s: git failed with exit code %d", what, status) : status;
}

/* An empty repository, and the one commit that is wanted. */
static int clone_to(const char *folder, const char *url, const char *ref, const char *what, struct err *err)
{
    const char *const init[] = {"git", "init", "-q", folder, NULL};
    const char *const fetch[] = {"git", "-C", folder, "fetch", "-q", "--depth", "1", "--", url, ref, NULL};
    const char *const checkout[] = {"git",      "-C", folder,       "-c", "advice.detachedHead=false",
                                    "checkout", "-q", "FETCH_HEAD", NULL};
    const char *const modules[] = {"git",    "-C",          folder,    "submodule", "-q", "update",
                                   "--init", "--recursive", "--depth", "1",         NULL};
    if (setenv("GIT_ALLOW_PROTOCOL", "http:https:git:ssh", false) < 0 || setenv("GIT_TERMINAL_PROMPT", "0", false) < 0)
        return err_sys(err, "cannot set git's variables");
    int status = build_run(init, err);
    if (status == 0 && (status = build_run(fetch, err)) > 0)
        return err_set(err, "%s: git cannot fetch %s of it", what, *ref ? ref : "HEAD");
    if (status > 0)
        return err_set(err, "%s: git failed with exit code %d", what, status);
    return status < 0 || git(checkout, what, err) < 0 ? -1 : git(modules, what, err);
}

/* Splits URL.git:/PATH[#REF], in place.  -1 with err. */
static int split(char *text, char **path, char **ref, const char *what, struct err *err)
{
    char *end = strstr(text, ".git:");
    if (!end || end[5] != '/' || !end[6])
        return err_set(err, "%s: is not URL.git:/PATH/Dockerfile[#REF]", what);
    end[4] = '\0';
    *path = end + 6;
    *ref = strchr(*path, '#');
    if (*ref)
        *(*ref)++ = '\0';
    if (*ref && (!**ref || **ref == '-' || strchr(*ref, ':')))
        return err_set(err, "%s: is not URL.git:/PATH/Dockerfile[#REF]", what);
    return 0;
}

static void set_paths(struct build *b, const char *above, const char *path)
{
    const char *slash = strrchr(path, '/');
    buf_fmt(&b->file, "%s/%s", above, path);
    buf_fmt(&b->folder, "%s/%.*s", above, slash ? (int)(slash - path) : 0, path);
}

/* The repository's links do not lead out of it. */
static int from_git(struct build *b, const char *text, struct err *err)
{
    char folder[WORK_PATH + 16], *path = folder, *ref = NULL;
    struct stat st;
    cleanup_free char *copy = strdup(begins(text, "git+") ? text + 4 : text);
    if (!copy)
        return err_set(err, "out of memory");
    if (split(copy, &path, &ref, text, err) < 0)
        return -1;
    snprintf(folder, sizeof(folder), "%s/clone", b->work.path);
    if (clone_to(folder, copy, ref ? ref : "HEAD", text, err) < 0)
        return -1;
    cleanup_close int clone = openat(b->work.fd, "clone", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    cleanup_close int fd = clone < 0 ? -1 : beneath_open(clone, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "%s: cannot open %s in the repository", text, path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, "%s: %s is not a regular file", text, path);
    set_paths(b, folder, path);
    return 0;
}

static int from_http(struct build *b, const char *url, struct err *err)
{
    if (mkdirat(b->work.fd, "context", 0700) < 0)
        return err_sys(err, "cannot create %s/context", b->work.path);
    buf_fmt(&b->folder, "%s/context", b->work.path);
    buf_fmt(&b->file, "%s/context/Dockerfile", b->work.path);
    if (buf_failed(&b->folder) || buf_failed(&b->file))
        return err_set(err, "out of memory");
    const char *const argv[] = {"curl", "-fsSL", "--proto", "=http,https", "-o", b->file.data, "--", url, NULL};
    int status = build_run(argv, err);
    return status > 0 ? err_set(err, "%s: curl cannot fetch it", url) : status;
}

/* docker's context and -f, or a Dockerfile alone, whose directory is the context. */
static int from_path(struct build *b, struct err *err)
{
    struct stat st;
    cleanup_buf struct buf usual = {0};
    buf_fmt(&usual, "%s/Dockerfile", b->context ? b->context : ".");
    const char *path = b->dockerfile ? b->dockerfile : usual.data;
    cleanup_free char *file = path ? realpath(path, NULL) : NULL;
    if (!file || stat(file, &st) < 0)
        return err_sys(err, "%s: cannot open %s", b->verb, path ? path : "the Dockerfile");
    if (!S_ISREG(st.st_mode))
        return err_set(err, "%s: %s: is not a regular file", b->verb, path);
    cleanup_free char *folder =
        b->context ? realpath(b->context, NULL) : strndup(file, (size_t)(strrchr(file, '/') - file));
    if (!folder || stat(*folder ? folder : "/", &st) < 0)
        return err_sys(err, "%s: cannot open %s", b->verb, b->context);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, "%s: %s: is not a directory", b->verb, b->context);
    buf_str(&b->file, file);
    buf_str(&b->folder, *folder ? folder : "/");
    return 0;
}

int build_source(struct build *b, struct err *err)
{
    const char *given = b->dockerfile && !b->context ? b->dockerfile : !b->dockerfile ? b->context : "";
    int rc = is_git(given)                                           ? from_git(b, given, err)
             : begins(given, "http://") || begins(given, "https://") ? from_http(b, given, err)
                                                                     : from_path(b, err);
    return rc == 0 && (buf_failed(&b->file) || buf_failed(&b->folder)) ? err_set(err, "out of memory") : rc;
}
