/* cnicaller add|check|status|gc|del NETWORKS PLUGIN_DIRS CACHE NETWORK ID NETNS IFNAME [ARGS [CAPABILITIES]]:
 * cni/caller as a program. */
#include "cni/caller/chain.h"
#include "common/cleanup.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct err err = {0};
    cleanup_buf struct buf result = {0};
    if (argc < 9)
        return 2;
    const struct cni_attachment a = {.networks = argv[2],
                                     .plugin_dirs = argv[3],
                                     .cache = argv[4],
                                     .network = *argv[5] ? argv[5] : NULL,
                                     .id = argv[6],
                                     .netns = argv[7],
                                     .ifname = argv[8],
                                     .args = argc > 9 && *argv[9] ? argv[9] : NULL,
                                     .capabilities = argc > 10 ? argv[10] : NULL};
    int r = !strcmp(argv[1], "add")      ? cni_add(&a, &result, &err)
            : !strcmp(argv[1], "check")  ? cni_check(&a, &err)
            : !strcmp(argv[1], "status") ? cni_status(&a, &err)
            : !strcmp(argv[1], "gc")     ? cni_gc(&a, &err)
                                         : cni_del(&a, &err);
    if (result.data)
        puts(result.data);
    if (r)
        fprintf(stderr, "%s\n", err.text);
    return r ? 125 : 0;
}
