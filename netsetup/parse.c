#include "netsetup/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int net_addr_parse(const char *name, const char *text, struct in_addr *out, struct err *err)
{
    char addr[INET_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    if (text[len] && strcmp(text + len, "/30") != 0)
        return err_set(err, "%s=%s: the prefix must be /30: one address for the TAP, one for the guest", name, text);
    if (len < sizeof(addr)) {
        memcpy(addr, text, len);
        addr[len] = '\0';
        if (inet_pton(AF_INET, addr, out) == 1 && out->s_addr)
            return 0;
    }
    return err_set(err, "%s=%s: not an IPv4 address, such as 10.0.0.1", name, text);
}

int net_mac_parse(const char *name, const char *text, uint8_t out[6], struct err *err)
{
    const char *p = text;
    for (int i = 0; i < 6; i++, p += 3) {
        if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1]) || p[2] != (i < 5 ? ':' : '\0'))
            return err_set(err, "%s=%s: not a MAC address, such as 02:00:00:00:00:01", name, text);
        out[i] = (uint8_t)strtoul((char[]){p[0], p[1], '\0'}, NULL, 16);
    }
    if (out[0] & 1)
        return err_set(err, "%s=%s: a multicast MAC address (the first byte must be even)", name, text);
    if (!(out[0] | out[1] | out[2] | out[3] | out[4] | out[5]))
        return err_set(err, "%s=%s: the all-zero MAC address is not valid", name, text);
    return 0;
}
