/* Bytes that others read: JSON (read by jq), and the guest's resolv.conf and hosts. */
#include "common/json.h"
#include "common/run.h"
#include "entry/disks/hosts.h"
#include "entry/disks/settings.h"
#include "entry/life/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_output(const char *const argv[], const struct buf *input, const char *wanted)
{
    cleanup_buf struct buf output = {0};
    struct err err = {0};
    assert_int_equal(run_program(argv, input->data, input->len, &output, NULL, &err), 0);
    assert_string_equal(output.data, wanted);
}

static void test_jq_reads_the_json(void **state)
{
    (void)state;
    cleanup_buf struct buf text = {0};
    struct json j = {.out = &text};
    json_open(&j, NULL, '{');
    json_string(&j, "text", "a\"b\\c\n\x01\xc3\xa4\xff");
    json_string(&j, "none", NULL);
    json_open(&j, "list", '[');
    json_number(&j, NULL, UINT64_C(9007199254740991));
    json_bool(&j, NULL, true);
    json_open(&j, NULL, '{');
    json_close(&j, '}');
    json_close(&j, ']');
    json_bool(&j, "last", false);
    json_close(&j, '}');
    const char *jq[] = {"jq", "-ac", ".", NULL};
    assert_output(jq, &text,
                  "{\"text\":\"a\\\"b\\\\c\\n\\u0001\\u00e4\\ufffd\",\"none\":null,"
                  "\"list\":[9007199254740991,true,{}],\"last\":false}\n");
}

static void test_json_is_read(void **state)
{
    (void)state;
    char out[16];
    const char *text = "{\"a\":{\"fault_message\":\"inner\"},\"fault_message\":\"no \\\"x\\\"\"}";
    assert_int_equal(json_get_string(text, strlen(text), "fault_message", out, sizeof(out)), 0);
    assert_string_equal(out, "no \"x\"");
    assert_int_equal(json_get_string(text, strlen(text), "fault_message", out, 4), -1);
    assert_int_equal(json_get_string(text, strlen(text), "other", out, sizeof(out)), -1);
    assert_int_equal(json_get_string("[]", 2, "a", out, sizeof(out)), -1);
    assert_int_equal(json_get_string("{\"a\":1}", 7, "a", out, sizeof(out)), -1);
    assert_int_equal(json_get_string("{\"a\"", 4, "a", out, sizeof(out)), -1);
    assert_int_equal(json_get_string("", 0, "a", out, sizeof(out)), -1);
}

static void test_resolv_conf(void **state)
{
    (void)state;
    cleanup_buf struct buf out = {0};
    settings_resolv("# nameserver 127.0.0.1\nnameserver 127.0.0.53\n nameserver\t::1\nsearch a b\nnameserver 10.0.0.1",
                    NULL, &out);
    assert_string_equal(out.data, "# nameserver 127.0.0.1\nsearch a b\nnameserver 10.0.0.1\n");
    out.len = 0;
    settings_resolv("options x\nnameserver 127.0.0.11\nnameserver 127.0.0.12\n", "10.1.2.1", &out);
    assert_string_equal(out.data, "options x\nnameserver 10.1.2.1\n");
    out.len = 0; /* link-local ones are out of the guest's reach, too */
    settings_resolv(
        "nameserver fe80::1%eth0\nnameserver 169.254.169.254\nnameserver 168.63.129.16\nnameserver 2001:db8::53\n",
        "10.1.2.1", &out);
    assert_string_equal(out.data, "nameserver 10.1.2.1\nnameserver 2001:db8::53\n");
}

static void test_resolvers(void **state)
{
    (void)state;
    char list[NET_DNS_SERVERS][NET_DNS_MAX];
    settings_resolvers("nameserver 10.0.0.1\nnameserver 127.0.0.53\n#nameserver 127.0.0.54\nnameserver fe80::1%eth0\n"
                       "nameserver 2001:db8::53",
                       list);
    assert_string_equal(list[0], "127.0.0.53");
    assert_string_equal(list[1], "fe80::1%eth0");
    assert_string_equal(list[2], "");
    settings_resolvers("nameserver ::1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 127.0.0.4\n", list);
    assert_string_equal(list[0], "::1");
    assert_string_equal(list[2], "127.0.0.3");
    settings_resolvers("search a\n", list);
    assert_string_equal(list[0], "");
}

static void assert_hosts(const struct hosts_own *own, const char *text, const char *wanted)
{
    cleanup_buf struct buf out = {0};
    hosts_make(text, own, &out);
    assert_string_equal(out.data ? out.data : "", wanted);
}

static void test_hosts(void **state)
{
    (void)state;
    struct hosts_own own = {.name = "me", .domain = "", .address = "10.0.0.2", .address6 = "fd00::2"};
    /* others' lines, in their order, without comments; Docker's own lines */
    assert_hosts(&own,
                 "127.0.0.1\tlocalhost\n::1 localhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\n"
                 "fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n# 10.0.0.9 no\n"
                 "192.0.2.7\tdb db.example.test # the database\n\n10.9.9.9\n2001:db8::7 db\n192.0.2.8 me2 two-me\r\n"
                 "127.0.0.1\tads.example.test\n172.17.0.2\tme.example.test me\nfd77::2 me\n172.17.0.2\talias",
                 "192.0.2.7\tdb db.example.test\n2001:db8::7\tdb\n192.0.2.8\tme2 two-me\n"
                 "127.0.0.1\tads.example.test\n10.0.0.2\tme.example.test me\nfd00::2\tme\n10.0.0.2\talias\n");
    /* names that only begin like localhost, and lines with more than it */
    assert_hosts(&own, "10.1.2.3 localhost.localstack.cloud ip6-gateway\n127.0.0.1 localhost dev\n9.9.9.9 localhost",
                 "10.0.0.2\tme\n10.1.2.3\tlocalhost.localstack.cloud ip6-gateway\n127.0.0.1\tlocalhost dev\n"
                 "9.9.9.9\tlocalhost\n");
    /* the hostname on the loopback: Debian's way, and others' */
    assert_hosts(&own, "127.0.1.1 me.example.test me\n", "10.0.0.2\tme.example.test me\n");
    assert_hosts(&own, "127.0.0.1 localhost ME\n::1 me\n", "10.0.0.2\tME\nfd00::2\tme\n");
    /* a pod of Kubernetes' StatefulSet */
    own.name = "web-0";
    own.address6 = NULL;
    assert_hosts(&own, "10.244.1.5 web-0.nginx.default.svc.cluster.local web-0\nfd77::5 web-0\nfe80::1%eth0 router\n",
                 "10.0.0.2\tweb-0.nginx.default.svc.cluster.local web-0\nfe80::1%eth0\trouter\n");
    /* no line for it */
    own.domain = "example.test";
    assert_hosts(&own, "", "10.0.0.2\tweb-0.example.test web-0\n");
    own.name = "web-0.example.test";
    assert_hosts(&own, "192.0.2.1 web-0", "10.0.0.2\tweb-0.example.test\n192.0.2.1\tweb-0\n");
    own.name = "localhost";
    assert_hosts(&own, "127.0.0.1 localhost\n192.0.2.1 x", "192.0.2.1\tx\n");
}

static void test_status(void **state)
{
    (void)state;
    cleanup_buf struct buf out = {0};
    struct net_ports ports;
    struct net_link link = {.tap = "ctr0", .guest_addr.s_addr = htonl(0x0a010202)};
    assert_int_equal(net_ports_parse("VM_PORTS", "8080:80,127.0.0.1:2000-2010:3000-3010/udp", &ports, NULL), 0);
    struct status_facts facts = {
        .begun = 5000000, .started = 107000000, .link = &link, .ports = &ports, .firecracker = STATUS_PROCESS_NONE};
    struct status_boot boot = {.exec = 400000000, .exec_ms = 250, .init_ms = 200, .pid = 77};
    char wanted[512];
    status_fill("id", "running", &facts, &boot, &(struct json){.out = &out});
    snprintf(wanted, sizeof(wanted),
             "{\"id\":\"id\",\"state\":\"running\",\"address\":\"10.1.2.2\",\"address6\":null,\"tap\":\"ctr0\","
             "\"ports\":[\"8080:80/tcp\",\"127.0.0.1:2000-2010:3000-3010/udp\"],"
             "\"pids\":{\"entry\":%d,\"firecracker\":null,\"command_in_guest\":77},"
             "\"boot_ms\":{\"firecracker\":102,\"kernel\":145,\"init\":345,\"exec\":395},\"restarts\":0,"
             "\"last_exit\":null,\"last_exit_code\":null,"
             "\"healthcheck\":null}",
             getpid());
    assert_string_equal(out.data, wanted);
    out.len = 0;
    facts.healthcheck = "a \"b\"\n\x1b";
    status_fill("id", "running", &facts, &boot, &(struct json){.out = &out, .lines = true});
    snprintf(wanted, sizeof(wanted),
             "id: id\nstate: running\naddress: 10.1.2.2\naddress6: null\ntap: ctr0\n"
             "ports: 8080:80/tcp, 127.0.0.1:2000-2010:3000-3010/udp\n"
             "pids: \n  entry: %d\n  firecracker: null\n  command_in_guest: 77\n"
             "boot_ms: \n  firecracker: 102\n  kernel: 145\n  init: 345\n  exec: 395\nrestarts: 0\n"
             "last_exit: null\nlast_exit_code: null\nhealthcheck: a \"b\"\\u000a\\u001b",
             getpid());
    assert_string_equal(out.data, wanted);
    net_ports_free(&ports);
    out.len = 0;
    status_fill("id", "booting",
                &(struct status_facts){.restarts = -1, .firecracker = STATUS_PROCESS_NONE, .healthcheck = "a \"b\""},
                &(struct status_boot){0}, &(struct json){.out = &out});
    assert_non_null(strstr(out.data, "\"address\":null"));
    assert_non_null(strstr(out.data, "\"kernel\":null,\"init\":null,\"exec\":null}"));
    assert_non_null(strstr(
        out.data, "\"restarts\":null,\"last_exit\":null,\"last_exit_code\":null,\"healthcheck\":\"a \\\"b\\\"\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jq_reads_the_json),
        cmocka_unit_test(test_json_is_read),
        cmocka_unit_test(test_resolv_conf),
        cmocka_unit_test(test_resolvers),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}
