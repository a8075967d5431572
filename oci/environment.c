#include "oci/environment.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/settings.h"
#include "common/variables.h"
#include "oci/allowed.h"

#include <string.h>

#define ANNOTATION "ctr-jailer." /* ctr-jailer.MEM_SIZE_MIB=512 */

/* What an engine expects of a runtime, unless an option says otherwise.  The engine has the time limit of a stop, and
 * kills the container itself. */
static const struct {
    const char *name, *value;
} usual[] = {{"VM_NETWORK", "auto"}, {"VM_STOP_TIMEOUT", "86400"}};

static int write_variable(struct walk *w, int item, bool set[ALLOWED_COUNT])
{
    cleanup_free char *text = walk_string(w, item, "process.env");
    if (!text)
        return -1;
    size_t len = strcspn(text, "=");
    if (len == 0 || !text[len]) {
        walk_warn(w, "process.env: %.100s is not NAME=VALUE and is not carried into the VM", text);
        return 0;
    }
    int place = allowed_find(text, len);
    if (place >= 0) {
        set[place] = true;
        walk_keep(w, NULL, item);
        return 0;
    }
    if (strncmp(text, VARIABLES_OPTION, strlen(VARIABLES_OPTION)) == 0)
        walk_warn(w, "%.*s is not an option that a container may set: it is a variable of the command",
                  (int)(len > 100 ? 100 : len), text);
    walk_prefixed(w, VARIABLES_CARRIED, item);
    return 0;
}

static int write_annotations(struct walk *w, int annotations, bool set[ALLOWED_COUNT])
{
    bool object = jsonread_is(w->json, annotations, '{');
    for (int k = object ? jsonread_first(w->json, annotations) : -1; k >= 0; k = jsonread_next(w->json, k)) {
        cleanup_free char *key = walk_string(w, k, "annotations");
        if (!key)
            return -1;
        if (strncmp(key, ANNOTATION, strlen(ANNOTATION)) != 0)
            continue;
        const char *name = key + strlen(ANNOTATION);
        int place = allowed_find(name, strlen(name)), value = jsonread_first(w->json, k);
        cleanup_free char *text = place >= 0 ? walk_string(w, value, "annotations") : NULL;
        if (place < 0)
            walk_warn(w, "annotation %.100s is not an option that a container may set: it is ignored", key);
        else if (!text)
            return -1;
        else if (!set[place]) {
            cleanup_buf struct buf prefix = {0};
            buf_fmt(&prefix, "%s=", allowed_name(place));
            set[place] = true;
            walk_prefixed(w, prefix.data ? prefix.data : "", value);
        }
    }
    return 0;
}

static bool is_set(const char *name, size_t len, const bool set[ALLOWED_COUNT])
{
    int place = allowed_find(name, len);
    return place >= 0 && set[place];
}

static void write_options(struct walk *w, const struct environment_plan *plan, const bool set[ALLOWED_COUNT])
{
    const struct buf *file = &plan->conf->options;
    for (size_t at = 0; at < file->len; at += strlen(file->data + at) + 1)
        if (!is_set(file->data + at, strcspn(file->data + at, "="), set))
            json_string(&w->to, NULL, file->data + at);
    for (size_t i = 0; i < COUNT(usual); i++) {
        cleanup_buf struct buf both = {0};
        size_t len = strlen(usual[i].name);
        if (is_set(usual[i].name, len, set) || conf_option(plan->conf, usual[i].name, len))
            continue;
        buf_fmt(&both, "%s=%s", usual[i].name, usual[i].value);
        json_string(&w->to, NULL, both.data ? both.data : "");
    }
}

static void write_own(struct walk *w, const struct environment_plan *plan)
{
    cleanup_buf struct buf text = {0};
    json_string(&w->to, NULL, "PATH=" COMMAND_PATH);
    buf_fmt(&text, "VM_USER=%s", plan->user);
    json_string(&w->to, NULL, text.data ? text.data : "");
    walk_prefixed(w, "VM_WORKDIR=", plan->directory);
    if (plan->readonly)
        json_string(&w->to, NULL, "VM_ROOTFS_READONLY=yes");
    if (*plan->volumes) {
        text.len = 0;
        buf_fmt(&text, "\"VM_VOLUMES=%s\"", plan->volumes);
        json_raw(&w->to, NULL, text.data ? text.data : "", text.len);
    }
    w->to.out->failed |= buf_failed(&text);
}

int environment_write(struct walk *w, const struct environment_plan *plan)
{
    bool set[ALLOWED_COUNT] = {false};
    json_open(&w->to, "env", '[');
    write_own(w, plan);
    for (int i = walk_array(w, plan->variables, "process.env"); i >= 0; i = jsonread_next(w->json, i))
        if (write_variable(w, i, set) < 0)
            return -1;
    if (w->err->text[0] || write_annotations(w, plan->annotations, set) < 0)
        return -1;
    write_options(w, plan, set);
    json_close(&w->to, ']');
    return 0;
}
