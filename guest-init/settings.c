#include "guest-init/settings.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/settings.h"
#include "guest-init/lists.h"

#include <stdlib.h>
#include <string.h>

enum { TIME_FIELDS = 3 };

/* Adds the strings of text, which ends with a NUL, that are of one kind: the values of the settings called name, or
 * (NULL) all the others, whole.  Returns the end of the array, past its NULL. */
static char **collect(char **to, char *text, size_t len, const char *name)
{
    for (char *s = text; s < text + len; s += strlen(s) + 1) {
        char *argument = lists_value_of(s, SETTING_ARGUMENT), *variable = lists_value_of(s, SETTING_VARIABLE);
        char *value = name ? lists_value_of(s, name) : !argument && !variable ? s : NULL;
        if (value)
            *to++ = value;
    }
    *to++ = NULL;
    return to;
}

int settings_parse(char *payload, size_t len, struct settings *s, struct err *err)
{
    *s = (struct settings){.text = payload};
    struct proto_msg msg = {.type = PROTO_SETTINGS, .payload = (const uint8_t *)payload, .len = (uint32_t)len};
    s->time = proto_time(&msg, 0);
    if (len <= TIME_FIELDS * 4 || payload[len - 1] != '\0' || s->time < 0)
        return err_set(err, "the host sent malformed settings");
    char *text = payload + TIME_FIELDS * 4;
    size_t count = 0;
    len -= TIME_FIELDS * 4;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\0';
    s->list = calloc(count + 3, sizeof(*s->list));
    if (!s->list)
        return err_set(err, "out of memory for the settings");
    s->command = collect(s->list, text, len, NULL);
    s->environment = collect(s->command, text, len, SETTING_ARGUMENT);
    collect(s->environment, text, len, SETTING_VARIABLE);
    return *s->command ? 0 : err_set(err, "the host sent settings without a command");
}

int settings_receive(int control, struct settings *s, struct err *err)
{
    uint8_t head[PROTO_HEADER];
    uint32_t len;
    *s = (struct settings){0};
    if (io_read_full(control, head, sizeof(head)) != sizeof(head))
        return err_set(err, "the host has sent no settings");
    if (proto_head(head, &len) != PROTO_SETTINGS || len > PROTO_SETTINGS_MAX)
        return err_set(err, "the host's first message is not the settings");
    char *payload = malloc(len + 1);
    if (!payload)
        return err_set(err, "out of memory for %u bytes of settings", len);
    if (io_read_full(control, payload, len) != (ssize_t)len) {
        free(payload);
        return err_set(err, "the host has not sent all of the settings");
    }
    return settings_parse(payload, len, s, err);
}

void settings_free(struct settings *s)
{
    free(s->list);
    free(s->text);
}
