/* A small assembler for programs of the kernel's BPF machine that look at frames.  The instructions are those of
 * Documentation/bpf/standardization/instruction-set.rst, "legacy" packet access included.  Such an access loads bytes
 * of the frame into R0, in host order.  If the bytes are beyond the frame's end, it ends the program with 0
 * (TC_ACT_OK). */
#ifndef CTR_NETSETUP_BPFASM_H
#define CTR_NETSETUP_BPFASM_H

#include "common/err.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CONTEXT: the register that holds struct __sk_buff from prog_begin on, as packet access requires. */
enum { PROG_MAX = 4096, JUMPS_MAX = 48, CONTEXT = BPF_REG_6 };

/* Where things are in a frame: bytes from its start. */
enum {
    ETH_SOURCE = 6,
    ETH_TYPE = 12,
    L3 = ETH_HLEN,
    IP_FRAGMENT = L3 + 6,
    IP_PROTOCOL = L3 + 9,
    IP_SOURCE = L3 + 12,
    IP_TO = L3 + 16,
    IP_END = L3 + 20,
    IP6_NEXT = L3 + 6,
    IP6_SOURCE = L3 + 8,
    IP6_TO = L3 + 24,
    IP6_END = L3 + 40
};
enum { IS_FRAGMENT = 0x3fff /* bits at IP_FRAGMENT: the offset, and whether more follow */ };
enum { ND_SOLICITATION = 135, ND_ADVERTISEMENT = 136 };

struct prog {
    struct bpf_insn insn[PROG_MAX];
    size_t count; /* beyond PROG_MAX: it did not fit */
};

void prog_begin(struct prog *p);

/* One instruction; the fields are those of struct bpf_insn. */
void prog_op(struct prog *p, int code, int dst, int src, int off, int32_t imm);
void prog_set(struct prog *p, int reg, int32_t value);

/* Ends the program with an action (TC_ACT_OK, ...), or by sending the frame out of a device. */
void prog_end(struct prog *p, int action);
void prog_redirect(struct prog *p, unsigned ifindex);

/* To R0: size (BPF_B, BPF_H, BPF_W) bytes of the frame, or a field of the context. */
void prog_load(struct prog *p, int size, unsigned at);
void prog_load_context(struct prog *p, size_t offset);

/* Jumps over the instructions up to the matching prog_land if the comparison (BPF_JEQ, ...) of R0 with value holds, or
 * always. */
size_t prog_jump(struct prog *p, int comparison, uint32_t value);
size_t prog_skip(struct prog *p);
void prog_land(struct prog *p, size_t jump);

/* Several jumps that land in the same place. */
struct jumps {
    size_t at[JUMPS_MAX];
    size_t count;
};
void prog_land_all(struct prog *p, const struct jumps *j);

/* Loads the program into the kernel, as a classifier of tc (bpf(2), BPF_PROG_TYPE_SCHED_CLS).  A descriptor, or -1 with
 * err. */
int prog_open(const struct prog *p, struct err *err);

#endif
