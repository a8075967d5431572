/* arm64: starts at EL1 with the MMU off, as a kernel does.  A breakpoint leads to the code's own vector, which steps
 * over it.  Then the code stores the value that the vector left in a register where there is no memory, and that exit
 * shows the value. (Arm ARM D1.3, "Exceptions"; Linux Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT) */
#ifdef __aarch64__
#include "entry/kvm/kvm_code.h"

#include <linux/kvm.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

/* Guest-physical places. */
enum {
    CODE = 0x1000,
    VECTORS = 0x2000,
    HANDLER = VECTORS + 0x200, /* synchronous, from the same exception level with its own stack pointer */
    NO_MEMORY = 0x100000
};

static const uint32_t code[] = {
    0xd2840000, /* mov x0, VECTORS */
    0xd518c000, /* msr vbar_el1, x0 */
    0xd5033fdf, /* isb */
    0xd4200000, /* brk 0 */
    0xd2a00203, /* mov x3, NO_MEMORY */
    0xb9000062, /* str w2, [x3] */
    0x14000000, /* b . */
};

static const uint32_t handler[] = {
    0xd5384021, /* mrs x1, elr_el1 */
    0x91001021, /* add x1, x1, 4: past the brk */
    0xd5184021, /* msr elr_el1, x1 */
    0x52800022, /* mov w2, 1 */
    0xd69f03e0, /* eret */
};

/* A VM as large as the CPU's addresses go, as Firecracker asks for: not every CPU has KVM's 40 bits. */
unsigned long kvm_code_vm_type(int kvm)
{
    int bits = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);
    return bits > 0 ? KVM_VM_TYPE_ARM_IPA_SIZE((unsigned long)bits) : 0;
}

void kvm_code_fill(uint8_t *memory)
{
    memcpy(memory + CODE, code, sizeof(code));
    memcpy(memory + HANDLER, handler, sizeof(handler));
}

int kvm_code_start(int kvm, int vm, int vcpu)
{
    (void)kvm;
    struct kvm_vcpu_init init = {0};
    uint64_t start = CODE;
    struct kvm_one_reg pc = {.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc),
                             .addr = (uintptr_t)&start};
    return ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) < 0 || ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) < 0 ||
                   ioctl(vcpu, KVM_SET_ONE_REG, &pc) < 0
               ? -1
               : 0;
}

bool kvm_code_ran(const struct kvm_run *state, const uint8_t *memory)
{
    (void)memory;
    return state->exit_reason == KVM_EXIT_MMIO && state->mmio.is_write && state->mmio.phys_addr == NO_MEMORY &&
           state->mmio.data[0] == 1;
}

#endif
