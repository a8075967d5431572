/* x86_64: into 64-bit mode with page tables and an IDT of its own; it takes an exception, returns from it, and
 * does a cmpxchg16b, which no emulation of single instructions knows.
 * (Intel SDM vol. 3, ch. 4.5, 6.14, 9.8.5) */
#ifdef __x86_64__
#include "common/cleanup.h"
#include "entry/kvm/kvm_code.h"

#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

/* Guest-physical places in the probe's memory. */
enum {
    PML4 = 0x1000,
    PDPT = 0x2000,
    PD = 0x3000,
    GDT = 0x4000,
    IDT = 0x5000,
    CODE = 0x6000,
    HANDLER = 0x6100,
    STACK_TOP = 0x8000,
    PAIR = 0x9000,    /* cmpxchg16b's 16 bytes */
    TOOK = 0x9100,    /* 1: the handler ran */
    SWAPPED = 0x9101, /* 1: cmpxchg16b compared equal */
};

static const uint8_t code[] = {
    0x0f, 0x0b,                                                 /* ud2 */
    0x31, 0xc0,                                                 /* xor eax, eax */
    0x31, 0xd2,                                                 /* xor edx, edx */
    0xbb, 0x01, 0x00, 0x00, 0x00,                               /* mov ebx, 1 */
    0xb9, 0x02, 0x00, 0x00, 0x00,                               /* mov ecx, 2 */
    0xf0, 0x48, 0x0f, 0xc7, 0x0c, 0x25, 0x00, 0x90, 0x00, 0x00, /* lock cmpxchg16b [PAIR] */
    0x0f, 0x94, 0x04, 0x25, 0x01, 0x91, 0x00, 0x00,             /* setz [SWAPPED] */
    0xf4,                                                       /* hlt */
};

static const uint8_t handler[] = {
    0xc6, 0x04, 0x25, 0x00, 0x91, 0x00, 0x00, 0x01, /* mov byte [TOOK], 1 */
    0x48, 0x83, 0x04, 0x24, 0x02,                   /* add qword [rsp], 2: past the ud2 */
    0x48, 0xcf,                                     /* iretq */
};

static void put64(uint8_t *memory, unsigned place, uint64_t value)
{
    memcpy(memory + place, &value, sizeof(value));
}

void kvm_code_fill(uint8_t *memory)
{
    put64(memory, PML4, PDPT | 3);
    put64(memory, PDPT, PD | 3);
    put64(memory, PD, 0x83);                     /* one 2 MiB page, identity-mapped */
    put64(memory, GDT + 8, 0x00209b0000000000);  /* 64-bit code, present */
    put64(memory, GDT + 16, 0x0000930000000000); /* data */
    /* vector 6, invalid opcode: an interrupt gate to HANDLER in selector 8 */
    put64(memory, IDT + 6 * 16, (uint64_t)HANDLER | 8 << 16 | (uint64_t)0x8e00 << 32);
    memcpy(memory + CODE, code, sizeof(code));
    memcpy(memory + HANDLER, handler, sizeof(handler));
}

static int set_registers(int vcpu)
{
    struct kvm_sregs s;
    if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
        return -1;
    s.cs = (struct kvm_segment){.selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1, .limit = 0xffffffff};
    struct kvm_segment data = {.selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .limit = 0xffffffff};
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    s.gdt = (struct kvm_dtable){.base = GDT, .limit = 23};
    s.idt = (struct kvm_dtable){.base = IDT, .limit = 7 * 16 - 1};
    s.cr3 = PML4;
    s.cr4 = 1 << 5;                         /* PAE */
    s.cr0 = 1u << 31 | 1 << 5 | 1 << 4 | 1; /* PG NE ET PE */
    s.efer = 1 << 8 | 1 << 10;              /* LME LMA */
    struct kvm_regs r = {.rip = CODE, .rsp = STACK_TOP, .rflags = 2};
    return ioctl(vcpu, KVM_SET_SREGS, &s) < 0 || ioctl(vcpu, KVM_SET_REGS, &r) < 0 ? -1 : 0;
}

static int set_cpuid(int kvm, int vcpu)
{
    enum { ENTRIES = 256 };
    cleanup_free struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + ENTRIES * sizeof(cpuid->entries[0]));
    if (!cpuid)
        return -1;
    cpuid->nent = ENTRIES;
    return ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 || ioctl(vcpu, KVM_SET_CPUID2, cpuid) < 0 ? -1 : 0;
}

unsigned long kvm_code_vm_type(int kvm)
{
    (void)kvm;
    return 0;
}

int kvm_code_start(int kvm, int vm, int vcpu)
{
    (void)vm;
    return set_cpuid(kvm, vcpu) < 0 || set_registers(vcpu) < 0 ? -1 : 0;
}

bool kvm_code_ran(const struct kvm_run *state, const uint8_t *memory)
{
    return state->exit_reason == KVM_EXIT_HLT && memory[TOOK] == 1 && memory[SWAPPED] == 1 && memory[PAIR] == 1 &&
           memory[PAIR + 8] == 2;
}

#endif
