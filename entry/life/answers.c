#include "entry/life/answers.h"

#include "common/json.h"

#include <string.h>

static void write_status(const struct answers *a, bool lines, struct buf *out)
{
    struct json j = {.out = out, .lines = lines};
    status_fill(a->known.id, status_state_name(*a->known.state), a->known.facts, a->known.boot, &j);
}

static void fill_status(void *arg, struct buf *out)
{
    write_status(arg, false, out);
}

static void fill_status_lines(void *arg, struct buf *out)
{
    write_status(arg, true, out);
}

static void fill_logs(void *arg, struct buf *out)
{
    const struct buf *text = console_text(((struct answers *)arg)->console);
    buf_add(out, text->data, text->len);
}

static void fill_vmm_logs(void *arg, struct buf *out)
{
    const char *text = vmmlog_text(((struct answers *)arg)->log);
    buf_str(out, text ? text : "");
}

static void fill_health(void *arg, struct buf *out)
{
    const struct answers *a = arg;
    const char *state = status_state_name(*a->known.state);
    buf_add(out, state, strlen(state) + 1);
    buf_str(out, a->known.facts->healthcheck ? a->known.facts->healthcheck : "");
}

static void ask_metrics(void *arg)
{
    collect_metrics(&((struct answers *)arg)->collect);
}

static void ask_pause(void *arg, bool paused)
{
    pause_ask(&((struct answers *)arg)->pause, paused);
}

static bool is_paused(void *arg)
{
    return ((struct answers *)arg)->pause.asked;
}

struct control_questions answers_questions(struct answers *a)
{
    return (struct control_questions){.status = fill_status,
                                      .status_lines = fill_status_lines,
                                      .logs = fill_logs,
                                      .vmm_logs = fill_vmm_logs,
                                      .health = fill_health,
                                      .metrics = ask_metrics,
                                      .pause = ask_pause,
                                      .paused = is_paused,
                                      .arg = a};
}
