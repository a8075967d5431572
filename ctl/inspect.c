/* inspect: a running VM by the names that firebuild's users know, and beside them our own: state.json as it is
 * (entry/life/state.h).  What firebuild tells of its CNI, its profile and its machine is not known here. */
#include "common/cleanup.h"
#include "common/json.h"
#include "common/jsonread.h"
#include "ctl/ctl.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOBS "/sha256/"

static void add_member(struct json *to, const char *name, const struct jsonread *from, const char *key)
{
    cleanup_free char *value = jsonread_string(from, jsonread_member(from, 0, key));
    json_string(to, name, value);
}

static void add_interface(struct json *to, const struct jsonread *state)
{
    cleanup_free char *address = jsonread_string(state, jsonread_member(state, 0, "address"));
    json_open(to, "NetworkInterfaces", '[');
    if (address) {
        json_open(to, NULL, '{');
        json_open(to, "StaticConfiguration", '{');
        add_member(to, "HostDeviceName", state, "tap");
        json_open(to, "IPConfiguration", '{');
        json_string(to, "IP", address);
        json_close(to, '}');
        json_close(to, '}');
        json_close(to, '}');
    }
    json_close(to, ']');
}

struct tags {
    const struct store *store;
    const char *digest;
    struct json *to;
};

static int add_tag(void *arg, const char *name)
{
    struct tags *t = arg;
    struct stored found;
    if (store_find(t->store, STORE_IMAGES, name, &found, NULL) == 0 && strcmp(found.digest, t->digest) == 0)
        json_string(t->to, NULL, name);
    return 0;
}

/* The names that the image has now; none for a file that is not a store's. */
static void add_tags(struct json *to, char *path)
{
    struct store store = STORE_CLOSED;
    char *blobs = strstr(path, BLOBS), *digest = blobs ? blobs + strlen(BLOBS) : NULL;
    json_open(to, "Tags", '[');
    if (blobs) {
        *blobs = '\0';
        struct tags t = {&store, digest, to};
        if (store_open(&store, path, false, NULL) == 0)
            store_list(&store, STORE_IMAGES, add_tag, &t, NULL);
        store_close(&store);
    }
    json_close(to, ']');
}

static void add_image(struct json *to, const struct jsonread *state)
{
    cleanup_free char *path = jsonread_string(state, jsonread_member(state, 0, "image"));
    json_open(to, "Rootfs", '{');
    json_string(to, "Path", path);
    if (path)
        add_tags(to, path);
    json_close(to, '}');
}

static void fill(struct buf *out, const char *text, size_t len, const struct jsonread *state)
{
    struct json to = {.out = out, .first = true};
    int pids = jsonread_member(state, 0, "pids");
    json_open(&to, NULL, '{');
    add_member(&to, "VMMID", state, "id");
    json_string(&to, "Type", "run");
    json_number(&to, "StartedAtUTC", jsonread_number(state, jsonread_member(state, 0, "started")));
    json_open(&to, "Pid", '{');
    json_number(&to, "Pid", jsonread_number(state, jsonread_member(state, pids, "firecracker")));
    json_close(&to, '}');
    add_interface(&to, state);
    add_image(&to, state);
    buf_str(out, ",\"State\":");
    buf_add(out, text, len - (len > 0 && text[len - 1] == '\n'));
    json_close(&to, '}');
    buf_str(out, "\n");
}

static int inspect(const char *id, struct buf *out, struct err *err)
{
    struct jsonread state;
    size_t len = 0;
    cleanup_free char *text = ctl_state(id, &len);
    if (!text && errno == EACCES)
        return err_set(err, "inspect: %s: only root may connect", id);
    if (!text || jsonread_open(&state, text, len) < 0)
        return err_set(err, "inspect: %s: no VM with that id is running here", id);
    fill(out, text, len, &state);
    jsonread_close(&state);
    return buf_failed(out) ? err_set(err, "out of memory") : 0;
}

int ctl_inspect(const char *id, char **argv, struct err *err)
{
    cleanup_buf struct buf out = {0};
    bool flag = argv[1] && strcmp(argv[1], "--vmm-id") == 0, equals = argv[1] && strncmp(argv[1], "--vmm-id=", 9) == 0;
    char **last = argv + (argv[1] ? 1 + flag : 0);
    if (last > argv && *last && last[1] == NULL)
        id = *last + (equals ? strlen("--vmm-id=") : 0);
    else if (argv[1])
        id = NULL;
    if (!id || !*id || *id == '-' ||
        strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != strlen(id))
        return err_set(err, "inspect: usage: inspect [--vmm-id] ID");
    return inspect(id, &out, err) < 0 ? -1 : ctl_print(&out, false, err);
}
