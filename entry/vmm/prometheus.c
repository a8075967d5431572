#include "entry/vmm/prometheus.h"

#define PREFIX "ctr_jailer_"

void prometheus_head(struct buf *out, const struct prometheus *m)
{
    buf_fmt(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", m->name, m->help, m->name, m->type);
}

static void add_label(struct buf *out, const char *name, const char *text)
{
    buf_fmt(out, "%s=\"", name);
    for (; *text; text++)
        if (*text == '\n')
            buf_str(out, "\\n");
        else if ((unsigned char)*text >= 0x80)
            buf_str(out, "?"); /* the format requires UTF-8, which the text may not be */
        else
            buf_fmt(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    buf_str(out, "\"");
}

void prometheus_sample(struct buf *out, const struct prometheus *m, const char *vm, const char *label, const char *text,
                       double value)
{
    buf_fmt(out, PREFIX "%s{", m->name);
    add_label(out, "vm", vm);
    if (label) {
        buf_str(out, ",");
        add_label(out, label, text);
    }
    buf_fmt(out, "} %.17g\n", value);
}
