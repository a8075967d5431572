/* Every VM_ name belongs to entry, so a VM_ name that is not an option is wrong.  Any other name may belong to an
 * application: it is suspected only if it differs from an option by one letter or one word.
 *
 * Two kinds of options are compared in two ways.  Options without VM_ are rare names, so a word may be missing or added
 * (MEM_SIZE, TAP_IP_ADDRESS).  For the other options, given without their VM_, all words must be there
 * (FIRECRACKER_BIN); single words (PORTS, NETWORK) and the few names below are left to applications. */
#include "entry/plan/typos.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/edits.h"
#include "common/log.h"
#include "common/variables.h"
#include "entry/plan/options.h"

#include <stdbool.h>
#include <string.h>

enum { WORDS_MAX = 8 };

/* Names in common use, which applications are likely to have for themselves. */
static const char *const common[] = {"LOG_LEVEL", "DATA_DIR", "HOST", "GUEST", "TAP",  "IP",
                                     "MAC",       "DEVICE",   "SIZE", "COUNT", "ARGS", "KERNEL"};

struct word_list {
    const char *at[WORDS_MAX];
    size_t len[WORDS_MAX];
    size_t count; /* 0: too many */
};

static struct word_list split_words(const char *name)
{
    struct word_list w = {0};
    for (;; name++) {
        if (w.count == WORDS_MAX)
            return (struct word_list){0};
        w.at[w.count] = name;
        w.len[w.count++] = strcspn(name, "_");
        name += strcspn(name, "_");
        if (!*name)
            return w;
    }
}

/* The same word, or a form of it that is longer by up to `longer` letters: VCPU and VCPUS, DATA and DATAFS. */
static bool akin(const struct word_list *a, size_t i, const struct word_list *b, size_t k, size_t longer)
{
    size_t shorter = a->len[i] < b->len[k] ? a->len[i] : b->len[k];
    size_t difference = a->len[i] + b->len[k] - 2 * shorter;
    return memcmp(a->at[i], b->at[k], shorter) == 0 && (difference == 0 || (difference <= longer && shorter >= 3));
}

/* Whether a has the words of b in their order, and `more` besides. */
static bool has_words(const struct word_list *a, const struct word_list *b, size_t more, size_t longer)
{
    size_t found = 0;
    if (b->count == 0 || a->count != b->count + more)
        return false;
    for (size_t i = 0; i < a->count && found < b->count; i++)
        found += akin(a, i, b, found, longer);
    return found == b->count;
}

static bool is_common(const char *name)
{
    for (size_t i = 0; i < COUNT(common); i++)
        if (strncmp(name, common[i], strlen(common[i])) == 0) {
            const char *more = name + strlen(common[i]);
            if (!*more || strcmp(more, "S") == 0)
                return true;
        }
    return false;
}

/* Whether this name is so close to the option that an application hardly has it for itself. */
static bool resembles(const char *name, const char *option)
{
    size_t prefix = strlen(VARIABLES_OPTION);
    bool prefixed = strncmp(option, VARIABLES_OPTION, prefix) == 0;
    if (edits(name, option) <= 1 || (strchr(name, '_') && strcasecmp(name, option) == 0))
        return true;
    const char *bare = prefixed ? option + prefix : option;
    struct word_list n = split_words(name), o = split_words(bare);
    if (is_common(bare) || o.count < 2)
        return false;
    if (edits(name, bare) <= 1 || has_words(&n, &o, 0, 3))
        return true;
    return !prefixed && (has_words(&o, &n, 1, 1) || has_words(&n, &o, 1, 0));
}

/* How far a name that begins with VM_ is from an option: what follows VM_ may be one without it. */
static unsigned distance(const char *name, const char *option)
{
    unsigned whole = edits(name, option), rest = edits(name + strlen(VARIABLES_OPTION), option);
    return whole < rest ? whole : rest;
}

const char *typos_meant(const char *name)
{
    bool ours = strncmp(name, VARIABLES_OPTION, strlen(VARIABLES_OPTION)) == 0;
    const char *meant = NULL;
    unsigned least = ~0U;
    if (options_find(name) != OPT_COUNT || variables_describe_container(name) || (!ours && is_common(name)))
        return NULL;
    for (int i = 0; i < OPT_COUNT; i++) {
        const char *option = option_name((enum option)i);
        unsigned far = ours ? distance(name, option) : edits(name, option);
        if ((ours || resembles(name, option)) && far < least) {
            least = far;
            meant = option;
        }
    }
    return meant;
}

void typos_warn(char *const *env)
{
    for (; *env; env++) {
        cleanup_free char *name = strndup(*env, strcspn(*env, "="));
        const char *meant = name ? typos_meant(name) : NULL;
        if (meant)
            log_warn("%.100s is not an option and is passed to the command (did you mean %s?)", name, meant);
    }
}
