#include "common/privilege.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Two words of 32 bits for each set, as version 3 of the system call has them. */
enum { WORDS = _LINUX_CAPABILITY_U32S_3 };

uint64_t privilege_held(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[WORDS] = {{0}};
    if (syscall(SYS_capget, &header, data) < 0)
        return 0;
    return (uint64_t)data[1].effective << 32 | data[0].effective;
}

uint64_t privilege_reading(void)
{
    uint64_t reading = PRIVILEGE(CAP_DAC_READ_SEARCH);
    return privilege_held() & reading ? reading : PRIVILEGE(CAP_DAC_OVERRIDE);
}

static int hold(uint64_t set, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[WORDS];
    for (int i = 0; i < WORDS; i++)
        data[i] = (struct __user_cap_data_struct){(uint32_t)(set >> 32 * i), (uint32_t)(set >> 32 * i),
                                                  (uint32_t)(inheritable >> 32 * i)};
    return (int)syscall(SYS_capset, &header, data);
}

void privilege_bound(uint64_t most)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
        if (!(most & PRIVILEGE(cap)))
            prctl(PR_CAPBSET_DROP, cap);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int become(uid_t uid, uint64_t held, uint64_t inheritable)
{
    if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
        setresuid(uid, uid, uid) < 0 || hold(held, inheritable) < 0 || prctl(PR_SET_KEEPCAPS, 0) < 0)
        return -1;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1;
}

int privilege_keep(uint64_t kept)
{
    privilege_bound(kept);
    return hold(privilege_held() & kept, 0);
}

int privilege_regain(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[WORDS];
    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    for (int i = 0; i < WORDS; i++)
        data[i].effective = data[i].permitted;
    return (int)syscall(SYS_capset, &header, data);
}

int privilege_drop(uid_t uid, uint64_t kept)
{
    uint64_t held = privilege_held() & kept;
    privilege_bound(0);
    return become(uid, held, 0);
}

/* Of a user other than root only ambient capabilities outlive execve. */
int privilege_drop_for_program(uid_t uid, uint64_t kept)
{
    uint64_t held = privilege_held() & kept;
    privilege_bound(held);
    if (become(uid, held, held) < 0)
        return -1;
    for (unsigned long cap = 0; held >> cap; cap++)
        if (held & PRIVILEGE(cap) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return -1;
    return 0;
}
