/* tc-redirect-tap: a CNI plugin that gives a VM the interface which the plugins before it made for a container.  It
 * ties the interface to a TAP, as VM_NETWORK=takeover does, and adds TAP and VM to the result.  Same name, arguments
 * and result as awslabs' plugin, so that conflists of tools for Firecracker work unchanged; docs/cni.md.
 *
 * In: CNI_COMMAND and its variables, the configuration on stdin.  Out: a result or an error as JSON on stdout, warnings
 * on stderr; exit status 0 or 1. */
#include "cni/attach.h"
#include "common/begin.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/json.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX = 4 << 20 };
enum { NEEDS_ID = 1, NEEDS_NETNS = 2, NEEDS_IFNAME = 4, NEEDS_PREVIOUS = 8, NEEDS_ALL = 15 };

static const struct cni_command {
    const char *name;
    enum cni_version since;
    unsigned needs;
    enum cni_code (*run)(const struct cni_request *r, struct buf *out, struct err *err);
} commands[] = {
    {"ADD", CNI_0_3_0, NEEDS_ALL, attach_add},
    {"DEL", CNI_0_3_0, NEEDS_ID | NEEDS_IFNAME, attach_del},
    {"CHECK", CNI_0_4_0, NEEDS_ALL, attach_check},
    {"STATUS", CNI_1_1_0, 0, attach_status},
    {"GC", CNI_1_1_0, 0, attach_gc},
};

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static enum cni_code check_needs(const struct cni_command *c, const struct cni_request *r, struct err *err)
{
    const char *lacks = c->needs & NEEDS_ID && !r->is.containerid  ? "CNI_CONTAINERID"
                        : c->needs & NEEDS_NETNS && !r->is.netns   ? "CNI_NETNS"
                        : c->needs & NEEDS_IFNAME && !r->is.ifname ? "CNI_IFNAME"
                                                                   : NULL;
    if (lacks) {
        err_set(err, "%s is not set", lacks);
        return CNI_ENVIRONMENT;
    }
    if (r->is.ifname && strlen(r->is.ifname) >= IFNAMSIZ) {
        err_set(err, "CNI_IFNAME is longer than %d characters", IFNAMSIZ - 1);
        return CNI_ENVIRONMENT;
    }
    if (r->version < c->since) {
        err_set(err, "cniVersion %s has no %s", cni_versions[r->version], c->name);
        return CNI_VERSION;
    }
    if (c->needs & NEEDS_PREVIOUS && r->previous < 0) {
        err_set(err, "there is no prevResult: this plugin comes after one that makes an interface, as bridge or ptp");
        return CNI_CONFIG;
    }
    return CNI_OK;
}

static void print_versions(struct buf *out, const char *version)
{
    struct json j = {.out = out, .first = true};
    json_open(&j, NULL, '{');
    json_string(&j, "cniVersion", version);
    json_open(&j, "supportedVersions", '[');
    for (size_t i = 0; i < CNI_VERSIONS; i++)
        json_string(&j, NULL, cni_versions[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    buf_str(out, "\n");
}

static void print_error(struct buf *out, const char *version, enum cni_code code, const char *text)
{
    struct json j = {.out = out, .first = true};
    buf_drop(out, out->len);
    json_open(&j, NULL, '{');
    json_string(&j, "cniVersion", version);
    json_number(&j, "code", code);
    json_string(&j, "msg", text);
    json_close(&j, '}');
    buf_str(out, "\n");
}

static enum cni_code run_command(const char *name, const struct cni_request *r, struct buf *out, struct err *err)
{
    if (begin(err) < 0)
        return CNI_ENVIRONMENT;
    for (size_t i = 0; name && i < sizeof(commands) / sizeof(*commands); i++)
        if (strcmp(name, commands[i].name) == 0) {
            enum cni_code code = check_needs(&commands[i], r, err);
            return code ? code : commands[i].run(r, out, err);
        }
    err_set(err, "CNI_COMMAND is %s: it has to be ADD, DEL, CHECK, STATUS, GC or VERSION", name ? name : "not set");
    return CNI_ENVIRONMENT;
}

int main(void)
{
    struct err err = {0};
    struct cni_request request;
    cleanup_buf struct buf out = {0};
    const char *command = variable("CNI_COMMAND"), *version = cni_versions[CNI_VERSIONS - 1];
    const struct cni_variables is = {variable("CNI_CONTAINERID"), variable("CNI_NETNS"), variable("CNI_IFNAME"),
                                     variable("CNI_ARGS")};
    size_t len = 0;
    log_init("tc-redirect-tap");
    cleanup_free char *text = io_read_open(STDIN_FILENO, CONFIG_MAX, &len);
    enum cni_code code = cni_request_read(&request, &is, text ? text : "", len, &err);
    if (code == CNI_OK)
        version = cni_versions[request.version];
    if (command && strcmp(command, "VERSION") == 0) {
        code = CNI_OK;
        print_versions(&out, version);
    } else if (code == CNI_OK) {
        code = run_command(command, &request, &out, &err);
    }
    if (code)
        print_error(&out, version, code, err.text);
    cni_request_free(&request);
    if (buf_failed(&out) || io_write_all(STDOUT_FILENO, out.data ? out.data : "", out.len))
        return EXIT_FAILURE;
    return code ? EXIT_FAILURE : EXIT_SUCCESS;
}
