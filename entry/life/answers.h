/* Answers the requests of a running VM's clients (entry/life/control.h) from the facts that supervise has: status,
 * logs, health, metrics, pause. */
#ifndef CTR_ANSWERS_H
#define CTR_ANSWERS_H

#include "entry/life/collect.h"
#include "entry/life/control.h"
#include "entry/life/pause.h"
#include "entry/vmm/console.h"
#include "entry/vmm/vmmlog.h"

struct answers {
    struct known known;
    struct console *console;
    struct vmmlog *log;
    struct collect collect;
    struct pause pause;
};

/* The functions for all requests of clients, in the form that control expects.  a must outlive the control, and its
 * pointers be set before the loop runs. */
struct control_questions answers_questions(struct answers *a);

#endif
