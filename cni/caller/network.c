#include "cni/caller/network.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool network_is_name(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return *name && strchr(first, *name) && !name[strspn(name, all)];
}

static bool is_true(const struct jsonread *j, int item)
{
    size_t len;
    const char *raw = jsonread_raw(j, item, &len);
    return raw && len == 4 && strncmp(raw, "true", len) == 0;
}

static bool since_1_1(const char *version)
{
    unsigned major, minor;
    return sscanf(version, "%u.%u.", &major, &minor) == 2 && (major > 1 || (major == 1 && minor >= 1));
}

static int read_plugins(struct network *n, bool single, const char *where, struct err *err)
{
    int list = jsonread_member(&n->json, 0, "plugins");
    if (single)
        n->plugin[n->count++] = 0;
    for (int item = single ? -1 : jsonread_first(&n->json, list); item >= 0; item = jsonread_next(&n->json, item)) {
        if (n->count == NETWORK_PLUGINS_MAX)
            return err_set(err, "%s: more than %d plugins", where, NETWORK_PLUGINS_MAX);
        if (!jsonread_is(&n->json, item, '{'))
            return err_set(err, "%s: a plugin is not a JSON object", where);
        n->plugin[n->count++] = item;
    }
    return n->count ? 0 : err_set(err, "%s: the list \"plugins\" is missing or empty", where);
}

int network_read(struct network *n, char *text, size_t len, bool single, const char *where, struct err *err)
{
    n->text = text;
    if (jsonread_open(&n->json, text, len) || !jsonread_is(&n->json, 0, '{'))
        return err_set(err, "%s: not a JSON object", where);
    n->name = jsonread_string(&n->json, jsonread_member(&n->json, 0, "name"));
    n->version = jsonread_string(&n->json, jsonread_member(&n->json, 0, "cniVersion"));
    if (!n->name || !network_is_name(n->name))
        return err_set(err, "%s: \"name\" has to be letters, digits and _.-", where);
    if (!n->version || strncmp(n->version, "0.1.", 4) == 0 || strncmp(n->version, "0.2.", 4) == 0)
        return err_set(err, "%s: cniVersion %s is not supported (0.3.0 to 1.1.0 are)", where,
                       n->version ? n->version : "0.1.0");
    n->upkeep = since_1_1(n->version);
    n->no_gc = is_true(&n->json, jsonread_member(&n->json, 0, "disableGC"));
    n->no_check = is_true(&n->json, jsonread_member(&n->json, 0, "disableCheck"));
    return read_plugins(n, single, where, err);
}

void network_free(struct network *n)
{
    jsonread_close(&n->json);
    free(n->text);
    free(n->name);
    free(n->version);
    *n = (struct network){.count = 0};
}

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name);
    return len > strlen(end) && strcmp(name + len - strlen(end), end) == 0;
}

static bool is_list(const char *name)
{
    return ends_in(name, ".conflist");
}

static int is_network(const struct dirent *entry)
{
    return is_list(entry->d_name) || ends_in(entry->d_name, ".conf") || ends_in(entry->d_name, ".json");
}

static int read_file(struct network *n, const char *dir, const char *file, struct err *err)
{
    char path[4096];
    size_t len;
    snprintf(path, sizeof(path), "%s/%s", dir, file);
    char *text = io_read_file(AT_FDCWD, path, NETWORK_TEXT_MAX, &len);
    return text ? network_read(n, text, len, !is_list(file), path, err) : err_sys(err, "cannot read %s", path);
}

/* A broken file counts only if no other file has the network: it may be meant for another runtime. */
static int search(struct network *n, const char *dir, struct dirent **files, int count, const char *name,
                  struct err *err)
{
    struct err broken = {0};
    for (int i = 0; i < count; i++) {
        struct err why = {0};
        int result = read_file(n, dir, files[i]->d_name, &why);
        if (!result && (!name || strcmp(n->name, name) == 0))
            return 0;
        if (result && !broken.text[0])
            broken = why;
        if (result && !name)
            break;
        network_free(n);
    }
    if (broken.text[0])
        return err_set(err, "%s", broken.text);
    return name ? err_set(err, "%s: there is no CNI network %s", dir, name)
                : err_set(err, "%s: there is no CNI network (a file *.conflist)", dir);
}

int network_find(struct network *n, const char *dir, const char *name, struct err *err)
{
    struct dirent **files;
    *n = (struct network){.count = 0};
    int count = scandir(dir, &files, is_network, alphasort);
    if (count < 0)
        return err_sys(err, "cannot read the CNI networks in %s", dir);
    int result = search(n, dir, files, count, name, err);
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
    return result;
}

static bool is_ours(const char *key)
{
    static const char *const ours[] = {"cniVersion", "name", "prevResult", "runtimeConfig", "plugins"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        if (strcmp(key, ours[i]) == 0)
            return true;
    return false;
}

static void add_capabilities(const struct network *n, size_t plugin, const char *text, struct json *out)
{
    struct jsonread args;
    int has = jsonread_member(&n->json, n->plugin[plugin], "capabilities");
    if (has < 0 || !text || jsonread_open(&args, text, strlen(text)))
        return;
    json_open(out, "runtimeConfig", '{');
    for (int key = jsonread_first(&args, 0); key >= 0; key = jsonread_next(&args, key)) {
        size_t len;
        cleanup_free char *name = jsonread_string(&args, key);
        if (!name || !is_true(&n->json, jsonread_member(&n->json, has, name)))
            continue;
        const char *raw = jsonread_raw(&args, jsonread_member(&args, 0, name), &len);
        json_raw(out, name, raw, len);
    }
    json_close(out, '}');
    jsonread_close(&args);
}

/* Version 1.1.0 of the specification has two names for them; libcni sends both, too. */
static void add_attachments(struct json *j, const char *list)
{
    json_raw(j, "cni.dev/valid-attachments", list, strlen(list));
    json_raw(j, "cni.dev/attachments", list, strlen(list));
}

void network_config(const struct network *n, size_t plugin, const struct network_extra *extra, struct buf *out)
{
    struct json j = {.out = out, .first = true};
    int own = n->plugin[plugin];
    json_open(&j, NULL, '{');
    json_string(&j, "cniVersion", n->version);
    json_string(&j, "name", n->name);
    for (int key = jsonread_first(&n->json, own); key >= 0; key = jsonread_next(&n->json, key)) {
        size_t len;
        cleanup_free char *name = jsonread_string(&n->json, key);
        if (!name || is_ours(name))
            continue;
        const char *raw = jsonread_raw(&n->json, jsonread_member(&n->json, own, name), &len);
        json_raw(&j, name, raw, len);
    }
    add_capabilities(n, plugin, extra->capabilities, &j);
    if (extra->attachments)
        add_attachments(&j, extra->attachments);
    if (extra->previous)
        json_raw(&j, "prevResult", extra->previous, strlen(extra->previous));
    json_close(&j, '}');
}

char *network_type(const struct network *n, size_t plugin, struct err *err)
{
    char *type = jsonread_string(&n->json, jsonread_member(&n->json, n->plugin[plugin], "type"));
    if (type && network_is_name(type))
        return type;
    free(type);
    err_set(err, "the CNI network %s: plugin %zu has no \"type\" that is a program's name", n->name, plugin + 1);
    return NULL;
}
