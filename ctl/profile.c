#include "ctl/profile.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/json.h"
#include "common/jsonread.h"
#include "common/text.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define STRINGS "storage-profile-config-strings"
#define NUMBERS "storage-profile-config-int64" /* no property of ours is a number */
#define NEW ".new"                             /* no name begins with a dot */
enum { FILE_MAX = 64 << 10 };

enum kind { PATH, PROGRAM, PROVIDER, SWITCH, ADDRESS };
static const struct {
    const char *key;
    enum kind kind;
    bool property;
} fields[PROFILE_FIELDS] = {
    [PROFILE_FIRECRACKER] = {"binary-firecracker", PROGRAM, false},
    [PROFILE_JAILER] = {"binary-jailer", PROGRAM, false},
    [PROFILE_CHROOT] = {"chroot-base", PATH, false},
    [PROFILE_CACHE] = {"run-cache", PATH, false},
    [PROFILE_PROVIDER] = {"storage-provider", PROVIDER, false},
    [PROFILE_IMAGES] = {"rootfs-storage-root", PATH, true},
    [PROFILE_KERNELS] = {"kernel-storage-root", PATH, true},
    [PROFILE_TRACING] = {"tracing-enable", SWITCH, false},
    [PROFILE_COLLECTOR] = {"tracing-collector-host-port", ADDRESS, false},
    [PROFILE_TRACING_LOG] = {"tracing-log-enable", SWITCH, false},
};

const char *profile_key(enum profile_field field)
{
    return fields[field].key;
}

bool profile_is_property(enum profile_field field)
{
    return fields[field].property;
}

bool profile_is_switch(enum profile_field field)
{
    return fields[field].kind == SWITCH;
}

int profile_start(struct profile *p, const char *name, struct err *err)
{
    size_t len = strlen(name);
    *p = (struct profile){0};
    bool good = len > 0 && len < PROFILE_NAME && isalnum((unsigned char)*name);
    for (size_t i = 0; i < len && good; i++) {
        good = isalnum((unsigned char)name[i]) || strchr("._-", name[i]);
        p->name[i] = (char)tolower((unsigned char)name[i]);
    }
    return good ? 0
                : err_set(err,
                          "profile %.100s: is not a profile's name: up to %d of A-Z a-z 0-9 . _ -, the first a "
                          "letter or digit",
                          name, PROFILE_NAME - 1);
}

void profile_free(struct profile *p)
{
    for (int i = 0; i < PROFILE_FIELDS; i++)
        free(p->values[i]);
    *p = (struct profile){0};
}

/* JSON and a terminal show it as it is. */
static bool is_plain(const char *text)
{
    uint32_t code;
    for (size_t left = strlen(text), len; left > 0; text += len, left -= len)
        if ((len = text_decode(text, left, &code)) == 0 || text_steers(code))
            return false;
    return true;
}

/* Why the value is not one of that kind; NULL: it is. */
static const char *refuse(enum kind kind, const char *value)
{
    const char *colon = strrchr(value, ':');
    if (!is_plain(value))
        return "has characters that cannot be printed";
    switch (kind) {
    case PATH:
    case PROGRAM:
        return *value != '/' ? "is not an absolute path" : strlen(value) >= PATH_MAX ? "is too long a path" : NULL;
    case PROVIDER:
        return strcmp(value, "directory") != 0 ? "is not a storage provider: directory is the only one" : NULL;
    case SWITCH:
        return strcmp(value, "true") != 0 && strcmp(value, "false") != 0 ? "is neither true nor false" : NULL;
    case ADDRESS:
        return !colon || colon == value || !colon[1] ? "is not HOST:PORT" : NULL;
    }
    return NULL;
}

int profile_set(struct profile *p, enum profile_field field, const char *value, const char *what, struct err *err)
{
    const char *why = refuse(fields[field].kind, value);
    if (why)
        return err_set(err, "%s %s=%s: %s", what, fields[field].key, value, why);
    free(p->values[field]);
    p->values[field] = strdup(value);
    return p->values[field] ? 0 : err_set(err, "out of memory");
}

int profile_check(const struct profile *p, struct err *err)
{
    struct stat st;
    for (int i = 0; i < PROFILE_FIELDS; i++) {
        const char *value = fields[i].kind == PROGRAM ? p->values[i] : NULL;
        if (!value)
            continue;
        if (stat(value, &st) < 0 || access(value, X_OK) < 0)
            return err_sys(err, "profile %s: %s %s: cannot run it", p->name, fields[i].key, value);
        if (!S_ISREG(st.st_mode))
            return err_set(err, "profile %s: %s %s: is not a regular file", p->name, fields[i].key, value);
    }
    return 0;
}

static void put_fields(const struct profile *p, struct json *j, bool properties)
{
    for (int i = 0; i < PROFILE_FIELDS; i++) {
        const char *value = p->values[i];
        if (fields[i].property != properties)
            continue;
        if (fields[i].kind == SWITCH)
            json_bool(j, fields[i].key, value && strcmp(value, "true") == 0);
        else if (value)
            json_string(j, fields[i].key, value);
    }
}

void profile_format(const struct profile *p, struct buf *out)
{
    struct json j = {.out = out, .indented = true, .first = true};
    json_open(&j, NULL, '{');
    put_fields(p, &j, false);
    json_open(&j, STRINGS, '{');
    put_fields(p, &j, true);
    json_close(&j, '}');
    json_open(&j, NUMBERS, '{');
    json_close(&j, '}');
    json_close(&j, '}');
    buf_str(out, "\n");
}

/* Makes path with the folders above it; the last one is this user's alone. */
static int make_folders(const char *path)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = part; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return mkdir(part, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

int profile_folder(const char *path, bool make, struct err *err)
{
    struct stat st;
    if (make && make_folders(path) < 0)
        return err_sys(err, "cannot create the directory of profiles %s", path);
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "cannot open the directory of profiles %s", path);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(err,
                       "the directory of profiles %s: another user owns it or may write to it (chown and chmod "
                       "go-w)",
                       path);
    return steal_fd(&fd);
}

static int take_field(struct profile *p, const struct jsonread *j, int object, enum profile_field field,
                      struct err *err)
{
    char what[PROFILE_NAME + 16];
    int item = jsonread_member(j, object, fields[field].key);
    if (item < 0 || jsonread_is(j, item, 'n'))
        return 0;
    snprintf(what, sizeof(what), "profile %s:", p->name);
    cleanup_free char *text = jsonread_string(j, item);
    if (!text && fields[field].kind == SWITCH) {
        size_t len;
        const char *raw = jsonread_raw(j, item, &len);
        text = strndup(raw, len);
    }
    if (!text)
        return err_set(err, "%s %s: is not a string", what, fields[field].key);
    return *text || fields[field].kind == SWITCH ? profile_set(p, field, text, what, err) : 0;
}

static int take(struct profile *p, const char *text, size_t len, struct err *err)
{
    struct jsonread j;
    if (jsonread_open(&j, text, len) < 0)
        return err_set(err, "profile %s: is not JSON", p->name);
    int rc = jsonread_is(&j, 0, '{') ? 0 : err_set(err, "profile %s: is not a JSON object", p->name);
    for (int i = 0; i < PROFILE_FIELDS && rc == 0; i++)
        rc = take_field(p, &j, fields[i].property ? jsonread_member(&j, 0, STRINGS) : 0, i, err);
    jsonread_close(&j);
    return rc;
}

int profile_read(struct profile *p, const char *path, const char *name, struct err *err)
{
    size_t len;
    struct stat st;
    char self[32];
    if (profile_start(p, name, err) < 0)
        return -1;
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return err_set(err, "profile %s: is not in %s (ctr-jailer profile-create makes it)", p->name, path);
    cleanup_close int folder = profile_folder(path, false, err);
    if (folder < 0)
        return -1;
    cleanup_close int fd = openat(folder, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, "profile %s: is not in %s (ctr-jailer profile-create makes it)", p->name, path);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "profile %s: cannot open %s/%s", p->name, path, p->name);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(err, "profile %s: %s/%s: is not a regular file that only its owner may write", p->name, path,
                       p->name);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    cleanup_free char *text = io_read_file(AT_FDCWD, self, FILE_MAX, &len);
    return text ? take(p, text, len, err) : err_sys(err, "profile %s: cannot read %s/%s", p->name, path, p->name);
}

/* Under the folder's lock.  -1 with errno: EEXIST if it exists. */
static int put(int folder, const char *name, const struct buf *text, bool overwrite)
{
    cleanup_close int fd = openat(folder, NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, 0600) < 0 || io_write_all(fd, text->data, text->len) < 0 || fsync(fd) < 0)
        return -1;
    if (!overwrite && faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return renameat(folder, NEW, folder, name) < 0 ? -1 : fsync(folder);
}

int profile_write(const struct profile *p, const char *path, bool overwrite, struct err *err)
{
    cleanup_buf struct buf text = {0};
    profile_format(p, &text);
    if (buf_failed(&text))
        return err_set(err, "out of memory");
    cleanup_close int folder = profile_folder(path, true, err);
    if (folder < 0)
        return -1;
    int rc = flock(folder, LOCK_EX) < 0 ? -1 : put(folder, p->name, &text, overwrite);
    int saved = errno;
    unlinkat(folder, NEW, 0);
    errno = saved;
    if (rc < 0 && errno == EEXIST)
        return err_set(err, "profile %s: exists in %s: --overwrite replaces it", p->name, path);
    return rc < 0 ? err_sys(err, "profile %s: cannot write %s/%s", p->name, path, p->name) : 0;
}
