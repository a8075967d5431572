#include "entry/vmm.h"

#include "common/buf.h"
#include "common/json.h"
#include "entry/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vmm {
    struct api *api;
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
        return err_set(err, "out of memory configuring Firecracker");
    return api_call(a, "PUT", path, b->text.data, NULL, err);
}

static int put_machine(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    struct json *j = begin(b);
    json_number(j, "vcpu_count", plan->vcpus);
    json_number(j, "mem_size_mib", plan->mem_mib);
    if (send_body(a, b, "/machine-config", err) < 0)
        return -1;
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

static int put_net(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    struct json *j = begin(b);
    json_string(j, "iface_id", "eth0");
    json_string(j, "host_dev_name", plan->tap);
    json_string(j, "guest_mac", plan->mac);
    add_limiter(j, "rx_rate_limiter", &plan->net_limit);
    add_limiter(j, "tx_rate_limiter", &plan->net_limit);
    return send_body(a, b, "/network-interfaces/eth0", err);
}

static int put_vsock(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    struct json *j = begin(b);
    json_number(j, "guest_cid", 3);
    json_string(j, "uds_path", plan->vsock);
    return send_body(a, b, "/vsock", err);
}

static int put_start(struct api *a, struct body *b, struct err *err)
{
    json_string(begin(b), "action_type", "InstanceStart");
    return send_body(a, b, "/actions", err);
}

static int configure(struct api *a, struct body *b, const struct vmm_plan *plan, struct err *err)
{
    int r = put_machine(a, b, plan, err);
    for (unsigned i = 0; r == 0 && i < plan->drive_count; i++)
        r = put_drive(a, b, &plan->drives[i], &plan->drive_limit, err);
    if (r == 0 && plan->tap)
        r = put_net(a, b, plan, err);
    if (r == 0)
        r = put_vsock(a, b, plan, err);
    return r < 0 ? -1 : put_start(a, b, err);
}

struct vmm *vmm_open(int run, const char *socket, int process)
{
    struct vmm *v = calloc(1, sizeof(*v));
    if (v && (v->api = api_open(run, socket, process)))
        return v;
    free(v);
    return NULL;
}

int vmm_start(struct vmm *v, const struct vmm_plan *plan, struct err *err)
{
    struct body b = {0};
    int r = configure(v->api, &b, plan, err);
    buf_free(&b.text);
    return r;
}

void vmm_join(struct vmm *v, struct loop *loop)
{
    api_join(v->api, loop);
}

void vmm_close(struct vmm *v)
{
    if (!v)
        return;
    api_close(v->api);
    free(v);
}
