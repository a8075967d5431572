/* The values that options may have: which texts are accepted, what they come to, and how --dry-run shows that. */
#ifndef CTR_VALUES_H
#define CTR_VALUES_H

#include <stddef.h>
#include <stdint.h>

struct json;

enum value_type {
    VALUE_TEXT,    /* any text; its user checks it */
    VALUE_NUMBER,  /* min to max */
    VALUE_FLAG,    /* no or yes; comes to a bool */
    VALUE_CHOICE,  /* one of words, separated by |; comes to its index */
    VALUE_WORD,    /* the same, but it stays a text */
    VALUE_SIZE,    /* of a disk, in bytes: whole MiB; a bare number counts in MiB */
    VALUE_RATE,    /* bytes a second */
    VALUE_SIGNAL,  /* a signal's name, with or without SIG, or its number */
    VALUE_LEVEL,   /* of the log; comes to an enum log_level */
    VALUE_ID,      /* a VM's */
    VALUE_DEVICE,  /* a network interface's name, by its length */
    VALUE_DEVICES, /* several, separated by commas */
    VALUE_PATH,    /* absolute */
    VALUE_TARGET,  /* absolute, not the root and not the guest's kernel's: something can be mounted there */
    VALUE_HOST_30, /* a host's IPv4 address in a /30, with that prefix; comes to the address in network byte order */
    VALUE_ADDRESS, /* an IPv4 address; in the same way */
    VALUE_MAC,     /* of one host; comes to its six bytes in memory's order */
};

struct value_rule {
    enum value_type type;
    uint64_t min, max;
    const char *words;
};

/* Converts the text into *out (0 if it stays a text).  -1 if it breaks the rule. */
int value_read(const struct value_rule *rule, const char *text, uint64_t *out);

/* Stores what the text came to in a field of that size: a number or an address by its bytes, names of devices and ids
 * as a copy, and other texts as the pointer, whose text must live as long. */
void value_store(const struct value_rule *rule, const char *text, uint64_t number, void *field, size_t size);

/* Writes such a field as JSON.  null: it has no value yet. */
void value_print(const struct value_rule *rule, const void *field, size_t size, struct json *j, const char *key);

/* What is accepted, for people: "must be a number from 1 to 32". */
void value_accepted(const struct value_rule *rule, char *out, size_t size);

#endif
