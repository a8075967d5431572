/* Sources: the providers' documents, named in each row, and cloud-init's data sources
 * (https://docs.cloud-init.io/en/latest/reference/datasources.html), which most images of most clouds use. */
#include "netsetup/forbidden.h"
#include "common/num.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct forbidden table[] = {
    /* Link-local (RFC 3927): 169.254.169.254 of Amazon EC2, Google, Azure, Oracle, IBM, DigitalOcean, Hetzner, Vultr,
     * Exoscale, UpCloud, Akamai and OpenStack; 169.254.170.2 of Amazon ECS and 169.254.170.23 of EKS (Pod Identity);
     * 169.254.42.42 of Scaleway; 169.254.0.23 of Tencent (metadata.tencentyun.com). */
    {AF_INET, "169.254.0.0/16"},
    /* Azure's WireServer: certificates and extension settings, on a public address
     * (learn.microsoft.com, "What is IP address 168.63.129.16?").  It is Azure's resolver as well. */
    {AF_INET, "168.63.129.16/32"},
    /* Alibaba Cloud ECS (alibabacloud.com/help/ecs, "View instance metadata"). */
    {AF_INET, "100.100.100.200/32"},
    /* Oracle Cloud Infrastructure Classic (docs.oracle.com, "Retrieving Instance Metadata"). */
    {AF_INET, "192.0.0.192/32"},
    /* The host's own, which would get through where ports published on 127.0.0.1 turn route_localnet on. */
    {AF_INET, "127.0.0.0/8"},

    /* Amazon EC2, and EKS Pod Identity (docs.aws.amazon.com, "Use IMDS", "Set up the Amazon EKS Pod Identity
     * Agent").  The same prefix has its resolver (::253) and clock (::123), which stay. */
    {AF_INET6, "fd00:ec2::254/128"},
    {AF_INET6, "fd00:ec2::23/128"},
    /* Google Compute Engine: metadata.google.internal (docs.cloud.google.com, "About VM metadata"). */
    {AF_INET6, "fd20:ce::254/128"},
    /* Oracle Cloud Infrastructure (docs.oracle.com, "Instance Metadata"; oci-python-sdk, oci/auth/signers). */
    {AF_INET6, "fd00:c1::a9fe:a9fe/128"},
    /* Scaleway (cloud-init, datasources/scaleway). */
    {AF_INET6, "fd00:42::42/128"},
    /* Akamai, formerly Linode (cloud-init, datasources/akamai). */
    {AF_INET6, "fd00:a9fe:a9fe::1/128"},
    /* Alibaba Cloud ECS, beside the IPv4 one. */
    {AF_INET6, "fd00:100::100:200/128"},
    /* OpenStack's and Akamai's fe80::a9fe:a9fe (docs.openstack.org/nova, "Metadata service"), and all others on a
     * link: a guest has the host's unique local address for its gateway. */
    {AF_INET6, "fe80::/10"},
    /* The IPv4 ones by way of a NAT64 with the well-known prefix (RFC 6052). */
    {AF_INET6, "64:ff9b::a9fe:0/112"},
    {AF_INET6, "64:ff9b::a83f:8110/128"},
    {AF_INET6, "64:ff9b::6464:64c8/128"},
    {AF_INET6, "64:ff9b::c000:c0/128"},
};

const struct forbidden *forbidden_table(size_t *count)
{
    *count = sizeof(table) / sizeof(*table);
    return table;
}

static bool starts_with(const uint8_t *address, const uint8_t *net, unsigned bits)
{
    uint8_t rest = (uint8_t)(0xff00 >> bits % 8);
    return memcmp(address, net, bits / 8) == 0 && !((address[bits / 8] ^ net[bits / 8]) & rest);
}

bool forbidden_is(const char *address)
{
    /* A byte more: a whole address's "rest" is compared, too. */
    uint8_t asked[sizeof(struct in6_addr) + 1] = {0}, net[sizeof(asked)] = {0};
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, address, asked) != 1)
        return false;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char text[INET6_ADDRSTRLEN];
        uint64_t bits;
        size_t len = strcspn(table[i].destination, "/");
        snprintf(text, sizeof(text), "%.*s", (int)len, table[i].destination);
        if (table[i].family == family && inet_pton(family, text, net) == 1 &&
            !num_parse(table[i].destination + len + 1, 0, 128, &bits) && starts_with(asked, net, (unsigned)bits))
            return true;
    }
    return false;
}
