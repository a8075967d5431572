/* The cache is written before the first plugin makes anything, so cni_del knows about it even if this process is
 * killed. */
#include "cni/caller/chain.h"
#include "cni/caller/cache.h"
#include "cni/caller/invoke.h"
#include "cni/caller/network.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/jsonread.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* Follows the kernel's rule (dev_valid_name in net/core/dev.c). */
static bool is_interface(const char *name)
{
    size_t len = strlen(name);
    return len && len < IFNAMSIZ && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           !strpbrk(name, "/: \t\n\v\f\r");
}

static int check_names(const struct cni_attachment *a, struct err *err)
{
    if (!network_is_name(a->id))
        return err_set(err, "'%s' cannot be the name of a container: it has to be letters, digits and _.-", a->id);
    if (!is_interface(a->ifname))
        return err_set(err, "'%s' cannot be the name of a network interface", a->ifname);
    if (a->network && !network_is_name(a->network))
        return err_set(err, "'%s' cannot be the name of a CNI network", a->network);
    return 0;
}

static bool is_left_out(const char *type)
{
    return strcmp(type, "tc-redirect-tap") == 0;
}

/* Whether a plugin's output is a result, for the next plugin and for the cache: an exit code of 0 does not ensure that.
 * */
static bool is_result(const struct buf *text)
{
    struct jsonread j;
    bool object = !jsonread_open(&j, text->data ? text->data : "", text->len) && jsonread_is(&j, 0, '{');
    jsonread_close(&j);
    return object;
}

/* Calls one plugin, unless it is to be left out. */
static int call_with(const struct cni_attachment *a, const struct network *n, size_t plugin, const char *command,
                     const struct network_extra *extra, struct buf *out, struct err *err)
{
    cleanup_buf struct buf config = {0};
    cleanup_free char *type = network_type(n, plugin, err);
    if (!type)
        return -1;
    if (is_left_out(type)) {
        buf_str(out, extra->previous ? extra->previous : "");
        return 0;
    }
    network_config(n, plugin, extra, &config);
    if (invoke(a, command, type, &config, out, err))
        return -1;
    return strcmp(command, "ADD") != 0 || is_result(out)
               ? 0
               : err_set(err, "the CNI plugin %s has added the container, but its result is not JSON", type);
}

static int call(const struct cni_attachment *a, const struct network *n, size_t plugin, const char *command,
                const char *previous, struct buf *out, struct err *err)
{
    return call_with(a, n, plugin, command,
                     &(struct network_extra){.capabilities = a->capabilities, .previous = previous}, out, err);
}

/* Checks that all plugins exist, before any of them makes anything: DEL needs them too. */
static int check_plugins(const struct cni_attachment *a, const struct network *n, struct err *err)
{
    for (size_t i = 0; i < n->count; i++) {
        cleanup_free char *type = network_type(n, i, err);
        if (!type || (!is_left_out(type) && invoke_check(a, type, err)))
            return -1;
    }
    return 0;
}

static int add_all(const struct cni_attachment *a, const struct network *n, struct buf *last, struct err *err)
{
    for (size_t i = 0; i < n->count; i++) {
        struct buf next = {0};
        int r = call(a, n, i, "ADD", last->len ? last->data : NULL, &next, err);
        buf_free(last);
        *last = next;
        if (r)
            return -1;
    }
    return cache_write(a, n, last->len ? last->data : NULL, err);
}

int cni_add(const struct cni_attachment *a, struct buf *result, struct err *err)
{
    struct network n = {.count = 0};
    if (check_names(a, err))
        return -1;
    int r = network_find(&n, a->networks, a->network, err) || check_plugins(a, &n, err) || cache_write(a, &n, NULL, err)
                ? -1
                : 0;
    if (!r && add_all(a, &n, result, err)) {
        struct cni_attachment made = *a;
        made.network = n.name;
        cni_del(&made, NULL);
        r = -1;
    }
    network_free(&n);
    return r;
}

/* Finds the network as the ADD used it, and the ADD's own arguments.  -1 with err. */
static int recall(const struct cni_attachment *a, struct cache *c, struct cni_attachment *then, struct err *err)
{
    *then = *a;
    if (check_names(a, err))
        return -1;
    int found = cache_read(a, a->network, c, err);
    if (found <= 0)
        return found < 0 ? -1 : network_find(&c->network, a->networks, a->network, err);
    then->args = c->args;
    then->capabilities = c->capabilities;
    return 0;
}

int cni_check(const struct cni_attachment *a, struct err *err)
{
    struct cni_attachment then;
    struct cache c = {.args = NULL};
    int r = recall(a, &c, &then, err);
    if (!r && !c.result)
        r = err_set(err, "%s is not on the CNI network %s", a->id, c.network.name);
    bool can = !r && !c.network.no_check && strncmp(c.network.version, "0.3.", 4) != 0;
    for (size_t i = 0; can && !r && i < c.network.count; i++) {
        cleanup_buf struct buf out = {0};
        r = call(&then, &c.network, i, "CHECK", c.result, &out, err);
    }
    cache_free(&c);
    return r;
}

int cni_del(const struct cni_attachment *a, struct err *err)
{
    struct cni_attachment then;
    struct cache c = {.args = NULL};
    int r = recall(a, &c, &then, err);
    for (size_t i = r ? 0 : c.network.count; i-- > 0;) {
        cleanup_buf struct buf out = {0};
        if (call(&then, &c.network, i, "DEL", c.result, &out, err))
            r = -1;
    }
    if (!r)
        cache_remove(a, c.network.name);
    cache_free(&c);
    return r;
}

/* STATUS or GC, which are for a network and no container. */
static int call_all(const struct cni_attachment *a, const struct network *n, const char *command,
                    const char *attachments, struct err *err)
{
    const struct cni_attachment nobody = {.plugin_dirs = a->plugin_dirs};
    int r = 0;
    for (size_t i = 0; i < n->count; i++) {
        cleanup_buf struct buf out = {0};
        if (call_with(&nobody, n, i, command, &(struct network_extra){.attachments = attachments}, &out, err))
            r = -1;
    }
    return r;
}

int cni_status(const struct cni_attachment *a, struct err *err)
{
    struct network n = {.count = 0};
    int r = network_find(&n, a->networks, a->network, err);
    if (!r && n.upkeep)
        r = call_all(a, &n, "STATUS", NULL, err);
    network_free(&n);
    return r;
}

struct in_use {
    const char *network;
    struct json list;
};

static void see_kept(const struct cni_attachment *kept, void *data)
{
    struct in_use *use = data;
    if (strcmp(kept->network, use->network) != 0)
        return;
    json_open(&use->list, NULL, '{');
    json_string(&use->list, "containerID", kept->id);
    json_string(&use->list, "ifname", kept->ifname);
    json_close(&use->list, '}');
}

int cni_gc(const struct cni_attachment *a, struct err *err)
{
    struct network n = {.count = 0};
    cleanup_buf struct buf list = {0};
    int r = network_find(&n, a->networks, a->network, err);
    if (!r && n.upkeep && !n.no_gc) {
        struct in_use use = {n.name, {.out = &list, .first = true}};
        json_open(&use.list, NULL, '[');
        r = cache_each(a, see_kept, &use, err);
        json_close(&use.list, ']');
        if (!r)
            r = buf_failed(&list) ? err_set(err, "out of memory") : call_all(a, &n, "GC", list.data, err);
    }
    network_free(&n);
    return r;
}
