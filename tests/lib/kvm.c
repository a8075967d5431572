/* In place of entry/kvm/kvm.c, for tests that run no guest, and so on machines whose KVM could not. */
#include "entry/kvm/kvm.h"

enum kvm_state kvm_probe(void)
{
    return KVM_WORKS;
}

const char *kvm_state_name(enum kvm_state state)
{
    (void)state;
    return "works";
}

const char *kvm_state_advice(enum kvm_state state)
{
    (void)state;
    return "";
}
