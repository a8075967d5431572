/* guest-uring FILE: writes FILE and reads it back, both by io_uring and both in one submission, the second linked
 * behind the first; prints what came back.  By the kernel's interface alone (io_uring(7)). */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT "through the ring\n"

static void *map(int ring, size_t len, off_t what)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
    return p == MAP_FAILED ? NULL : p;
}

int main(int argc, char **argv)
{
    struct io_uring_params p = {0};
    char back[sizeof(TEXT)] = "";
    int ring = (int)syscall(SYS_io_uring_setup, 4, &p);
    int file = open(argc > 1 ? argv[1] : "", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (ring < 0 || file < 0) {
        perror(ring < 0 ? "io_uring_setup" : "open");
        return 1;
    }
    char *sq = map(ring, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    char *cq = map(ring, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
    struct io_uring_sqe *sqe = map(ring, p.sq_entries * sizeof(*sqe), IORING_OFF_SQES);
    if (!sq || !cq || !sqe) {
        perror("mmap");
        return 1;
    }

    const size_t len = strlen(TEXT);
    sqe[0] = (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .flags = IOSQE_IO_LINK, .fd = file, .len = (unsigned)len};
    sqe[0].addr = (unsigned long)TEXT;
    sqe[1] = (struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = file, .len = (unsigned)len};
    sqe[1].addr = (unsigned long)back;
    for (unsigned i = 0; i < 2; i++)
        ((unsigned *)(sq + p.sq_off.array))[i] = i;
    __atomic_store_n((unsigned *)(sq + p.sq_off.tail), 2, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring, 2, 2, IORING_ENTER_GETEVENTS, NULL, 0) != 2) {
        perror("io_uring_enter");
        return 1;
    }
    const struct io_uring_cqe *done = (const struct io_uring_cqe *)(cq + p.cq_off.cqes);
    for (unsigned i = 0; i < 2; i++)
        if (done[i].res != (int)len) {
            fprintf(stderr, "operation %u: %d\n", i, done[i].res);
            return 1;
        }
    fputs(back, stdout);
    return 0;
}
