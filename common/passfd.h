/* Open files between processes, each with one byte, over a UNIX stream socket (SCM_RIGHTS, unix(7)). */
#ifndef CTR_PASSFD_H
#define CTR_PASSFD_H

/* fd stays the caller's.  Does not wait: -1 with errno EAGAIN when the socket is full. */
int passfd_send(int socket, int fd);

/* Waits for one, which is close-on-exec.  -1: there is none, since the other end has closed, or with errno. */
int passfd_receive(int socket);

#endif
