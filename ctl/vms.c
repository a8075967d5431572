#include "ctl/vms.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/local.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

enum { ABOUT_MAX = 4 << 20 };

struct vm *vms_add(struct vms *v, enum vm_place place, const char *id)
{
    struct vm *more = reallocarray(v->list, v->count + 1, sizeof(*more));
    if (!more) {
        v->failed = true;
        return NULL;
    }
    v->list = more;
    struct vm *vm = &more[v->count++];
    *vm = (struct vm){.place = place, .code = -1};
    snprintf(vm->id, sizeof(vm->id), "%.*s", RECORD_NAME - 1, id);
    return vm;
}

/* One that ends meanwhile has no state any more. */
static void add_running(void *arg, const char *id)
{
    struct vms *v = arg;
    size_t len = 0;
    cleanup_free char *text = ctl_state(id, &len);
    struct vm *vm = text ? vms_add(v, VM_HOST, id) : NULL;
    if (vm) {
        vm->state = steal_ptr(&text);
        vm->state_len = len;
    }
}

struct search {
    struct vms *vms;
    const char *root;
};

static void add_record(void *arg, const char *id)
{
    struct search *s = arg;
    struct record r;
    struct vm *vm = NULL;
    for (size_t i = 0; i < s->vms->count && !vm; i++)
        vm = strcmp(s->vms->list[i].id, id) == 0 ? &s->vms->list[i] : NULL;
    if (record_open(&r, s->root, id) < 0)
        return;
    if (!vm)
        vm = vms_add(s->vms, VM_HOST, id);
    if (vm) {
        vm->about = io_read_file(r.folder, RECORD_ABOUT, ABOUT_MAX, &vm->about_len);
        vm->lives = record_lives(&r);
        vm->code = record_number(&r, RECORD_EXIT);
    }
    record_close(&r);
}

static int refuse(const char *where, struct err *err)
{
    err_sys(err, "cannot look for VMs in %s", where);
    if (errno == EACCES)
        err_hint(err, "only root may connect");
    return -1;
}

int vms_find(struct vms *v, const char *root, struct err *err)
{
    struct search s = {v, root};
    *v = (struct vms){0};
    if (local_list(add_running, v) < 0)
        return refuse(LOCAL_DIR, err);
    if (record_list(root, false, add_record, &s) < 0)
        return refuse(root, err);
    return v->failed ? err_set(err, "out of memory") : 0;
}

void vms_free(struct vms *v)
{
    for (size_t i = 0; i < v->count; i++) {
        free(v->list[i].state);
        free(v->list[i].about);
    }
    free(v->list);
    *v = (struct vms){0};
}
