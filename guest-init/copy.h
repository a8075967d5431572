/* The guest's side of `ctr-jailer cp`, as a command of its own (PROTO_EXEC_COPY). */
#ifndef CTR_INIT_COPY_H
#define CTR_INIT_COPY_H

/* Returns the exit code; failures are reported on stderr. */
int copy_main(char *const *argv);

#endif
