/* A container runtime's request to the plugin: variables, and the network's configuration on stdin.  The formats are
 * those of the Container Network Interface Specification, 0.3.0 to 1.1.0; CNI_ARGS those of awslabs' tc-redirect-tap.
 */
#ifndef CTR_CNI_REQUEST_H
#define CTR_CNI_REQUEST_H

#include "common/err.h"
#include "common/jsonread.h"

#include <net/if.h>
#include <stddef.h>
#include <sys/types.h>

/* Error codes of the specification's section "Error"; from 100 on they are a plugin's own. */
enum cni_code {
    CNI_OK,
    CNI_VERSION = 1,
    CNI_ENVIRONMENT = 4,
    CNI_IO = 5,
    CNI_DECODE = 6,
    CNI_CONFIG = 7,
    CNI_UNAVAILABLE = 50,
    CNI_FAILED = 100
};

/* In the order of their appearance. */
enum cni_version { CNI_0_3_0, CNI_0_3_1, CNI_0_4_0, CNI_1_0_0, CNI_1_1_0, CNI_VERSIONS };
extern const char *const cni_versions[CNI_VERSIONS];

/* The variables without their CNI_; not owned, NULL: not set. */
struct cni_variables {
    const char *containerid, *netns, *ifname, *args;
};

struct cni_request {
    struct cni_variables is;
    struct jsonread config;   /* owned */
    int previous;             /* the item prevResult; -1: none */
    enum cni_version version; /* of the configuration */
    char tap[IFNAMSIZ];       /* the wanted name, or a pattern */
    uid_t uid;                /* who may open the TAP */
    gid_t gid;
};

/* Reads both; text must outlive *r.  CNI_OK, or a code with err; cni_request_free in either case. */
enum cni_code cni_request_read(struct cni_request *r, const struct cni_variables *is, const char *text, size_t len,
                               struct err *err);
void cni_request_free(struct cni_request *r);

#endif
