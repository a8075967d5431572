/* probe: PID 1 of a guest that measures its kernel, and tries what the kernel was built for.
 *
 * In:  an initramfs with this program as /sbin/init and, for a kernel of modules, /lib/modules/RELEASE/order;
 *      arguments on the kernel's command line behind `--`: `features` for the trials.
 * Out: on the console, "@" as the first thing (whoever watches takes the time), then one line
 *          probe init_us=N ready_us=N total_kb=N free_kb=N available_kb=N cpus=N
 *      with the time since the kernel's start at our first instruction, and after mounts and modules; the
 *      memory is taken there too.  Then a line "ok NAME" or "not ok NAME: reason" for each trial, "done".
 *
 * Each trial is one system call or device that stands for one promise of kernels/README.md, so that a
 * missing option has a name.  /dev/vda has to be an EROFS image with the file `f`, an extended attribute
 * user.probe and a POSIX ACL on it; /dev/vdb an ext4 file system. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/loop.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static uint64_t uptime_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static char *read_text(const char *path)
{
    static char text[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n < 0 ? NULL : text;
}

static unsigned long meminfo(const char *key)
{
    char *text = read_text("/proc/meminfo"), *at = text ? strstr(text, key) : NULL;
    return at ? strtoul(at + strlen(key), NULL, 10) : 0;
}

static void load_modules(void)
{
    struct utsname self;
    char path[256];
    uname(&self);
    snprintf(path, sizeof(path), "/lib/modules/%s/order", self.release);
    char *order = read_text(path);
    for (char *name = order ? strtok(order, "\n") : NULL; name; name = strtok(NULL, "\n")) {
        snprintf(path, sizeof(path), "/lib/modules/%s/%s", self.release, name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
            printf("not ok module %s: %s\n", name, strerror(errno));
        close(fd);
    }
}

/* --- the trials: true, or false with errno or a reason ----------------------------------------------- */
static char reason[200];
static bool because(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool because(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof(reason), fmt, ap);
    va_end(ap);
    return false;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool has_word(const char *path, const char *words)
{
    char wanted[256], *text = read_text(path);
    snprintf(wanted, sizeof(wanted), "%s", words);
    for (char *w = strtok(wanted, " "); w; w = strtok(NULL, " "))
        if (!text || !strstr(text, w))
            return because("%s has no %s", path, w);
    return true;
}

static bool mounted(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
    mkdir(target, 0755);
    return mount(source, target, type, flags, data) == 0;
}

static bool t_erofs(void)
{
    return mounted("/dev/vda", "/ro", "erofs", MS_RDONLY, NULL) && exists("/ro/f");
}

static bool t_erofs_xattr(void)
{
    char value[64];
    return getxattr("/ro/f", "user.probe", value, sizeof(value)) > 0;
}

static bool t_erofs_acl(void)
{
    char value[256];
    return getxattr("/ro/f", "system.posix_acl_access", value, sizeof(value)) > 0;
}

static bool t_ext4(void)
{
    return mounted("/dev/vdb", "/rw", "ext4", 0, NULL) && (mkdir("/rw/up", 0755) == 0 || errno == EEXIST) &&
           (mkdir("/rw/work", 0755) == 0 || errno == EEXIST);
}

static bool t_overlay(void)
{
    return mounted("overlay", "/root2", "overlay", 0,
                   "lowerdir=/ro,upperdir=/rw/up,workdir=/rw/work,redirect_dir=on,index=on,xino=on") &&
           setxattr("/root2/f", "user.more", "1", 1, 0) == 0 && rename("/root2/d", "/root2/e") == 0;
}

static bool t_tmpfs(void)
{
    /* A one-entry-each ACL: version 2, then user::rwx, user:1000:r, group::r, mask::r, other::r. */
    static const uint32_t acl[] = {2,   0x00070001, ~0u, 0x00040002, 1000, 0x00040004,
                                   ~0u, 0x00040010, ~0u, 0x00040020, ~0u};
    return mounted("tmp", "/tmp", "tmpfs", 0, NULL) && setxattr("/tmp", "trusted.x", "1", 1, 0) == 0 &&
           setxattr("/tmp", "system.posix_acl_access", acl, sizeof(acl), 0) == 0;
}

static bool t_devpts(void)
{
    if (!mounted("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666"))
        return false;
    int fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 && close(fd) == 0;
}

static bool t_cgroup2(void)
{
    return mounted("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) &&
           has_word("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids");
}

static bool t_psi(void)
{
    return has_word("/proc/pressure/memory", "some full");
}

static bool t_namespaces(void)
{
    return has_word("/proc/filesystems", "proc") && exists("/proc/self/ns/user") && exists("/proc/self/ns/time") &&
           exists("/proc/self/ns/cgroup") &&
           unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP) == 0;
}

static bool t_config(void)
{
    return exists("/proc/config.gz");
}

static bool t_seccomp(void)
{
    uint32_t action = SECCOMP_RET_USER_NOTIF;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static bool t_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static bool t_bpf(void)
{
    struct bpf_insn prog[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
                              {.code = BPF_JMP | BPF_EXIT}};
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                           .insn_cnt = 2,
                           .insns = (uintptr_t)prog,
                           .license = (uintptr_t) "GPL"};
    return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) >= 0;
}

static bool t_bpf_jit(void)
{
    return has_word("/proc/sys/net/core/bpf_jit_enable", "1");
}

static bool t_io_uring(void)
{
    struct io_uring_params p = {0};
    return syscall(SYS_io_uring_setup, 4, &p) >= 0;
}

static bool t_fanotify(void)
{
    return fanotify_init(FAN_CLASS_CONTENT, O_RDONLY) >= 0;
}

static bool t_userfaultfd(void)
{
    return syscall(SYS_userfaultfd, O_CLOEXEC) >= 0;
}

static bool t_fuse(void)
{
    char data[64];
    int fd = open("/dev/fuse", O_RDWR);
    snprintf(data, sizeof(data), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    bool ok = fd >= 0 && mounted("fuse", "/fuse", "fuse", 0, data);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool t_loop(void)
{
    int fd = open("/dev/loop-control", O_RDWR);
    return fd >= 0 && ioctl(fd, LOOP_CTL_GET_FREE) >= 0;
}

static bool t_autofs(void)
{
    return has_word("/proc/filesystems", "autofs");
}

static bool t_binfmt_misc(void)
{
    return mounted("binfmt", "/proc/sys/fs/binfmt_misc", "binfmt_misc", 0, NULL);
}

static bool t_rng(void)
{
    return has_word("/sys/class/misc/hw_random/rng_current", "virtio");
}

static bool t_balloon(void)
{
    return exists("/sys/bus/virtio/drivers/virtio_balloon/bind") &&
           (exists("/sys/bus/virtio/drivers/virtio_balloon/virtio0") ||
            exists("/sys/bus/virtio/drivers/virtio_balloon/virtio1") ||
            exists("/sys/bus/virtio/drivers/virtio_balloon/virtio2") ||
            exists("/sys/bus/virtio/drivers/virtio_balloon/virtio3") ||
            exists("/sys/bus/virtio/drivers/virtio_balloon/virtio4") ||
            exists("/sys/bus/virtio/drivers/virtio_balloon/virtio5"));
}

static bool t_vsock(void)
{
    unsigned cid = 0;
    int fd = open("/dev/vsock", O_RDONLY);
    return fd >= 0 && ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) == 0 &&
           (cid > 2 || because("the context id is %u", cid));
}

static bool t_ptp(void)
{
    struct timespec t = {0};
    int fd = open("/dev/ptp0", O_RDONLY);
    clockid_t id = (clockid_t)((~(unsigned)fd << 3) | 3);
    return fd >= 0 && clock_gettime(id, &t) == 0 &&
           (t.tv_sec > 1700000000 || because("it shows %lld s", (long long)t.tv_sec));
}

static bool t_wall_clock(void)
{
    time_t now = time(NULL);
    return now > 1700000000 || because("it shows %lld s", (long long)now);
}

/* One netlink request; true when the kernel answers without an error. */
static bool ask_netlink(int protocol, void *message, size_t len)
{
    char answer[8192];
    struct nlmsghdr *reply = (struct nlmsghdr *)answer;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    bool ok = fd >= 0 && send(fd, message, len, 0) == (ssize_t)len && recv(fd, answer, sizeof(answer), 0) > 0;
    if (ok && reply->nlmsg_type == NLMSG_ERROR && (errno = -((struct nlmsgerr *)NLMSG_DATA(reply))->error))
        ok = false;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return ok;
}

struct request {
    struct nlmsghdr head;
    char body[256];
};

static struct rtattr *attr(struct request *r, unsigned short type, const void *data, size_t len)
{
    struct rtattr *a = (struct rtattr *)((char *)r + r->head.nlmsg_len);
    a->rta_type = type;
    a->rta_len = (unsigned short)RTA_LENGTH(len);
    if (len)
        memcpy(RTA_DATA(a), data, len);
    r->head.nlmsg_len += RTA_ALIGN(a->rta_len);
    return a;
}

static void attr_end(struct request *r, struct rtattr *nest)
{
    nest->rta_len = (unsigned short)((char *)r + r->head.nlmsg_len - (char *)nest);
}

/* ip link add type KIND, with the 32-bit attribute that VXLAN insists on, or a lower device. */
static bool link_add(const char *kind, unsigned short data_type, uint32_t data, uint32_t lower)
{
    struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                                 .nlmsg_type = RTM_NEWLINK,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL}};
    if (lower)
        attr(&r, IFLA_LINK, &lower, sizeof(lower));
    struct rtattr *info = attr(&r, IFLA_LINKINFO, NULL, 0);
    attr(&r, IFLA_INFO_KIND, kind, strlen(kind));
    if (data_type) {
        struct rtattr *nest = attr(&r, IFLA_INFO_DATA, NULL, 0);
        attr(&r, data_type, &data, sizeof(data));
        attr_end(&r, nest);
    }
    attr_end(&r, info);
    return ask_netlink(NETLINK_ROUTE, &r, r.head.nlmsg_len);
}

static bool t_eth0(void)
{
    return exists("/sys/class/net/eth0");
}

static bool t_bridge(void)
{
    return link_add("bridge", 0, 0, 0) && exists("/proc/sys/net/bridge/bridge-nf-call-iptables");
}

static bool t_veth(void)
{
    return link_add("veth", 0, 0, 0);
}

static bool t_wireguard(void)
{
    return link_add("wireguard", 0, 0, 0);
}

static bool t_vxlan(void)
{
    return link_add("vxlan", IFLA_VXLAN_ID, 42, 0);
}

static bool t_macvlan(void)
{
    char *index = link_add("dummy", 0, 0, 0) ? read_text("/sys/class/net/dummy0/ifindex") : NULL;
    return index && link_add("macvlan", 0, 0, (uint32_t)atoi(index));
}

static bool t_tun(void)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR);
    return fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) == 0;
}

/* Asks nft_compat for an x_tables match (0) or target (1), as iptables-nft does before it uses it. */
static bool xt_known(const char *name, uint32_t rev, uint32_t target)
{
    struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
                                 .nlmsg_type = NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK}};
    *(struct nfgenmsg *)NLMSG_DATA(&r.head) = (struct nfgenmsg){.nfgen_family = AF_INET};
    attr(&r, NFTA_COMPAT_NAME, name, strlen(name) + 1);
    rev = htonl(rev);
    attr(&r, NFTA_COMPAT_REV, &rev, sizeof(rev));
    target = htonl(target);
    attr(&r, NFTA_COMPAT_TYPE, &target, sizeof(target));
    return ask_netlink(NETLINK_NETFILTER, &r, r.head.nlmsg_len) || because("%s: %s", name, strerror(errno));
}

static bool t_nftables(void)
{
    struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
                                 .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK}};
    return ask_netlink(NETLINK_NETFILTER, &r, r.head.nlmsg_len);
}

static bool t_iptables_nft(void)
{
    return xt_known("addrtype", 1, 0) && xt_known("conntrack", 3, 0) && xt_known("comment", 0, 0) &&
           xt_known("multiport", 1, 0) && xt_known("mark", 1, 0) && xt_known("set", 4, 0) &&
           xt_known("MASQUERADE", 0, 1) && xt_known("DNAT", 2, 1) && xt_known("MARK", 2, 1) && xt_known("LOG", 0, 1) &&
           xt_known("TCPMSS", 0, 1) && xt_known("REJECT", 0, 1);
}

static bool t_iptables_legacy(void)
{
    static const char *const tables[] = {"filter", "nat", "mangle", "raw"};
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        struct ipt_getinfo info = {0};
        socklen_t len = sizeof(info);
        strcpy(info.name, tables[i]);
        if (fd < 0 || getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &len))
            return because("table %s: %s", tables[i], strerror(errno));
    }
    return true;
}

static bool t_conntrack(void)
{
    return exists("/proc/sys/net/netfilter/nf_conntrack_max");
}

static bool t_processes(void)
{
    char *text = read_text("/proc/sys/kernel/pid_max");
    return (text && atoi(text) >= 32768) || because("pid_max is %s", text ? text : "missing");
}

#ifdef __x86_64__
static bool t_i386(void)
{
    long pid = 20; /* getpid's number for i386 */
    __asm__ volatile("int $0x80" : "+a"(pid) : : "memory", "r8", "r9", "r10", "r11");
    return pid == getpid() || because("getpid gave %ld", pid);
}
#endif

static const struct {
    const char *name;
    bool (*try)(void);
} trials[] = {
    {"erofs", t_erofs},
    {"erofs xattr", t_erofs_xattr},
    {"erofs acl", t_erofs_acl},
    {"ext4", t_ext4},
    {"overlayfs redirect_dir index xino", t_overlay},
    {"tmpfs xattr acl", t_tmpfs},
    {"devpts", t_devpts},
    {"cgroup2 controllers", t_cgroup2},
    {"psi", t_psi},
    {"namespaces", t_namespaces},
    {"config.gz", t_config},
    {"seccomp", t_seccomp},
    {"landlock", t_landlock},
    {"bpf", t_bpf},
    {"bpf jit", t_bpf_jit},
    {"io_uring", t_io_uring},
    {"fanotify", t_fanotify},
    {"userfaultfd", t_userfaultfd},
    {"fuse", t_fuse},
    {"loop", t_loop},
    {"autofs", t_autofs},
    {"binfmt_misc", t_binfmt_misc},
    {"rng", t_rng},
    {"balloon", t_balloon},
    {"vsock", t_vsock},
    {"ptp", t_ptp},
    {"wall clock", t_wall_clock},
    {"eth0", t_eth0},
    {"bridge", t_bridge},
    {"veth", t_veth},
    {"wireguard", t_wireguard},
    {"vxlan", t_vxlan},
    {"macvlan", t_macvlan},
    {"tun", t_tun},
    {"nftables", t_nftables},
    {"iptables-nft", t_iptables_nft},
    {"iptables-legacy", t_iptables_legacy},
    {"conntrack", t_conntrack},
    {"many processes", t_processes},
#ifdef __x86_64__
    {"i386", t_i386},
#endif
};

int main(int argc, char **argv)
{
    uint64_t start = uptime_us();
    if (write(1, "@\n", 2) != 2)
        reboot(RB_AUTOBOOT);
    setvbuf(stdout, NULL, _IOLBF, 0);

    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    load_modules();
    uint64_t ready = uptime_us();
    printf("probe init_us=%llu ready_us=%llu total_kb=%lu free_kb=%lu available_kb=%lu cpus=%ld\n",
           (unsigned long long)start, (unsigned long long)ready, meminfo("MemTotal:"), meminfo("MemFree:"),
           meminfo("MemAvailable:"), sysconf(_SC_NPROCESSORS_ONLN));

    if (argc > 1 && !strcmp(argv[1], "features")) {
        for (size_t i = 0; i < sizeof(trials) / sizeof(*trials); i++) {
            reason[0] = '\0';
            errno = 0;
            if (trials[i].try())
                printf("ok %s\n", trials[i].name);
            else
                printf("not ok %s: %s\n", trials[i].name, reason[0] ? reason : strerror(errno));
        }
    }
    printf("done\n");
    tcdrain(STDOUT_FILENO); /* what the UART has not sent is lost when the VM ends */
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}
