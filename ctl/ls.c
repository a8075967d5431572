/* ls: the VMs of this host, or container, as their state.json says (entry/life/state.h). */
#include "common/cleanup.h"
#include "common/jsonread.h"
#include "common/local.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct rows {
    bool json;
    struct buf *texts; /* one a VM */
    size_t count;
    bool failed; /* without memory */
};

static void add_text(struct rows *r, const struct buf *text)
{
    struct buf *more = text->failed ? NULL : reallocarray(r->texts, r->count + 1, sizeof(*more));
    if (!more) {
        r->failed = true;
        return;
    }
    r->texts = more;
    r->texts[r->count++] = *text;
}

static void add_string(struct buf *row, const struct jsonread *json, const char *key)
{
    cleanup_free char *value = jsonread_string(json, jsonread_member(json, 0, key));
    buf_fmt(row, "\t%s", value ? value : "-");
}

static void fill_row(struct buf *row, const char *id, const struct jsonread *json)
{
    char when[sizeof("2026-11-27T12:00:00Z")];
    struct tm tm;
    time_t started = (time_t)jsonread_number(json, jsonread_member(json, 0, "started"));
    if (!gmtime_r(&started, &tm) || strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(when, "-");
    int pids = jsonread_member(json, 0, "pids");
    buf_fmt(row, "%s\t%llu\t%s", id, (unsigned long long)jsonread_number(json, jsonread_member(json, pids, "entry")),
            when);
    add_string(row, json, "network");
    add_string(row, json, "address");
    add_string(row, json, "image");
    buf_str(row, "\n");
}

/* One that ends meanwhile has no state any more. */
static void consider(void *arg, const char *id)
{
    struct rows *r = arg;
    size_t len = 0;
    cleanup_free char *text = ctl_state(id, &len);
    struct jsonread json;
    if (!text || jsonread_open(&json, text, len) < 0)
        return;
    struct buf row = {0};
    if (r->json)
        buf_add(&row, text, len - (len > 0 && text[len - 1] == '\n'));
    else
        fill_row(&row, id, &json);
    jsonread_close(&json);
    add_text(r, &row);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct buf *)a)->data, ((const struct buf *)b)->data);
}

static void join(struct rows *r, struct buf *out)
{
    if (r->count > 0)
        qsort(r->texts, r->count, sizeof(*r->texts), by_bytes);
    buf_str(out, r->json ? "[" : "");
    for (size_t i = 0; i < r->count; i++) {
        buf_str(out, r->json && i > 0 ? ",\n" : "");
        buf_str(out, r->texts[i].data);
        buf_free(&r->texts[i]);
    }
    buf_str(out, r->json ? "]\n" : "");
    free(r->texts);
}

int ctl_ls(const char *id, char **argv, struct err *err)
{
    (void)id;
    struct rows rows = {.json = argv[1] && strcmp(argv[1], "--json") == 0};
    if (argv[1] && (!rows.json || argv[2]))
        return err_set(err, "ls: usage: ls [--json]");
    cleanup_buf struct buf out = {0};
    if (local_list(consider, &rows) < 0) {
        err_sys(err, "cannot look for VMs in " LOCAL_DIR);
        if (errno == EACCES)
            err_hint(err, "only root may connect");
        return -1;
    }
    join(&rows, &out);
    if (rows.failed || buf_failed(&out))
        return err_set(err, "out of memory");
    return out.len > 0 ? ctl_print(&out, false, err) : 0;
}
