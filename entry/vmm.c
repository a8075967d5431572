#include "entry/vmm.h"

#include "common/buf.h"
#include "common/cancel.h"
#include "common/json.h"
#include "common/loop.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

struct api {
    CURL *curl;
    int pid_fd;
    bool ended;
    uint64_t give_up; /* loop_now() when the socket must have appeared */
    struct buf answer;
};

enum { ANSWER_MAX = 64 * 1024, API_TIMEOUT = 60 }; /* bytes; seconds */

static size_t receive(char *data, size_t size, size_t count, void *arg)
{
    struct api *a = arg;
    size_t len = size * count;
    if (a->answer.len + len > ANSWER_MAX)
        return 0; /* curl fails the transfer */
    buf_add(&a->answer, data, len);
    return buf_failed(&a->answer) ? 0 : len;
}

/* curl asks at least once a second; anything but 0 fails the transfer. */
static int progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)arg, (void)a, (void)b, (void)c, (void)d;
    return cancel_wanted();
}

/* One PUT.  The socket appears some milliseconds after the jailer's start, and without a sign that can be
 * waited for (it is bound before it listens): connecting is tried until it works or Firecracker ends. */
static int put(struct api *a, const char *path, const char *body, struct err *err)
{
    char url[128];
    snprintf(url, sizeof(url), "http://localhost%s", path);
    CURLcode c;
    for (;;) {
        a->answer.len = 0;
        curl_easy_setopt(a->curl, CURLOPT_URL, url);
        curl_easy_setopt(a->curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(a->curl, CURLOPT_CUSTOMREQUEST, "PUT");
        c = curl_easy_perform(a->curl);
        if (c != CURLE_COULDNT_CONNECT)
            break;
        if (cancel_wait(a->pid_fd, 2) || cancel_wanted() || loop_now() > a->give_up)
            break;
    }
    a->ended = c != CURLE_OK && cancel_wait(a->pid_fd, 0);
    if (a->ended)
        return err_set(err, "Firecracker ended while it was being configured (%s)", path);
    if (c != CURLE_OK)
        return err_set(err, "Firecracker does not answer (PUT %s): %s", path, curl_easy_strerror(c));
    long status = 0;
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 300)
        return 0;
    char fault[768];
    if (!a->answer.data || json_get_string(a->answer.data, a->answer.len, "fault_message", fault, sizeof(fault)) < 0)
        snprintf(fault, sizeof(fault), "HTTP status %ld", status);
    return err_set(err, "Firecracker refuses %s: %s", path + 1, fault);
}

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
    return put(a, path, b->text.data, err);
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

static int configure(struct api *a, const struct vmm_plan *plan, struct err *err)
{
    struct body b = {0};
    int r = put_machine(a, &b, plan, err);
    for (unsigned i = 0; r == 0 && i < plan->drive_count; i++)
        r = put_drive(a, &b, &plan->drives[i], &plan->drive_limit, err);
    if (r == 0 && plan->tap)
        r = put_net(a, &b, plan, err);
    if (r == 0)
        r = put_vsock(a, &b, plan, err);
    if (r == 0)
        r = put_start(a, &b, err);
    buf_free(&b.text);
    return r;
}

int vmm_start(const struct vmm_plan *plan, int run, int pid_fd, bool *ended, struct err *err)
{
    struct api a = {
        .curl = curl_easy_init(), .pid_fd = pid_fd, .give_up = loop_now() + API_TIMEOUT * UINT64_C(1000000000)};
    if (!a.curl)
        return err_set(err, "out of memory starting libcurl");
    /* By descriptor: a socket's path may have 107 bytes, the jail's more. */
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", run, plan->api_socket);
    curl_easy_setopt(a.curl, CURLOPT_UNIX_SOCKET_PATH, path);
    curl_easy_setopt(a.curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(a.curl, CURLOPT_WRITEDATA, &a);
    curl_easy_setopt(a.curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(a.curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(a.curl, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(a.curl, CURLOPT_TIMEOUT, (long)API_TIMEOUT);
    int r = configure(&a, plan, err);
    *ended = a.ended;
    curl_easy_cleanup(a.curl);
    buf_free(&a.answer);
    return r;
}
