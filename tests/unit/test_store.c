/* The store's digests and names (store/). */
#include "store/name.h"
#include "store/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The first three and the last are NIST's examples for FIPS 180-4; the others, around the ends of a block and of its
 * padding, are sha256sum's. */
static const struct {
    const char *text; /* repeated */
    unsigned times;
    const char *digest;
} digests[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"x", 1, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
    {"x", 55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072"},
    {"x", 56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e"},
    {"x", 63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2"},
    {"x", 64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c"},
    {"x", 65, "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9"},
    {"x", 119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c"},
    {"x", 120, "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98"},
    {"x", 128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static void test_digests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(digests) / sizeof(*digests); i++) {
        struct sha256 sum;
        char text[SHA256_TEXT];
        sha256_start(&sum);
        for (unsigned n = 0; n < digests[i].times; n++)
            sha256_add(&sum, digests[i].text, strlen(digests[i].text));
        sha256_text(&sum, text);
        assert_string_equal(text, digests[i].digest);
    }
}

/* However the bytes come. */
static void test_pieces(void **state)
{
    (void)state;
    char data[200], whole[SHA256_TEXT], pieces[SHA256_TEXT];
    struct sha256 sum;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)i;
    sha256_start(&sum);
    sha256_add(&sum, data, sizeof(data));
    sha256_text(&sum, whole);
    for (size_t first = 0; first < sizeof(data); first++) {
        sha256_start(&sum);
        sha256_add(&sum, data, first);
        sha256_add(&sum, data + first, sizeof(data) - first);
        sha256_text(&sum, pieces);
        assert_string_equal(pieces, whole);
    }
}

static const struct {
    enum store_kind kind;
    const char *text, *name; /* NULL: refused */
} names[] = {
    {STORE_IMAGES, "debian", "debian:latest"},
    {STORE_IMAGES, "debian:buster-slim", "debian:buster-slim"},
    {STORE_IMAGES, "org/image:1.0", "org/image:1.0"},
    {STORE_IMAGES, "host.example:5000/a/b_c:V1", "host.example:5000/a/b_c:V1"},
    {STORE_IMAGES, "localhost:5000/app", "localhost:5000/app:latest"},
    {STORE_IMAGES, "app:5000/b:c/d", NULL},
    {STORE_IMAGES, "a/b:5000/c", NULL},
    {STORE_IMAGES, "host:port/a", NULL},
    {STORE_IMAGES, "a@sha256:0", NULL},
    {STORE_IMAGES, "a\n", NULL},
    {STORE_KERNELS, "vmlinux-v5.8", "vmlinux-v5.8"},
    {STORE_KERNELS, "A", "A"},
    {STORE_KERNELS, "a:b", NULL},
    {STORE_KERNELS, "..", NULL},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char name[NAME_SIZE] = "";
        struct err err = {0};
        int rc = name_parse(names[i].kind, names[i].text, name, &err);
        assert_int_equal(rc, names[i].name ? 0 : -1);
        assert_string_equal(name, names[i].name ? names[i].name : "");
        assert_int_equal(!err.text[0], rc == 0);
    }
}

/* An image's name has room for its tag, and as a file's. */
static void test_long_names(void **state)
{
    (void)state;
    char text[NAME_SIZE + 1], name[NAME_SIZE];
    int longest = 0;
    for (int len = 1; len < NAME_SIZE; len++) {
        struct err err = {0};
        memset(text, 'a', (size_t)len);
        text[len] = '\0';
        if (name_parse(STORE_IMAGES, text, name, &err) == 0)
            longest = len;
    }
    assert_int_equal(longest, 255 - (int)strlen(":latest"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_digests), cmocka_unit_test(test_pieces),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_long_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
