#include "oci/arguments.h"

#include "common/array.h"

#include <limits.h>
#include <string.h>

struct flag {
    const char *name, *letter; /* --name, -l */
    bool value;                /* it has one */
    enum { OTHER, ROOT, LOG, LOG_FORMAT, BUNDLE, PROCESS, HELP, VERSION } what;
};

static const struct flag global_flags[] = {{"--root", NULL, true, ROOT},
                                           {"--log", NULL, true, LOG},
                                           {"--log-format", NULL, true, LOG_FORMAT},
                                           {"--log-level", NULL, true, OTHER},
                                           {"--criu", NULL, true, OTHER},
                                           {"--rootless", NULL, true, OTHER},
                                           {"--cgroup-manager", NULL, true, OTHER},
                                           {"--systemd-cgroup", NULL, false, OTHER},
                                           {"--debug", NULL, false, OTHER},
                                           {"--help", "-h", false, HELP},
                                           {"--version", "-v", false, VERSION},
                                           {0}};

static const struct flag create_flags[] = {{"--bundle", "-b", true, BUNDLE},
                                           {"--console-socket", NULL, true, OTHER},
                                           {"--pid-file", NULL, true, OTHER},
                                           {"--preserve-fds", NULL, true, OTHER},
                                           {"--no-pivot", NULL, false, OTHER},
                                           {"--no-new-keyring", NULL, false, OTHER},
                                           {0}};

static const struct flag exec_flags[] = {
    {"--process", "-p", true, PROCESS},     {"--console-socket", NULL, true, OTHER}, {"--pid-file", NULL, true, OTHER},
    {"--preserve-fds", NULL, true, OTHER},  {"--detach", "-d", false, OTHER},        {"--tty", "-t", false, OTHER},
    {"--no-subreaper", NULL, false, OTHER}, {"--ignore-paused", NULL, false, OTHER}, {0}};

static const struct flag delete_flags[] = {{"--force", "-f", false, OTHER}, {0}};

#define NO_RUN "use create and start, as engines do"
#define NO_SAVE "a VM cannot be saved and restored yet"

static const struct {
    const char *name;
    enum verb verb;
    const struct flag *flags;
    const char *refusal;
} verbs[] = {
    {"create", VERB_CREATE, create_flags, NULL},
    {"exec", VERB_EXEC, exec_flags, NULL},
    {"delete", VERB_DELETE, delete_flags, NULL},
    {"start", VERB_PASS, NULL, NULL},
    {"state", VERB_PASS, NULL, NULL},
    {"kill", VERB_PASS, NULL, NULL},
    {"ps", VERB_PASS, NULL, NULL},
    {"resume", VERB_PASS, NULL, NULL},
    {"update", VERB_PASS, NULL, NULL},
    {"events", VERB_PASS, NULL, NULL},
    {"list", VERB_PASS, NULL, NULL},
    {"features", VERB_PASS, NULL, NULL},
    {"spec", VERB_PASS, NULL, NULL},
    {"help", VERB_HELP, NULL, NULL},
    {"run", VERB_REFUSE, NULL, NO_RUN},
    {"checkpoint", VERB_REFUSE, NULL, NO_SAVE},
    {"restore", VERB_REFUSE, NULL, NO_SAVE},
    /* A kernel thread of KVM in the container's cgroup never freezes, and the container could not be started again. */
    {"pause", VERB_REFUSE, NULL, "is not supported yet"},
};

bool arguments_is_id(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
    size_t len = strlen(text);
    return len > 0 && len <= NAME_MAX && strspn(text, letters) == len && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0;
}

static void take(struct arguments *a, const struct flag *flag, const char *value, int at)
{
    switch (flag->what) {
    case ROOT:
        a->root = value;
        break;
    case LOG:
        a->log = value;
        break;
    case LOG_FORMAT:
        a->json = strcmp(value, "json") == 0;
        break;
    case BUNDLE:
        a->bundle = value;
        a->bundle_at = at;
        break;
    case PROCESS:
        a->process = value;
        a->process_at = at;
        break;
    case HELP:
        a->verb = VERB_HELP;
        break;
    case VERSION:
        a->verb = VERB_VERSION;
        break;
    case OTHER:
        break;
    }
}

/* The flag at argv[*i], with its value in the same argument or in the next one, to which *i is moved.  As Go's flag
 * package has it, a flag may have one dash instead of two. */
static int read_flag(struct arguments *a, const struct flag *flags, int *i, struct err *err)
{
    const char *text = a->argv[*i], *word = text + (text[1] == '-');
    size_t len = strcspn(word, "=");
    for (const struct flag *f = flags; f->name; f++) {
        bool is_letter = f->letter && len == strlen(f->letter) && strncmp(word, f->letter, len) == 0;
        if (!is_letter && (len != strlen(f->name + 1) || strncmp(word, f->name + 1, len) != 0))
            continue;
        const char *value = word[len] ? word + len + 1 : NULL;
        if (!f->value) { /* --force=true is allowed, and has no meaning of its own here */
            take(a, f, "", *i);
            return 0;
        }
        if (!value && !a->argv[*i + 1])
            return err_set(err, "%s: the value is missing", text);
        if (!value)
            value = a->argv[++*i];
        take(a, f, value, *i);
        return 0;
    }
    return err_set(err, "unknown option %.200s", text);
}

static bool is_flag(const char *text)
{
    return text && text[0] == '-' && text[1] && strcmp(text, "--") != 0;
}

static int read_verb(struct arguments *a, int i, struct err *err)
{
    const struct flag *flags = NULL;
    size_t v = 0;
    a->name = a->argv[i];
    a->verb_at = i++;
    while (v < COUNT(verbs) && strcmp(verbs[v].name, a->name) != 0)
        v++;
    if (v == COUNT(verbs))
        return err_set(err, "unknown command %.200s", a->name);
    a->verb = verbs[v].verb;
    a->refusal = verbs[v].refusal;
    flags = verbs[v].flags;
    if (!flags)
        return 0;
    for (; is_flag(a->argv[i]); i++)
        if (read_flag(a, flags, &i, err) < 0)
            return -1;
    if (a->argv[i] && strcmp(a->argv[i], "--") == 0)
        i++;
    a->id = a->argv[i];
    if (!a->id)
        return err_set(err, "%s: the container's id is missing", a->name);
    if (!arguments_is_id(a->id))
        return err_set(err, "%s: %.200s is not a container's id", a->name, a->id);
    if (a->argv[i + 1] && a->verb == VERB_EXEC)
        return err_set(err, "exec: only --process FILE is accepted: a command without it would run outside of the VM");
    return a->argv[i + 1] ? err_set(err, "%s: unexpected argument %.200s", a->name, a->argv[i + 1]) : 0;
}

int arguments_read(struct arguments *a, const char *const *argv, struct err *err)
{
    int i = 1;
    *a = (struct arguments){.argv = argv, .bundle_at = -1, .process_at = -1};
    for (; is_flag(argv[i]); i++)
        if (read_flag(a, global_flags, &i, err) < 0)
            return -1;
    if (a->verb == VERB_HELP || a->verb == VERB_VERSION)
        return 0;
    if (!argv[i])
        return err_set(err, "the command is missing (--help lists them)");
    return read_verb(a, i, err);
}
