/* A mark belongs to no live VM if its name is free, or held by a user other than root.  No VM will ever have that mark
 * again, so a removal takes nothing from any VM.  The claim is held meanwhile only so that one process does the
 * removal. */
#include "netsetup/gc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "netsetup/addr.h"
#include "netsetup/claim.h"
#include "netsetup/conntrack.h"
#include "netsetup/fallback.h"
#include "netsetup/fw.h"
#include "netsetup/link.h"
#include "netsetup/portclaim.h"
#include "netsetup/rules.h"
#include "netsetup/tie.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { FAMILIES = 2, BACKENDS = 2, SCANS = FAMILIES * BACKENDS };

static const int families[FAMILIES] = {AF_INET, AF_INET6};
static const enum fw_backend backends[BACKENDS] = {FW_NFT, FW_LEGACY};

int gc_rules(const char *mark, int family, struct err *err)
{
    int r = 0;
    for (int i = 0; i < BACKENDS; i++) {
        cleanup_fw_scan struct fw_scan scan = {0};
        if (fw_scan(&scan, backends[i], family, err) < 0 || fw_remove(&scan, mark, err) < 0)
            r = -1;
    }
    return r;
}

/* Reads everything before it removes anything: after a removal the kernel makes users of nf_tables wait (nft.c), so one
 * removal at the end is cheaper. */
static int remove_all_rules(const char *mark, struct err *err)
{
    struct fw_scan scans[SCANS] = {{0}};
    int r = 0;
    for (int i = 0; i < SCANS; i++)
        if (fw_scan(&scans[i], backends[i % BACKENDS], families[i / BACKENDS], err) < 0)
            r = -1;
    for (int i = 0; i < SCANS; i++)
        if (fw_remove(&scans[i], mark, err) < 0)
            r = -1;
    for (int i = 0; i < SCANS; i++)
        fw_scan_free(&scans[i]);
    return r;
}

/* The VM's mark when the device is ours, else NULL. */
static const char *owner(const struct link_info *info)
{
    return rules_owner(info->alias);
}

struct taps {
    const char *mark;
    struct err *err; /* may be NULL */
    int result;
    bool in_step; /* waits for the kernel, but leaves no thread running */
    bool facts;   /* the caller does not know guest and lost: find them */
    char name[IFNAMSIZ];
    struct link_deletion last;   /* under way */
    struct conntrack_gone guest; /* of the first TAP that has addresses */
    struct conntrack_lost lost;
};

static void tap_gone(struct taps *t, int failed)
{
    if (failed && errno != ENODEV)
        t->result = err_sys(t->err, "cannot remove TAP device %s", t->name);
}

/* The guest's addresses from its TAP's own (ipv6_choose). */
static void note_guest(unsigned ifindex, struct taps *t)
{
    struct conntrack_gone *guest = &t->guest;
    addr_find(ifindex, &guest->guest, &guest->guest6);
    if (guest->guest.s_addr)
        guest->guest.s_addr ^= htonl(3);
    if (guest->guest6.s6_addr[0])
        guest->guest6.s6_addr[15] ^= 3;
    conntrack_find(guest, &t->lost);
}

static int delete_tap(const struct link_info *info, void *data)
{
    struct taps *t = data;
    const char *mark = owner(info);
    if (!mark || strcmp(mark, t->mark) != 0)
        return 0;
    tap_gone(t, link_delete_wait(&t->last));
    if (t->facts && !t->guest.guest.s_addr)
        note_guest(info->ifindex, t);
    snprintf(t->name, sizeof(t->name), "%s", info->name);
    tap_gone(t, t->in_step ? link_delete(info->ifindex) : link_delete_start(info->ifindex, &t->last));
    return 0;
}

/* If removing a TAP fails at first (ENOBUFS), it is tried once more, because this undoes. */
static int remove_vm(struct taps *t, const struct fw_made *made, const struct fw_made *made6, struct err *err)
{
    t->last = (struct link_deletion)LINK_DELETION_NONE;
    bool listed = link_each(delete_tap, t) == 0;
    if (made)
        fw_take_back(made);
    if (made6)
        fw_take_back(made6);
    int r = remove_all_rules(t->mark, err);
    tap_gone(t, link_delete_wait(&t->last));
    if (listed && !t->result)
        return r;
    t->result = 0;
    t->err = err;
    t->in_step = true;
    t->last = (struct link_deletion)LINK_DELETION_NONE;
    if (link_each(delete_tap, t) < 0)
        r = err_sys(err, "cannot list network devices");
    return r < 0 ? r : t->result;
}

/* The ties of a VM that took interfaces over (netsetup/takeover.h). */
struct ties {
    const char *mark;
    struct err *err; /* may be NULL */
    int result;
};

static void remove_tie(unsigned ifindex, const char *name, void *data)
{
    struct ties *t = data;
    const char *mark = rules_owner(name);
    if (mark && strcmp(mark, t->mark) == 0 && tie_remove(ifindex) < 0 && errno != ENODEV)
        t->result = err_sys(t->err, "cannot give an interface back to the container");
}

int gc_vm(const char *mark, struct err *err)
{
    struct taps t = {.mark = mark, .in_step = true, .facts = true};
    struct ties ties = {mark, err, 0};
    if (tie_each(remove_tie, &ties) < 0)
        ties.result = err_sys(err, "cannot list this namespace's traffic control");
    int r = remove_vm(&t, NULL, NULL, err) < 0 || ties.result ? -1 : 0;
    if (t.guest.guest.s_addr) {
        fallback_remove(t.guest.guest);
        fallback_remove6(&t.guest.guest6);
        conntrack_forget(&t.guest);
    }
    conntrack_reset(&t.lost);
    return r;
}

int gc_own(const char *mark, const struct fw_made *made, const struct fw_made *made6, struct err *err)
{
    struct taps t = {.mark = mark};
    return remove_vm(&t, made, made6, err);
}

/* The VMs found so far, each once. */
struct vms {
    struct gc_found *list; /* owned */
    size_t count;
    bool failed;
};

static struct gc_found *find_vm(struct vms *vms, const char *mark)
{
    for (size_t i = 0; i < vms->count; i++)
        if (strcmp(vms->list[i].mark, mark) == 0)
            return &vms->list[i];
    struct gc_found *grown = reallocarray(vms->list, vms->count + 1, sizeof(*grown));
    if (!grown) {
        vms->failed = true;
        return NULL;
    }
    vms->list = grown;
    grown += vms->count++;
    *grown = (struct gc_found){0};
    snprintf(grown->mark, sizeof(grown->mark), "%s", mark);
    return grown;
}

static int note_tap(const struct link_info *info, void *data)
{
    struct gc_found *vm = owner(info) ? find_vm(data, owner(info)) : NULL;
    if (vm)
        vm->taps++;
    return 0;
}

static void note_tie(unsigned ifindex, const char *name, void *data)
{
    struct gc_found *vm = rules_owner(name) ? find_vm(data, rules_owner(name)) : NULL;
    (void)ifindex;
    if (vm)
        vm->ties++;
}

static void note_rule(struct gc_found *vm, const struct fw_own *rule)
{
    vm->rules++;
    if (!fw_own_chain(rule->chain))
        return;
    vm->bounded = true;
    if (rule->out[0] && vm->out_count < sizeof(vm->out) / sizeof(*vm->out))
        memcpy(vm->out[vm->out_count++], rule->out, IFNAMSIZ);
}

static int find_rules(struct vms *vms, int family, struct gc_result *result, struct fw_place *place, struct err *err)
{
    struct fw_scan scans[BACKENDS] = {{0}};
    int r = 0;
    for (int i = 0; i < BACKENDS && r == 0; i++) {
        r = fw_scan(&scans[i], backends[i], family, err);
        for (size_t j = 0; j < scans[i].own_count; j++) {
            struct gc_found *vm = find_vm(vms, scans[i].own[j].id);
            if (vm)
                note_rule(vm, &scans[i].own[j]);
        }
    }
    for (int i = 0; i < BACKENDS && result->ports; i++)
        portclaim_foreign(result->ports, scans[i].dnat, scans[i].dnat_count, &result->taken);
    *place = fw_find_place(&scans[0], &scans[1]);
    for (int i = 0; i < BACKENDS; i++)
        fw_scan_free(&scans[i]);
    return r;
}

bool gc_is_of(const char *mark, const char *id)
{
    size_t len = strlen(id);
    return strncmp(mark, id, len) == 0 && (!mark[len] || mark[len] == '~');
}

static void not_alive(void *data, const char *name, uid_t uid)
{
    struct vms *vms = data;
    for (size_t i = 0; i < vms->count; i++)
        if (vms->list[i].alive && strcmp(vms->list[i].mark, name) == 0) {
            vms->list[i].alive = false;
            vms->list[i].squatted = true;
            log_warn("uid %u holds the name of the dead VM %s: it is ignored", uid, name);
        }
}

static void find_the_living(struct vms *vms)
{
    bool any = false;
    for (size_t i = 0; i < vms->count; i++) {
        cleanup_close int claim = claim_mark(vms->list[i].mark);
        any |= vms->list[i].alive = claim < 0;
    }
    if (any)
        claim_strangers(not_alive, vms);
}

static int find_all(struct vms *vms, struct gc_result *result, struct err *err)
{
    if (find_rules(vms, AF_INET, result, &result->place, err) < 0 ||
        find_rules(vms, AF_INET6, result, &result->place6, err) < 0)
        return -1;
    if (link_each(note_tap, vms) < 0 || tie_each(note_tie, vms) < 0)
        return err_sys(err, "cannot list network devices");
    if (vms->failed)
        return err_set(err, "out of memory");
    find_the_living(vms);
    for (size_t i = 0; result->id && i < vms->count; i++)
        result->id_lives |= vms->list[i].alive && gc_is_of(vms->list[i].mark, result->id);
    return 0;
}

int gc_list(void (*each)(const struct gc_found *vm, void *data), void *data, struct err *err)
{
    struct vms vms = {0};
    struct gc_result unused = {0};
    int r = find_all(&vms, &unused, err);
    for (size_t i = 0; r == 0 && i < vms.count; i++)
        each(&vms.list[i], data);
    free(vms.list);
    return r;
}

/* 1; or 0 when another process does it, or -1 with err. */
static int remove_dead(const struct gc_found *vm, struct err *err)
{
    cleanup_close int claim = claim_mark(vm->mark);
    if (claim < 0 && !vm->squatted)
        return 0;
    return gc_vm(vm->mark, err) < 0 ? -1 : 1;
}

int gc_all(struct gc_result *result, struct err *err)
{
    struct vms vms = {0};
    int r = find_all(&vms, result, err);
    for (size_t i = 0; r == 0 && i < vms.count; i++) {
        struct err why = {0};
        if (vms.list[i].alive)
            continue;
        result->place.known = result->place6.known = false;
        int removed = remove_dead(&vms.list[i], &why);
        if (removed < 0)
            log_warn("cannot remove everything that the dead VM %s left: %s", vms.list[i].mark, why.text);
        else
            result->removed += (unsigned)removed;
    }
    fallback_gc();
    free(vms.list);
    return r;
}

int gc_id(const char *id, struct err *err)
{
    struct vms vms = {0};
    struct gc_result result = {.id = id};
    int r = find_all(&vms, &result, err);
    if (r == 0 && result.id_lives)
        r = err_set(err, "the VM %s is running: stop it instead", id);
    bool refused = r != 0;
    for (size_t i = 0; !refused && i < vms.count; i++)
        if (gc_is_of(vms.list[i].mark, id) && remove_dead(&vms.list[i], err) < 0)
            r = -1;
    free(vms.list);
    return r;
}
