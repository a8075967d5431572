/* netsetup's rule text, and the choice between the two iptables backends.  That iptables takes the text, and what
 * it does to packets, is shown in tests/net. */
#include "netsetup/fw.h"
#include "netsetup/rules.h"
#include "netsetup/show.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct net_plan plan(const char *ports)
{
    struct net_plan p = {.id = "vm-1"};
    assert_int_equal(net_ports_parse("VM_PORTS", ports, &p.ports, NULL), 0);
    return p;
}

static struct net_link network(void)
{
    struct net_link l = {
        .tap = "ctr7", .tap_mac = {2, 0, 0, 0, 0, 0xaa}, .guest_mac = {2, 0, 0, 0, 0, 0xab}, .mtu = 1500, .ipv6 = true};
    inet_pton(AF_INET, "10.1.2.1", &l.tap_addr);
    inet_pton(AF_INET, "10.1.2.2", &l.guest_addr);
    inet_pton(AF_INET6, "fd00::1", &l.tap_addr6);
    inet_pton(AF_INET6, "fd00::2", &l.guest_addr6);
    return l;
}

#define MARK " -m comment --comment ctr-jailer/vm-1 -j "

static void has(const struct buf *text, const char *line)
{
    char *want = NULL;
    assert_true(asprintf(&want, "%s\n", line) > 0);
    if (!strstr(text->data, want))
        fail_msg("no line '%s' in\n%s", line, text->data);
    free(want);
}

static void v4(void **state)
{
    struct net_plan p = plan("8080:80,127.0.0.1:5353:53/udp,2000-2010:3000-3010,5000-5001");
    struct net_link l = network();
    cleanup_buf struct buf text = {0};
    (void)state;
    rules_text(&text, AF_INET, &p, &l, 3);
    has(&text, "-I PREROUTING -i ctr7 ! -s 10.1.2.2" MARK "DROP");
    has(&text, "-I PREROUTING -i ctr7 -m mac ! --mac-source 02:00:00:00:00:ab" MARK "DROP");
    has(&text, "-I PREROUTING -i ctr7 -d 169.254.0.0/16" MARK "DROP");
    has(&text, "-I INPUT -i ctr7 ! -p icmp -m conntrack ! --ctstate ESTABLISHED,RELATED,DNAT" MARK "DROP");
    has(&text, "-I PREROUTING -i ctr7 -m conntrack --ctstate RELATED ! --ctorigsrc 10.1.2.2 ! --ctreplsrc 10.1.2.2" MARK
               "DROP");
    has(&text,
        "-I PREROUTING -i ctr7 -p icmp ! --icmp-type echo-request -m conntrack ! --ctstate ESTABLISHED,RELATED" MARK
        "DROP");
    has(&text,
        "-A PREROUTING -p tcp --dport 8080 -m addrtype --dst-type LOCAL" MARK "DNAT --to-destination 10.1.2.2:80");
    has(&text, "-A OUTPUT -p udp --dport 5353 -d 127.0.0.1" MARK "DNAT --to-destination 10.1.2.2:53");
    assert_null(strstr(text.data, "-A PREROUTING -p udp"));
    has(&text, "-A OUTPUT -p tcp --dport 2000:2010 -m addrtype --dst-type LOCAL" MARK
               "DNAT --to-destination 10.1.2.2:3000-3010/2000");
    has(&text, "-A OUTPUT -p tcp --dport 5000:5001 -m addrtype --dst-type LOCAL" MARK "DNAT --to-destination 10.1.2.2");
    has(&text, "-A POSTROUTING -s 10.1.2.2" MARK "MASQUERADE");
    has(&text, "-I FORWARD 3 -i ctr7 -s 10.1.2.2" MARK "ACCEPT");
    assert_null(strstr(text.data, "REDIRECT"));
    net_ports_free(&p.ports);
}

static void all_ports(void **state)
{
    struct net_plan p = plan("all");
    struct net_link l = network();
    cleanup_buf struct buf text = {0};
    (void)state;
    rules_text(&text, AF_INET6, &p, &l, 1);
    const char *own =
        strstr(text.data, "-A PREROUTING -m addrtype --dst-type LOCAL -m socket --nowildcard" MARK "ACCEPT\n");
    const char *tcp =
        strstr(text.data, "-A PREROUTING -m addrtype --dst-type LOCAL -p tcp" MARK "DNAT --to-destination fd00::2\n");
    has(&text, "-A PREROUTING -m addrtype --dst-type LOCAL -p udp" MARK "DNAT --to-destination fd00::2");
    assert_true(own && tcp && own < tcp);
    assert_null(strstr(text.data, "-A OUTPUT"));
}

/* What iptables-restore would choke on, or worse, take for a policy. */
static void form(void **state)
{
    struct net_plan p = plan("80");
    struct net_link l = network();
    cleanup_buf struct buf text = {0};
    char *rest = NULL;
    int tables = 0, commits = 0;
    (void)state;
    p.host_access = p.guest_access = true;
    snprintf(p.uplink, sizeof(p.uplink), "eth0");
    l.dns_port = 4000;
    rules_text(&text, AF_INET, &p, &l, 1);
    rules_text(&text, AF_INET6, &p, &l, 1);
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        tables += line[0] == '*';
        commits += !strcmp(line, "COMMIT");
        assert_int_equal(tables - commits, strcmp(line, "COMMIT") != 0);
        assert_true(line[0] == '*' || line[0] == ':' || !strcmp(line, "COMMIT") ||
                    strstr(line, "--comment ctr-jailer/vm-1 -j "));
    }
    assert_int_equal(tables, 8);
    net_ports_free(&p.ports);
}

static void asked_for(void **state)
{
    struct net_plan p = plan("");
    struct net_link l = network();
    cleanup_buf struct buf text = {0};
    (void)state;
    p.host_access = p.guest_access = true;
    snprintf(p.uplink, sizeof(p.uplink), "eth0");
    l.dns_port = 4000;
    rules_text(&text, AF_INET, &p, &l, 1);
    assert_null(strstr(text.data, "-I INPUT -i ctr7 ! -p icmp"));
    has(&text, "-I INPUT -i ctr7 -s 10.1.2.2" MARK "ACCEPT");
    has(&text, "-I FORWARD 1 -m devgroup --src-group 0x637472 -o ctr7 -d 10.1.2.2" MARK "ACCEPT");
    has(&text, "-I FORWARD -i ctr7 -m conntrack ! --ctstate ESTABLISHED,RELATED,DNAT" MARK "ctr-jailer-ctr7");
    has(&text, "-A ctr-jailer-ctr7 -o eth0" MARK "RETURN");
    has(&text, "-A ctr-jailer-ctr7 -i ctr7" MARK "DROP");
    has(&text, "-I PREROUTING -i ctr7 -s 10.1.2.2 -d 10.1.2.1 -p udp --dport 53" MARK "REDIRECT --to-ports 4000");
    has(&text, "-I INPUT -i ctr7 -s 10.1.2.2 -d 10.1.2.1 -p tcp --dport 4000" MARK "ACCEPT");
}

static void way_out(void **state)
{
    struct net_plan p = plan("");
    struct net_link l = network();
    cleanup_buf struct buf text = {0}, any = {0};
    const struct uplinks two = {.list = {{2, "eth0"}, {5, "wlan0"}}, .count = 2};
    (void)state;
    rules_chain(&text, &p, &l, &two);
    assert_string_equal(text.data, "*mangle\n-F ctr-jailer-ctr7\n"
                                   "-A ctr-jailer-ctr7 -m devgroup --dst-group 0x637472" MARK "RETURN\n"
                                   "-A ctr-jailer-ctr7 -o eth0" MARK "RETURN\n"
                                   "-A ctr-jailer-ctr7 -o wlan0" MARK "RETURN\n"
                                   "-A ctr-jailer-ctr7 -i ctr7" MARK "DROP\nCOMMIT\n");
    snprintf(p.id, sizeof(p.id), "vm-1~0123abcd"); /* as all have by then */
    buf_free(&text);
    rules_chain(&text, &p, &l, &two);
    assert_non_null(strstr(text.data, "*mangle\n-F ctr-jailer-0123abcd\n-A ctr-jailer-0123abcd -m devgroup "));
    snprintf(p.uplink, sizeof(p.uplink), "any");
    rules_text(&any, AF_INET, &p, &l, 1);
    assert_null(strstr(any.data, "ctr-jailer-0123abcd"));
}

static void bounded(void **state)
{
    struct net_plan p = plan("");
    struct net_link l = network();
    cleanup_buf struct buf text = {0}, text6 = {0}, without = {0};
    (void)state;
    rules_text(&without, AF_INET, &p, &l, 1);
    assert_null(strstr(without.data, "limit"));
    l.bounds = (struct bounds){.flows = 5000, .peers = {256, 64}};
    rules_text(&text, AF_INET, &p, &l, 1);
    rules_text(&text6, AF_INET6, &p, &l, 1);
    assert_non_null(strstr(text.data, " --hashlimit-name ctr-flows-ctr7 --hashlimit-htable-size 1250 "
                                      "--hashlimit-htable-max 5000 --hashlimit-htable-expire 30000 "));
    assert_non_null(strstr(text.data, " --hashlimit-htable-size 64 --hashlimit-htable-max 256 "));
    assert_non_null(strstr(text6.data, " --hashlimit-htable-size 16 --hashlimit-htable-max 64 "));
}

static void v6(void **state)
{
    struct net_plan p = plan("8080:80,127.0.0.1:81:81");
    struct net_link l = network();
    cleanup_buf struct buf text = {0};
    (void)state;
    l.dns_port = 4000;
    rules_text(&text, AF_INET6, &p, &l, 1);
    has(&text, "-I PREROUTING -i ctr7 ! -s fd00::2" MARK "DROP");
    has(&text, "-A PREROUTING -p tcp --dport 8080 -m addrtype --dst-type LOCAL ! -d ::1" MARK
               "DNAT --to-destination [fd00::2]:80");
    assert_null(strstr(text.data, "127.0.0"));
    assert_null(strstr(text.data, "10.1.2."));
    assert_null(strstr(text.data, "REDIRECT"));
    net_ports_free(&p.ports);
}

static void choice(void **state)
{
    struct fw_scan nft = {.backend = FW_NFT}, legacy = {.backend = FW_LEGACY, .absent = true};
    (void)state;
    assert_int_equal(fw_choose(&nft, &legacy), FW_NFT); /* neither has any */
    legacy.rules = 1;
    assert_int_equal(fw_choose(&nft, &legacy), FW_LEGACY);
    nft.rules = 5;
    assert_int_equal(fw_choose(&nft, &legacy), FW_NFT);
    legacy.managed = true;
    assert_int_equal(fw_choose(&nft, &legacy), FW_LEGACY);
    nft.forward_drop = true;
    assert_int_equal(fw_choose(&nft, &legacy), FW_NFT);
    nft = (struct fw_scan){.absent = true};
    legacy = (struct fw_scan){0};
    assert_int_equal(fw_choose(&nft, &legacy), FW_LEGACY);
}

static void scanning(void **state)
{
    cleanup_fw_scan struct fw_scan scan = {0};
    (void)state;
    fw_see_chain(&scan, "nat", "FORWARD", true); /* somebody's own chain */
    assert_false(scan.forward_drop);
    fw_see_chain(&scan, "filter", "FORWARD", true);
    assert_true(scan.forward_drop && !scan.managed);
    fw_see_chain(&scan, "nat", "DOCKER", false);
    assert_true(scan.managed);
    assert_null(fw_see_rule(&scan, "filter", "FORWARD", "", NULL));
    assert_null(fw_see_rule(&scan, "filter", "INPUT", NULL, "DOCKER-USER"));
    assert_int_equal(scan.docker_user, 0);
    assert_null(fw_see_rule(&scan, "filter", "FORWARD", NULL, "DOCKER-USER"));
    assert_int_equal(scan.docker_user, 2);
    struct fw_own *own = fw_see_rule(&scan, "raw", "PREROUTING", "ctr-jailer/x", NULL);
    assert_non_null(own);
    assert_string_equal(own->id, "x");
    assert_string_equal(own->table, "raw");
    assert_int_equal(scan.rules, 4);
}

static void json(void **state)
{
    struct net_link l = network();
    cleanup_buf struct buf text = {0}, short_text = {0};
    (void)state;
    l.dns_port = 53;
    show_link(&text, "vm-1", &l);
    assert_string_equal(
        text.data,
        "{\"id\":\"vm-1\",\"tap\":\"ctr7\",\"tap_ip\":\"10.1.2.1\",\"guest_ip\":\"10.1.2.2\","
        "\"prefix\":30,\"tap_mac\":\"02:00:00:00:00:aa\",\"mac\":\"02:00:00:00:00:ab\",\"mtu\":1500,\"dns_port\":53,"
        "\"tap_ip6\":\"fd00::1\",\"guest_ip6\":\"fd00::2\",\"prefix6\":64}");
    l.ipv6 = false;
    l.dns_port = 0;
    show_link(&short_text, "vm-1", &l);
    assert_null(strstr(short_text.data, "6\":\"fd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounded),   cmocka_unit_test(v4),      cmocka_unit_test(all_ports), cmocka_unit_test(form),
        cmocka_unit_test(asked_for), cmocka_unit_test(way_out), cmocka_unit_test(v6),        cmocka_unit_test(choice),
        cmocka_unit_test(scanning),  cmocka_unit_test(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
