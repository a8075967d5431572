#include "netsetup/fwrestore.h"
#include "netsetup/fwscan.h"
#include "netsetup/tool.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void restorer(char name[32], enum fw_backend backend, int family)
{
    char path[256];
    const char *base = family == AF_INET6 ? "ip6tables" : "iptables";
    snprintf(name, 32, "%s-%s-restore", base, backend == FW_NFT ? "nft" : "legacy");
    if (!run_find(name, path, sizeof(path)))
        snprintf(name, 32, "%s-restore", base);
}

int fw_start(struct fw_made *made, enum fw_backend backend, int family, struct err *err)
{
    char name[32], path[256];
    const char *const argv[] = {name, "--noflush", "--wait=60", NULL}; /* seconds for the lock */
    *made = (struct fw_made){.backend = backend, .family = family};
    restorer(name, backend, family);
    if (!run_find(name, path, sizeof(path)))
        return err_set(err, "cannot find %s (is the iptables package installed?)", name);
    return run_start(&made->run, argv, false, err);
}

int fw_add(struct fw_made *made, struct err *err)
{
    char name[32];
    restorer(name, made->backend, made->family);
    bool failed = buf_failed(&made->text);
    run_feed(&made->run, made->text.data, failed ? 0 : made->text.len);
    int r = tool_finish(&made->run, name, NULL, err);
    if (failed)
        r = err_set(err, "out of memory");
    if (r < 0)
        buf_free(&made->text);
    return r;
}

void fw_made_free(struct fw_made *made)
{
    if (made->run.pid) {
        run_feed(&made->run, NULL, 0);
        run_finish(&made->run, NULL, NULL, NULL);
    }
    buf_free(&made->text);
    *made = (struct fw_made){0};
}

int fw_restore(enum fw_backend backend, int family, const char *text, struct err *err)
{
    struct fw_made made;
    if (fw_start(&made, backend, family, err) < 0)
        return -1;
    buf_str(&made.text, text);
    int r = fw_add(&made, err);
    fw_made_free(&made);
    return r;
}

/* Appends a line of the rules' text or, for a rule, the line that removes it: `-I CHAIN 2 spec` and `-A CHAIN spec`
 * become `-D CHAIN spec`.  The line of a VM's own chain stays, since it empties the chain; the chain is removed at the
 * end of its table. */
static void reverse_line(struct buf *out, const char *line, size_t len, char own[64])
{
    const char *chain = line + strlen("-A "), *spec = chain + strcspn(chain, " ");
    if (line[0] == ':')
        snprintf(own, 64, "%.*s", (int)strcspn(line + 1, " "), line + 1);
    if (own[0] && strncmp(line, "COMMIT", strlen("COMMIT")) == 0) {
        buf_fmt(out, "-X %s\n", own);
        own[0] = '\0';
    }
    if (line[0] != '-') {
        buf_add(out, line, len);
        return;
    }
    if (fw_own_chain(chain))
        return;
    buf_fmt(out, "-D %.*s ", (int)(spec - chain), chain);
    spec += strspn(spec, " 0123456789");
    buf_add(out, spec, (size_t)(line + len - spec));
}

/* Rules in nf_tables are removed faster by their handles. */
void fw_take_back(const struct fw_made *made)
{
    cleanup_buf struct buf text = {0};
    char own[64] = "";
    if (made->backend == FW_NFT || !made->text.len)
        return;
    for (const char *line = made->text.data; *line;) {
        size_t len = strcspn(line, "\n") + 1;
        reverse_line(&text, line, len, own);
        line += len;
    }
    if (!buf_failed(&text))
        fw_restore(made->backend, made->family, text.data, NULL);
}
