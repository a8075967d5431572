/* Whether this machine's KVM can run a kernel, found by running a kernel's first instructions. */
#ifndef CTR_KVM_H
#define CTR_KVM_H

enum kvm_state {
    KVM_WORKS,
    KVM_MISSING,      /* no /dev/kvm, or it is not KVM */
    KVM_FORBIDDEN,    /* it may not be opened or used */
    KVM_BUSY,         /* another hypervisor uses the processors' virtualisation */
    KVM_EMULATES_ONLY /* VMs can be made, but 64-bit code with exceptions does not run in them */
};

/* Takes milliseconds. */
enum kvm_state kvm_probe(void);

/* "works", "missing", ... and, for people, what it means and how to check. */
const char *kvm_state_name(enum kvm_state state);
const char *kvm_state_advice(enum kvm_state state);

#endif
