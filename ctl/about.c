#include "ctl/about.h"

#include "cni/caller/attachment.h"
#include "common/json.h"
#include "common/variables.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_carried(const char *variable)
{
    return strncmp(variable, VARIABLES_CARRIED, strlen(VARIABLES_CARRIED)) == 0;
}

void about_fill(const struct run_vm *r, const char *name, const char *digest, struct buf *out)
{
    struct json j = {.out = out, .first = true};
    json_open(&j, NULL, '{');
    json_number(&j, "created", (uint64_t)time(NULL));
    json_string(&j, "from", name);
    json_string(&j, "digest", digest);
    json_string(&j, "hostname", r->hostname);
    json_bool(&j, "remove", r->remove);
    if (r->net.network) {
        json_open(&j, "cni", '{');
        json_string(&j, "network", r->net.network);
        json_string(&j, "plugins", r->net.plugins ? r->net.plugins : CNI_PLUGIN_DIRS);
        json_string(&j, "networks", r->net.networks ? r->net.networks : CNI_NETWORKS);
        json_string(&j, "cache", r->net.cache ? r->net.cache : CNI_CACHE);
        json_close(&j, '}');
    }
    json_open(&j, "command", '[');
    for (size_t i = r->words; i < r->command.count; i++)
        json_string(&j, NULL, r->command.items[i]);
    json_close(&j, ']');
    json_open(&j, "options", '[');
    for (char **e = environ; *e; e++)
        if (!is_carried(*e) && strncmp(*e, "PATH=", 5) != 0)
            json_string(&j, NULL, *e);
    json_close(&j, ']');
    json_open(&j, "environment", '[');
    for (char **e = environ; *e; e++)
        if (is_carried(*e))
            json_string(&j, NULL, *e + strlen(VARIABLES_CARRIED));
    json_close(&j, ']');
    json_close(&j, '}');
    buf_str(out, "\n");
}
