#include "entry/plan/values.h"

#include "common/array.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mac.h"
#include "common/num.h"
#include "common/units.h"
#include "netsetup/parse.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a number's first bytes are a smaller one");

#define TIB (UINT64_C(1) << 40)
enum { ID_MAX = 64 };

static const char flag_words[] = "no|yes";

/* The index of the text among words; -1 if it is not one of them. */
static int choose(const char *words, const char *text, uint64_t *out)
{
    for (*out = 0; *words; ++*out, words += *words == '|') {
        size_t len = strcspn(words, "|");
        if (strlen(text) == len && memcmp(words, text, len) == 0)
            return 0;
        words += len;
    }
    return -1;
}

/* RTMIN+3 and RTMAX-1 are names too; in any case, as Docker takes them. */
static int read_signal(const char *text, uint64_t *out)
{
    uint64_t number = 0;
    if (num_parse(text, 1, NSIG - 1, out) == 0)
        return 0;
    text += strncasecmp(text, "SIG", 3) == 0 ? 3 : 0;
    bool min = strncasecmp(text, "RTMIN", 5) == 0;
    if (min || strncasecmp(text, "RTMAX", 5) == 0) {
        if (text[5] && (text[5] != (min ? '+' : '-') || num_parse(text + 6, 0, 30, &number) < 0))
            return -1;
        *out = min ? (uint64_t)SIGRTMIN + number : (uint64_t)SIGRTMAX - number;
        return 0;
    }
    for (*out = 1; *out < NSIG; ++*out) {
        const char *name = sigabbrev_np((int)*out);
        if (name && strcasecmp(name, text) == 0)
            return 0;
    }
    return -1;
}

static int read_level(const char *text, uint64_t *out)
{
    int level = log_level_parse(text);
    *out = level < 0 ? LOG_WARN : (uint64_t)level;
    return level < 0 ? -1 : 0;
}

static int read_bytes(const char *text, uint64_t unit, uint64_t min, uint64_t max, uint64_t *out)
{
    return num_parse_size(text, unit, out) == 0 && *out >= min && *out <= max ? 0 : -1;
}

/* Whether something can be mounted there: not over the root, and not in the guest kernel's own filesystems. */
static bool is_target(const char *path)
{
    static const char *const kernels[] = {"dev", "proc", "sys"};
    const char *top = "";
    size_t depth = 0, top_len = 0;
    if (*path != '/')
        return false;
    for (const char *name; *(name = path + strspn(path, "/"));) {
        size_t len = strcspn(name, "/");
        path = name + len;
        if (len == 2 && memcmp(name, "..", 2) == 0) {
            depth -= depth > 0;
        } else if (len > 1 || *name != '.') {
            top = depth == 0 ? name : top;
            top_len = depth++ == 0 ? len : top_len;
        }
    }
    for (size_t i = 0; i < COUNT(kernels); i++)
        if (strlen(kernels[i]) == top_len && memcmp(kernels[i], top, top_len) == 0)
            return false;
    return depth > 0;
}

static int read_devices(const char *text)
{
    for (const char *next = text; next; next = strchr(next, ',')) {
        next += next > text;
        next += strspn(next, " ");
        size_t len = strcspn(next, ",");
        if (!len || len >= IFNAMSIZ)
            return -1;
    }
    return 0;
}

static int read_address(const char *text, bool host_30, uint64_t *out)
{
    struct in_addr address;
    if (net_addr_parse("", text, &address, NULL) < 0)
        return -1;
    if (host_30 && (!strchr(text, '/') || (ntohl(address.s_addr) & 3) % 3 == 0))
        return -1;
    *out = address.s_addr;
    return 0;
}

int value_read(const struct value_rule *rule, const char *text, uint64_t *out)
{
    static const char id[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    int parsed;
    *out = 0;
    switch (rule->type) {
    case VALUE_NUMBER:
        return num_parse(text, rule->min, rule->max, out);
    case VALUE_FLAG:
        return choose(flag_words, text, out);
    case VALUE_CHOICE:
    case VALUE_WORD:
        return choose(rule->words, text, out);
    case VALUE_SIZE:
        parsed = read_bytes(text, MIB, 16 * MIB, 16 * TIB, out);
        *out = *out / MIB * MIB;
        return parsed;
    case VALUE_RATE:
        return read_bytes(text, 1, KIB, TIB, out);
    case VALUE_SIGNAL:
        return read_signal(text, out);
    case VALUE_LEVEL:
        return read_level(text, out);
    case VALUE_ID:
        return text[strspn(text, id)] == '\0' && strlen(text) <= ID_MAX ? 0 : -1;
    case VALUE_DEVICE:
        return strlen(text) < IFNAMSIZ ? 0 : -1;
    case VALUE_DEVICES:
        return read_devices(text);
    case VALUE_PATH:
        return text[0] == '/' ? 0 : -1;
    case VALUE_TARGET:
        return is_target(text) ? 0 : -1;
    case VALUE_HOST_30:
        return read_address(text, true, out);
    case VALUE_ADDRESS:
        return read_address(text, false, out);
    case VALUE_MAC:
        return net_mac_parse("", text, (uint8_t *)out, NULL);
    case VALUE_TEXT:
        break;
    }
    return 0;
}

void value_store(const struct value_rule *rule, const char *text, uint64_t number, void *field, size_t size)
{
    switch (rule->type) {
    case VALUE_ID:
    case VALUE_DEVICE:
    case VALUE_DEVICES:
        snprintf(field, size, "%s", text);
        break;
    case VALUE_TEXT:
    case VALUE_WORD:
    case VALUE_PATH:
    case VALUE_TARGET:
        memcpy(field, &text, size);
        break;
    default:
        memcpy(field, &number, size);
    }
}

/* The word at an index that choose has found. */
static void print_word(struct json *j, const char *key, const char *words, uint64_t at)
{
    char word[32];
    for (; at > 0; at--)
        words += strcspn(words, "|") + 1;
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(words, "|"), words);
    json_string(j, key, word);
}

static void print_address(struct json *j, const char *key, uint64_t number, const char *prefix)
{
    struct in_addr address = {.s_addr = (in_addr_t)number};
    char text[INET_ADDRSTRLEN + 3];
    inet_ntop(AF_INET, &address, text, INET_ADDRSTRLEN);
    json_string(j, key, number ? strcat(text, prefix) : NULL);
}

void value_print(const struct value_rule *rule, const void *field, size_t size, struct json *j, const char *key)
{
    uint64_t number = 0;
    char mac[MAC_TEXT];
    memcpy(&number, field, size < sizeof(number) ? size : sizeof(number));
    switch (rule->type) {
    case VALUE_TEXT:
    case VALUE_WORD:
    case VALUE_PATH:
    case VALUE_TARGET:
        return json_string(j, key, *(const char *const *)field);
    case VALUE_ID:
    case VALUE_DEVICE:
    case VALUE_DEVICES:
        return json_string(j, key, number & 0xff ? field : NULL);
    case VALUE_FLAG:
        return json_bool(j, key, number);
    case VALUE_CHOICE:
        return print_word(j, key, rule->words, number);
    case VALUE_HOST_30:
        return print_address(j, key, number, "/30");
    case VALUE_ADDRESS:
        return print_address(j, key, number, "");
    case VALUE_MAC:
        mac_text(field, mac);
        return json_string(j, key, number ? mac : NULL);
    default: /* 0: not given, unless it may be given */
        number || (rule->type == VALUE_NUMBER && !rule->min) ? json_number(j, key, number) : json_string(j, key, NULL);
    }
}

/* "must be a, b or c" */
static void accepted_words(const char *words, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "must be ");
    while (*words && n < size) {
        size_t len = strcspn(words, "|");
        const char *rest = words + len;
        const char *after = !*rest ? "" : strchr(rest + 1, '|') ? ", " : " or ";
        n += (size_t)snprintf(out + n, size - n, "%.*s%s", (int)len, words, after);
        words = rest + (*rest == '|');
    }
}

void value_accepted(const struct value_rule *rule, char *out, size_t size)
{
    static const char *const texts[] = {
        [VALUE_SIZE] = "a size from 16M to 16T, such as 512M or 4G",
        [VALUE_RATE] = "bytes a second from 1K to 1T, such as 500K or 10M",
        [VALUE_SIGNAL] = "a signal's name or number, such as INT, SIGINT or 2",
        [VALUE_LEVEL] = "error, warn, info or debug",
        [VALUE_ID] = "1 to 64 of A-Z a-z 0-9 -",
        [VALUE_DEVICE] = "a name of at most 15 characters",
        [VALUE_DEVICES] = "names of at most 15 characters, separated by commas",
        [VALUE_PATH] = "an absolute path",
        [VALUE_TARGET] = "an absolute path in the guest, not / and not in /dev, /proc or /sys",
        [VALUE_HOST_30] = "the address of a host and /30, such as 10.1.2.1/30",
        [VALUE_ADDRESS] = "an IPv4 address, such as 10.1.2.2",
        [VALUE_MAC] = "the MAC address of one host, such as 06:00:0a:01:02:02",
    };
    if (rule->type == VALUE_NUMBER)
        snprintf(out, size, "must be a number from %llu to %llu", (unsigned long long)rule->min,
                 (unsigned long long)rule->max);
    else if (rule->type == VALUE_FLAG)
        accepted_words(flag_words, out, size);
    else if (rule->type == VALUE_CHOICE || rule->type == VALUE_WORD)
        accepted_words(rule->words, out, size);
    else
        snprintf(out, size, "must be %s", texts[rule->type]);
}
