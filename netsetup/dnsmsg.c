#include "netsetup/dnsmsg.h"

#include <ctype.h>
#include <string.h>

/* RFC 1035, 4.1.1: id, flags, and how many of each section. */
enum { FLAGS = 2, QDCOUNT = 4, OTHER_COUNTS = 6 };
enum { QR = 0x80, OPCODE_RD = 0x79, RCODE = 0x0f };                           /* bits of the two bytes of flags */
enum { NAME_MAX_BYTES = 255, LABEL_MAX = 63, TYPE_AND_CLASS = 4, RA = 0x80 }; /* RFC 1035, 2.3.4, 4.1.2 */

static unsigned word(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

uint16_t dnsmsg_id(const uint8_t *message)
{
    return (uint16_t)word(message);
}

void dnsmsg_set_id(uint8_t *message, uint16_t id)
{
    message[0] = (uint8_t)(id >> 8);
    message[1] = (uint8_t)id;
}

bool dnsmsg_is_query(const uint8_t *message, size_t len)
{
    return len >= DNSMSG_HEADER && !(message[FLAGS] & QR);
}

/* A name in a question is never compressed: there is nothing before it that it could point to. */
size_t dnsmsg_question_end(const uint8_t *message, size_t len)
{
    unsigned questions = word(message + QDCOUNT);
    size_t at = DNSMSG_HEADER;
    if (questions == 0)
        return at;
    while (at < len && message[at] != 0) {
        if (message[at] > LABEL_MAX)
            return 0;
        at += message[at] + 1U;
    }
    at++; /* the root's label, which is empty */
    return questions == 1 && at - DNSMSG_HEADER <= NAME_MAX_BYTES && at + TYPE_AND_CLASS <= len ? at + TYPE_AND_CLASS
                                                                                                : 0;
}

/* Labels are at most 63 bytes long, so that no length is taken for a letter.  Type and class could be: they are
 * compared as they are. */
static bool same_question(const uint8_t *a, const uint8_t *b, size_t end)
{
    for (size_t i = DNSMSG_HEADER; i < end; i++)
        if (i < end - TYPE_AND_CLASS ? tolower(a[i]) != tolower(b[i]) : a[i] != b[i])
            return false;
    return true;
}

bool dnsmsg_answers(const uint8_t *answer, size_t answer_len, const uint8_t *query, size_t query_len)
{
    if (answer_len < DNSMSG_HEADER || !(answer[FLAGS] & QR))
        return false;
    size_t end = dnsmsg_question_end(answer, answer_len), wanted = dnsmsg_question_end(query, query_len);
    if (end == DNSMSG_HEADER && wanted != end)
        return answer[FLAGS + 1] & RCODE;
    return end == wanted && (end == DNSMSG_HEADER || same_question(answer, query, end));
}

bool dnsmsg_failed(const uint8_t *answer)
{
    unsigned rcode = answer[FLAGS + 1] & RCODE;
    return rcode == DNSMSG_SERVFAIL || rcode == DNSMSG_NOTIMP || rcode == DNSMSG_REFUSED;
}

size_t dnsmsg_refuse(uint8_t *message, size_t len, unsigned rcode)
{
    size_t end = dnsmsg_question_end(message, len);
    message[FLAGS] = (uint8_t)(QR | (message[FLAGS] & OPCODE_RD));
    message[FLAGS + 1] = (uint8_t)(RA | rcode);
    memset(message + OTHER_COUNTS, 0, DNSMSG_HEADER - OTHER_COUNTS);
    if (end)
        return end;
    memset(message + QDCOUNT, 0, OTHER_COUNTS - QDCOUNT);
    return DNSMSG_HEADER;
}
