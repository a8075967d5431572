#include "cni/request.h"
#include "common/cleanup.h"
#include "common/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const cni_versions[CNI_VERSIONS] = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};

static int take_id(const char *name, const char *value, uint32_t *out, struct err *err)
{
    uint64_t n;
    if (num_parse(value, 0, UINT32_MAX - 1, &n))
        return err_set(err, "CNI_ARGS: %s=%s is not a number", name, value);
    *out = (uint32_t)n;
    return 0;
}

/* Follows the kernel's rule (dev_valid_name in net/core/dev.c), and allows no pattern. */
static int take_name(const char *name, const char *value, char tap[IFNAMSIZ], struct err *err)
{
    size_t len = strlen(value);
    if (!len || len >= IFNAMSIZ || value[0] == '.' || strpbrk(value, "/:% \t\n\v\f\r"))
        return err_set(err, "CNI_ARGS: %s=%s is not the name of a network interface", name, value);
    memcpy(tap, value, len + 1);
    return 0;
}

/* "K=V;K2=V2"; keys for other plugins are ignored. */
static int take_args(struct cni_request *r, struct err *err)
{
    char *rest = NULL;
    cleanup_free char *copy = r->is.args ? strdup(r->is.args) : NULL;
    for (char *key = copy ? strtok_r(copy, ";", &rest) : NULL; key; key = strtok_r(NULL, ";", &rest)) {
        char *value = strchr(key, '=');
        if (!value)
            return err_set(err, "CNI_ARGS: '%s' has no value", key);
        *value++ = '\0';
        if ((strcmp(key, "TC_REDIRECT_TAP_UID") == 0 && take_id(key, value, &r->uid, err)) ||
            (strcmp(key, "TC_REDIRECT_TAP_GID") == 0 && take_id(key, value, &r->gid, err)) ||
            (strcmp(key, "TC_REDIRECT_TAP_NAME") == 0 && take_name(key, value, r->tap, err)))
            return -1;
    }
    return 0;
}

/* Without a version, it is 0.1.0, which has no chains of plugins. */
static enum cni_code take_version(struct cni_request *r, struct err *err)
{
    cleanup_free char *text = jsonread_string(&r->config, jsonread_member(&r->config, 0, "cniVersion"));
    for (size_t i = 0; text && i < CNI_VERSIONS; i++)
        if (strcmp(text, cni_versions[i]) == 0) {
            r->version = (enum cni_version)i;
            return CNI_OK;
        }
    err_set(err, "cniVersion %s is not supported (%s to %s are)", text ? text : "0.1.0", cni_versions[0],
            cni_versions[CNI_VERSIONS - 1]);
    return CNI_VERSION;
}

enum cni_code cni_request_read(struct cni_request *r, const struct cni_variables *is, const char *text, size_t len,
                               struct err *err)
{
    *r = (struct cni_request){.is = *is, .previous = -1, .tap = "tap%d", .uid = geteuid(), .gid = getegid()};
    if (jsonread_open(&r->config, text, len) || !jsonread_is(&r->config, 0, '{')) {
        err_set(err, "the configuration on stdin is not a JSON object");
        return CNI_DECODE;
    }
    enum cni_code code = take_version(r, err);
    r->previous = jsonread_member(&r->config, 0, "prevResult");
    if (!jsonread_is(&r->config, r->previous, '{')) /* null */
        r->previous = -1;
    return code ? code : take_args(r, err) ? CNI_ENVIRONMENT : CNI_OK;
}

void cni_request_free(struct cni_request *r)
{
    jsonread_close(&r->config);
}
