/* libFuzzer target: a bundle's config.json ('c' first) or a process.json ('p').  What is accepted becomes JSON that, if
 * another reader (json-c) reads it at all, is of entry's container: its program, its user, nothing of the image's in
 * entry's own settings. */
#include "common/cleanup.h"
#include "oci/allowed.h"
#include "oci/rewrite.h"
#include "oci/session.h"
#include "tests/fuzz/check.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

static const struct json_object *member(const struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    CHECK(json_object_object_get_ex(object, key, &value));
    return value;
}

static const char *string_at(const struct json_object *list, size_t i)
{
    const struct json_object *item = json_object_array_get_idx(list, i);
    CHECK(json_object_is_type(item, json_type_string));
    return json_object_get_string((struct json_object *)item);
}

/* Bytes that are not JSON in what is copied are not our business: runc and crun refuse them. */
static struct json_object *parse(const struct buf *text)
{
    struct json_tokener *reader = json_tokener_new();
    CHECK(reader);
    json_tokener_set_flags(reader, JSON_TOKENER_STRICT);
    struct json_object *root = json_tokener_parse_ex(reader, text->data, (int)text->len);
    json_tokener_free(reader);
    return root;
}

static void check_process(const struct json_object *process, const char *const *words)
{
    const struct json_object *args = member(process, "args"), *user = member(process, "user");
    for (size_t i = 0; words[i]; i++)
        CHECK(strcmp(string_at(args, i), words[i]) == 0);
    CHECK(json_object_get_int64(member(user, "uid")) == 0 && json_object_get_int64(member(user, "gid")) == 0);
    CHECK(strcmp(json_object_get_string((struct json_object *)member(process, "cwd")), "/") == 0);
    CHECK(json_object_get_boolean(member(process, "noNewPrivileges")));
}

static void check_variables(const struct json_object *env)
{
    static const char *const own[] = {"PATH", "VM_USER", "VM_WORKDIR", "VM_VOLUMES", "VM_ROOTFS_READONLY", NULL};
    bool seen[5] = {false};
    for (size_t i = 0; i < json_object_array_length(env); i++) {
        const char *text = string_at(env, i);
        size_t len = strcspn(text, "=");
        bool fine = strncmp(text, "CTR_", 4) == 0 || allowed_find(text, len) >= 0;
        for (int k = 0; own[k] && !fine; k++)
            if (strlen(own[k]) == len && strncmp(own[k], text, len) == 0) {
                CHECK(!seen[k]);
                fine = seen[k] = true;
            }
        CHECK(fine);
    }
}

static void check_config(const struct json_object *root)
{
    static const char *const words[] = {"/usr/bin/entry", "--", NULL};
    const struct json_object *tree = member(root, "root"), *process = member(root, "process");
    CHECK(strcmp(json_object_get_string((struct json_object *)member(tree, "path")), "/toolkit") == 0);
    CHECK(json_object_get_boolean(member(tree, "readonly")));
    CHECK(json_object_array_length(member(member(process, "capabilities"), "bounding")) <= 10);
    CHECK(json_object_array_length(member(member(root, "linux"), "devices")) == 3);
    check_process(process, words);
    check_variables(member(process, "env"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"/usr/bin/ctr-jailer", "exec", NULL};
    static const struct conf conf = {.toolkit = "/toolkit"};
    static const struct rewrite_plan plan = {&conf, "/bundle", "/scratch"};
    cleanup_buf struct buf out = {0}, warnings = {0};
    struct err err = {0};
    if (size == 0)
        return 0;
    bool config = data[0] == 'c';
    cleanup_free char *text = calloc(1, size);
    CHECK(text);
    memcpy(text, data + 1, size - 1);
    int rc = config ? rewrite_config(text, size - 1, &plan, &out, &warnings, &err)
                    : session_rewrite(text, size - 1, data[0] % 2, &out, &warnings, &err);
    CHECK(rc == 0 ? !err.text[0] : err.text[0] != '\0');
    CHECK(warnings.len == 0 || warnings.data[warnings.len - 1] == '\0');
    struct json_object *root = rc == 0 ? parse(&out) : NULL;
    if (root && config)
        check_config(root);
    else if (root)
        check_process(root, words);
    json_object_put(root);
    return 0;
}
