/* Sources: OCI image-spec, config.md; Docker's image specification v1.2 (Healthcheck, Shell).
 *
 * Unknown members are dropped, so that everything in the store has been checked by these rules. */
#include "store/config.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "common/jsonread.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum form { TEXT, LIST, MAP, SET, NUMBER, HEALTH };

struct member {
    const char *key;
    enum form form;
};

static const struct member members[] = {{"User", TEXT},       {"ExposedPorts", SET},   {"Env", LIST},
                                        {"Entrypoint", LIST}, {"Cmd", LIST},           {"Volumes", SET},
                                        {"WorkingDir", TEXT}, {"Labels", MAP},         {"StopSignal", TEXT},
                                        {"Shell", LIST},      {"Healthcheck", HEALTH}, {"OnBuild", LIST}};

/* Durations are in nanoseconds. */
static const struct member health[] = {{"Test", LIST},          {"Interval", NUMBER},      {"Timeout", NUMBER},
                                       {"StartPeriod", NUMBER}, {"StartInterval", NUMBER}, {"Retries", NUMBER}};

static const char *const wanted[] = {"a string",  "a list of strings", "an object of strings",
                                     "an object", "a number",          "an object"};

struct take {
    const struct jsonread *json;
    struct json to;
    const char *path;
    struct err *err;
};

static int add_text(struct take *t, const char *key, int item)
{
    cleanup_free char *text = jsonread_string(t->json, item);
    if (!text)
        return -1;
    json_string(&t->to, key, text);
    return 0;
}

static int add_list(struct take *t, const char *key, int item)
{
    if (!jsonread_is(t->json, item, '['))
        return -1;
    json_open(&t->to, key, '[');
    for (int i = jsonread_first(t->json, item); i >= 0; i = jsonread_next(t->json, i))
        if (add_text(t, NULL, i) < 0)
            return -1;
    json_close(&t->to, ']');
    return 0;
}

/* The values of a set mean nothing: they are {}. */
static int add_map(struct take *t, const char *key, int item, bool set)
{
    if (!jsonread_is(t->json, item, '{'))
        return -1;
    json_open(&t->to, key, '{');
    for (int i = jsonread_first(t->json, item); i >= 0; i = jsonread_next(t->json, i)) {
        cleanup_free char *name = jsonread_string(t->json, i);
        if (!name)
            return -1;
        if (set) {
            json_open(&t->to, name, '{');
            json_close(&t->to, '}');
        } else if (add_text(t, name, jsonread_first(t->json, i)) < 0) {
            return -1;
        }
    }
    json_close(&t->to, '}');
    return 0;
}

static int add_members(struct take *t, const struct member *list, size_t count, int object);

static int add_member(struct take *t, const struct member *m, int item)
{
    switch (m->form) {
    case TEXT:
        return add_text(t, m->key, item);
    case LIST:
        return add_list(t, m->key, item);
    case MAP:
    case SET:
        return add_map(t, m->key, item, m->form == SET);
    case NUMBER:
        json_number(&t->to, m->key, jsonread_number(t->json, item));
        return 0;
    case HEALTH:
        break;
    }
    if (!jsonread_is(t->json, item, '{'))
        return -1;
    json_open(&t->to, m->key, '{');
    int rc = add_members(t, health, sizeof(health) / sizeof(*health), item);
    json_close(&t->to, '}');
    return rc;
}

static int add_members(struct take *t, const struct member *list, size_t count, int object)
{
    for (size_t i = 0; i < count; i++) {
        int item = jsonread_member(t->json, object, list[i].key);
        if (item >= 0 && !jsonread_is(t->json, item, 'n') && add_member(t, &list[i], item) < 0)
            return err_set(t->err, "%s: the image's %s is not %s", t->path, list[i].key, wanted[list[i].form]);
    }
    return 0;
}

/* OCI's image configuration has these names in lower case; docker's inspect begins them with a capital. */
static int find(const struct jsonread *j, int object, const char *oci, const char *docker)
{
    int item = jsonread_member(j, object, oci);
    return item >= 0 ? item : jsonread_member(j, object, docker);
}

static int check_machine(const struct take *t, int object)
{
    cleanup_free char *os = jsonread_string(t->json, find(t->json, object, "os", "Os"));
    cleanup_free char *machine = jsonread_string(t->json, find(t->json, object, "architecture", "Architecture"));
    if (!os || !machine)
        return err_set(t->err,
                       "%s: is not one image's configuration, as `skopeo inspect --config` or `docker inspect` "
                       "prints it",
                       t->path);
    if (strcmp(os, "linux") != 0 || strcmp(machine, CONFIG_MACHINE) != 0)
        return err_set(t->err, "%s: the image is for %.40s on %.40s, and this machine needs linux on " CONFIG_MACHINE,
                       t->path, os, machine);
    return 0;
}

static int take(struct take *t)
{
    bool list = jsonread_is(t->json, 0, '[');
    int object = list ? jsonread_first(t->json, 0) : 0;
    if (list && jsonread_next(t->json, object) >= 0)
        return err_set(t->err, "%s: more than one image", t->path);
    if (check_machine(t, object) < 0)
        return -1;
    json_open(&t->to, NULL, '{');
    if (add_members(t, members, sizeof(members) / sizeof(*members), find(t->json, object, "config", "Config")) < 0)
        return -1;
    json_close(&t->to, '}');
    return 0;
}

int config_take(const char *path, const char *text, size_t len, struct buf *out, struct err *err)
{
    struct jsonread json;
    if (jsonread_open(&json, text, len) < 0)
        return err_set(err, "%s: is not JSON", path);
    struct take t = {.json = &json, .to = {.out = out, .first = true}, .path = path, .err = err};
    int rc = take(&t);
    jsonread_close(&json);
    return rc == 0 && out->failed ? err_set(err, "out of memory") : rc;
}
