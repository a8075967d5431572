#include "cni/caller/cache.h"
#include "cni/caller/base64.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file's name in RESULTS; the parts are checked before (network_is_name, is_interface). */
static int name_of(const struct cni_attachment *a, const char *network, char name[256])
{
    int len = snprintf(name, 256, "%s-%s-%s", network, a->id, a->ifname);
    if (len < 250) /* and .new */
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

/* Root calls plugins with what is kept here, so nobody else may have written it.  -1 with errno. */
static int open_own(int at, const char *name)
{
    struct stat st;
    cleanup_close int dir = openat(at, name, O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &st) < 0)
        return -1;
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return errno = EPERM, -1;
    return steal_fd(&dir);
}

/* -1 with errno. */
static int open_results(const struct cni_attachment *a, bool make)
{
    cleanup_close int dir = open_own(AT_FDCWD, a->cache);
    if (dir < 0 && make && errno == ENOENT && !mkdir(a->cache, 0755))
        dir = open_own(AT_FDCWD, a->cache);
    if (dir < 0 || (make && mkdirat(dir, "results", 0700) && errno != EEXIST))
        return -1;
    return open_own(dir, "results");
}

/* "K=V;K2=V2" as [["K","V"],["K2","V2"]]. */
static void add_args(struct json *j, const char *args)
{
    cleanup_free char *copy = strdup(args);
    char *rest = copy;
    json_open(j, "cniArgs", '[');
    for (char *key; (key = strsep(&rest, ";"));) {
        char *equals = strchr(key, '=');
        if (!equals)
            continue;
        *equals = '\0';
        json_open(j, NULL, '[');
        json_string(j, NULL, key);
        json_string(j, NULL, equals + 1);
        json_close(j, ']');
    }
    json_close(j, ']');
}

static void describe(const struct cni_attachment *a, const struct network *n, const char *result, struct buf *out)
{
    struct json j = {.out = out, .first = true};
    cleanup_buf struct buf config = {0};
    base64_encode(n->text, strlen(n->text), &config);
    out->failed |= buf_failed(&config);
    json_open(&j, NULL, '{');
    json_string(&j, "kind", "cniCacheV1");
    json_string(&j, "containerId", a->id);
    json_string(&j, "config", config.data);
    json_string(&j, "ifName", a->ifname);
    json_string(&j, "networkName", n->name);
    if (a->netns)
        json_string(&j, "netns", a->netns);
    if (a->args)
        add_args(&j, a->args);
    if (a->capabilities)
        json_raw(&j, "capabilityArgs", a->capabilities, strlen(a->capabilities));
    if (result)
        json_raw(&j, "result", result, strlen(result));
    json_close(&j, '}');
}

static int replace(int dir, const char *name, const struct buf *text)
{
    char fresh[264];
    snprintf(fresh, sizeof(fresh), "%s.new", name);
    cleanup_close int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    if (!io_write_all(fd, text->data, text->len) && !fsync(fd) && !renameat(dir, fresh, dir, name) && !fsync(dir))
        return 0;
    int saved = errno;
    unlinkat(dir, fresh, 0);
    errno = saved;
    return -1;
}

int cache_write(const struct cni_attachment *a, const struct network *n, const char *result, struct err *err)
{
    char name[256];
    cleanup_buf struct buf text = {0};
    cleanup_close int dir = open_results(a, true);
    describe(a, n, result, &text);
    if (buf_failed(&text))
        return err_set(err, "out of memory");
    if (dir < 0 || name_of(a, n->name, name) || replace(dir, name, &text))
        return err_sys(err, "cannot keep what CNI's plugins made in %s/results", a->cache);
    return 0;
}

static char *raw_copy(const struct jsonread *j, const char *key)
{
    size_t len;
    const char *raw = jsonread_raw(j, jsonread_member(j, 0, key), &len);
    return raw && *raw == '{' ? strndup(raw, len) : NULL;
}

static char *read_args(const struct jsonread *j)
{
    struct buf out = {0};
    int list = jsonread_member(j, 0, "cniArgs");
    for (int pair = jsonread_first(j, list); pair >= 0; pair = jsonread_next(j, pair)) {
        int item = jsonread_first(j, pair);
        cleanup_free char *key = jsonread_string(j, item);
        cleanup_free char *value = jsonread_string(j, jsonread_next(j, item));
        if (key && value)
            buf_fmt(&out, "%s%s=%s", out.len ? ";" : "", key, value);
    }
    return out.data;
}

static bool is_list(const char *text)
{
    struct jsonread j;
    bool list = !jsonread_open(&j, text, strlen(text)) && jsonread_member(&j, 0, "plugins") >= 0;
    jsonread_close(&j);
    return list;
}

static int parse(struct cache *c, const struct jsonread *j, const char *where, struct err *err)
{
    struct buf config = {0};
    cleanup_free char *encoded = jsonread_string(j, jsonread_member(j, 0, "config"));
    if (!encoded || base64_decode(encoded, &config) || buf_failed(&config) || !config.len) {
        buf_free(&config);
        return err_set(err, "%s is not a result that a CNI runtime keeps", where);
    }
    c->args = read_args(j);
    c->capabilities = raw_copy(j, "capabilityArgs");
    c->result = raw_copy(j, "result");
    return network_read(&c->network, config.data, config.len, !is_list(config.data), where, err);
}

int cache_read(const struct cni_attachment *a, const char *network, struct cache *c, struct err *err)
{
    char name[256];
    struct jsonread j;
    cleanup_close int dir = open_results(a, false);
    *c = (struct cache){.args = NULL};
    if (dir < 0 && errno != ENOENT)
        return err_sys(err, "cannot read %s/results", a->cache);
    if (!network || dir < 0 || name_of(a, network, name))
        return 0;
    cleanup_free char *text = io_read_file(dir, name, 2 * NETWORK_TEXT_MAX, NULL);
    if (!text)
        return errno == ENOENT ? 0 : err_sys(err, "cannot read %s/results/%s", a->cache, name);
    int result = jsonread_open(&j, text, strlen(text));
    result = result ? err_set(err, "%s/results/%s is not JSON", a->cache, name) : parse(c, &j, name, err);
    jsonread_close(&j);
    return result ? -1 : 1;
}

static void see(const struct cni_attachment *a, const struct jsonread *j,
                void (*each)(const struct cni_attachment *kept, void *data), void *data)
{
    cleanup_free char *network = jsonread_string(j, jsonread_member(j, 0, "networkName"));
    cleanup_free char *id = jsonread_string(j, jsonread_member(j, 0, "containerId"));
    cleanup_free char *ifname = jsonread_string(j, jsonread_member(j, 0, "ifName"));
    cleanup_free char *netns = jsonread_string(j, jsonread_member(j, 0, "netns"));
    struct cni_attachment kept = *a;
    kept.network = network, kept.id = id, kept.ifname = ifname, kept.netns = netns;
    if (network && id && ifname)
        each(&kept, data);
}

int cache_each(const struct cni_attachment *a, void (*each)(const struct cni_attachment *kept, void *data), void *data,
               struct err *err)
{
    struct dirent **files = NULL;
    cleanup_close int dir = open_results(a, false);
    int count = dir < 0 ? -1 : scandirat(dir, ".", &files, NULL, alphasort);
    if (count < 0)
        return errno == ENOENT ? 0 : err_sys(err, "cannot read %s/results", a->cache);
    for (int i = 0; i < count; i++) {
        struct jsonread j = {.text = NULL};
        cleanup_free char *text = io_read_file(dir, files[i]->d_name, 2 * NETWORK_TEXT_MAX, NULL);
        if (text && jsonread_open(&j, text, strlen(text)) == 0)
            see(a, &j, each, data);
        jsonread_close(&j);
        free(files[i]);
    }
    free(files);
    return 0;
}

void cache_free(struct cache *c)
{
    network_free(&c->network);
    free(c->args);
    free(c->capabilities);
    free(c->result);
}

void cache_remove(const struct cni_attachment *a, const char *network)
{
    char name[256];
    cleanup_close int dir = open_results(a, false);
    if (dir >= 0 && !name_of(a, network, name))
        unlinkat(dir, name, 0);
}
