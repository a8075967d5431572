/* The guest's side of `ctr-jailer cp`, as a command of its own (PROTO_EXEC_COPY). */
#ifndef CTR_INIT_COPY_H
#define CTR_INIT_COPY_H

/* The exit code; what fails is told on stderr. */
int copy_main(char *const *argv);

#endif
