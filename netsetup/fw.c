/* What the two worlds share: the scan's bookkeeping, the choice between them, and iptables-restore.  (Reading
 * nf_tables is a netlink dump, reading the older tables is a getsockopt: nft.c, legacy.c.) */
#include "netsetup/fw.h"
#include "common/run.h"
#include "netsetup/rules.h"
#include "netsetup/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { REMOVE_TRIES = 5 };

void fw_scan_free(struct fw_scan *scan)
{
    nft_end(scan);
    free(scan->own);
    free(scan->dnat);
    scan->own = NULL;
    scan->dnat = NULL;
    scan->own_count = 0;
}

static bool starts(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

void fw_see_chain(struct fw_scan *scan, const char *table, const char *chain, bool drop)
{
    if (!strcmp(table, "filter") && !strcmp(chain, "FORWARD"))
        scan->forward_drop = drop;
    if (starts(chain, "DOCKER") || starts(chain, "KUBE-"))
        scan->managed = true;
}

struct fw_own *fw_see_rule(struct fw_scan *scan, const char *table, const char *chain, const char *comment,
                           const char *jump)
{
    struct fw_own own = {0};
    scan->rules++;
    if (!strcmp(table, "filter") && !strcmp(chain, "FORWARD")) {
        scan->forward_rules++;
        if (jump && !strcmp(jump, "DOCKER-USER"))
            scan->docker_user = (unsigned)scan->forward_rules;
    }
    const char *id = rules_owner(comment);
    if (!id)
        return NULL;
    struct fw_own *grown = reallocarray(scan->own, scan->own_count + 1, sizeof(*grown));
    if (!grown) {
        scan->failed = true;
        return NULL;
    }
    snprintf(own.id, sizeof(own.id), "%s", id);
    snprintf(own.table, sizeof(own.table), "%s", table);
    snprintf(own.chain, sizeof(own.chain), "%s", chain);
    scan->own = grown;
    scan->own[scan->own_count] = own;
    return &scan->own[scan->own_count++];
}

bool fw_own_chain(const char *chain)
{
    return starts(chain, RULES_CHAIN);
}

bool fw_takes_ports(const char *target)
{
    return !strcmp(target, "DNAT") || !strcmp(target, "REDIRECT");
}

/* OUTPUT's rules are about what this host asks of others. */
void fw_see_dnat(struct fw_scan *scan, const char *chain, const struct fw_dnat *dnat)
{
    if (scan->family != AF_INET || !dnat->first || !strcmp(chain, "OUTPUT"))
        return;
    struct fw_dnat *grown = reallocarray(scan->dnat, scan->dnat_count + 1, sizeof(*grown));
    if (!grown) {
        scan->failed = true;
        return;
    }
    scan->dnat = grown;
    grown += scan->dnat_count++;
    *grown = *dnat;
    snprintf(grown->chain, sizeof(grown->chain), "%s", chain);
}

int fw_scan(struct fw_scan *scan, enum fw_world world, int family, struct err *err)
{
    *scan = (struct fw_scan){.world = world, .family = family};
    int r = world == FW_NFT ? nft_scan(scan, err) : legacy_scan(scan, err);
    if (!r && scan->failed)
        r = err_set(err, "out of memory reading the firewall's rules");
    if (r)
        fw_scan_free(scan);
    return r;
}

/* A refusal decides first: only an accept in the world that refuses helps.  Then whoever manages the host's
 * containers, then where more rules are. */
enum fw_world fw_choose(const struct fw_scan *nft, const struct fw_scan *legacy)
{
    if (nft->absent)
        return FW_LEGACY;
    if (!nft->rules != !legacy->rules)
        return nft->rules ? FW_NFT : FW_LEGACY;
    if (nft->forward_drop != legacy->forward_drop)
        return nft->forward_drop ? FW_NFT : FW_LEGACY;
    if (nft->managed != legacy->managed)
        return nft->managed ? FW_NFT : FW_LEGACY;
    return nft->rules >= legacy->rules ? FW_NFT : FW_LEGACY;
}

struct fw_place fw_find_place(const struct fw_scan *nft, const struct fw_scan *legacy)
{
    enum fw_world world = fw_choose(nft, legacy);
    return (struct fw_place){true, world, (world == FW_NFT ? nft : legacy)->docker_user + 1};
}

static void restorer(char name[32], enum fw_world world, int family)
{
    char path[256];
    const char *base = family == AF_INET6 ? "ip6tables" : "iptables";
    snprintf(name, 32, "%s-%s-restore", base, world == FW_NFT ? "nft" : "legacy");
    if (!run_find(name, path, sizeof(path)))
        snprintf(name, 32, "%s-restore", base);
}

int fw_start(struct fw_made *made, enum fw_world world, int family, struct err *err)
{
    char name[32], path[256];
    const char *const argv[] = {name, "--noflush", "--wait=60", NULL}; /* seconds for the lock */
    *made = (struct fw_made){.world = world, .family = family};
    restorer(name, world, family);
    if (!run_find(name, path, sizeof(path)))
        return err_set(err, "cannot find %s (is the iptables package installed?)", name);
    return run_start(&made->run, argv, false, err);
}

int fw_add(struct fw_made *made, struct err *err)
{
    char name[32];
    restorer(name, made->world, made->family);
    bool failed = buf_failed(&made->text);
    run_feed(&made->run, made->text.data, failed ? 0 : made->text.len);
    int r = tool_finish(&made->run, name, NULL, err);
    if (failed)
        r = err_set(err, "out of memory");
    if (r)
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

int fw_restore(enum fw_world world, int family, const char *text, struct err *err)
{
    struct fw_made made;
    if (fw_start(&made, world, family, err))
        return -1;
    buf_str(&made.text, text);
    int r = fw_add(&made, err);
    fw_made_free(&made);
    return r;
}

/* A line of rules text, or, of a rule, what removes it: `-I CHAIN 2 spec`, `-A CHAIN spec` -> `-D CHAIN spec`.  A
 * chain's line empties it, and at the end of its table it is removed. */
static void reverse_line(struct buf *out, const char *line, size_t len, char own[64])
{
    const char *chain = line + strlen("-A "), *spec = chain + strcspn(chain, " ");
    if (line[0] == ':')
        snprintf(own, 64, "%.*s", (int)strcspn(line + 1, " "), line + 1);
    if (own[0] && starts(line, "COMMIT")) {
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

/* nf_tables' rules go quicker by their handles. */
void fw_take_back(const struct fw_made *made)
{
    cleanup_buf struct buf text = {0};
    char own[64] = "";
    if (made->world == FW_NFT || !made->text.len)
        return;
    for (const char *line = made->text.data; *line;) {
        size_t len = strcspn(line, "\n") + 1;
        reverse_line(&text, line, len, own);
        line += len;
    }
    if (!buf_failed(&text))
        fw_restore(made->world, made->family, text.data, NULL);
}

static int remove_seen(struct fw_scan *scan, const char *id, struct err *err)
{
    return scan->world == FW_NFT ? nft_remove(scan, id, err) : legacy_remove(scan, id, err);
}

/* Either world refuses the whole when one rule is gone since the scan: then what is left now is what must go. */
int fw_remove(struct fw_scan *scan, const char *id, struct err *err)
{
    struct err why = {0};
    int r = remove_seen(scan, id, &why);
    for (int i = 0; r && i < REMOVE_TRIES; i++) {
        cleanup_fw_scan struct fw_scan again = {0};
        if (fw_scan(&again, scan->world, scan->family, err))
            return -1;
        why.text[0] = '\0';
        r = remove_seen(&again, id, &why);
    }
    return r ? err_set(err, "cannot remove the firewall rules of VM %s: %s", id, why.text) : 0;
}
