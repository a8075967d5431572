/* Open files between processes, each with one byte, over a UNIX stream socket (SCM_RIGHTS, unix(7)). */
#ifndef CTR_PASSFD_H
#define CTR_PASSFD_H

/* fd stays the caller's.  Does not wait: -1 with errno EAGAIN when the socket is full. */
int passfd_send(int socket, int fd);

/* Waits for a descriptor; it is close-on-exec.  -1: the other end has closed, or has sent no descriptor; else with
 * errno. */
int passfd_receive(int socket);

#endif
