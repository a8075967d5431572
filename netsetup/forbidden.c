/* Sources: the providers' documents, named in each row, and cloud-init's data sources
 * (https://docs.cloud-init.io/en/latest/reference/datasources.html), which most images of most clouds use. */
#include "netsetup/forbidden.h"
#include "common/array.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LOOPBACK "127.0.0.0"
#define LINK_LOCAL "fe80::"

struct service {
    const char *net;
    unsigned bits;
};

static const struct service services4[] = {
    /* Link-local (RFC 3927): 169.254.169.254 of Amazon EC2, Google, Azure, Oracle, IBM, DigitalOcean, Hetzner, Vultr,
     * Exoscale, UpCloud, Akamai and OpenStack; 169.254.170.2 of Amazon ECS and 169.254.170.23 of EKS (Pod Identity);
     * 169.254.42.42 of Scaleway; 169.254.0.23 of Tencent (metadata.tencentyun.com). */
    {"169.254.0.0", 16},
    /* Azure's WireServer: certificates and extension settings, on a public address
     * (learn.microsoft.com, "What is IP address 168.63.129.16?").  It is Azure's resolver as well. */
    {"168.63.129.16", 32},
    /* Alibaba Cloud ECS (alibabacloud.com/help/ecs, "View instance metadata"). */
    {"100.100.100.200", 32},
    /* Oracle Cloud Infrastructure Classic (docs.oracle.com, "Retrieving Instance Metadata"). */
    {"192.0.0.192", 32},
    /* The host's own, which would get through where ports published on 127.0.0.1 turn route_localnet on. */
    {LOOPBACK, 8},
};

static const struct service services6[] = {
    /* Amazon EC2, and EKS Pod Identity (docs.aws.amazon.com, "Use IMDS", "Set up the Amazon EKS Pod Identity
     * Agent").  The same prefix has its resolver (::253) and clock (::123), which stay. */
    {"fd00:ec2::254", 128},
    {"fd00:ec2::23", 128},
    /* Google Compute Engine: metadata.google.internal (docs.cloud.google.com, "About VM metadata"). */
    {"fd20:ce::254", 128},
    /* Oracle Cloud Infrastructure (docs.oracle.com, "Instance Metadata"; oci-python-sdk, oci/auth/signers). */
    {"fd00:c1::a9fe:a9fe", 128},
    /* Scaleway (cloud-init, datasources/scaleway). */
    {"fd00:42::42", 128},
    /* Akamai, formerly Linode (cloud-init, datasources/akamai). */
    {"fd00:a9fe:a9fe::1", 128},
    /* Alibaba Cloud ECS, beside the IPv4 one. */
    {"fd00:100::100:200", 128},
    /* OpenStack's and Akamai's fe80::a9fe:a9fe (docs.openstack.org/nova, "Metadata service"), and all others on a
     * link: a guest has the host's unique local address for its gateway. */
    {LINK_LOCAL, 10},
};

/* Where an IPv6 address carries an IPv4 address: `at` has the places of its four bytes, after a prefix of `bits` bits.
 * One prefix may be used in several ways; then a few addresses are forbidden that carry another one
 * (64:ff9b:1:x.y:169.254, say, for x.y.169.254). */
static const struct carrier {
    const char *prefix;
    unsigned bits;
    uint8_t at[sizeof(struct in_addr)];
} carriers[] = {
    {"::", 96, {12, 13, 14, 15}},        /* automatic tunnels (RFC 4291, 2.5.5.1): Linux' sit0 */
    {"2002::", 16, {2, 3, 4, 5}},        /* 6to4 (RFC 3056) */
    {"64:ff9b::", 96, {12, 13, 14, 15}}, /* NAT64's well-known prefix (RFC 6052) */
    /* NAT64's prefix for local use (RFC 8215), with prefixes in it of 96, 48, 56 and 64 bits (RFC 6052, 2.2). */
    {"64:ff9b:1::", 48, {12, 13, 14, 15}},
    {"64:ff9b:1::", 48, {6, 7, 9, 10}},
    {"64:ff9b:1::", 48, {7, 9, 10, 11}},
    {"64:ff9b:1::", 48, {9, 10, 11, 12}},
};

_Static_assert((int)FORBIDDEN_MAX >= (int)(COUNT(services4) * (1 + COUNT(carriers)) + COUNT(services6)),
               "room for each IPv4 service by itself and in all carriers");

static struct forbidden prefix(int family, const char *net, unsigned bits)
{
    struct forbidden f = {.family = family};
    inet_pton(family, net, f.net);
    for (unsigned i = 0; i < bits; i++)
        f.mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
    return f;
}

static struct forbidden carried(const struct carrier *c, const struct forbidden *in)
{
    struct forbidden f = prefix(AF_INET6, c->prefix, c->bits);
    for (size_t i = 0; i < sizeof(c->at); i++) {
        f.net[c->at[i]] |= in->net[i];
        f.mask[c->at[i]] |= in->mask[i];
    }
    return f;
}

size_t forbidden_list(struct forbidden out[FORBIDDEN_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT(services4); i++) {
        struct forbidden f = prefix(AF_INET, services4[i].net, services4[i].bits);
        out[count++] = f;
        if (strcmp(services4[i].net, LOOPBACK) == 0) /* nobody translates to it */
            continue;
        for (size_t j = 0; j < COUNT(carriers); j++)
            out[count++] = carried(&carriers[j], &f);
    }
    for (size_t i = 0; i < COUNT(services6); i++) {
        out[count] = prefix(AF_INET6, services6[i].net, services6[i].bits);
        out[count++].link = strcmp(services6[i].net, LINK_LOCAL) == 0;
    }
    return count;
}

/* The length of a mask without gaps; -1: it has gaps. */
static int length_of(const uint8_t mask[16])
{
    int ones = 0;
    while (ones < 128 && mask[ones / 8] & 0x80 >> ones % 8)
        ones++;
    for (int i = ones; i < 128; i++)
        if (mask[i / 8] & 0x80 >> i % 8)
            return -1;
    return ones;
}

const char *forbidden_text(const struct forbidden *f, char text[FORBIDDEN_TEXT])
{
    char net[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN];
    int length = length_of(f->mask);
    inet_ntop(f->family, f->net, net, sizeof(net));
    inet_ntop(f->family, f->mask, mask, sizeof(mask));
    if (length < 0)
        snprintf(text, FORBIDDEN_TEXT, "%s/%s", net, mask);
    else
        snprintf(text, FORBIDDEN_TEXT, "%s/%d", net, length);
    return text;
}

bool forbidden_is(const char *address)
{
    struct forbidden all[FORBIDDEN_MAX];
    uint8_t asked[16] = {0};
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, address, asked) != 1)
        return false;
    for (size_t n = forbidden_list(all); n--;) {
        size_t i = 0;
        while (i < sizeof(asked) && !((asked[i] ^ all[n].net[i]) & all[n].mask[i]))
            i++;
        if (all[n].family == family && i == sizeof(asked))
            return true;
    }
    return false;
}
