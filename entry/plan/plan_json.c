/* The plan as JSON, for --dry-run.  Values that are chosen only when the plan is carried out, such as the TAP's
 * address, are null. */
#include "common/json.h"
#include "common/mac.h"
#include "entry/kvm/kvm.h"
#include "entry/plan/plan.h"
#include "entry/plan/plan_parts.h"

#include <arpa/inet.h>
#include <string.h>

/* As in VM_PORTS, but with every part: 0.0.0.0:2000-2010:2000-2010/tcp */
static void print_ports(struct json *j, const struct net_ports *ports)
{
    json_open(j, "ports", '[');
    if (ports->all)
        json_string(j, NULL, NET_PORTS_ALL);
    for (size_t i = 0; i < ports->count; i++) {
        const struct net_port *p = &ports->list[i];
        char address[INET_ADDRSTRLEN], text[64];
        inet_ntop(AF_INET, &p->host_addr, address, sizeof(address));
        snprintf(text, sizeof(text), "%s:%u-%u:%u-%u/%s", address, p->host_port, p->host_port + p->count - 1U,
                 p->guest_port, p->guest_port + p->count - 1U, p->udp ? "udp" : "tcp");
        json_string(j, NULL, text);
    }
    json_close(j, ']');
}

static void print_net(struct json *j, const struct net_plan *n)
{
    char text[INET_ADDRSTRLEN + 3], mac[MAC_TEXT];
    json_open(j, "network", '{');
    json_string(j, "tap", n->tap[0] ? n->tap : NULL);
    inet_ntop(AF_INET, &n->tap_addr, text, INET_ADDRSTRLEN);
    json_string(j, "tap_ip", n->tap_addr.s_addr ? strcat(text, "/30") : NULL);
    json_string(j, "guest_ip", n->guest_addr.s_addr ? inet_ntop(AF_INET, &n->guest_addr, text, sizeof(text)) : NULL);
    mac_text(n->guest_mac, mac);
    json_string(j, "guest_mac", strcmp(mac, "00:00:00:00:00:00") == 0 ? NULL : mac);
    json_string(j, "uplink", n->uplink[0] ? n->uplink : "default routes'");
    print_ports(j, &n->ports);
    json_bool(j, "host_access", n->host_access);
    json_bool(j, "guest_access", n->guest_access);
    json_open(j, "dns_relay_to", '[');
    for (int i = 0; i < NET_DNS_SERVERS && n->dns[i][0]; i++)
        json_string(j, NULL, n->dns[i]);
    json_close(j, ']');
    json_close(j, '}');
}

static void print_drives(struct json *j, const struct drives_plan *d)
{
    json_open(j, "drives", '{');
    json_string(j, "rootfs_dir", d->rootfs);
    json_bool(j, "rootfs_sealed", d->rootfs_sealed);
    json_string(j, "rootfs_format", d->rootfs_format == ROOTFS_EXT4 ? "ext4" : "erofs");
    json_number(j, "rootfs_bytes", d->rootfs_size);
    json_string(j, "data_dir", d->data_dir);
    json_bool(j, "data_persistent", d->data_persistent);
    json_number(j, "datafs_bytes", d->datafs_size);
    json_string(j, "data_mount", d->data_mount);
    json_string(j, "scratch_dir", d->scratch_dir);
    json_open(j, "volumes", '[');
    for (unsigned i = 0; i < d->volume_count; i++) {
        json_open(j, NULL, '{');
        json_string(j, "source", d->volume[i].source);
        json_string(j, "target", d->volume[i].target);
        json_string(j, "mode", plan_volume_mode(d->volume[i].kind));
        if (d->volume[i].kind == VOLUME_KEPT)
            json_number(j, "bytes", d->volume[i].size);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

/* null: no limit */
static void print_limit(struct json *j, const char *key, const struct vmm_limit *limit)
{
    json_open(j, key, '{');
    limit->bytes ? json_number(j, "bytes_per_s", limit->bytes) : json_string(j, "bytes_per_s", NULL);
    limit->ops ? json_number(j, "ops_per_s", limit->ops) : json_string(j, "ops_per_s", NULL);
    json_close(j, '}');
}

static void print_strings(struct json *j, const char *key, const struct buf *strings)
{
    json_open(j, key, '[');
    for (size_t at = 0; at < strings->len; at += strlen(strings->data + at) + 1)
        json_string(j, NULL, strings->data + at);
    json_close(j, ']');
}

static void print_taken(struct json *j, const struct takeover_plan *t)
{
    json_open(j, "taken_interfaces", '[');
    if (!t->ifaces[0][0])
        json_string(j, NULL, "all");
    for (size_t i = 0; i < TAKEOVER_CARDS_MAX && t->ifaces[i][0]; i++)
        json_string(j, NULL, t->ifaces[i]);
    json_close(j, ']');
}

int plan_print(const struct plan *plan, FILE *out, struct err *err)
{
    cleanup_buf struct buf text = {0};
    struct json j = {.out = &text};
    json_open(&j, NULL, '{');
    json_string(&j, "id", plan->id);
    json_string(&j, "kvm", kvm_state_name(kvm_probe()));
    print_strings(&j, "command", plan->guest.command);
    print_strings(&j, "environment", plan->guest.environment);
    json_number(&j, "vcpu_count", plan->vmm.vcpus);
    json_number(&j, "mem_size_mib", plan->vmm.mem_mib);
    plan->supervise.mem_min_mib ? json_number(&j, "mem_min_mib", plan->supervise.mem_min_mib)
                                : json_string(&j, "mem_min_mib", NULL);
    json_bool(&j, "mem_reclaim", plan->vmm.report_free);
    json_string(&j, "cpu_template", plan->vmm.cpu_template);
    json_open(&j, "cgroup", '[');
    for (unsigned i = 0; i < plan->cgroup.count; i++)
        json_string(&j, NULL, plan->cgroup.settings[i]);
    json_close(&j, ']');
    json_string(&j, "kernel_image", plan->jail.files[JAIL_KERNEL].source);
    json_string(&j, "initrd_image", plan->jail.files[JAIL_INITRD].source);
    json_string(&j, "boot_args", plan->boot_args);
    print_drives(&j, &plan->drives);
    print_limit(&j, "disk_limit", &plan->vmm.drive_limit);
    json_bool(&j, "has_network", plan->network != NETWORK_NONE);
    json_string(&j, "network_mode", plan_network_name(plan));
    print_net(&j, &plan->net);
    if (plan->network == NETWORK_TAKEOVER)
        print_taken(&j, &plan->taken);
    print_limit(&j, "network_limit", &plan->vmm.net_limit);
    json_open(&j, "jail", '{');
    json_string(&j, "base", plan->jail.base);
    json_string(&j, "jailer", plan->jail.jailer);
    json_string(&j, "firecracker", plan->jail.firecracker);
    json_number(&j, "uid", plan->jail.uid);
    json_number(&j, "gid", plan->jail.gid);
    json_close(&j, '}');
    json_string(&j, "guest_user", plan->guest.user);
    json_bool(&j, "guest_readonly", plan->guest.readonly);
    json_string(&j, "guest_workdir", plan->guest.workdir ? plan->guest.workdir : plan->guest.workdir_default);
    json_string(&j, "init_system", plan->guest.init);
    print_strings(&j, "sysctls", &plan->sysctls);
    json_bool(&j, "tty", plan->supervise.tty);
    json_string(&j, "healthcheck", plan->healthcheck);
    json_number(&j, "stop_signal", (uint64_t)plan->supervise.stop_signal);
    json_number(&j, "stop_timeout_s", plan->supervise.stop_timeout);
    json_number(&j, "boot_timeout_s", plan->supervise.boot_timeout);
    json_close(&j, '}');
    buf_str(&text, "\n");
    if (buf_failed(&text))
        return err_set(err, "out of memory");
    return fwrite(text.data, 1, text.len, out) == text.len && fflush(out) == 0 ? 0
                                                                               : err_sys(err, "cannot write the plan");
}
