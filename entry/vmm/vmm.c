#include "entry/vmm/vmm.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "entry/vmm/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vmm {
    struct api *api;
    char version[32];
};

/* The body of one request under way. */
struct body {
    struct buf text;
    struct json json;
};

static struct json *begin(struct body *b)
{
    b->text.len = 0;
    b->json = (struct json){.out = &b->text};
    json_open(&b->json, NULL, '{');
    return &b->json;
}

static int send_body(struct api *a, struct body *b, const char *path, struct err *err)
{
    json_close(&b->json, '}');
    if (buf_failed(&b->text))
        return err_set(err, "out of memory while configuring Firecracker");
    return api_call(a, "PUT", path, b->text.data, NULL, err);
}

/* Firecracker refuses unknown templates at once, and those that do not fit the CPU when the VM starts. */
static int blame_template(const struct vmm_plan *plan, struct err *err)
{
    if (plan->cpu_template && (strcasestr(err->text, "template") || strstr(err->text, "unknown variant")))
        err_hint(err, "VM_CPU_TEMPLATE=%s", plan->cpu_template);
    return -1;
}

static int put_machine(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    struct json *j = begin(b);
    json_number(j, "vcpu_count", plan->vcpus);
    json_number(j, "mem_size_mib", plan->mem_mib);
    if (plan->cpu_template)
        json_string(j, "cpu_template", plan->cpu_template);
    if (send_body(a, b, "/machine-config", err) < 0)
        return blame_template(plan, err);
    j = begin(b);
    json_string(j, "kernel_image_path", plan->kernel);
    json_string(j, "initrd_path", plan->initrd);
    json_string(j, "boot_args", plan->boot_args);
    return send_body(a, b, "/boot-source", err);
}

/* A token bucket (Firecracker's docs/api_requests/patch-block.md): `size` tokens come in `refill_time` ms.  A second's
 * worth lets a request be as large as any; a smaller bucket would only be smoother. */
static void add_bucket(struct json *j, const char *key, uint64_t a_second)
{
    if (!a_second)
        return;
    json_open(j, key, '{');
    json_number(j, "size", a_second);
    json_number(j, "refill_time", 1000);
    json_close(j, '}');
}

static void add_limiter(struct json *j, const char *key, const struct vmm_limit *limit)
{
    json_open(j, key, '{');
    add_bucket(j, "bandwidth", limit->bytes);
    add_bucket(j, "ops", limit->ops);
    json_close(j, '}');
}

static int put_drive(struct api *a, struct body *b, const struct vmm_drive *drive, const struct vmm_limit *limit,
                     struct err *err)
{
    char path[64], *file = path + strlen("/drives");
    snprintf(path, sizeof(path), "/drives/%s", drive->name);
    struct json *j = begin(b);
    json_string(j, "drive_id", drive->name);
    json_string(j, "path_on_host", file);
    json_bool(j, "is_root_device", false); /* root is the initramfs; init mounts the rest */
    json_bool(j, "is_read_only", drive->read_only);
    json_string(j, "cache_type", drive->read_only ? "Unsafe" : "Writeback"); /* fsync reaches the disk */
    add_limiter(j, "rate_limiter", limit);
    return send_body(a, b, path, err);
}

static int put_net(struct api *a, struct body *b, const struct vmm_plan *plan, unsigned nic, struct err *err)
{
    char path[64], *id = path + strlen("/network-interfaces/");
    snprintf(path, sizeof(path), "/network-interfaces/eth%u", nic);
    struct json *j = begin(b);
    json_string(j, "iface_id", id);
    json_string(j, "host_dev_name", plan->nics[nic].tap);
    json_string(j, "guest_mac", plan->nics[nic].mac);
    add_limiter(j, "rx_rate_limiter", &plan->net_limit);
    add_limiter(j, "tx_rate_limiter", &plan->net_limit);
    return send_body(a, b, path, err);
}

static int put_vsock(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    struct json *j = begin(b);
    json_number(j, "guest_cid", 3);
    json_string(j, "uds_path", plan->vsock);
    return send_body(a, b, "/vsock", err);
}

/* Always there, empty: it tells how the guest's memory is used, and may grow while the VM runs.  A guest that runs
 * out of memory takes from it first. */
static int put_balloon(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    struct json *j = begin(b);
    json_number(j, "amount_mib", 0);
    json_bool(j, "deflate_on_oom", true);
    json_number(j, "stats_polling_interval_s", VMM_BALLOON_INTERVAL);
    if (plan->report_free)
        json_bool(j, "free_page_reporting", true);
    return send_body(a, b, "/balloon", err);
}

/* Random numbers of the host's kernel. */
static int put_entropy(struct api *a, struct body *b, struct err *err)
{
    begin(b);
    return send_body(a, b, "/entropy", err);
}

static int put_metrics(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    json_string(begin(b), "metrics_path", plan->metrics);
    return send_body(a, b, "/metrics", err);
}

static int put_start(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    json_string(begin(b), "action_type", "InstanceStart");
    return send_body(a, b, "/actions", err) < 0 ? blame_template(plan, err) : 0;
}

/* Asked before anything is configured, from the running program, because the file may have been changed. */
static int get_version(struct vmm *v, struct err *err)
{
    struct buf answer = {0};
    int r = api_call(v->api, "GET", "/version", NULL, &answer, err);
    if (r == 0 && (!answer.data ||
                   json_get_string(answer.data, answer.len, "firecracker_version", v->version, sizeof(v->version)) < 0))
        r = err_set(err, "VM_FIRECRACKER_BIN: its output has no version");
    buf_free(&answer);
    return r;
}

static int configure(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    int r = put_machine(a, b, plan, err);
    for (unsigned i = 0; r == 0 && i < plan->nic_count; i++)
        r = put_net(a, b, plan, i, err);
    if (r < 0 || put_vsock(a, b, plan, err) < 0 || put_balloon(a, b, plan, err) < 0 || put_entropy(a, b, err) < 0)
        return -1;
    return put_metrics(a, b, plan, err);
}

struct vmm *vmm_open(int run, const char *socket, int process)
{
    struct vmm *v = calloc(1, sizeof(*v));
    if (v && (v->api = api_open(run, socket, process)))
        return v;
    free(v);
    return NULL;
}

int vmm_prepare(struct vmm *v, const struct vmm_plan *plan, struct err *err)
{
    struct body b = {0};
    if (get_version(v, err) < 0 || version_check(v->version, plan, err) < 0)
        return -1;
    int r = configure(v->api, &b, plan, err);
    buf_free(&b.text);
    return r;
}

int vmm_start(struct vmm *v, const struct vmm_plan *plan, struct err *err)
{
    struct body b = {0};
    int r = 0;
    for (unsigned i = 0; r == 0 && i < plan->drive_count; i++)
        r = put_drive(v->api, &b, &plan->drives[i], &plan->drive_limit, err);
    if (r == 0)
        r = put_start(v->api, &b, plan, err);
    buf_free(&b.text);
    return r;
}

void vmm_join(struct vmm *v, struct loop *loop)
{
    api_join(v->api, loop);
}

int vmm_get_balloon(struct vmm *v, api_done *done, void *arg)
{
    return api_send(v->api, "GET", "/balloon/statistics", NULL, done, arg);
}

static void not_set(void *arg, long status, const char *body, size_t len)
{
    (void)arg, (void)len;
    if (status >= 300)
        log_debug("cannot set the balloon's size: %s", body);
}

int vmm_set_balloon(struct vmm *v, uint64_t mib)
{
    char body[64];
    snprintf(body, sizeof(body), "{\"amount_mib\":%llu}", (unsigned long long)mib);
    return api_send(v->api, "PATCH", "/balloon", body, not_set, NULL);
}

int vmm_flush_metrics(struct vmm *v, api_done *done, void *arg)
{
    return api_send(v->api, "PUT", "/actions", "{\"action_type\":\"FlushMetrics\"}", done, arg);
}

int vmm_set_paused(struct vmm *v, bool paused, api_done *done, void *arg)
{
    return api_send(v->api, "PATCH", "/vm", paused ? "{\"state\":\"Paused\"}" : "{\"state\":\"Resumed\"}", done, arg);
}

int vmm_connection(const struct vmm *v)
{
    return api_connection(v->api);
}

const char *vmm_version(const struct vmm *v)
{
    return v->version;
}

void vmm_close(struct vmm *v)
{
    if (!v)
        return;
    api_close(v->api);
    free(v);
}
