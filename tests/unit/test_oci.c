/* oci/: which options a container may set.  tests/oci/rewrite.t runs the program. */
#include "common/array.h"
#include "entry/plan/options.h"
#include "oci/allowed.h"
#include "oci/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Every option is judged here: a new one is not allowed before somebody has thought about it. */
static void test_allowed_options(void **state)
{
    (void)state;
    static const enum option allowed[] = {OPT_MEM_SIZE_MIB, OPT_MEM_MIN_MIB,     OPT_MEM_RECLAIM,    OPT_VCPU_COUNT,
                                          OPT_CPU_TEMPLATE, OPT_ROOTFS_SIZE,     OPT_DISK_BANDWIDTH, OPT_DISK_OPS,
                                          OPT_NETWORK,      OPT_PORTS,           OPT_NET_BANDWIDTH,  OPT_NET_OPS,
                                          OPT_INIT,         OPT_SYSCTLS,         OPT_STOP_SIGNAL,    OPT_STOP_TIMEOUT,
                                          OPT_BOOT_TIMEOUT, OPT_HEALTHCHECK_CMD, OPT_LOG_LEVEL};
    assert_int_equal(COUNT(allowed), ALLOWED_COUNT);
    for (enum option o = 0; o < OPT_COUNT; o++) {
        bool wanted = false;
        for (size_t i = 0; i < COUNT(allowed); i++)
            wanted |= allowed[i] == o;
        int place = allowed_find(option_name(o), strlen(option_name(o)));
        if (wanted ? place < 0 || strcmp(allowed_name(place), option_name(o)) != 0 : place >= 0)
            fail_msg("%s", option_name(o));
    }
    assert_int_equal(allowed_find("VM_PORT", 7), -1);
    assert_int_equal(allowed_find("VM_PORTSX", 8), allowed_find("VM_PORTS", 8));
    assert_int_equal(allowed_find("", 0), -1);
}

static void test_folders(void **state)
{
    (void)state;
    struct folder f;
    struct err err = {0};
    assert_int_equal(folder_find(&f, "/state", "/run/engine", "one", &err), 0);
    assert_string_equal(f.path, "/state/:run:engine/one");
    assert_int_equal(folder_find(&f, "/state", NULL, "one", &err), 0);
    assert_string_equal(f.path, "/state/default/one");
    static const char *const bad[] = {".", "..", "../x"};
    for (size_t i = 0; i < COUNT(bad); i++)
        if (folder_find(&f, "/state", bad[i], "one", &err) == 0)
            fail_msg("%s", f.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed_options),
        cmocka_unit_test(test_folders),
    };
    return cmocka_run_group_tests_name("oci", tests, NULL, NULL);
}
