/* man: the page ctr-jailer(1), made of the table, in man(7)'s macros. */
#include "common/cleanup.h"
#include "ctl/commands.h"
#include "ctl/ctl.h"

#include <ctype.h>
#include <string.h>

/* Text as roff shows it: a backslash and a hyphen are escaped, and no line begins with a dot or an apostrophe, as the
 * macros' names do. */
static void put(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (i == 0 && (text[0] == '.' || text[0] == '\''))
            buf_str(out, "\\&");
        if (text[i] == '\\')
            buf_str(out, "\\e");
        else if (text[i] == '-')
            buf_str(out, "\\-");
        else
            buf_add(out, &text[i], 1);
    }
}

/* What is typed as it stands is bold, what stands for something is in italics. */
static void put_usage(struct buf *out, const char *usage)
{
    while (*usage) {
        size_t len = strcspn(usage, " []|=.");
        bool capitals = len > 0;
        for (size_t i = 0; i < len; i++)
            capitals = capitals && (isupper((unsigned char)usage[i]) || isdigit((unsigned char)usage[i]));
        if (len > 0)
            buf_str(out, capitals ? "\\fI" : "\\fB");
        put(out, usage, len > 0 ? len : 1);
        if (len > 0)
            buf_str(out, "\\fR");
        usage += len > 0 ? len : 1;
    }
    buf_str(out, "\n");
}

static void fill(struct buf *out)
{
    size_t count;
    const struct command *all = commands_all(&count);
    buf_str(out, ".TH CTR\\-JAILER 1 \"" CTR_DATE "\" \"ctr\\-jailer " CTR_VERSION "\"\n"
                 ".SH NAME\nctr\\-jailer \\- containers as Firecracker microVMs\n"
                 ".SH SYNOPSIS\n.B ctr\\-jailer\n[\\fB\\-\\-id\\fR \\fIID\\fR] \\fICOMMAND\\fR ...\n"
                 ".SH DESCRIPTION\nControls the VM of this container, or of \\fIID\\fR if several run here, and works "
                 "on the host's store of images and kernels.\n"
                 ".SH COMMANDS\n");
    for (size_t i = 0; i < count; i++) {
        buf_str(out, ".TP\n");
        put_usage(out, all[i].usage);
        buf_fmt(out, "%c", toupper((unsigned char)all[i].help[0]));
        put(out, all[i].help + 1, strlen(all[i].help + 1));
        buf_str(out, ".\n");
    }
    buf_str(out, ".SH EXIT STATUS\n0, or 125 with one line on stderr.  \\fBexec\\fR and \\fBrun\\fR have that of the "
                 "command.\n");
}

int ctl_man(const char *id, char **argv, struct err *err)
{
    cleanup_buf struct buf out = {0};
    (void)id;
    if (argv[1])
        return err_set(err, "man: usage: man");
    fill(&out);
    return buf_failed(&out) ? err_set(err, "out of memory") : ctl_print(&out, false, err);
}
