/* One end of the guest channel as it is, and everything around it played from libFuzzer's input: the loop's
 * poll and clock are ours (the target is compiled with -Dpoll=sim_poll and so on).  When nothing is ready,
 * the next step of the input is taken; at its end the world goes away, and what is under test must end too. */
#ifndef CTR_FUZZ_SIM_H
#define CTR_FUZZ_SIM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills fd of at least one thing with life, or not: returns false when the input is at its end. */
extern bool sim_step(void);

/* The input is at its end: closes whatever is still open from this side.  Called again while it goes on. */
extern void sim_end(void);

void sim_begin(const uint8_t *data, size_t size);
uint8_t sim_byte(void);
bool sim_more(void);

/* The next bytes of the input, as many as its next one says, and not past its end. */
const uint8_t *sim_bytes(size_t *len);

void sim_sleep(uint64_t ms);

/* Sends what goes out at once, and drops the rest. */
void sim_write(int fd, const void *data, size_t len);

/* More at once than any buffer on the way holds. */
void sim_flood(int fd);

/* Reads what is there and drops it. */
void sim_drain(int fd);

/* A message of one end, well-formed but for what is in it: type, session, and bytes of the input. */
void sim_message(int fd, uint8_t type, uint32_t session);

#endif
