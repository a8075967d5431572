/* As much of a DNS message (RFC 1035, section 4) as a relay has to know: the header, and the one question.  What is
 * behind the question (answers, EDNS, signatures) is nobody's business here.  All lengths are in bytes. */
#ifndef CTR_NETSETUP_DNSMSG_H
#define CTR_NETSETUP_DNSMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNSMSG_HEADER = 12, DNSMSG_MAX = 65535 };
enum { DNSMSG_FORMERR = 1, DNSMSG_SERVFAIL = 2, DNSMSG_NOTIMP = 4, DNSMSG_REFUSED = 5 };

/* The message must have a header. */
uint16_t dnsmsg_id(const uint8_t *message);
void dnsmsg_set_id(uint8_t *message, uint16_t id);

/* A header, and it is a query's.  Nothing else may be answered: two relays would answer each other for ever. */
bool dnsmsg_is_query(const uint8_t *message, size_t len);

/* Where the question ends, which there may be one of; 0 when the message has more than one, or half of one. */
size_t dnsmsg_question_end(const uint8_t *message, size_t len);

/* Whether answer is one to query, the id apart: the question is the same but for the case of its letters.  An error
 * may come without it. */
bool dnsmsg_answers(const uint8_t *answer, size_t answer_len, const uint8_t *query, size_t query_len);

/* Whether the server has failed rather than answered, so that another one is to be asked, as by a C library. */
bool dnsmsg_failed(const uint8_t *answer);

/* Makes a query into the answer that says rcode; its length, which is not more than len. */
size_t dnsmsg_refuse(uint8_t *message, size_t len, unsigned rcode);

#endif
