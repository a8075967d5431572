#include "entry/life/pause.h"

#include "common/json.h"
#include "entry/vmm/version.h"

#include <stdio.h>
#include <string.h>

static void tell_paused(struct pause *p, bool paused, const char *why)
{
    control_answer(p->control, paused ? PROTO_PAUSE : PROTO_UNPAUSE, why, strlen(why));
}

/* Otherwise the VM is booting, stopping or gone. */
static bool is_possible(const struct pause *p)
{
    return *p->state == STATUS_RUNNING || *p->state == STATUS_PAUSED;
}

static void answered(struct pause *p, bool paused, long status, const char *body, size_t len)
{
    char why[256] = "";
    if (status < 200 || status >= 300) {
        p->asked = !paused;
        if (status == 0)
            snprintf(why, sizeof(why), "Firecracker does not answer: %.200s", body);
        else if (json_get_string(body, len, "fault_message", why, sizeof(why)) < 0)
            snprintf(why, sizeof(why), "Firecracker refuses: %.200s", body);
    } else if (is_possible(p)) { /* when it has ended meanwhile, pause_end was called */
        *p->state = paused && p->asked ? STATUS_PAUSED : STATUS_RUNNING;
    }
    tell_paused(p, paused, why);
}

static void on_paused(void *arg, long status, const char *body, size_t len)
{
    answered(arg, true, status, body, len);
}

static void on_resumed(void *arg, long status, const char *body, size_t len)
{
    answered(arg, false, status, body, len);
}

static int ask_vmm(struct pause *p, bool paused)
{
    const bool before = p->asked;
    p->asked = paused;
    if (vmm_set_paused(p->vmm, paused, paused ? on_paused : on_resumed, p) == 0)
        return 0;
    p->asked = before; /* too many requests wait */
    return -1;
}

void pause_ask(struct pause *p, bool paused)
{
    char why[128] = "";
    if (!is_possible(p))
        snprintf(why, sizeof(why), "the VM is %s", status_state_name(*p->state));
    else if (paused && !version_resumes(vmm_version(p->vmm)))
        snprintf(why, sizeof(why), "Firecracker %.32s cannot resume a VM's vsock: use another version",
                 vmm_version(p->vmm));
    else if (p->asked != paused && ask_vmm(p, paused) < 0)
        snprintf(why, sizeof(why), "Firecracker does not answer");
    else if (*p->state != (paused ? STATUS_PAUSED : STATUS_RUNNING))
        return; /* under way */
    tell_paused(p, paused, why);
}

void pause_end(struct pause *p)
{
    if (p->asked)
        ask_vmm(p, false);
}
