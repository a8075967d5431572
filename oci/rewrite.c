#include "oci/rewrite.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "oci/linux.h"
#include "oci/mounts.h"
#include "oci/process.h"

#include <string.h>

struct parts {
    int process, root, mounts, annotations, linux_part;
};

/* A pod's sandbox is not a container with a command of its own.  An annotation may be the image's, so it must not be
 * what decides that a container gets no VM. */
static int check_sandbox(struct walk *w, int annotations)
{
    static const char *const kinds[] = {"io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        cleanup_free char *kind = jsonread_string(w->json, jsonread_member(w->json, annotations, kinds[i]));
        if (kind && strcmp(kind, "sandbox") == 0)
            return err_set(w->err, "pod sandboxes (Kubernetes, CRI) are not supported yet");
    }
    return 0;
}

/* The image's tree, as an absolute path. */
static int find_tree(struct walk *w, int root, const char *bundle, struct buf *tree)
{
    cleanup_free char *path = walk_string(w, jsonread_member(w->json, root, "path"), "root.path");
    if (!path)
        return -1;
    if (path[0] != '/')
        buf_fmt(tree, "%s/", bundle);
    buf_str(tree, path);
    return buf_failed(tree) ? err_set(w->err, "out of memory") : 0;
}

static void write_root(struct walk *w, const char *toolkit)
{
    json_open(&w->to, "root", '{');
    json_string(&w->to, "path", toolkit);
    json_bool(&w->to, "readonly", true);
    json_close(&w->to, '}');
}

static int write_parts(struct walk *w, const struct parts *parts, const struct rewrite_plan *plan)
{
    cleanup_buf struct buf tree = {0}, volumes = {0};
    struct process_plan process = {.conf = plan->conf, .annotations = parts->annotations};
    if (parts->process < 0 || parts->root < 0 || parts->linux_part < 0)
        return err_set(w->err, "process, root or linux is missing");
    if (check_sandbox(w, parts->annotations) < 0 || find_tree(w, parts->root, plan->bundle, &tree) < 0)
        return -1;
    const struct mounts_plan mounts = {.root = tree.data, .scratch = plan->scratch};
    write_root(w, plan->conf->toolkit);
    if (mounts_write(w, parts->mounts, &mounts, &volumes) < 0 ||
        linux_write(w, parts->linux_part, &process.host_network) < 0)
        return -1;
    process.readonly = walk_says(w, jsonread_member(w->json, parts->root, "readonly"));
    process.volumes = volumes.data ? volumes.data : "";
    return buf_failed(&volumes) ? err_set(w->err, "out of memory") : process_write(w, parts->process, &process);
}

static int write_config(struct walk *w, const void *plan)
{
    static const struct member members[] = {
        {"ociVersion", FATE_KEPT, NULL, NULL, 0},
        {"hostname", FATE_KEPT, NULL, NULL, 0},
        {"domainname", FATE_KEPT, NULL, NULL, 0},
        {"hooks", FATE_KEPT, NULL, NULL, 0},
        {"process", FATE_NOTED, NULL, NULL, offsetof(struct parts, process)},
        {"root", FATE_NOTED, NULL, NULL, offsetof(struct parts, root)},
        {"mounts", FATE_NOTED, NULL, NULL, offsetof(struct parts, mounts)},
        {"linux", FATE_NOTED, NULL, NULL, offsetof(struct parts, linux_part)},
        {"annotations", FATE_NOTED, NULL, NULL, offsetof(struct parts, annotations)},
        {"solaris", FATE_REFUSED, NULL, NULL, 0},
        {"windows", FATE_REFUSED, NULL, NULL, 0},
        {"vm", FATE_REFUSED, NULL, NULL, 0},
        {"zos", FATE_REFUSED, NULL, NULL, 0}};
    struct parts parts = {-1, -1, -1, -1, -1};
    w->arg = &parts;
    if (walk_members(w, 0, "config", members, COUNT(members)) < 0 || write_parts(w, &parts, plan) < 0)
        return -1;
    if (parts.annotations >= 0)
        walk_keep(w, "annotations", parts.annotations);
    return 0;
}

int rewrite_config(const char *text, size_t len, const struct rewrite_plan *plan, struct buf *out, struct buf *warnings,
                   struct err *err)
{
    return walk_text("config.json", text, len, write_config, plan, out, warnings, err);
}
