/* The instructions that kvm_probe runs in a VM, for each architecture: kvm_x86.c, kvm_arm64.c. */
#ifndef CTR_KVM_CODE_H
#define CTR_KVM_CODE_H

#include <stdbool.h>
#include <stdint.h>

struct kvm_run;

enum { KVM_CODE_MEMORY = 0x10000 }; /* bytes of the VM's memory, at its address 0 */

/* KVM_CREATE_VM's argument. */
unsigned long kvm_code_vm_type(int kvm);

/* The instructions and what they need, into the VM's memory of zeros. */
void kvm_code_fill(uint8_t *memory);

/* A new vCPU's state, to begin with them.  0, or -1. */
int kvm_code_start(int kvm, int vm, int vcpu);

/* After KVM_RUN: whether they did all that they should. */
bool kvm_code_ran(const struct kvm_run *state, const uint8_t *memory);

#endif
