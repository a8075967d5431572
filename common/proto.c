#include "common/proto.h"

static void put32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void proto_hello(uint8_t out[PROTO_HELLO], enum proto_kind kind, uint32_t session)
{
    out[0] = 'c';
    out[1] = 'j';
    out[2] = PROTO_VERSION;
    out[3] = (uint8_t)kind;
    put32(out + 4, session);
}

int proto_hello_parse(const uint8_t in[PROTO_HELLO], enum proto_kind *kind, uint32_t *session)
{
    if (in[0] != 'c' || in[1] != 'j')
        return -1;
    if (in[2] != PROTO_VERSION)
        return PROTO_OTHER;
    if (in[3] >= PROTO_KINDS)
        return -1;
    *kind = (enum proto_kind)in[3];
    *session = get32(in + 4);
    return 0;
}

void proto_put(struct buf *out, enum proto_type type, const uint32_t *fields, size_t count, const void *data,
               size_t len)
{
    uint8_t head[PROTO_HEADER];
    put32(head, (uint32_t)(count * 4 + len));
    head[4] = (uint8_t)type;
    buf_add(out, head, sizeof(head));
    for (size_t i = 0; i < count; i++) {
        uint8_t field[4];
        put32(field, fields[i]);
        buf_add(out, field, sizeof(field));
    }
    buf_add(out, data, len);
}

uint8_t proto_head(const uint8_t in[PROTO_HEADER], uint32_t *len)
{
    *len = get32(in);
    return in[4];
}

int proto_get(const struct buf *in, struct proto_msg *msg)
{
    if (in->len < PROTO_HEADER)
        return 0;
    const uint8_t *p = (const uint8_t *)in->data;
    uint32_t len;
    uint8_t type = proto_head(p, &len);
    if (len > PROTO_MAX)
        return -1;
    if (in->len - PROTO_HEADER < len)
        return 0;
    *msg = (struct proto_msg){.type = type, .payload = p + PROTO_HEADER, .len = len};
    return 1;
}

bool proto_field(const struct proto_msg *msg, size_t i, uint32_t *value)
{
    if (i >= msg->len / 4)
        return false;
    *value = get32(msg->payload + 4 * i);
    return true;
}

int64_t proto_time(const struct proto_msg *msg, size_t i)
{
    const uint32_t second = 1000000000;
    uint32_t low, high, ns;
    if (!proto_field(msg, i, &low) || !proto_field(msg, i + 1, &high) || !proto_field(msg, i + 2, &ns) || high >= 2 ||
        ns >= second)
        return -1;
    return (int64_t)((uint64_t)high << 32 | low) * second + ns;
}

const uint8_t *proto_data(const struct proto_msg *msg, size_t count, size_t *len)
{
    *len = msg->len >= count * 4 ? msg->len - count * 4 : 0;
    return *len ? msg->payload + count * 4 : NULL;
}
