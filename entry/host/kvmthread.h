/* The kernel thread that KVM starts with a VM ("kvm-nx-lpage-recovery-PID", which gives back large pages): up to Linux
 * 6.12 it is put into the cgroups of Firecracker (arch/x86/kvm/mmu/mmu.c: kvm_mmu_post_init_vm, virt/kvm/kvm_main.c:
 * kvm_vm_create_worker_thread; from 6.13 on it is a thread of Firecracker's own and freezes with it).  A cgroup of v2
 * with a kernel thread in it never becomes frozen (kernel/cgroup/freezer.c counts the thread and does not freeze it):
 * so `docker pause` waits 10 s, fails, and leaves everything else frozen.  The freezer of v1 passes over kernel
 * threads. */
#ifndef CTR_KVMTHREAD_H
#define CTR_KVMTHREAD_H

#include <sys/types.h>

/* Moves that thread from Firecracker's cgroup into the root cgroup.  The root cgroup must be mounted here, writable,
 * and the thread must be visible, which takes the host's PID namespace.  Otherwise this changes nothing, and one line
 * at level info says what to use instead of `docker pause`.  Once the VM is started, as root; -1: not known. */
void kvmthread_move(pid_t firecracker);

#endif
