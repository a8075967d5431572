#include "common/cleanup.h"
#include "ctl/inspect.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define BLOBS "/sha256/"

struct tags {
    const struct store *store;
    const char *digest;
    struct json *to;
    char config[SHA256_TEXT]; /* the digest of the configuration; "": none */
};

static int add_tag(void *arg, const char *name)
{
    struct tags *t = arg;
    struct stored found;
    if (store_find(t->store, STORE_IMAGES, name, &found, NULL) < 0 || strcmp(found.digest, t->digest) != 0)
        return 0;
    json_string(t->to, NULL, name);
    if (!*t->config)
        strcpy(t->config, found.config);
    return 0;
}

static void add_config(struct json *to, const struct store *s, const char *digest)
{
    cleanup_free char *config = *digest ? store_config(s, digest, NULL) : NULL;
    if (config)
        json_raw(to, "Config", config, strlen(config));
}

/* The names that the image has now, and its configuration; none for a file that is not a store's. */
static void add_stored(struct json *to, char *path)
{
    struct store store = STORE_CLOSED;
    char *blobs = strstr(path, BLOBS), *digest = blobs ? blobs + strlen(BLOBS) : NULL;
    struct tags t = {&store, digest, to, ""};
    json_open(to, "Tags", '[');
    if (blobs) {
        *blobs = '\0';
        if (store_open(&store, path, false, NULL) == 0)
            store_list(&store, STORE_IMAGES, add_tag, &t, NULL);
    }
    json_close(to, ']');
    if (blobs)
        add_config(to, &store, t.config);
    store_close(&store);
}

/* firebuild's parts of a tag, org/image:version; of a name without a slash, org is _. */
static void add_parts(struct json *to, const char *from)
{
    const char *slash = strrchr(from, '/'), *name = slash ? slash + 1 : from, *colon = strrchr(name, ':');
    cleanup_free char *org = slash ? strndup(from, (size_t)(slash - from)) : strdup("_");
    cleanup_free char *image = colon ? strndup(name, (size_t)(colon - name)) : strdup(name);
    json_string(to, "Tag", from);
    json_open(to, "Image", '{');
    json_string(to, "Org", org);
    json_string(to, "Image", image);
    json_string(to, "Version", colon ? colon + 1 : NULL);
    json_close(to, '}');
}

void inspect_image(struct json *to, const struct inspected *vm)
{
    cleanup_free char *path = jsonread_string(&vm->state, jsonread_member(&vm->state, 0, "image"));
    cleanup_free char *from = jsonread_string(&vm->about, jsonread_member(&vm->about, 0, "from"));
    json_open(to, "Rootfs", '{');
    json_string(to, "Path", path);
    if (from)
        add_parts(to, from);
    if (path)
        add_stored(to, path);
    json_close(to, '}');
}
