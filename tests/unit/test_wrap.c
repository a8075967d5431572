/* ctl/wrap.c and common/jsonread.c: an image's settings as a Dockerfile.  docker/docker builds what comes out. */
#include "common/jsonread.h"
#include "ctl/wrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void wrap(const char *json, const char *from, struct buf *out, struct buf *omitted)
{
    struct err err = {0};
    if (wrap_stage(json, strlen(json), from, out, omitted, &err) != 0)
        fail_msg("%s", err.text);
}

/* What a configuration becomes, behind the two lines that all have. */
static void assert_wrapped(const char *config, const char *wanted)
{
    char json[1024], all[1024];
    struct buf out = {0}, omitted = {0};
    snprintf(json, sizeof(json), "[{\"RepoTags\":[\"app:1\"],\"Config\":{\"Cmd\":[\"x\"]%s}}]", config);
    snprintf(all, sizeof(all), "FROM ctr-jailer\nCOPY --from=app:1 / /usr/src/app/rootfs\n%sCMD [\"x\"]\n", wanted);
    wrap(json, NULL, &out, &omitted);
    assert_string_equal(out.data, all);
    assert_int_equal(omitted.len, 0);
    buf_free(&out);
}

static void test_settings(void **state)
{
    (void)state;
    assert_wrapped("", "");
    assert_wrapped(",\"User\":\"\",\"Env\":null,\"Entrypoint\":null,\"Volumes\":null,\"Healthcheck\":{}", "");
    assert_wrapped(",\"User\":\"app:www\",\"StopSignal\":\"SIGQUIT\"",
                   "ENV VM_USER=\"app:www\"\nENV VM_STOP_SIGNAL=\"SIGQUIT\"\n");
    assert_wrapped(
        ",\"Env\":[\"A=b c\",\"A.B=\",\"PATH=/x\",\"HOME=/y\",\"TAP_IP=z\",\"VM_X=1\",\"CTR_Y=2\",\"=odd\",\"odd\"]",
        "ENV A=\"b c\"\nENV A.B=\"\"\nENV CTR_PATH=\"/x\"\nENV CTR_HOME=\"/y\"\nENV CTR_TAP_IP=\"z\"\n"
        "ENV CTR_VM_X=\"1\"\nENV CTR_CTR_Y=\"2\"\n");
    assert_wrapped(",\"Env\":[\"A=\\\"$x\\\\'\\u003c\\ud83d\\ude00\\ud83d\\t\"]",
                   "ENV A=\"\\\"\\$x\\\\'<\xf0\x9f\x98\x80\xef\xbf\xbd\t\"\n");
    assert_wrapped(",\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}",
                   "EXPOSE 80/tcp\nEXPOSE 53/udp\nENV VM_PORTS=\"80/tcp,53/udp\"\n");
    assert_wrapped(
        ",\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b c\"],\"Interval\":2000000000,\"Timeout\":1500000000,"
        "\"Retries\":3}",
        "HEALTHCHECK --interval=2s --timeout=1500000000ns --retries=3 CMD [\"ctr-jailer\",\"exec\",\"--\",\"a\","
        "\"b c\"]\n");
    assert_wrapped(",\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\\nb\"]}",
                   "HEALTHCHECK CMD [\"ctr-jailer\",\"exec\",\"--\",\"/bin/sh\",\"-c\",\"a\\u000ab\"]\n");
    assert_wrapped(",\"Healthcheck\":{\"Test\":[\"NONE\"]}", "HEALTHCHECK NONE\n");
    assert_wrapped(",\"WorkingDir\":\"/a b\",\"Entrypoint\":[\"/e\",\"f\"]",
                   "WORKDIR \"/a b\"\nENTRYPOINT [\"/usr/bin/entry\",\"--\",\"/e\",\"f\"]\n");
}

static void test_what_a_dockerfile_cannot_say(void **state)
{
    (void)state;
    struct buf out = {0}, omitted = {0};
    wrap("[{\"Id\":\"sha256:1\",\"Config\":{\"Env\":[\"A=b\\nc\",\"D "
         "E=f\",\"G.H=\\n\"],\"ExposedPorts\":{\"9/sctp\":{}}}}]",
         "stage", &out, &omitted);
    assert_string_equal(omitted.data,
                        "the value of A has a newline, or more than 64 KB: pass docker build --build-arg A=...\n"
                        "ENV D E: a Dockerfile cannot hold this name\n"
                        "ENV G.H: a Dockerfile cannot hold a value with a newline, or of more than 64 KB\n"
                        "EXPOSE 9/sctp: VM_PORTS accepts only TCP and UDP\n");
    assert_string_equal(out.data, "FROM ctr-jailer\nCOPY --from=stage / /usr/src/app/rootfs\n"
                                  "ARG A\nRUN : \"${A:?docker build needs --build-arg A=...}\"\nENV A=\"$A\"\n"
                                  "# The image has no command of its own: docker run needs one, or add CMD here.\n");
    buf_free(&out);
    buf_free(&omitted);
}

static void test_what_is_not_one_image(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "{",
                                      "[]",
                                      "{}",
                                      "[1]",
                                      "[{}]",
                                      "[{\"Config\":{}}]",

                                      "[{\"Id\":\"1\",\"Config\":{}},{\"Id\":\"2\",\"Config\":{}}]",
                                      "[{\"Id\":\"a\\nRUN b\",\"Config\":{}}]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct buf out = {0}, omitted = {0};
        struct err err = {0};
        if (wrap_stage(bad[i], strlen(bad[i]), NULL, &out, &omitted, &err) != -1 || !err.text[0])
            fail_msg("accepted: %s", bad[i]);
        buf_free(&out);
    }
}

static void test_tree(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":{\"b\":[1,{\"a\":2},\"x\\u0000\"],\"c\":18446744073709551615},\"d\":\"\\u00e9\"}";
    struct jsonread j;
    assert_int_equal(jsonread_open(&j, text, strlen(text)), 0);
    int a = jsonread_member(&j, 0, "a"), b = jsonread_member(&j, a, "b"), one = jsonread_first(&j, b);
    assert_int_equal(jsonread_number(&j, one), 1);
    assert_int_equal(jsonread_number(&j, jsonread_member(&j, jsonread_next(&j, one), "a")), 2);
    int nul = jsonread_next(&j, jsonread_next(&j, one));
    assert_null(jsonread_string(&j, nul));
    assert_int_equal(jsonread_next(&j, nul), -1);
    assert_true(jsonread_number(&j, jsonread_member(&j, a, "c")) == UINT64_MAX);
    char *d = jsonread_string(&j, jsonread_member(&j, 0, "d"));
    assert_string_equal(d, "\xc3\xa9");
    free(d);
    assert_int_equal(jsonread_member(&j, jsonread_member(&j, 0, "none"), "x"), -1);
    assert_int_equal(jsonread_first(&j, jsonread_member(&j, 0, "d")), -1);
    jsonread_close(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_what_a_dockerfile_cannot_say),
        cmocka_unit_test(test_what_is_not_one_image),
        cmocka_unit_test(test_tree),
    };
    return cmocka_run_group_tests_name("wrap", tests, NULL, NULL);
}
