/* ls: the VMs of this host, or container, as their state.json says (entry/life/state.h), those in the background that
 * have ended, and those of containers.  Reads everything before it parses any of it, because a container's state is
 * foreign. */
#include "common/cleanup.h"
#include "common/confine.h"
#include "common/json.h"
#include "common/jsonread.h"
#include "ctl/args.h"
#include "ctl/ctl.h"
#include "ctl/root.h"
#include "ctl/vms.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILTERS_MAX = 8 };
enum column { ID, PID, STARTED, NETWORK, ADDRESS, IMAGE, STATUS, PLACE, COLUMNS };
static const char *const places[] = {[VM_HOST] = "host", [VM_CONTAINER] = "container"};

struct ls {
    bool json, all, quiet;
    const char *format; /* of a line, as docker's; NULL: none */
    const char *filters[FILTERS_MAX];
    size_t filter_count;
};

/* A VM as it is shown; owned by its row. */
struct row {
    struct buf column[COLUMNS];
    struct buf json;
};

/* What a filter may name, and the column that it is looked for in. */
static const struct {
    const char *name;
    enum column column;
} filters[] = {{"id=", ID},          {"name=", ID},     {"status=", STATUS},   {"image=", IMAGE},
               {"ancestor=", IMAGE}, {"place=", PLACE}, {"network=", NETWORK}, {"address=", ADDRESS}};
enum { FILTER_NAMES = sizeof(filters) / sizeof(*filters) };

static size_t filter_of(const char *text)
{
    size_t i = 0;
    while (i < FILTER_NAMES && strncmp(text, filters[i].name, strlen(filters[i].name)) != 0)
        i++;
    return i;
}

static bool passes(const struct ls *l, const struct row *r)
{
    for (size_t i = 0; i < l->filter_count; i++) {
        size_t which = filter_of(l->filters[i]);
        const char *wanted = l->filters[i] + strlen(filters[which].name);
        if (!strstr(r->column[filters[which].column].data, wanted))
            return false;
    }
    return true;
}

static void put_text(struct buf *to, const struct jsonread *j, const char *key)
{
    cleanup_free char *value = jsonread_string(j, jsonread_member(j, 0, key));
    buf_str(to, value ? value : "-");
}

static void put_time(struct buf *to, uint64_t seconds)
{
    char when[sizeof("2026-11-27T12:00:00Z")];
    struct tm tm;
    time_t started = (time_t)seconds;
    if (!gmtime_r(&started, &tm) || strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(when, "-");
    buf_str(to, when);
}

static void put_status(struct buf *to, const struct vm *vm)
{
    if (vm->state)
        buf_str(to, "running");
    else if (vm->lives)
        buf_str(to, "starting");
    else if (vm->code >= 0)
        buf_fmt(to, "exited (%ld)", vm->code);
    else
        buf_str(to, "dead");
}

static void fill_json(struct row *r, const struct vm *vm, const struct jsonread *about)
{
    struct json j = {.out = &r->json};
    size_t len = vm->state_len;
    while (len > 0 && strchr("\n}", vm->state[len - 1]))
        len--;
    if (vm->state && vm->place == VM_HOST) {
        buf_add(&r->json, vm->state, len);
    } else {
        static const char *const keys[] = {[ID] = "id", [NETWORK] = "network", [ADDRESS] = "address"};
        j.first = true;
        json_open(&j, NULL, '{');
        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
            if (keys[i])
                json_string(&j, keys[i], strcmp(r->column[i].data, "-") == 0 ? NULL : r->column[i].data);
        if (vm->entry)
            json_number(&j, "pid", (uint64_t)vm->entry);
    }
    cleanup_free char *from = jsonread_string(about, jsonread_member(about, 0, "from"));
    json_string(&j, "status", r->column[STATUS].data);
    json_string(&j, "place", places[vm->place]);
    if (vm->about)
        json_string(&j, "from", from);
    if (vm->code >= 0)
        json_number(&j, "exit_code", (uint64_t)vm->code);
    json_close(&j, '}');
}

static int fill_row(struct row *r, const struct vm *vm, const struct jsonread *state, const struct jsonread *about)
{
    uint64_t pid = jsonread_number(state, jsonread_member(state, jsonread_member(state, 0, "pids"), "entry"));
    if (vm->place == VM_CONTAINER && pid != (uint64_t)vm->inner)
        return -1; /* what another one has left */
    uint64_t started = jsonread_number(state, jsonread_member(state, 0, "started"));
    buf_str(&r->column[ID], vm->id);
    if (vm->state)
        buf_fmt(&r->column[PID], "%llu", vm->entry ? (unsigned long long)vm->entry : (unsigned long long)pid);
    else
        buf_str(&r->column[PID], "-");
    put_time(&r->column[STARTED], started ? started : jsonread_number(about, jsonread_member(about, 0, "created")));
    put_text(&r->column[NETWORK], state, "network");
    put_text(&r->column[ADDRESS], state, "address");
    put_text(&r->column[IMAGE], vm->about ? about : state, vm->about ? "from" : "image");
    put_status(&r->column[STATUS], vm);
    buf_str(&r->column[PLACE], places[vm->place]);
    for (int i = 0; i < COLUMNS; i++)
        if (buf_failed(&r->column[i]))
            return -1;
    fill_json(r, vm, about);
    return 0;
}

static int read_text(struct jsonread *j, const char *text, size_t len)
{
    static const char nothing[] = "{}";
    return jsonread_open(j, text ? text : nothing, text ? len : strlen(nothing));
}

/* What a format may name, in double braces after a dot. */
static const char *const fields[COLUMNS] = {"ID", "Pid", "Started", "Network", "Address", "Image", "Status", "Place"};

/* One piece of the format: a field, \t or \n, or the text before these.  Moves *at over it.  The field's column,
 * COLUMNS for text (*len bytes at *text), or -1: not a field. */
static int next_piece(const char **at, const char **text, size_t *len)
{
    const char *from = *at;
    if (strncmp(from, "{{.", 3) == 0) {
        const char *end = strstr(from, "}}");
        for (int i = 0; end && i < COLUMNS; i++)
            if (strlen(fields[i]) == (size_t)(end - from - 3) && strncmp(from + 3, fields[i], strlen(fields[i])) == 0) {
                *at = end + 2;
                return i;
            }
        return -1;
    }
    bool escape = from[0] == '\\' && (from[1] == 't' || from[1] == 'n');
    *text = escape ? from[1] == 't' ? "\t" : "\n" : from;
    *len = escape ? 1 : 1 + strcspn(from + 1, "{\\");
    *at = from + (escape ? 2 : *len);
    return COLUMNS;
}

static bool is_format(const char *at)
{
    const char *text;
    size_t len;
    bool good = *at;
    while (*at && good)
        good = next_piece(&at, &text, &len) >= 0;
    return good;
}

static void put_formatted(struct buf *out, const char *at, const struct row *r)
{
    const char *text;
    size_t len;
    while (*at) {
        int column = next_piece(&at, &text, &len);
        if (column < COLUMNS)
            buf_str(out, r->column[column].data);
        else
            buf_add(out, text, len);
    }
}

static void print_one(const struct ls *l, const struct vm *vm, struct buf *out)
{
    struct jsonread state, about;
    struct row r = {0};
    if (!vm->state && !vm->lives && !l->all)
        return;
    if (read_text(&state, vm->state, vm->state_len) == 0) {
        if (read_text(&about, vm->about, vm->about_len) == 0) {
            if (fill_row(&r, vm, &state, &about) == 0 && passes(l, &r)) {
                buf_str(out, l->json && out->len > 1 ? ",\n" : "");
                if (l->format)
                    put_formatted(out, l->format, &r);
                else
                    buf_str(out, l->json ? r.json.data : r.column[0].data);
                for (int i = 1; i < COLUMNS && !l->json && !l->quiet && !l->format; i++)
                    buf_fmt(out, "\t%s", r.column[i].data);
                buf_str(out, l->json ? "" : "\n");
            }
            jsonread_close(&about);
        }
        jsonread_close(&state);
    }
    for (int i = 0; i < COLUMNS; i++)
        buf_free(&r.column[i]);
    buf_free(&r.json);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct vm *)a)->id, ((const struct vm *)b)->id);
}

static int take_args(struct ls *l, struct root *at, char **arg, struct err *err)
{
    for (; *arg; arg++) {
        const char *value = args_value(&arg, "--filter");
        value = value ? value : args_value(&arg, "-f");
        if (value && l->filter_count < FILTERS_MAX && filter_of(value) < FILTER_NAMES)
            l->filters[l->filter_count++] = value;
        else if (value)
            return err_set(
                err, "ls: --filter %s: is not one of id=, name=, status=, image=, place=, network=, address=", value);
        else if (root_take(at, &arg))
            continue;
        else if ((value = args_value(&arg, "--format"))) {
            l->json = strcmp(value, "json") == 0;
            l->format = l->json ? NULL : value;
            if (!l->json && !is_format(value))
                return err_set(err,
                               "ls: --format %s: is neither json nor text with {{.ID}}, {{.Pid}}, {{.Started}}, "
                               "{{.Network}}, {{.Address}}, {{.Image}}, {{.Status}} or {{.Place}}",
                               value);
        } else if (strcmp(*arg, "--json") == 0)
            l->json = true;
        else if (strcmp(*arg, "-a") == 0 || strcmp(*arg, "--all") == 0)
            l->all = true;
        else if (strcmp(*arg, "-q") == 0 || strcmp(*arg, "--quiet") == 0)
            l->quiet = true;
        else
            return err_set(err, "ls: usage: ls [-a] [-q] [--json] [--filter KEY=TEXT]...");
    }
    return 0;
}

int ctl_ls(const char *id, char **argv, struct err *err)
{
    (void)id;
    struct ls l = {0};
    struct vms vms = {0};
    cleanup_root struct root at = {0};
    if (take_args(&l, &at, argv + 1, err) < 0)
        return -1;
    const char *root = root_find(&at, PROFILE_CACHE, err);
    if (!root)
        return -1;
    cleanup_buf struct buf out = {0};
    int rc = vms_find(&vms, root, err);
    if (rc == 0) {
        vms_find_contained(&vms);
        rc = confine_client(err);
    }
    if (rc == 0 && vms.count > 0)
        qsort(vms.list, vms.count, sizeof(*vms.list), by_id);
    buf_str(&out, l.json ? "[" : "");
    for (size_t i = 0; rc == 0 && i < vms.count; i++)
        print_one(&l, &vms.list[i], &out);
    buf_str(&out, l.json ? "]\n" : "");
    if (rc == 0 && (buf_failed(&out) || vms.failed))
        rc = err_set(err, "out of memory");
    if (rc == 0 && out.len > 0)
        rc = ctl_print(&out, false, err);
    vms_free(&vms);
    return rc;
}
