#include "entry/plan/needs.h"

#include "common/array.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/privilege.h"
#include "entry/kvm/kvm.h"

#include <fcntl.h>
#include <sys/syscall.h>

enum use { ALWAYS = 1, NETWORK = 2, JAILER = 4 };

/* Found by removing one after the other (tests/docker/inside does so).  The jailer's part is from its source (1.12,
 * src/jailer/src/env.rs, chroot.rs). */
static const struct {
    unsigned number;
    const char *name, *purpose;
    unsigned use;
} capabilities[] = {
    {CAP_SYS_ADMIN, "SYS_ADMIN", "the jail's mounts and namespaces", ALWAYS | JAILER},
    {CAP_MKNOD, "MKNOD", "the jail's devices", ALWAYS | JAILER},
    {CAP_CHOWN, "CHOWN", "files that belong to the VM's own user", ALWAYS | JAILER},
    {CAP_SETUID, "SETUID", "running Firecracker as that user", ALWAYS | JAILER},
    {CAP_SETGID, "SETGID", "running Firecracker as that user's group", ALWAYS | JAILER},
    {CAP_DAC_OVERRIDE, "DAC_OVERRIDE", "files of every owner in the root filesystem and on the data disk",
     ALWAYS | JAILER},
    {CAP_KILL, "KILL", "ending the VM", ALWAYS},
    {CAP_NET_ADMIN, "NET_ADMIN", "the TAP device and the firewall's rules; VM_NETWORK=none does not need it", NETWORK},
};
enum { CAPABILITIES = COUNT(capabilities) };

uint64_t needs_jailer(void)
{
    /* Not needed, but without it the jailer cannot raise a low limit of open files. */
    uint64_t set = PRIVILEGE(CAP_SYS_RESOURCE);
    for (int i = 0; i < CAPABILITIES; i++)
        if (capabilities[i].use & JAILER)
            set |= PRIVILEGE(capabilities[i].number);
    return set;
}

static int check_capabilities(unsigned use, struct err *err)
{
    uint64_t held = privilege_held();
    cleanup_buf struct buf names = {0}, flags = {0};
    const char *purpose = NULL;
    unsigned missing = 0;
    for (int i = 0; i < CAPABILITIES; i++) {
        if (!(capabilities[i].use & use) || held & PRIVILEGE(capabilities[i].number))
            continue;
        buf_fmt(&names, "%sCAP_%s", missing ? ", " : "", capabilities[i].name);
        buf_fmt(&flags, " --cap-add %s", capabilities[i].name);
        purpose = capabilities[i].purpose;
        missing++;
    }
    if (!missing)
        return 0;
    if (buf_failed(&names) || buf_failed(&flags))
        return err_set(err, "out of memory");
    err_set(err, "lacks %s%s%s", names.data, missing == 1 ? ", for " : "", missing == 1 ? purpose : "");
    err_hint(err, "docker run%s, or --privileged", flags.data);
    return -1;
}

/* Docker's seccomp profile refuses pivot_root to every caller.  Where the call is permitted, the empty path fails with
 * ENOENT. */
static int check_calls(struct err *err)
{
    if (syscall(SYS_pivot_root, "", "") == 0 || (errno != EPERM && errno != EACCES))
        return 0;
    err_sys(err, "the container's seccomp profile refuses pivot_root, which the jail needs");
    err_hint(err, "docker run --security-opt seccomp=unconfined, or --privileged");
    return -1;
}

static int check_tun(struct err *err)
{
    cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        return 0;
    err_sys(err, "cannot use /dev/net/tun");
    err_hint(err, "load the tun module, and pass the device into the container with --device /dev/net/tun or "
                  "privileged");
    return -1;
}

int needs_root(struct err *err)
{
    if (geteuid() == 0)
        return 0;
    err_set(err, "must run as root (uid 0), not as uid %u", geteuid());
    err_hint(err, "remove USER and docker run -u: VM_USER sets the command's user in the guest");
    return -1;
}

int needs_check(bool network, struct err *err)
{
    if (check_capabilities(network ? ALWAYS | NETWORK : ALWAYS, err) < 0 || check_calls(err) < 0)
        return -1;
    enum kvm_state kvm = kvm_probe();
    if (kvm != KVM_WORKS)
        return err_set(err, "KVM %s: %s (check with: entry --check-kvm)", kvm_state_name(kvm), kvm_state_advice(kvm));
    return network ? check_tun(err) : 0;
}
