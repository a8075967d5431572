#include "oci/report.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/json.h"
#include "common/log.h"

#include <fcntl.h>
#include <time.h>

/* logrus' formats, which runc uses (github.com/sirupsen/logrus, JSONFormatter and TextFormatter). */
static void format(struct buf *out, bool json, const char *level, const char *text)
{
    char when[32] = "";
    struct tm tm;
    time_t now = time(NULL);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    if (json) {
        struct json j = {.out = out};
        json_open(&j, NULL, '{');
        json_string(&j, "level", level);
        json_string(&j, "msg", text);
        json_string(&j, "time", when);
        json_close(&j, '}');
    } else {
        struct json j = {.out = out};
        buf_fmt(out, "time=\"%s\" level=%s msg=", when, level);
        j.first = true;
        json_string(&j, NULL, text);
    }
    buf_str(out, "\n");
}

void report(const struct arguments *a, enum report_level level, const char *text)
{
    cleanup_buf struct buf line = {0};
    if (level == REPORT_ERROR)
        log_error("%s", text);
    else
        log_warn("%s", text);
    if (!a->log)
        return;
    format(&line, a->json, level == REPORT_ERROR ? "error" : "warning", text);
    cleanup_close int fd = open(a->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0 && !buf_failed(&line))
        (void)!io_write_all(fd, line.data, line.len);
}
