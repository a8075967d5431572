#include "entry/vmm/counters.h"

#include "common/array.h"
#include "common/json.h"
#include "entry/vmm/prometheus.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line has about 10 KiB; a longer one does not come from Firecracker and is dropped.  A VM has at most 17 devices
 * (drives and interfaces). */
enum { LINE_MAX_BYTES = 256 * 1024, DEVICES_MAX = 17 };

/* Where each is in the JSON (v1.12, src/vmm/src/devices/virtio/{block,net}/...metrics.rs,
 * src/vmm/src/logger/metrics.rs: VcpuMetrics).  An object that ends in _ is one of each device, which its name follows;
 * that becomes a label. */
static const struct {
    const char *object, *key, *label;
    struct prometheus name;
} rows[] = {
    {"block_", "read_bytes", "disk", {"disk_read_bytes_total", "counter", "Bytes read from the disk"}},
    {"block_", "write_bytes", "disk", {"disk_written_bytes_total", "counter", "Bytes written to the disk"}},
    {"block_", "read_count", "disk", {"disk_reads_total", "counter", "Reads of the disk that succeeded"}},
    {"block_", "write_count", "disk", {"disk_writes_total", "counter", "Writes to the disk that succeeded"}},
    {"block_", "flush_count", "disk", {"disk_flushes_total", "counter", "Flushes of the disk"}},
    {"block_", "execute_fails", "disk", {"disk_errors_total", "counter", "Requests to the disk that failed"}},
    {"block_",
     "rate_limiter_throttled_events",
     "disk",
     {"disk_throttled_total", "counter", "Times that VM_DISK_BANDWIDTH or VM_DISK_OPS held the disk up"}},
    {"net_",
     "rx_bytes_count",
     "interface",
     {"network_receive_bytes_total", "counter", "Bytes that the guest has received"}},
    {"net_",
     "tx_bytes_count",
     "interface",
     {"network_transmit_bytes_total", "counter", "Bytes that the guest has sent"}},
    {"net_",
     "rx_packets_count",
     "interface",
     {"network_receive_packets_total", "counter", "Packets that the guest has received"}},
    {"net_",
     "tx_packets_count",
     "interface",
     {"network_transmit_packets_total", "counter", "Packets that the guest has sent"}},
    {"net_",
     "rx_fails",
     "interface",
     {"network_receive_errors_total", "counter", "Packets for the guest that were lost"}},
    {"net_",
     "tx_fails",
     "interface",
     {"network_transmit_errors_total", "counter", "Packets from the guest that were lost"}},
    {"vcpu", "exit_io_in", NULL, {"vcpu_exits_io_in_total", "counter", "KVM exits for input from an I/O port"}},
    {"vcpu", "exit_io_out", NULL, {"vcpu_exits_io_out_total", "counter", "KVM exits for output to an I/O port"}},
    {"vcpu", "exit_mmio_read", NULL, {"vcpu_exits_mmio_read_total", "counter", "KVM exits for reads of devices"}},
    {"vcpu", "exit_mmio_write", NULL, {"vcpu_exits_mmio_write_total", "counter", "KVM exits for writes to devices"}},
    {"vcpu", "failures", NULL, {"vcpu_errors_total", "counter", "Errors while a virtual CPU ran"}},
};
enum { ROWS = COUNT(rows) };

struct counters {
    struct watch watch; /* first: a watch is its counters */
    struct loop *loop;
    struct buf text;
    bool skipping; /* to the end of a line that is too long */
    char device[DEVICES_MAX][64];
    unsigned devices;
    uint64_t value[ROWS][DEVICES_MAX]; /* 0, where there is no device */
};

/* The device's place; DEVICES_MAX: there is no room for it. */
static unsigned device(struct counters *c, const char *object)
{
    unsigned i = 0;
    while (i < c->devices && strcmp(c->device[i], object) != 0)
        i++;
    if (i == c->devices && i < DEVICES_MAX) {
        snprintf(c->device[i], sizeof(c->device[i]), "%s", object);
        c->devices++;
    }
    return i;
}

static void on_number(void *arg, const char *object, const char *key, uint64_t value)
{
    struct counters *c = arg;
    for (int i = 0; i < ROWS; i++) {
        size_t len = strlen(rows[i].object);
        bool fits = rows[i].label ? strncmp(object, rows[i].object, len) == 0 && object[len]
                                  : strcmp(object, rows[i].object) == 0;
        unsigned at = fits && strcmp(key, rows[i].key) == 0 ? (rows[i].label ? device(c, object) : 0) : DEVICES_MAX;
        if (at < DEVICES_MAX)
            c->value[i][at] += value;
    }
}

static void take_lines(struct counters *c)
{
    for (char *end; c->text.len > 0 && (end = memchr(c->text.data, '\n', c->text.len));) {
        size_t len = (size_t)(end - c->text.data);
        if (!c->skipping)
            json_numbers(c->text.data, len, on_number, c);
        c->skipping = false;
        buf_drop(&c->text, len + 1);
    }
    if (c->text.len > LINE_MAX_BYTES) {
        c->text.len = 0;
        c->skipping = true;
    }
}

/* False when nothing more is there. */
static bool read_chunk(struct counters *c)
{
    char chunk[16384];
    ssize_t n = read(c->watch.fd, chunk, sizeof(chunk));
    if (n <= 0)
        return false;
    buf_add(&c->text, chunk, (size_t)n);
    take_lines(c);
    return true;
}

/* One read at a time: an endless writer must not block the loop. */
static void on_ready(struct watch *w, short revents)
{
    struct counters *c = (struct counters *)w;
    if (!read_chunk(c) && (revents & (POLLHUP | POLLERR | POLLNVAL)))
        loop_remove(c->loop, w);
}

void counters_read(struct counters *c)
{
    for (int i = 0; i < LINE_MAX_BYTES / 16384 && read_chunk(c); i++)
        ;
}

struct counters *counters_new(struct loop *loop, int fd)
{
    struct counters *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->loop = loop;
    c->watch = (struct watch){.fd = fd, .events = POLLIN, .ready = on_ready};
    if (loop_add(loop, &c->watch) == 0)
        return c;
    free(c);
    return NULL;
}

void counters_print(const struct counters *c, const char *vm, struct buf *out)
{
    for (int i = 0; i < ROWS; i++) {
        size_t len = strlen(rows[i].object);
        prometheus_head(out, &rows[i].name);
        if (!rows[i].label)
            prometheus_sample(out, &rows[i].name, vm, NULL, NULL, (double)c->value[i][0]);
        for (unsigned d = 0; rows[i].label && d < c->devices; d++)
            if (strncmp(c->device[d], rows[i].object, len) == 0)
                prometheus_sample(out, &rows[i].name, vm, rows[i].label, c->device[d] + len, (double)c->value[i][d]);
    }
}

void counters_free(struct counters *c)
{
    if (!c)
        return;
    loop_remove(c->loop, &c->watch);
    buf_free(&c->text);
    free(c);
}
