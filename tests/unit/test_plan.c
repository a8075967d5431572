/* entry/plan/plan.c and resources.c: what is accepted, what is refused, and by which name; sizes from the host. */
#include "common/meminfo.h"
#include "entry/plan/plan.h"
#include "entry/plan/uids.h"
#include "entry/plan/unseen.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

/* A folder with all that a plan wants to see: a tree, and programs. */
static char folder[] = "/tmp/test_plan.XXXXXX";
static char paths[7][64];

static void make_file(char *out, const char *name, const char *start)
{
    snprintf(out, 64, "%s/%s", folder, name);
    int fd = open(out, O_WRONLY | O_CREAT, 0755);
    assert_true(fd >= 0 && write(fd, start, strlen(start)) == (ssize_t)strlen(start));
    close(fd);
}

/* How a kernel starts that Firecracker takes. */
#ifdef __x86_64__
#define KERNEL "\177ELF and so on"
#else
#define KERNEL "an Image has a magic number at 56                       ARM\x64"
#endif

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(paths[0], 64, "%s/rootfs", folder);
    mkdir(paths[0], 0755);
    make_file(paths[1], "rootfs/file", "");
    make_file(paths[1], "vmlinux", KERNEL);
    make_file(paths[2], "initrd", "");
    make_file(paths[3], "firecracker", "");
    make_file(paths[4], "jailer", "");
    make_file(paths[5], "bzImage", "MZ");
    make_file(paths[6], "private", KERNEL);
    chmod(paths[6], 0640);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* Plans with one more variable (may be NULL); the error is in err. */
static int plan_with(const char *variable, const char *value, struct plan *plan, struct err *err)
{
    static char lines[6][512];
    const char *names[] = {"VM_ROOTFS_DIR", "VM_KERNEL_IMAGE", "VM_INITRD_IMAGE", "VM_FIRECRACKER_BIN",
                           "VM_JAILER_BIN"};
    char *env[8] = {0}, *argv[] = {"entry", "/bin/sh", "-c", "x y", NULL};
    for (int i = 0; i < 5; i++) {
        bool replaced = variable && strcmp(variable, names[i]) == 0;
        snprintf(lines[i], sizeof(lines[i]), "%s=%s", names[i], replaced ? value : paths[i]);
        env[i] = lines[i];
    }
    if (variable) {
        snprintf(lines[5], sizeof(lines[5]), "%s=%s", variable, value);
        env[5] = lines[5];
    }
    struct options o;
    struct resources r = {.cpus = 3, .total = 8192 * MIB, .available = 6144 * MIB, .limit = UINT64_MAX};
    *err = (struct err){0};
    assert_int_equal(options_read(&o, argv, env, err), 0);
    struct refusals refused = {0};
    int result = plan_make(&o, &r, plan, &refused);
    if (result < 0)
        err_set(err, "%s", refused.lines.data); /* the first of them */
    refusals_free(&refused);
    options_free(&o);
    return result;
}

static void assert_refused(const char *variable, const char *value)
{
    struct plan plan;
    struct err err;
    if (plan_with(variable, value, &plan, &err) != -1)
        fail_msg("%s=%s was accepted", variable, value);
    if (!strstr(err.text, variable) || !strstr(err.text, value) || strchr(err.text, '\n'))
        fail_msg("%s=%s: the message is: %s", variable, value, err.text);
    plan_free(&plan);
}

static void assert_accepted(const char *variable, const char *value, struct plan *plan)
{
    struct err err;
    if (plan_with(variable, value, plan, &err) != 0)
        fail_msg("%s=%s was refused: %s", variable, value, err.text);
    plan_free(plan);
}

static void test_defaults(void **state)
{
    (void)state;
    struct plan plan;
    assert_accepted(NULL, NULL, &plan);
    assert_int_equal(plan.vmm.vcpus, 3);
    assert_int_equal(plan.vmm.mem_mib, 6144 - 1024 - 96);
    assert_int_equal(strlen(plan.id), 12);
    assert_true(plan.jail.uid >= 0x70000000 && plan.jail.uid <= 0x7fffffff);
    assert_int_equal(plan.drives.rootfs_format, ROOTFS_EROFS);
}

static void test_uids_are_nobodys(void **state)
{
    (void)state;
    assert_true(uids_taken(getuid())); /* a process's */
    assert_true(uids_taken(1));        /* daemon, of Debian's passwd */
    assert_true(uids_taken(42));       /* shadow, of its group */
    assert_false(uids_taken(0x7ffffff0));
}

static void test_numbers(void **state)
{
    (void)state;
    struct plan plan;
    static const char *const bad[] = {"abc", "0", "-1", "4 ", " 4", "+4", "0x4", "33", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused("VCPU_COUNT", bad[i]);
    assert_accepted("VCPU_COUNT", "32", &plan);
    assert_int_equal(plan.vmm.vcpus, 32);
    assert_refused("MEM_SIZE_MIB", "1");
    assert_refused("MEM_SIZE_MIB", "63");
    assert_refused("MEM_SIZE_MIB", "1G");
    assert_accepted("MEM_SIZE_MIB", "64", &plan);
    assert_int_equal(plan.vmm.mem_mib, 64);
    assert_refused("VM_BOOT_TIMEOUT", "1s");
}

static void test_sizes(void **state)
{
    (void)state;
    struct plan plan;
    static const char *const bad[] = {"1", "15M", "17T", "4GB", "M", "-4G", "1.5G", "18446744073709551615T"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_refused("ROOTFS_SIZE", bad[i]);
        assert_refused("DATAFS_SIZE", bad[i]);
    }
    assert_accepted("ROOTFS_SIZE", "4G", &plan);
    assert_int_equal(plan.drives.rootfs_size, 4096 * MIB);
    assert_accepted("DATAFS_SIZE", "512", &plan);
    assert_int_equal(plan.drives.datafs_size, 512 * MIB);
}

static void test_sysctls(void **state)
{
    (void)state;
    struct plan plan;
    struct err err;
    static const char *const bad[] = {"vm",      "swappiness=1", "=1",      ".a=1",           "vm.=1",
                                      "vm..a=1", "vm./.a=1",     "a b.c=1", "vm/../../x.y=1", "x,vm.swappiness=1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused("VM_SYSCTLS", bad[i]);
    static const char wanted[] = "vm.swappiness=1\0net.ipv4.ip_local_reserved_ports=80,90\0net.ipv4.conf.eth0/1.x=a b";
    assert_int_equal(plan_with("VM_SYSCTLS",
                               "vm.swappiness=1, net.ipv4.ip_local_reserved_ports=80,90,net.ipv4.conf.eth0/1.x=a b,",
                               &plan, &err),
                     0);
    assert_int_equal(plan.sysctls.len, sizeof(wanted));
    assert_memory_equal(plan.sysctls.data, wanted, sizeof(wanted));
    plan_free(&plan);
}

/* :disk, with a size or without, and paths with commas and colons. */
static void check_kept_disks(void)
{
    struct plan plan;
    struct err err;
    char places[3][64], text[512];
    static const char *const names[] = {"one", "a,b:c", "back\\slash"};
    char top[] = "/tmp/plan.XXXXXX";
    assert_non_null(mkdtemp(top));
    for (int i = 0; i < 3; i++) {
        snprintf(places[i], sizeof(places[i]), "%s/%s", top, names[i]);
        assert_int_equal(mkdir(places[i], 0755), 0);
    }
    snprintf(text, sizeof(text), "%s/one:/x:disk=100M,%s/a\\,b\\:c:/y\\:z:disk,/usr:/u:ro,%s/back\\slash:/w:rw=suid",
             top, top, top);
    assert_int_equal(plan_with("VM_VOLUMES", text, &plan, &err), 0);
    const struct volume *v = plan.drives.volume;
    assert_int_equal(plan.drives.volume_count, 4);
    assert_int_equal(plan.drives.share_count, 1);
    assert_int_equal(v[0].kind, VOLUME_KEPT);
    assert_true(v[0].size_given && v[0].size == 100 << 20);
    assert_string_equal(v[1].source, places[1]);
    assert_string_equal(v[1].target, "/y:z");
    assert_true(v[1].kind == VOLUME_KEPT && !v[1].size_given && v[1].size >= 64 << 20);
    assert_string_equal(v[3].source, places[2]);
    assert_true(v[3].kind == VOLUME_SHARE && v[3].suid && !v[0].suid);
    assert_int_equal(drives_letter(&plan.drives, 2), 'f');
    plan_free(&plan);
    snprintf(text, sizeof(text), "%s/one:/x:disk,%s/./one:/y:disk", top, top);
    assert_refused("VM_VOLUMES", text);
    static const char *const bad[] = {"/etc/passwd:/x:disk",  "/tmp:/x:disk=",  "/tmp:/x:disk=4",
                                      "/tmp:/x:rw=4G",        "/tmp:/x:rw=",    "/tmp:/x:live-ro=suid",
                                      "/nonexistent:/x:disk", "/tmp\\:/x:disk", "/tmp:/x:disks"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused("VM_VOLUMES", bad[i]);
    for (int i = 0; i < 3; i++)
        rmdir(places[i]);
    rmdir(top);
}

static void test_disks(void **state)
{
    (void)state;
    struct plan plan;
    static const char *const bad[] = {
        "/tmp",       "/tmp:/x",       "/tmp:/x:rx",         "tmp:/x:ro",       "/tmp:x:ro",
        "/tmp:/:ro",  "/tmp:/x:ro:ro", "/nonexistent:/x:ro", "/dev/null:/x:ro", "/tmp:/x:ro,",
        ",",          "/tmp:/dev:ro",  "/tmp:/proc/x:ro",    "/tmp:/sys/:ro",   "/tmp:/x/.././/dev/x:ro",
        "/tmp:/..:ro"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused("VM_VOLUMES", bad[i]);
    assert_refused("VM_VOLUMES",
                   "/tmp:/1:ro,/tmp:/2:ro,/tmp:/3:ro,/tmp:/4:ro,/tmp:/5:ro,/tmp:/6:ro,/tmp:/7:ro,/tmp:/8:ro,"
                   "/tmp:/9:ro");
    struct err err;
    assert_int_equal(plan_with("VM_VOLUMES", "/tmp:/x:ro , /usr/:/a b/c/:ro\n", &plan, &err), 0);
    assert_int_equal(plan.drives.volume_count, 2);
    assert_string_equal(plan.drives.volume[0].source, "/tmp");
    assert_string_equal(plan.drives.volume[1].target, "/a b/c/");
    assert_int_equal(drives_letter(&plan.drives, 1), 'e');
    plan_free(&plan);
    assert_int_equal(plan_with("VM_VOLUMES", "/tmp:/x:rw,/usr:/y:ro,/etc:/z:live-ro,/bin:/w:ro", &plan, &err), 0);
    assert_int_equal(plan.drives.volume_count, 4);
    assert_int_equal(plan.drives.share_count, 2);
    assert_int_equal(plan.drives.volume[0].kind, VOLUME_SHARE);
    assert_int_equal(plan.drives.volume[2].kind, VOLUME_SHARE_RO);
    assert_int_equal(drives_letter(&plan.drives, 3), 'e');
    plan_free(&plan);
    check_kept_disks();
    assert_refused("VM_DATA_MOUNT", "data");
    assert_refused("VM_DATA_MOUNT", "//");
    assert_refused("VM_DATA_MOUNT", "/dev/shm");
    assert_accepted("VM_DATA_MOUNT", "/devices", &plan);
    assert_accepted("VM_DATA_MOUNT", "/dev/../var/dev", &plan);
    assert_accepted("VM_DATA_MOUNT", "/var/lib/app", &plan);
    assert_refused("VM_ROOTFS_FORMAT", "xfs");
    assert_refused("VM_ROOTFS_DIR", "/etc/passwd");
}

static void test_limits(void **state)
{
    (void)state;
    struct plan plan;
    static const char *const bad[] = {"0", "1023", "-1M", "10MB", "10 M", "fast", "2T"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_refused("VM_NET_BANDWIDTH", bad[i]);
        assert_refused("VM_DISK_BANDWIDTH", bad[i]);
    }
    assert_refused("VM_NET_OPS", "0");
    assert_refused("VM_DISK_OPS", "1K");
    assert_accepted("VM_NET_BANDWIDTH", "10M", &plan);
    assert_true(plan.vmm.net_limit.bytes == 10 * MIB && !plan.vmm.net_limit.ops && !plan.vmm.drive_limit.bytes);
    assert_accepted("VM_DISK_BANDWIDTH", "5000", &plan);
    assert_true(plan.vmm.drive_limit.bytes == 5000 && !plan.vmm.drive_limit.ops);
    assert_accepted("VM_DISK_OPS", "100", &plan);
    assert_true(plan.vmm.drive_limit.ops == 100 && !plan.vmm.net_limit.ops);
}

static void test_cgroup(void **state)
{
    (void)state;
    struct plan plan;
    static const char *const bad[] = {
        "50",           "cpu",         "cpu.weight", "cpu.weight=", "=5",
        "weight=5",     ".cpu.x=5",    "../cpu.x=5", "a.b=c=d",     "cpu.weight=1 io.max=8:0 rbps=1",
        "cpu/max.x=12", "50 cpu.max=5"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused("VM_CGROUP", bad[i]);
    assert_accepted("VM_CGROUP", " cpu.weight=50  cpu.max=150000 100000\nmemory.max=1G\tcpuset.cpus=0,2-3 ", &plan);
    assert_int_equal(plan.cgroup.count, 4);
    assert_string_equal(plan.cgroup.settings[0], "cpu.weight=50");
    assert_string_equal(plan.cgroup.settings[1], "cpu.max=150000 100000");
    assert_string_equal(plan.cgroup.settings[2], "memory.max=1G");
    assert_string_equal(plan.cgroup.settings[3], "cpuset.cpus=0,2-3");
    assert_int_equal(plan.vmm.vcpus, 2);
    assert_int_equal(plan.vmm.mem_mib, 1024 - 96);
    char many[400] = "";
    for (int i = 0; i < CGROUP_SETTINGS + 1; i++)
        strcat(many, "a.b=1 ");
    struct err err;
    assert_int_equal(plan_with("VM_CGROUP", many, &plan, &err), -1);
    plan_free(&plan);
}

static void test_network(void **state)
{
    (void)state;
    struct plan plan;
    static const char *const bad[] = {"10.1.2.1", "10.1.2.1/24", "10.1.2/30", "x/30", "10.1.2.0/30", "10.1.2.3/30"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused("TAP_IP", bad[i]);
    assert_accepted("TAP_IP", "10.1.2.1/30", &plan);
    assert_refused("GUEST_IP", "10.1.2");
    assert_refused("GUEST_MAC", "06:00:0a:01:02");
    assert_refused("GUEST_MAC", "06:00:0a:01:02:02:");
    assert_refused("GUEST_MAC", "01:00:0a:01:02:02");
    assert_accepted("GUEST_MAC", "06:00:0a:01:02:fE", &plan);
    assert_int_equal(plan.net.guest_mac[5], 0xfe);
    assert_refused("TAP_DEVICE", "sixteencharacter");
    assert_refused("HOST_IFACE", "sixteencharacter");
    assert_refused("VM_NETWORK", "bridge");
    assert_refused("VM_HOST_ACCESS", "1");
    assert_refused("VM_PORTS", "80:x");
    assert_accepted("VM_PORTS", "8080:80,127.0.0.1:5353:53/udp", &plan);
    assert_accepted("VM_PORTS", "8080:80, 127.0.0.1:5353:53/udp", &plan);
    assert_accepted("VM_PORTS", "8080:80 ,\t53/UDP \n", &plan);
    assert_refused("VM_PORTS", "8080:80, ");
    assert_accepted("VM_NETWORK", "none", &plan);
    assert_int_equal(plan.network, NETWORK_NONE);
}

static void test_files_and_names(void **state)
{
    (void)state;
    struct plan plan;
    assert_refused("VM_ROOTFS_DIR", "/nonexistent");
    assert_refused("VM_ROOTFS_FORMAT", "btrfs");
    assert_refused("VM_KERNEL_IMAGE", "/nonexistent");
    assert_refused("VM_KERNEL_IMAGE", folder);
    assert_refused("VM_KERNEL_IMAGE", paths[5]);
    assert_refused("VM_INITRD_IMAGE", "/nonexistent");
    assert_refused("VM_KERNEL_IMAGE", paths[6]); /* Firecracker could not read it */
    assert_refused("VM_INITRD_IMAGE", paths[6]);
    assert_refused("VM_FIRECRACKER_BIN", "/nonexistent");
    assert_refused("VM_JAILER_BIN", "/nonexistent");
    assert_refused("VM_JAIL_BASE", "relative");
    assert_refused("VM_ID", "under_score");
    assert_refused("VM_LOG_LEVEL", "loud");
    assert_accepted("VM_LOG_LEVEL", "Info", &plan);
    assert_accepted("VM_LOG_LEVEL", "WARNING", &plan);
    assert_accepted("VM_ID", "my-VM-1", &plan);
    assert_string_equal(plan.id, "my-VM-1");
}

static void test_stop(void **state)
{
    (void)state;
    struct plan plan;
    static const struct {
        const char *text;
        int signal;
    } good[] = {{"INT", 2},         {"SIGINT", 2}, {"2", 2},           {"64", 64},      {"int", 2},
                {"sigrtmin+3", 37}, {"RTMIN", 34}, {"SIGRTMIN+3", 37}, {"RTMAX-1", 63}, {"RTMAX", 64}};
    static const char *const bad[] = {"in", "0", "65", "RTMIN+", "RTMIN-1", "RTMIN+31", "RTMAX+1", "INT "};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_accepted("VM_STOP_SIGNAL", good[i].text, &plan);
        assert_int_equal(plan.supervise.stop_signal, good[i].signal);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_refused("VM_STOP_SIGNAL", bad[i]);
    assert_accepted("VM_INIT", "auto", &plan);
    assert_null(plan.guest.init);
    assert_accepted("VM_INIT", "yes", &plan);
    assert_string_equal(plan.guest.init, "init");
    assert_int_equal(plan.supervise.stop_signal, 15);
    assert_refused("VM_INIT", "1");
}

static void test_boot_args(void **state)
{
    (void)state;
    struct plan plan;
    assert_accepted("EXTRA_KERNEL_BOOT_ARGS", "debug", &plan);
    assert_non_null(strstr(plan.boot_args, "rdinit=/sbin/init"));
#ifdef __x86_64__
    assert_non_null(strstr(plan.boot_args, "reboot=k"));
#else
    assert_null(strstr(plan.boot_args, "i8042"));
#endif
    assert_non_null(strstr(plan.boot_args, " debug"));
    assert_accepted("KERNEL_BOOT_ARGS", "ro", &plan);
    assert_string_equal(plan.boot_args, "ro");
}

static void test_memory_for_the_guest(void **state)
{
    (void)state;
    struct resources r = {.cpus = 1, .total = 512 * MIB, .available = 400 * MIB, .limit = UINT64_MAX};
    assert_int_equal(resources_guest_mib(&r), 400 - 128 - 96);
    r.limit = 200 * MIB;
    assert_int_equal(resources_guest_mib(&r), 200 - 96);
    r.available = 100 * MIB;
    assert_int_equal(resources_guest_mib(&r), 0);
    struct err machine = {0}, limit = {0};
    resources_explain(&r, 64, &machine);
    assert_string_equal(machine.text, "this machine can spare only 0 MiB of memory (a guest needs at least 64 MiB, and "
                                      "Firecracker and entry need 96: free some, or set MEM_SIZE_MIB)");
    r.available = 400 * MIB;
    r.limit = 64 * MIB;
    resources_explain(&r, 64, &limit);
    assert_string_equal(limit.text, "the memory limit of 64 MiB is too low (a guest needs at least 64 MiB, and "
                                    "Firecracker and entry need 96: raise it, for example docker run --memory 256m)");
}

static void test_resource_files(void **state)
{
    (void)state;
    assert_int_equal(meminfo_bytes("MemTotal:    16 kB\nMemAvailable: 8 kB\n", "MemAvailable"), 8192);
    assert_int_equal(meminfo_bytes("XMemTotal: 1 kB\n", "MemTotal"), 0);
    assert_int_equal(resources_cpu_max("max 100000\n"), 0);
    assert_int_equal(resources_cpu_max("150000 100000\n"), 2);
    assert_int_equal(resources_cpu_max("100000 100000\n"), 1);
    assert_int_equal(resources_cpu_max("1000 100000\n"), 1);
    assert_int_equal(resources_cpu_max("junk"), 0);
    assert_true(resources_memory_limit("max\n") == UINT64_MAX);
    assert_true(resources_memory_limit("9223372036854771712\n") == UINT64_MAX);
    assert_true(resources_memory_limit("") == UINT64_MAX);
    assert_int_equal(resources_memory_limit("1048576\n"), 1048576);
}

/* Of lines as Docker 28 makes them. */
static void test_mounts_that_the_guest_does_not_see(void **state)
{
    (void)state;
    char text[] = "1 0 0:50 / / rw - overlay overlay rw\n"
                  "2 1 0:51 / /proc rw - proc proc rw\n"
                  "3 1 0:52 / /tmp rw - tmpfs tmpfs rw\n"
                  "4 1 254:1 /var/lib/docker/containers/x/hosts /etc/hosts rw - ext4 /dev/vda1 rw\n"
                  "5 1 254:1 /site /var/www/html ro,relatime shared:1 - ext4 /dev/vda1 rw\n"
                  "12 5 254:1 /more /var/www/html/more rw - ext4 /dev/vda1 rw\n"
                  "13 1 0:4 net:[1] /some/ns rw - nsfs nsfs rw\n"
                  "6 1 254:1 /data /jail/data rw - ext4 /dev/vda1 rw\n"
                  "7 1 254:1 /with\\040space /srv/a\\040b\\134 rw - ext4 /dev/vda1 rw\n"
                  "8 1 0:53 /id /run/secrets/key rw - tmpfs tmpfs rw\n"
                  "9 1 254:1 /n /usr/src/app/rootfs/etc/nginx/nginx.conf rw - ext4 /dev/vda1 rw\n"
                  "10 1 254:1 /c /config rw - ext4 /dev/vda1 rw\n"
                  "malformed\n"
                  "11 1 254:1 /scratch /var/tmp rw - ext4 /dev/vda1 rw\n";
    char *argv[] = {"entry", "/x", NULL}, *env[] = {NULL};
    struct options o;
    struct plan plan = {.drives = {.volume = {{.source = "/config", .target = "/etc/app"}}, .volume_count = 1}};
    struct buf places = {0};
    assert_int_equal(options_read(&o, argv, env, NULL), 0);
    unseen_find(text, &o, &plan, &places);
    static const char wanted[] = "/var/www/html\0/srv/a b\\\0/run/secrets/key";
    assert_int_equal(places.len, sizeof(wanted));
    assert_memory_equal(places.data, wanted, sizeof(wanted));
    buf_free(&places);
    options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_uids_are_nobodys),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_disks),
        cmocka_unit_test(test_sysctls),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_files_and_names),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_boot_args),
        cmocka_unit_test(test_memory_for_the_guest),
        cmocka_unit_test(test_resource_files),
        cmocka_unit_test(test_cgroup),
        cmocka_unit_test(test_mounts_that_the_guest_does_not_see),
    };
    return cmocka_run_group_tests_name("plan", tests, set_up, tear_down);
}
