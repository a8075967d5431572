/* Ethernet addresses. */
#ifndef CTR_MAC_H
#define CTR_MAC_H

#include <stdint.h>

enum { MAC_BYTES = 6, MAC_TEXT = 18 };

/* Writes it as 06:00:0a:01:02:01; returns text. */
const char *mac_text(const uint8_t mac[MAC_BYTES], char text[MAC_TEXT]);

/* Parses the format of mac_text, with digits in either case. -1 if the text has another format. */
int mac_parse(const char *text, uint8_t mac[MAC_BYTES]);

/* Chooses one that is locally administered and not multicast.  -1 with errno. */
int mac_random(uint8_t mac[MAC_BYTES]);

#endif
