/* TAP and ties carry a name (alias, TCA_BPF_NAME) by which DEL finds them: the runtime may call it without a previous
 * result.  It is not a VM's mark (netsetup/claim.h), so netsetup's clean-up after dead VMs leaves them alone. */
#include "cni/attach.h"
#include "cni/result.h"
#include "common/cleanup.h"
#include "netsetup/link.h"
#include "netsetup/rivals.h"
#include "netsetup/takeover.h"
#include "netsetup/tie.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void name_of(const struct cni_request *r, char name[TIE_NAME])
{
    snprintf(name, TIE_NAME, TAKECARD_PLUGIN "%s", r->is.ifname);
}

/* -1 with errno. */
static int enter(const char *path)
{
    cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
}

static enum cni_code enter_or_say(const struct cni_request *r, struct err *err)
{
    if (!enter(r->is.netns))
        return CNI_OK;
    err_sys(err, "cannot enter the network namespace %s", r->is.netns);
    return CNI_IO;
}

struct wanted {
    const char *name;
    struct card *card;
    bool found;
};

static int see_card(const struct card *card, void *data)
{
    struct wanted *w = data;
    if (strcmp(card->name, w->name) == 0) {
        *w->card = *card;
        w->found = true;
    }
    return 0;
}

static int find_card(const char *name, struct card *card, struct err *err)
{
    struct wanted w = {.name = name, .card = card};
    if (card_each(see_card, &w, err))
        return -1;
    const char *why = !w.found ? "it does not exist" : takecard_unfit(card);
    return why ? err_set(err, "a VM cannot have the interface %s: %s", name, why) : card_read(card, err);
}

enum cni_code attach_add(const struct cni_request *r, struct buf *out, struct err *err)
{
    struct takeover_card made = {.tap_index = 0};
    char name[TIE_NAME];
    enum cni_code code = enter_or_say(r, err);
    if (code)
        return code;
    name_of(r, name);
    memcpy(made.tap, r->tap, sizeof(made.tap));
    if (find_card(r->is.ifname, &made.card, err) || rivals_of_takeover(&made, 1, err))
        return CNI_FAILED;
    if (!takecard_tap(&made, name, r->uid, r->gid, NULL, err) && !takecard_tie(&made, name, NULL, err) &&
        !rivals_of_takeover(&made, 1, err)) {
        result_add(out, r, &made);
        if (!buf_failed(out))
            return CNI_OK;
        err_set(err, "out of memory");
    }
    takecard_untie(&made, NULL);
    takecard_remove(&made, NULL);
    return CNI_FAILED;
}

struct removal {
    const char *name;
    struct err *err;
    int result;
};

static void remove_tie(unsigned ifindex, const char *name, void *data)
{
    struct removal *r = data;
    const struct takeover_card card = {.card = {.ifindex = ifindex}, .tied = true};
    if (strcmp(name, r->name) == 0 && takecard_untie(&card, r->err))
        r->result = -1;
}

static int remove_tap(const struct link_info *info, void *data)
{
    struct removal *r = data;
    struct takeover_card card = {.tap_index = info->ifindex};
    memcpy(card.tap, info->name, sizeof(card.tap));
    if (strcmp(info->alias, r->name) == 0 && takecard_remove(&card, r->err))
        r->result = -1;
    return 0;
}

enum cni_code attach_del(const struct cni_request *r, struct buf *out, struct err *err)
{
    char name[TIE_NAME];
    struct removal removal = {name, err, 0};
    (void)out;
    if (!r->is.netns || enter(r->is.netns)) { /* EINVAL: a file that a namespace was mounted on */
        if (!r->is.netns || errno == ENOENT || errno == EINVAL)
            return CNI_OK;
        err_sys(err, "cannot enter the network namespace %s", r->is.netns);
        return CNI_IO;
    }
    name_of(r, name);
    if (tie_each(remove_tie, &removal) || link_each(remove_tap, &removal))
        removal.result = err_sys(err, "cannot list network devices");
    return removal.result ? CNI_FAILED : CNI_OK;
}

static int check_tie(unsigned ifindex, const char *iface, const char *name, struct err *err)
{
    char found[TIE_NAME];
    tie_name(ifindex, found);
    return strcmp(found, name) ? err_set(err, "%s is not tied any more (tc filter show dev %s ingress)", iface, iface)
                               : 0;
}

enum cni_code attach_check(const struct cni_request *r, struct buf *out, struct err *err)
{
    char name[TIE_NAME], tap[IFNAMSIZ];
    struct link_info info;
    struct card card;
    enum cni_code code = enter_or_say(r, err);
    (void)out;
    if (code)
        return code;
    name_of(r, name);
    result_tap(r, tap);
    if (!tap[0]) {
        err_set(err, "the previous result has no interface of the VM %s", r->is.containerid);
        return CNI_CONFIG;
    }
    if (link_find(tap, &info) || strcmp(info.alias, name) != 0) {
        err_set(err, "the TAP device %s does not exist any more", tap);
        return CNI_FAILED;
    }
    if (find_card(r->is.ifname, &card, err) || check_tie(info.ifindex, tap, name, err) ||
        check_tie(card.ifindex, card.name, name, err))
        return CNI_FAILED;
    return CNI_OK;
}

enum cni_code attach_status(const struct cni_request *r, struct buf *out, struct err *err)
{
    cleanup_close int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    (void)r;
    (void)out;
    if (tun < 0) {
        err_sys(err, "cannot open /dev/net/tun");
        err_hint(err, "is the tun module loaded?");
        return CNI_UNAVAILABLE;
    }
    return takeover_supported(err) ? CNI_UNAVAILABLE : CNI_OK;
}

enum cni_code attach_gc(const struct cni_request *r, struct buf *out, struct err *err)
{
    (void)r;
    (void)out;
    (void)err;
    return CNI_OK;
}
