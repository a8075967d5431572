#include "netsetup/fwscan.h"
#include "netsetup/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

void fw_see_chain(struct fw_scan *scan, const char *table, const char *chain, bool drop)
{
    if (strcmp(table, "filter") == 0 && strcmp(chain, "FORWARD") == 0)
        scan->forward_drop = drop;
    if (starts(chain, "DOCKER") || starts(chain, "KUBE-"))
        scan->managed = true;
}

struct fw_own *fw_see_rule(struct fw_scan *scan, const char *table, const char *chain, const char *comment,
                           const char *jump)
{
    struct fw_own own = {0};
    scan->rules++;
    if (strcmp(table, "filter") == 0 && strcmp(chain, "FORWARD") == 0) {
        scan->forward_rules++;
        if (jump && strcmp(jump, "DOCKER-USER") == 0)
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

void fw_forget_rules(struct fw_scan *scan)
{
    scan->rules = scan->forward_rules = scan->own_count = scan->dnat_count = 0;
    scan->docker_user = 0;
}

bool fw_own_chain(const char *chain)
{
    return starts(chain, RULES_CHAIN);
}

bool fw_takes_ports(const char *target)
{
    return strcmp(target, "DNAT") == 0 || strcmp(target, "REDIRECT") == 0;
}

/* Rules in OUTPUT concern this host's own requests to others. */
void fw_see_dnat(struct fw_scan *scan, const char *chain, const struct fw_dnat *dnat)
{
    if (scan->family != AF_INET || !dnat->first || strcmp(chain, "OUTPUT") == 0)
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
