/* netsetup's parsers: addresses, MACs, published ports, and the plan as a whole. */
#include "netsetup/check.h"
#include "netsetup/netsetup.h"
#include "netsetup/rules.h"
#include "netsetup/subnet.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct in_addr ip(const char *text)
{
    struct in_addr a;
    assert_int_equal(inet_pton(AF_INET, text, &a), 1);
    return a;
}

static void addresses(void **state)
{
    static const char *const bad[] = {"",
                                      "1",
                                      "10.0.0",
                                      "10.0.0.256",
                                      "10.0.0.1/24",
                                      "10.0.0.1/",
                                      "10.0.0.1/30 ",
                                      " 10.0.0.1",
                                      "0.0.0.0",
                                      "fd00::1",
                                      "foo",
                                      "10.0.0.1/3",
                                      "10.0.0.0000000000000000000001"};
    struct in_addr a;
    (void)state;
    assert_int_equal(net_addr_parse("TAP_IP", "10.1.2.3", &a, NULL), 0);
    assert_int_equal(a.s_addr, ip("10.1.2.3").s_addr);
    assert_int_equal(net_addr_parse("TAP_IP", "192.168.0.1/30", &a, NULL), 0);
    assert_int_equal(a.s_addr, ip("192.168.0.1").s_addr);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {0};
        assert_int_equal(net_addr_parse("TAP_IP", bad[i], &a, &err), -1);
        assert_non_null(strstr(err.text, "TAP_IP="));
    }
}

static void macs(void **state)
{
    static const char *const bad[] = {"",
                                      "02:00:00:00:00",
                                      "02:00:00:00:00:01:02",
                                      "2:0:0:0:0:1",
                                      "02-00-00-00-00-01",
                                      "03:00:00:00:00:01",
                                      "00:00:00:00:00:00",
                                      "0g:00:00:00:00:01",
                                      "02:00:00:00:00:1",
                                      "02:00:00:00:00:01 "};
    static const uint8_t good[6] = {0x02, 0xab, 0xCD, 0, 0, 0xff};
    uint8_t mac[6];
    (void)state;
    assert_int_equal(net_mac_parse("GUEST_MAC", "02:ab:CD:00:00:ff", mac, NULL), 0);
    assert_memory_equal(mac, good, 6);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(net_mac_parse("GUEST_MAC", bad[i], mac, NULL), -1);
}

static void check_port(const struct net_port *p, const char *host, unsigned from, unsigned to, unsigned count, bool udp)
{
    assert_int_equal(p->host_addr.s_addr, ip(host).s_addr);
    assert_int_equal(p->host_port, from);
    assert_int_equal(p->guest_port, to);
    assert_int_equal(p->count, count);
    assert_int_equal(p->udp, udp);
}

static void ports(void **state)
{
    struct net_ports p;
    struct err err = {0};
    (void)state;
    assert_int_equal(
        net_ports_parse("VM_PORTS", "8080:80,127.0.0.1:5353:53/udp,2000-2010:2000-2010,80,443/tcp,65535", &p, &err), 0);
    assert_int_equal(p.count, 6);
    check_port(&p.list[0], "0.0.0.0", 8080, 80, 1, false);
    check_port(&p.list[1], "127.0.0.1", 5353, 53, 1, true);
    check_port(&p.list[2], "0.0.0.0", 2000, 2000, 11, false);
    check_port(&p.list[3], "0.0.0.0", 80, 80, 1, false);
    check_port(&p.list[4], "0.0.0.0", 443, 443, 1, false);
    check_port(&p.list[5], "0.0.0.0", 65535, 65535, 1, false);
    net_ports_free(&p);
    assert_int_equal(net_ports_parse("VM_PORTS", "", &p, &err), 0);
    assert_int_equal(p.count, 0);
    /* One number, two protocols or two addresses: two ports. */
    assert_int_equal(net_ports_parse("VM_PORTS", "53/udp,53/tcp,127.0.0.1:1:1,127.0.0.2:1:1", &p, &err), 0);
    net_ports_free(&p);
    assert_int_equal(net_ports_parse("VM_PORTS", "8080:80 ,\t53/UDP , 443/Tcp\n", &p, &err), 0);
    assert_true(p.count == 3 && p.list[0].guest_port == 80 && p.list[1].udp && !p.list[2].udp);
    net_ports_free(&p);
    assert_int_equal(net_ports_parse("VM_PORTS", "1-65535", &p, &err), 0);
    assert_int_equal(p.list[0].count, 65535);
    net_ports_free(&p);
    assert_int_equal(net_ports_parse("VM_PORTS", " all\n", &p, &err), 0);
    assert_true(p.all && !p.count);
}

static void bad_ports(void **state)
{
    static const char *const bad[] = {"0",
                                      "65536",
                                      "-1",
                                      "a",
                                      "80:",
                                      ":80",
                                      "80,",
                                      ",80",
                                      "80,,81",
                                      "80/sctp",
                                      "80/",
                                      "1-2:1-3",
                                      "2-1",
                                      "1-2-3",
                                      "8 0",
                                      "80:80:80",
                                      "1.2.3:80:80",
                                      "localhost:80:80",
                                      "80:80:80:80",
                                      "80,80",
                                      "80,1-100",
                                      "127.0.0.1:80:80,80",
                                      "99999999999999999999",
                                      "80:0",
                                      "+80",
                                      "0x50",
                                      "1-",
                                      "-"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct net_ports p;
        struct err err = {0};
        if (net_ports_parse("VM_PORTS", bad[i], &p, &err) != -1)
            fail_msg("'%s' was taken", bad[i]);
        assert_null(p.list);
        assert_non_null(strstr(err.text, "VM_PORTS: cannot publish"));
        assert_null(strchr(err.text, '\n'));
    }
}

static void pairs(void **state)
{
    struct in_addr tap = ip("10.0.0.1"), guest = {0};
    (void)state;
    assert_true(subnet_pair(&tap, &guest));
    assert_int_equal(guest.s_addr, ip("10.0.0.2").s_addr);
    tap.s_addr = 0;
    guest = ip("10.0.0.5");
    assert_true(subnet_pair(&tap, &guest));
    assert_int_equal(tap.s_addr, ip("10.0.0.6").s_addr);
    tap.s_addr = guest.s_addr = 0;
    assert_true(subnet_pair(&tap, &guest));
    assert_int_equal(tap.s_addr, 0);
    static const char *const bad[][2] = {{"10.0.0.1", "10.0.0.1"}, {"10.0.0.1", "10.0.0.6"}, {"10.0.0.1", "10.0.0.3"},
                                         {"10.0.0.0", "10.0.0.1"}, {"10.0.0.3", "0.0.0.0"},  {"0.0.0.0", "10.0.0.4"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap = ip(bad[i][0]);
        guest = ip(bad[i][1]);
        assert_false(subnet_pair(&tap, &guest));
    }
}

static void overlaps(void **state)
{
    (void)state;
    assert_true(subnet_overlap(ip("10.0.0.0"), 30, ip("10.0.0.2"), 32));
    assert_true(subnet_overlap(ip("10.0.0.0"), 30, ip("10.0.0.0"), 8));
    assert_true(subnet_overlap(ip("10.0.0.0"), 30, ip("1.2.3.4"), 0));
    assert_true(subnet_overlap(ip("10.0.0.0"), 30, ip("10.0.0.3"), 30));
    assert_false(subnet_overlap(ip("10.0.0.0"), 30, ip("10.0.0.4"), 30));
    assert_false(subnet_overlap(ip("10.0.0.0"), 30, ip("11.0.0.0"), 8));
}

static int check_with(const char *id, const char *tap, const char *uplink)
{
    struct net_plan plan = {0};
    struct err err = {0};
    snprintf(plan.id, sizeof(plan.id), "%s", id);
    snprintf(plan.tap, sizeof(plan.tap), "%s", tap);
    snprintf(plan.uplink, sizeof(plan.uplink), "%s", uplink);
    return netsetup_check(&plan, &err);
}

static void plans(void **state)
{
    (void)state;
    assert_int_equal(check_with("a", "", ""), 0);
    assert_int_equal(check_with("A-9", "tap0", "eth0.5"), 0);
    assert_int_equal(check_with("", "", ""), -1);
    assert_int_equal(check_with("a/b", "", ""), -1);
    assert_int_equal(check_with("a b", "", ""), -1);
    assert_int_equal(check_with("a\n-A FORWARD", "", ""), -1);
    assert_int_equal(check_with("a", "tap%d", ""), -1);
    assert_int_equal(check_with("a", "tap 0", ""), -1);
    assert_int_equal(check_with("a", "eth+", ""), -1);
    assert_int_equal(check_with("a", "..", ""), -1);
    assert_int_equal(check_with("a", "-i", ""), -1);
    assert_int_equal(check_with("a", "", "eth0 -j DROP"), -1);
}

static void owners(void **state)
{
    (void)state;
    assert_string_equal(rules_owner("ctr-jailer/a-1"), "a-1");
    assert_null(rules_owner(NULL));
    assert_null(rules_owner(""));
    assert_null(rules_owner("ctr-jailer/"));
    assert_null(rules_owner("ctr-jailer/a b"));
    assert_null(rules_owner("my ctr-jailer/a"));
    assert_null(rules_owner("ctr-jailer/0123456789012345678901234567890123456789012345678901234567890123x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(macs),     cmocka_unit_test(ports), cmocka_unit_test(bad_ports),
        cmocka_unit_test(pairs),     cmocka_unit_test(overlaps), cmocka_unit_test(plans), cmocka_unit_test(owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
