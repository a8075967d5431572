/* completion: scripts for shells, made of the table's usages: what is typed as it stands there, a flag or a word of
 * small letters, can be completed after the command; after what is written in capitals the shell completes files. */
#include "common/cleanup.h"
#include "ctl/commands.h"
#include "ctl/ctl.h"

#include <string.h>

#define SMALL "abcdefghijklmnopqrstuvwxyz"

/* The next word of a usage that is typed as it is, its length in *len; NULL: there is none. */
static const char *next_word(const struct command *c, const char **at, size_t *len)
{
    while (**at) {
        const char *word = *at += strspn(*at, " []|.");
        *len = strcspn(word, " []|=.");
        *at += *len + (word[*len] == '=');
        bool flag = *word == '-' && *len > 1 && strncmp(word, "--", *len) != 0;
        bool small = *len > 0 && strspn(word, SMALL) == *len && strncmp(word, c->name, *len) != 0;
        if (flag || small)
            return word;
    }
    return NULL;
}

static void add_names(struct buf *out)
{
    size_t count;
    const struct command *all = commands_all(&count);
    for (size_t i = 0; i < count; i++)
        buf_fmt(out, " %s", all[i].name);
}

static void add_words(struct buf *out, const struct command *c)
{
    size_t len;
    const char *at = c->usage, *word;
    while ((word = next_word(c, &at, &len)))
        buf_fmt(out, " %.*s", (int)len, word);
    buf_str(out, " --help");
}

static void add_cases(struct buf *out, const char *before, const char *after)
{
    size_t count;
    const struct command *all = commands_all(&count);
    for (size_t i = 0; i < count; i++) {
        buf_fmt(out, "    %s) %s", all[i].name, before);
        add_words(out, &all[i]);
        buf_fmt(out, "%s ;;\n", after);
    }
}

static void fill_bash(struct buf *out)
{
    buf_str(out, "_ctr_jailer() {\n"
                 "    local at=1 words=\n"
                 "    [ \"${COMP_WORDS[1]}\" != --id ] || at=3\n"
                 "    if [ \"$COMP_CWORD\" -lt \"$at\" ]; then return; fi\n"
                 "    if [ \"$COMP_CWORD\" = \"$at\" ]; then words=\"--id --help --version");
    add_names(out);
    buf_str(out, "\"; else\n    case ${COMP_WORDS[at]} in\n");
    add_cases(out, "words=\"", "\"");
    buf_str(out, "    esac; fi\n"
                 "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
                 "}\n"
                 "complete -o default -F _ctr_jailer ctr-jailer\n");
}

static void fill_zsh(struct buf *out)
{
    buf_str(out, "#compdef ctr-jailer\n"
                 "_ctr_jailer() {\n"
                 "    local at=2\n"
                 "    [[ $words[2] != --id ]] || at=4\n"
                 "    if (( CURRENT == at )); then compadd -- --id --help --version");
    add_names(out);
    buf_str(out, "; return; fi\n    case $words[at] in\n");
    add_cases(out, "compadd --", "");
    buf_str(out, "    esac\n"
                 "    _files\n"
                 "}\n"
                 "compdef _ctr_jailer ctr-jailer\n");
}

/* A flag of one letter is a short one; a word is an argument. */
static void add_fish_word(struct buf *out, const char *command, const char *word, size_t len)
{
    const char *kind = *word != '-' ? "-a" : len == 2 ? "-s" : "-l";
    size_t dashes = strspn(word, "-");
    buf_fmt(out, "complete -c ctr-jailer -n '__fish_seen_subcommand_from %s' %s %.*s\n", command, kind,
            (int)(len - dashes), word + dashes);
}

static void fill_fish(struct buf *out)
{
    size_t count, len;
    const struct command *all = commands_all(&count);
    for (size_t i = 0; i < count; i++) {
        const char *at = all[i].usage, *word;
        buf_fmt(out, "complete -c ctr-jailer -n __fish_use_subcommand -a %s\n", all[i].name);
        while ((word = next_word(&all[i], &at, &len)))
            add_fish_word(out, all[i].name, word, len);
        add_fish_word(out, all[i].name, "--help", strlen("--help"));
    }
}

int ctl_completion(const char *id, char **argv, struct err *err)
{
    static const struct {
        const char *shell;
        void (*fill)(struct buf *out);
    } shells[] = {{"bash", fill_bash}, {"zsh", fill_zsh}, {"fish", fill_fish}};
    cleanup_buf struct buf out = {0};
    (void)id;
    for (size_t i = 0; argv[1] && !argv[2] && i < sizeof(shells) / sizeof(*shells); i++)
        if (strcmp(argv[1], shells[i].shell) == 0)
            shells[i].fill(&out);
    if (buf_failed(&out))
        return err_set(err, "out of memory");
    return out.len ? ctl_print(&out, false, err) : err_set(err, "completion: usage: completion bash | zsh | fish");
}
