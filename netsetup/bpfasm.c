#include "netsetup/bpfasm.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <sys/syscall.h>
#include <unistd.h>

void prog_begin(struct prog *p)
{
    p->count = 0;
    prog_op(p, BPF_ALU64 | BPF_MOV | BPF_X, CONTEXT, BPF_REG_1, 0, 0);
}

void prog_op(struct prog *p, int code, int dst, int src, int off, int32_t imm)
{
    if (p->count < PROG_MAX)
        p->insn[p->count] =
            (struct bpf_insn){(uint8_t)code, (uint8_t)(dst & 15), (uint8_t)(src & 15), (int16_t)off, imm};
    p->count++;
}

void prog_set(struct prog *p, int reg, int32_t value)
{
    prog_op(p, BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value);
}

void prog_end(struct prog *p, int action)
{
    prog_set(p, BPF_REG_0, action);
    prog_op(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void prog_load(struct prog *p, int size, unsigned at)
{
    prog_op(p, BPF_LD | size | BPF_ABS, 0, 0, 0, (int32_t)at);
}

size_t prog_jump(struct prog *p, int comparison, uint32_t value)
{
    prog_op(p, BPF_JMP32 | comparison | BPF_K, BPF_REG_0, 0, 0, (int32_t)value);
    return p->count - 1;
}

size_t prog_skip(struct prog *p)
{
    prog_op(p, BPF_JMP | BPF_JA, 0, 0, 0, 0);
    return p->count - 1;
}

void prog_land(struct prog *p, size_t jump)
{
    if (jump < PROG_MAX)
        p->insn[jump].off = (int16_t)(p->count - jump - 1);
}

void prog_land_all(struct prog *p, const struct jumps *j)
{
    for (size_t i = 0; i < j->count; i++)
        prog_land(p, j->at[i]);
}

void prog_load_context(struct prog *p, size_t offset)
{
    prog_op(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, CONTEXT, (int)offset, 0);
}

void prog_redirect(struct prog *p, unsigned ifindex)
{
    prog_set(p, BPF_REG_1, (int32_t)ifindex);
    prog_set(p, BPF_REG_2, 0);
    prog_op(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect);
    prog_op(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The kernel would write its reason for a refusal to attr.log_buf, which only a developer of this file needs. */
int prog_open(const struct prog *p, struct err *err)
{
    if (p->count > PROG_MAX)
        return err_set(err, "the program for a TAP's frames is too long: %zu instructions", p->count);
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SCHED_CLS,
                           .insn_cnt = (uint32_t)p->count,
                           .insns = (uint64_t)(uintptr_t)p->insn,
                           .license = (uint64_t)(uintptr_t) "Apache-2.0",
                           .prog_name = "ctr_jailer"};
    int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)); /* always close-on-exec */
    if (fd >= 0)
        return fd;
    err_sys(err, "cannot load a program for the TAP's frames (bpf(2))");
    if (errno == EPERM)
        err_hint(err, "CAP_SYS_ADMIN, or CAP_BPF and CAP_NET_ADMIN, and a seccomp profile that allows bpf are needed");
    else if (errno == ENOSYS || errno == EINVAL)
        err_hint(err, "the host's kernel needs CONFIG_BPF_SYSCALL, and must be 5.10 or newer");
    return -1;
}
