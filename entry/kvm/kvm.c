/* The presence of /dev/kvm proves nothing: a nested KVM without hardware support emulates instructions one by one, runs
 * real mode and then fails at a kernel's first exception.  So a few instructions for each architecture (kvm_code.h) run
 * in a tiny VM, and one of them raises an exception. (Linux Documentation/virt/kvm/api.rst) */
#include "entry/kvm/kvm.h"

#include "common/cleanup.h"
#include "entry/kvm/kvm_code.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>

#ifdef __x86_64__
#define WHERE_KVM_IS "load the kvm_intel or kvm_amd module, enable virtualisation in the firmware"
#else
#define WHERE_KVM_IS "the kernel must have KVM and be started at EL2, on bare metal or with nested virtualisation"
#endif

static const struct {
    const char *name, *advice;
} states[] = {
    [KVM_WORKS] = {"works", "64-bit code with exceptions runs"},
    [KVM_MISSING] = {"missing", "/dev/kvm does not exist: " WHERE_KVM_IS ", pass the device into the container with "
                                "--device /dev/kvm or privileged"},
    [KVM_FORBIDDEN] = {"forbidden",
                       "no permission to use /dev/kvm: run as root or in the group kvm, and allow the device in the "
                       "container with --device /dev/kvm or privileged"},
    [KVM_BUSY] = {"busy", "another hypervisor uses this machine's virtualisation: stop VirtualBox, VMware or the like"},
    [KVM_EMULATES_ONLY] = {"emulates only",
                           "this machine's KVM creates VMs but cannot run a kernel in them: it is itself a VM "
                           "and needs nested virtualisation from its host"},
};

const char *kvm_state_name(enum kvm_state state)
{
    return states[state].name;
}

const char *kvm_state_advice(enum kvm_state state)
{
    return states[state].advice;
}

static void interrupted(int signo)
{
    (void)signo; /* only makes KVM_RUN return */
}

/* Runs the vCPU until it exits; a second is 1000 times what it needs. */
static int run_vcpu(int vcpu)
{
    struct sigaction act = {.sa_handler = interrupted}, before;
    struct itimerval second = {.it_value.tv_sec = 1}, off = {0};
    sigaction(SIGALRM, &act, &before);
    setitimer(ITIMER_REAL, &second, NULL);
    int r = ioctl(vcpu, KVM_RUN, 0);
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &before, NULL);
    return r;
}

static int runs_code(int kvm, int vm)
{
    int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    cleanup_close int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (size < (int)sizeof(struct kvm_run) || vcpu < 0)
        return 0;
    uint8_t *memory = mmap(NULL, KVM_CODE_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_run *state = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    int good = 0;
    if (memory != MAP_FAILED && state != MAP_FAILED) {
        kvm_code_fill(memory);
        struct kvm_userspace_memory_region region = {.memory_size = KVM_CODE_MEMORY,
                                                     .userspace_addr = (uintptr_t)memory};
        good = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0 && kvm_code_start(kvm, vm, vcpu) == 0 &&
               run_vcpu(vcpu) == 0 && kvm_code_ran(state, memory);
    }
    if (state != MAP_FAILED)
        munmap(state, (size_t)size);
    if (memory != MAP_FAILED)
        munmap(memory, KVM_CODE_MEMORY);
    return good;
}

enum kvm_state kvm_probe(void)
{
    cleanup_close int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        return errno == EACCES || errno == EPERM ? KVM_FORBIDDEN : KVM_MISSING;
    if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        return KVM_MISSING;
    cleanup_close int vm = ioctl(kvm, KVM_CREATE_VM, kvm_code_vm_type(kvm));
    if (vm < 0 && errno == EBUSY)
        return KVM_BUSY;
    if (vm < 0)
        return errno == EACCES || errno == EPERM ? KVM_FORBIDDEN : KVM_EMULATES_ONLY;
    return runs_code(kvm, vm) ? KVM_WORKS : KVM_EMULATES_ONLY;
}
