/* As much of a DNS message (RFC 1035, section 4) as a relay has to know: the header, and the one question.  The relay
 * ignores what follows the question (answers, EDNS, signatures).  All lengths are in bytes. */
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

/* Whether the message has a header, and is a query.  Nothing else may be answered: two relays would answer each other
 * for ever. */
bool dnsmsg_is_query(const uint8_t *message, size_t len);

/* The offset where the one question, if any, ends; 0 if the message has more than one, or an incomplete one. */
size_t dnsmsg_question_end(const uint8_t *message, size_t len);

/* Whether answer answers query, whatever its id: the question is the same except for upper and lower case.  An error
 * may lack the question. */
bool dnsmsg_answers(const uint8_t *answer, size_t answer_len, const uint8_t *query, size_t query_len);

/* Whether the server has failed rather than answered, so that another server must be asked, as C libraries do. */
bool dnsmsg_failed(const uint8_t *answer);

/* Makes a query into the answer that says rcode; its length, which is not more than len. */
size_t dnsmsg_refuse(uint8_t *message, size_t len, unsigned rcode);

#endif
