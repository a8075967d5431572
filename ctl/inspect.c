/* inspect: a VM by the names that firebuild's users know, and beside them our own: state.json as it is
 * (entry/life/state.h).  Of one in the background, also what it was started with, from its record (ctl/about.h).  */
#include "ctl/inspect.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/json.h"
#include "common/jsonread.h"
#include "ctl/args.h"
#include "ctl/ctl.h"
#include "ctl/record.h"
#include "ctl/root.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ABOUT_MAX = 4 << 20 };

static void add_member(struct json *to, const char *name, const struct jsonread *from, const char *key)
{
    cleanup_free char *value = jsonread_string(from, jsonread_member(from, 0, key));
    json_string(to, name, value);
}

/* The mask and the network of a prefix. */
static void add_net(struct json *to, const char *address, uint64_t prefix)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr mask = {.s_addr = htonl(prefix ? UINT32_MAX << (32 - prefix) : 0)};
    cleanup_buf struct buf net = {0};
    buf_fmt(&net, "%s/%u", address, (unsigned)prefix);
    json_string(to, "IPMask", inet_ntop(AF_INET, &mask, text, sizeof(text)));
    json_string(to, "IPNet", net.data);
}

static void add_interface(struct json *to, const struct jsonread *state)
{
    cleanup_free char *address = jsonread_string(state, jsonread_member(state, 0, "address"));
    uint64_t prefix = jsonread_number(state, jsonread_member(state, 0, "prefix"));
    json_open(to, "NetworkInterfaces", '[');
    if (address) {
        json_open(to, NULL, '{');
        json_open(to, "StaticConfiguration", '{');
        add_member(to, "MacAddress", state, "mac");
        add_member(to, "HostDeviceName", state, "tap");
        json_open(to, "IPConfiguration", '{');
        add_member(to, "Gateway", state, "gateway");
        json_string(to, "IfName", "eth0");
        json_string(to, "IP", address);
        json_string(to, "IPAddr", address);
        if (prefix > 0 && prefix <= 32)
            add_net(to, address, prefix);
        json_close(to, '}');
        json_close(to, '}');
        json_close(to, '}');
    }
    json_close(to, ']');
}

static void fill(struct json *to, const struct inspected *vm)
{
    const struct jsonread *state = &vm->state, *about = &vm->about;
    uint64_t started = jsonread_number(state, jsonread_member(state, 0, "started"));
    json_open(to, NULL, '{');
    json_string(to, "VMMID", vm->id);
    json_string(to, "Type", "run");
    json_number(to, "StartedAtUTC", started ? started : jsonread_number(about, jsonread_member(about, 0, "created")));
    json_bool(to, "Running", vm->running);
    if (vm->code >= 0)
        json_number(to, "ExitCode", (uint64_t)vm->code);
    if (vm->running) {
        json_open(to, "Pid", '{');
        json_number(to, "Pid",
                    jsonread_number(state, jsonread_member(state, jsonread_member(state, 0, "pids"), "firecracker")));
        json_close(to, '}');
    }
    add_interface(to, state);
    inspect_cni(to, vm);
    inspect_config(to, vm);
    if (vm->kept)
        json_string(to, "RunCache", vm->root);
    inspect_image(to, vm);
    json_open(to, "Drivers", '[');
    json_close(to, ']');
    if (vm->running)
        json_raw(to, "State", state->text, strcspn(state->text, "\n"));
    json_close(to, '}');
    buf_str(to->out, "\n");
}

static char *read_record(const char *root, struct inspected *vm, size_t *len)
{
    struct record r;
    if (record_open(&r, root, vm->id) < 0)
        return NULL;
    char *text = io_read_file(r.folder, RECORD_ABOUT, ABOUT_MAX, len);
    vm->code = record_number(&r, RECORD_EXIT);
    record_close(&r);
    return text;
}

static int inspect(const char *root, struct inspected *vm, struct buf *out, struct err *err)
{
    static const char nothing[] = "{}";
    struct json to = {.out = out, .first = true};
    size_t state_len = 0, about_len = 0;
    cleanup_free char *state = ctl_state(vm->id, &state_len);
    if (!state && errno == EACCES)
        return err_set(err, "inspect: %s: only root may connect", vm->id);
    cleanup_free char *about = read_record(root, vm, &about_len);
    if (!state && !about)
        return err_set(err, "inspect: %s: no VM with that id is running here", vm->id);
    vm->running = state;
    vm->kept = about;
    if (jsonread_open(&vm->state, state ? state : nothing, state ? state_len : strlen(nothing)) < 0)
        return err_set(err, "inspect: %s: its state.json is not JSON", vm->id);
    if (jsonread_open(&vm->about, about ? about : nothing, about ? about_len : strlen(nothing)) < 0) {
        jsonread_close(&vm->state);
        return err_set(err, "inspect: %s: its vm.json is not JSON", vm->id);
    }
    fill(&to, vm);
    jsonread_close(&vm->about);
    jsonread_close(&vm->state);
    return buf_failed(out) ? err_set(err, "out of memory") : 0;
}

int ctl_inspect(const char *id, char **argv, struct err *err)
{
    cleanup_buf struct buf out = {0};
    struct inspected vm = {.id = id, .code = -1};
    cleanup_root struct root at = {0};
    bool wrong = false, named = false;
    for (char **arg = argv + 1; *arg && !wrong; arg++) {
        const char *value;
        if (root_take(&at, &arg)) {
            continue;
        } else if (strcmp(*arg, "--show-env") == 0) {
            vm.show_environment = true;
        } else {
            value = args_value(&arg, "--vmm-id");
            vm.id = value ? value : *arg;
            wrong = named;
            named = true;
        }
    }
    if (wrong || !vm.id || !record_is_name(vm.id))
        return err_set(err, "inspect: usage: inspect [--show-env] [--vmm-id] ID");
    const char *root = vm.root = root_find(&at, PROFILE_CACHE, err);
    return !root || inspect(root, &vm, &out, err) < 0 ? -1 : ctl_print(&out, false, err);
}
