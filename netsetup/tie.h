/* An interface's ingress, handled by one program (tieprog.h): an ingress qdisc of tc's with a single filter, which
 * carries the VM's mark (netsetup/claim.h) as its name, as ID's rules and TAPs do. */
#ifndef CTR_NETSETUP_TIE_H
#define CTR_NETSETUP_TIE_H

enum { TIE_NAME = 128 };

/* Ties the interface: program `in` handles incoming frames, `out` (-1: none) outgoing ones. qdisc and filters are
 * created in one message, so that no qdisc without our name stays if this process is killed. -1 with errno; EEXIST if
 * the interface already has an ingress or clsact qdisc. */
int tie_add(unsigned ifindex, int in, int out, const char *name);

/* Removes it with all that is in it.  0, or -1 with errno. */
int tie_remove(unsigned ifindex);

/* Calls each for every tied interface of this namespace, with the filter's name.  0, or -1 with errno. */
int tie_each(void (*each)(unsigned ifindex, const char *name, void *data), void *data);

/* The name of the program at an interface's ingress; "" when there is none, or none with a name. */
void tie_name(unsigned ifindex, char name[TIE_NAME]);

#endif
