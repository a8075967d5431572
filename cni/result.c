#include "cni/result.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/mac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };

static bool is_text(const struct jsonread *j, int object, const char *key, const char *want)
{
    cleanup_free char *text = jsonread_string(j, jsonread_member(j, object, key));
    return text && want && strcmp(text, want) == 0;
}

static void copy_item(struct json *out, const char *key, const struct jsonread *j, int item)
{
    size_t len;
    const char *text = jsonread_raw(j, item, &len);
    json_raw(out, key, text, len);
}

static void copy_all(struct json *out, const struct jsonread *j, int array)
{
    for (int i = jsonread_first(j, array); i >= 0; i = jsonread_next(j, i))
        copy_item(out, NULL, j, i);
}

/* Copies an object's members, except the ones named. */
static void copy_but(struct json *out, const struct jsonread *j, int object, const char *const *but)
{
    for (int k = jsonread_first(j, object); k >= 0; k = jsonread_next(j, k)) {
        cleanup_free char *key = jsonread_string(j, k);
        bool skip = !key;
        for (const char *const *b = but; !skip && *b; b++)
            skip = strcmp(*b, key) == 0;
        if (!skip)
            copy_item(out, key, j, jsonread_first(j, k));
    }
}

static void put_interface(struct json *out, const struct cni_request *r, const struct takeover_card *made,
                          const uint8_t *mac, const char *sandbox)
{
    char text[MAC_TEXT];
    json_open(out, NULL, '{');
    json_string(out, "name", made->tap);
    json_string(out, "mac", mac_text(mac, text));
    if (r->version >= CNI_1_1_0)
        json_number(out, "mtu", made->card.mtu);
    json_string(out, "sandbox", sandbox);
    json_close(out, '}');
}

/* The container's interface in the list, counted from 0; *count: of all. */
static int find_own(const struct cni_request *r, int interfaces, int *count)
{
    const struct jsonread *j = &r->config;
    int found = NONE;
    *count = 0;
    for (int i = jsonread_first(j, interfaces); i >= 0; i = jsonread_next(j, i), (*count)++)
        if (found == NONE && is_text(j, i, "name", r->is.ifname) && is_text(j, i, "sandbox", r->is.netns))
            found = *count;
    return found;
}

static void put_addresses(struct json *out, const struct jsonread *j, int ips, int own, int vm)
{
    static const char *const but[] = {"interface", NULL};
    copy_all(out, j, ips);
    for (int i = jsonread_first(j, ips); i >= 0; i = jsonread_next(j, i)) {
        int of = jsonread_member(j, i, "interface");
        if (own == NONE || of < 0 || jsonread_number(j, of) != (uint64_t)own)
            continue;
        json_open(out, NULL, '{');
        copy_but(out, j, i, but);
        json_number(out, "interface", (uint64_t)vm);
        json_close(out, '}');
    }
}

/* An array in the previous result; anything else in its place counts as a missing one. */
static int array_of(const struct cni_request *r, const char *key)
{
    int item = jsonread_member(&r->config, r->previous, key);
    return jsonread_is(&r->config, item, '[') ? item : NONE;
}

void result_add(struct buf *out, const struct cni_request *r, const struct takeover_card *made)
{
    static const char *const but[] = {"cniVersion", "interfaces", "ips", NULL};
    struct json j = {.out = out, .first = true};
    int count, interfaces = array_of(r, "interfaces"), own = find_own(r, interfaces, &count);
    json_open(&j, NULL, '{');
    json_string(&j, "cniVersion", cni_versions[r->version]);
    json_open(&j, "interfaces", '[');
    copy_all(&j, &r->config, interfaces);
    put_interface(&j, r, made, made->tap_mac, r->is.netns);
    put_interface(&j, r, made, made->card.mac, r->is.containerid);
    json_close(&j, ']');
    json_open(&j, "ips", '[');
    put_addresses(&j, &r->config, array_of(r, "ips"), own, count + 1);
    json_close(&j, ']');
    copy_but(&j, &r->config, r->previous, but);
    json_close(&j, '}');
    buf_str(out, "\n");
}

void result_tap(const struct cni_request *r, char tap[IFNAMSIZ])
{
    const struct jsonread *j = &r->config;
    tap[0] = '\0';
    for (int i = jsonread_first(j, array_of(r, "interfaces")); i >= 0; i = jsonread_next(j, i)) {
        cleanup_free char *name = jsonread_string(j, jsonread_member(j, i, "name"));
        if (name && strlen(name) < IFNAMSIZ && is_text(j, i, "sandbox", r->is.containerid))
            memcpy(tap, name, strlen(name) + 1);
    }
}
