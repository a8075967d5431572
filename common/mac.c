#include "common/mac.h"

#include <stdio.h>
#include <sys/random.h>

const char *mac_text(const uint8_t m[MAC_BYTES], char text[MAC_TEXT])
{
    snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    return text;
}

int mac_parse(const char *text, uint8_t m[MAC_BYTES])
{
    int used = 0;
    int got = sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", m, m + 1, m + 2, m + 3, m + 4, m + 5, &used);
    return got == MAC_BYTES && !text[used] ? 0 : -1;
}

int mac_random(uint8_t mac[MAC_BYTES])
{
    if (getrandom(mac, MAC_BYTES, 0) != MAC_BYTES)
        return -1;
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 2);
    return 0;
}
