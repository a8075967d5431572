/* A BPF program for tc, as network plugins load them: drops IPv4's ICMP, lets everything else through. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

enum { ETHERNET = 14, PROTOCOL = 9, ICMP = 1 };

__attribute__((section("classifier"), used)) int drop_pings(struct __sk_buff *packet)
{
    const unsigned char *data = (const unsigned char *)(long)packet->data;
    const unsigned char *end = (const unsigned char *)(long)packet->data_end;
    if (data + ETHERNET + 20 > end || data[12] != 0x08 || data[13] != 0x00)
        return TC_ACT_OK;
    return data[ETHERNET + PROTOCOL] == ICMP ? TC_ACT_SHOT : TC_ACT_OK;
}

__attribute__((section("license"), used)) const char terms[] = "Apache-2.0";
