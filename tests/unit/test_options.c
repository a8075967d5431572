/* entry/plan/options.c: which variables configure the VM, which reach the guest, and how flags end. */
#include "common/variables.h"
#include "entry/plan/options.h"
#include "entry/plan/typos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *no_command[] = {"entry", NULL};

static void assert_environment(const struct options *o, const char *wanted, size_t len)
{
    assert_int_equal(o->environment.len, len);
    if (len)
        assert_memory_equal(o->environment.data, wanted, len);
}
#define ASSERT_ENVIRONMENT(o, text) assert_environment(o, text, sizeof(text) - 1)

static void test_options_stay_here(void **state)
{
    (void)state;
    char *env[] = {"VCPU_COUNT=2", "FOO=bar", "HOSTNAME=c", "HOME=/x", "PATH=/y",
                   "PWD=/",        "SHLVL=1", "_=/z",       "TERM=t",  NULL};
    struct options o;
    struct err err = {0};
    assert_int_equal(options_read(&o, no_command, env, &err), 0);
    assert_string_equal(o.value[OPT_VCPU_COUNT], "2");
    ASSERT_ENVIRONMENT(&o, "FOO=bar\0PATH=/y\0");
    options_free(&o);
}

static void test_every_option_needs_the_prefix(void **state)
{
    (void)state;
    for (int i = 0; i < OPT_COUNT; i++)
        assert_true(variables_need_prefix(option_name((enum option)i)));
    assert_true(variables_need_prefix("INTERFACE") && variables_need_prefix("CTR_A") && variables_need_prefix("VM_A"));
    assert_true(variables_need_prefix("HOME") && variables_need_prefix("_"));
    assert_false(variables_need_prefix("PATH") || variables_need_prefix("VMS") || variables_need_prefix("PORTS"));
}

static void test_prefix_wins_whatever_the_order(void **state)
{
    (void)state;
    char *before[] = {"CTR_A=prefixed", "A=plain", "AB=kept", NULL};
    char *after[] = {"A=plain", "AB=kept", "CTR_A=prefixed", NULL};
    struct options o;
    assert_int_equal(options_read(&o, no_command, before, NULL), 0);
    ASSERT_ENVIRONMENT(&o, "A=prefixed\0AB=kept\0");
    options_free(&o);
    assert_int_equal(options_read(&o, no_command, after, NULL), 0);
    ASSERT_ENVIRONMENT(&o, "AB=kept\0A=prefixed\0");
    options_free(&o);
}

static void test_prefix_carries_any_name(void **state)
{
    (void)state;
    char *env[] = {"CTR_PATH=/app", "CTR_VCPU_COUNT=9", "CTR_=x", "CTR_CTR_A=y", NULL};
    struct options o;
    assert_int_equal(options_read(&o, no_command, env, NULL), 0);
    assert_null(o.value[OPT_VCPU_COUNT]);
    ASSERT_ENVIRONMENT(&o, "PATH=/app\0VCPU_COUNT=9\0CTR_=x\0CTR_A=y\0");
    options_free(&o);
}

static void test_values_are_bytes(void **state)
{
    (void)state;
    char *env[] = {"A= '\"=\n\xff$(x)", "B=", "=odd", "odd", NULL};
    struct options o;
    assert_int_equal(options_read(&o, no_command, env, NULL), 0);
    ASSERT_ENVIRONMENT(&o, "A= '\"=\n\xff$(x)\0B=\0");
    options_free(&o);
}

static void test_empty_option_is_not_given(void **state)
{
    (void)state;
    char *env[] = {"VM_ROOTFS_DIR=", "VCPU_COUNT=", NULL};
    struct options o;
    assert_int_equal(options_read(&o, no_command, env, NULL), 0);
    assert_string_equal(o.value[OPT_ROOTFS_DIR], "/usr/src/app/rootfs");
    assert_null(o.value[OPT_VCPU_COUNT]);
    ASSERT_ENVIRONMENT(&o, "");
    options_free(&o);
}

static void test_alias_gives_way_to_the_name(void **state)
{
    (void)state;
    char *alone[] = {"INTERFACE=eth1", NULL}, *first[] = {"INTERFACE=eth1", "HOST_IFACE=eth0", NULL},
         *last[] = {"HOST_IFACE=eth0", "INTERFACE=eth1", NULL};
    struct options o;
    assert_int_equal(options_read(&o, no_command, alone, NULL), 0);
    assert_string_equal(o.value[OPT_HOST_IFACE], "eth1");
    ASSERT_ENVIRONMENT(&o, "");
    options_free(&o);
    assert_int_equal(options_read(&o, no_command, first, NULL), 0);
    assert_string_equal(o.value[OPT_HOST_IFACE], "eth0");
    options_free(&o);
    assert_int_equal(options_read(&o, no_command, last, NULL), 0);
    assert_string_equal(o.value[OPT_HOST_IFACE], "eth0");
    options_free(&o);
}

static void test_flags_end_at_the_command(void **state)
{
    (void)state;
    char *env[] = {NULL};
    char *plain[] = {"entry", "ls", "--help", NULL}, *dashes[] = {"entry", "--dry-run", "--", "--odd", "--help", NULL},
         *unknown[] = {"entry", "--dry_run", "ls", NULL};
    struct options o;
    struct err err = {0};
    assert_int_equal(options_read(&o, plain, env, NULL), 0);
    assert_int_equal(o.action, ACTION_RUN);
    assert_ptr_equal(o.command, plain + 1);
    options_free(&o);
    assert_int_equal(options_read(&o, dashes, env, NULL), 0);
    assert_int_equal(o.action, ACTION_DRY_RUN);
    assert_ptr_equal(o.command, dashes + 3);
    options_free(&o);
    assert_int_equal(options_read(&o, unknown, env, &err), -1);
    assert_non_null(strstr(err.text, "--dry_run"));
    options_free(&o);
}

static void test_id_as_a_flag(void **state)
{
    (void)state;
    char *env[] = {"VM_ID=variable", NULL};
    char *apart[] = {"entry", "--id", "one", "--dry-run", "ls", "--id", "x", NULL},
         *joined[] = {"entry", "--id=two", "ls", NULL}, *empty[] = {"entry", "--id=", "ls", NULL},
         *missing[] = {"entry", "--id", NULL}, *valued[] = {"entry", "--dry-run=x", NULL};
    struct options o;
    struct err err = {0};
    assert_int_equal(options_read(&o, apart, env, NULL), 0);
    assert_int_equal(o.action, ACTION_DRY_RUN);
    assert_string_equal(o.value[OPT_VM_ID], "one");
    assert_ptr_equal(o.command, apart + 4);
    options_free(&o);
    assert_int_equal(options_read(&o, joined, env, NULL), 0);
    assert_string_equal(o.value[OPT_VM_ID], "two");
    assert_ptr_equal(o.command, joined + 2);
    options_free(&o);
    assert_int_equal(options_read(&o, empty, env, NULL), 0);
    assert_string_equal(o.value[OPT_VM_ID], "variable");
    options_free(&o);
    assert_int_equal(options_read(&o, missing, env, &err), -1);
    assert_non_null(strstr(err.text, "--id"));
    options_free(&o);
    err.text[0] = '\0';
    assert_int_equal(options_read(&o, valued, env, &err), -1);
    assert_non_null(strstr(err.text, "--dry-run=x"));
    options_free(&o);
}

static void test_typing_errors(void **state)
{
    (void)state;
    static const struct {
        const char *name, *meant;
    } wrong[] = {
        {"MEM_SIZE", "MEM_SIZE_MIB"},
        {"VCPUS", "VCPU_COUNT"},
        {"VM_PORT", "VM_PORTS"},
        {"DATAFS_MOUNT", "VM_DATA_MOUNT"},
        {"VM_VCPU_COUNT", "VCPU_COUNT"},
        {"VM_MEM_SIZE_MIB", "MEM_SIZE_MIB"},
        {"MEMORY_SIZE_MIB", "MEM_SIZE_MIB"},
        {"MEM_SIZE_MB", "MEM_SIZE_MIB"},
        {"VMPORTS", "VM_PORTS"},
        {"FIRECRACKER_BIN", "VM_FIRECRACKER_BIN"},
        {"TAP_ADDRESS_IP", "TAP_IP"},
        {"ROOTFS", "ROOTFS_SIZE"},
        {"BOOT_ARGS", "KERNEL_BOOT_ARGS"},
        {"VM_LOGLEVEL", "VM_LOG_LEVEL"},
        {"VCPU_COUTN", NULL},
        {"VM_VOLUME", "VM_VOLUMES"},
        {"HOST_INTERFACE", NULL},
        {"vcpu_count", "VCPU_COUNT"},
        {"vm_ports", "VM_PORTS"},
    };
    static const char *const fine[] = {
        /* as containers have them, of Docker, Kubernetes and common images */
        "HOSTNAME",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TERM",
        "GPG_KEY",
        "PYTHON_VERSION",
        "NODE_VERSION",
        "NGINX_VERSION",
        "PKG_RELEASE",
        "PGDATA",
        "PG_MAJOR",
        "POSTGRES_PASSWORD",
        "POSTGRES_USER",
        "MYSQL_HOST",
        "REDIS_PORT",
        "JAVA_HOME",
        "GOPATH",
        "HTTP_PROXY",
        "NO_PROXY",
        "DEBIAN_FRONTEND",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_PORT_443_TCP_ADDR",
        "POD_IP",
        "HOST_IP",
        "NODE_NAME",
        "MEMORY_LIMIT",
        "CPU_LIMIT",
        "BIND_ADDRESS",
        "LISTEN_PORT",
        "HOST_PORT",
        "STOP_GRACE_PERIOD",
        "CACHE_SIZE",
        "POOL_SIZE",
        "MAX_SIZE_MIB",
        "NETWORK_INTERFACE",
        "DATABASE_URL",
        "GUESTBOOK",
        "KERNEL_NAME",
        "DEVICE_NAME",
        "DATA",
        "HOSTS",
        "TAPS",
        "TAP_VERSION",
        "LOG_LEVEL",
        "NETWORK",
        "VOLUMES",
        "PORTS",
        "PORT",
        "DATA_DIR",
        "DATADIR",
        "LOGLEVEL",
        "APP_LOG_LEVEL",
        "USER",
        "ID",
        "HOST",
        "HOST_NAME",
        "GUEST",
        "DATA_PATH",
        "INIT",
        "NETWORK_IFACE",
        "PATH",
        "WORKDIR",
        "VM_PORTS",
        "VMS",
        "INTERFACE",
        "TAP_IP",
        "",
        "_",
        "CTR_PORT",
        "MEM",
        "SIZE",
        "MY_DATA_DIR",
        "HTTP_PORTS",
        "LD_PRELOAD",
        "USER_ID",
        "GUEST_NAME",
        "DATA_SIZE_X",
        "A_VERY_LONG_NAME_OF_SOMETHING_THAT_NO_OPTION_HAS_OF_COURSE",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        const char *meant = typos_meant(wrong[i].name);
        if (wrong[i].meant ? !meant || strcmp(meant, wrong[i].meant) != 0 : meant != NULL)
            fail_msg("%s is taken for %s", wrong[i].name, meant ? meant : "nothing");
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++)
        if (typos_meant(fine[i]))
            fail_msg("%s is taken for %s", fine[i], typos_meant(fine[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_stay_here),
        cmocka_unit_test(test_prefix_wins_whatever_the_order),
        cmocka_unit_test(test_prefix_carries_any_name),
        cmocka_unit_test(test_values_are_bytes),
        cmocka_unit_test(test_empty_option_is_not_given),
        cmocka_unit_test(test_alias_gives_way_to_the_name),
        cmocka_unit_test(test_flags_end_at_the_command),
        cmocka_unit_test(test_id_as_a_flag),
        cmocka_unit_test(test_every_option_needs_the_prefix),
        cmocka_unit_test(test_typing_errors),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
