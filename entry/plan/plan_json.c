/* The plan as JSON, for --dry-run.  Values that are chosen only when the plan is carried out, such as the TAP's
 * address, are null. */
#include "common/json.h"
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

static void print_net(struct json *j, const struct plan *plan)
{
    const struct net_plan *n = &plan->net;
    json_open(j, "network", '{');
    options_print(plan, OPT_TAP_IP, OPT_GUEST_MAC, j);
    json_string(j, "uplink", n->uplink[0] ? n->uplink : "default routes'");
    print_ports(j, &n->ports);
    options_print(plan, OPT_HOST_ACCESS, OPT_GUEST_ACCESS, j);
    json_open(j, "dns_relay_to", '[');
    for (int i = 0; i < NET_DNS_SERVERS && n->dns[i][0]; i++)
        json_string(j, NULL, n->dns[i]);
    json_close(j, ']');
    json_close(j, '}');
}

static void print_drives(struct json *j, const struct plan *plan)
{
    const struct drives_plan *d = &plan->drives;
    json_open(j, "drives", '{');
    options_print(plan, OPT_ROOTFS_DIR, OPT_ROOTFS_SIZE, j);
    json_bool(j, "rootfs_sealed", d->rootfs_sealed);
    options_print(plan, OPT_DATA_DIR, OPT_SCRATCH_DIR, j);
    json_bool(j, "data_persistent", d->data_persistent);
    json_open(j, "volumes", '[');
    for (unsigned i = 0; i < d->volume_count; i++) {
        json_open(j, NULL, '{');
        json_string(j, "source", d->volume[i].source);
        json_string(j, "target", d->volume[i].target);
        json_string(j, "mode", plan_volume_mode(d->volume[i].kind));
        if (d->volume[i].kind == VOLUME_KEPT)
            json_number(j, "bytes", d->volume[i].size);
        if (d->volume[i].suid)
            json_bool(j, "suid", true);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void print_group(struct json *j, const char *key, const struct plan *plan, enum option first, enum option last)
{
    json_open(j, key, '{');
    options_print(plan, first, last, j);
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

static void print_cgroup(struct json *j, const struct cgroup_plan *c)
{
    json_open(j, "cgroup", '[');
    for (unsigned i = 0; i < c->count; i++)
        json_string(j, NULL, c->settings[i]);
    json_close(j, ']');
}

static void print_jail(struct json *j, const struct plan *plan)
{
    json_open(j, "jail", '{');
    options_print(plan, OPT_FIRECRACKER_BIN, OPT_JAIL_BASE, j);
    json_number(j, "uid", plan->jail.uid);
    json_number(j, "gid", plan->jail.gid);
    json_close(j, '}');
}

static void print_plan(struct json *j, const struct plan *plan)
{
    options_print(plan, OPT_VM_ID, OPT_VM_ID, j);
    json_string(j, "kvm", kvm_state_name(kvm_probe()));
    print_strings(j, "command", plan->guest.command);
    print_strings(j, "environment", plan->guest.environment);
    options_print(plan, OPT_VCPU_COUNT, OPT_CPU_TEMPLATE, j);
    print_cgroup(j, &plan->cgroup);
    options_print(plan, OPT_KERNEL_IMAGE, OPT_INITRD_IMAGE, j);
    json_string(j, "boot_args", plan->boot_args);
    print_drives(j, plan);
    print_group(j, "disk_limit", plan, OPT_DISK_BANDWIDTH, OPT_DISK_OPS);
    json_bool(j, "has_network", plan->network != NETWORK_NONE);
    options_print(plan, OPT_NETWORK, OPT_NETWORK, j);
    print_net(j, plan);
    if (plan->network == NETWORK_TAKEOVER)
        print_taken(j, &plan->taken);
    print_group(j, "network_limit", plan, OPT_NET_BANDWIDTH, OPT_NET_OPS);
    print_jail(j, plan);
    options_print(plan, OPT_ROOTFS_READONLY, OPT_ROOTFS_READONLY, j);
    options_print(plan, OPT_USER, OPT_LOG_LEVEL, j);
    json_string(j, "guest_workdir", plan->guest.workdir ? plan->guest.workdir : plan->guest.workdir_default);
    json_string(j, "init_system", plan->guest.init);
    print_strings(j, "sysctls", &plan->sysctls);
    json_bool(j, "tty", plan->supervise.tty);
}

int plan_print(const struct plan *plan, FILE *out, struct err *err)
{
    cleanup_buf struct buf text = {0};
    struct json j = {.out = &text};
    json_open(&j, NULL, '{');
    print_plan(&j, plan);
    json_close(&j, '}');
    buf_str(&text, "\n");
    if (buf_failed(&text))
        return err_set(err, "out of memory");
    return fwrite(text.data, 1, text.len, out) == text.len && fflush(out) == 0 ? 0
                                                                               : err_sys(err, "cannot write the plan");
}
