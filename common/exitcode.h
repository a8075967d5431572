/* The exit status of our programs when it is not a command's: what Docker uses when it could not run a container. */
#ifndef CTR_EXITCODE_H
#define CTR_EXITCODE_H

enum { EXIT_OURS = 125 };

#endif
