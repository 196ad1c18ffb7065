/* What the fake model server says and the load generator expects: one wording for both sides.
 *
 * Sizes follow what LM Studio sends for a short answer: 577 bytes of JSON, or events of 236 bytes.
 * Each event carries a number and the server's monotonic clock, so that the receiver can tell
 * order, loss and time in transit; the rest of it is compared byte for byte.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FILL40 "It is short, plain and always the same. "
#define ANSWER                                                                                  \
    "{\"id\":\"chatcmpl-bench0000000000\",\"object\":\"chat.completion\",\"created\":1700000000," \
    "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","     \
    "\"content\":\"" FILL40 FILL40 FILL40 FILL40 FILL40 "This answer ends here.\"},"             \
    "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":200,"            \
    "\"completion_tokens\":50,\"total_tokens\":250},\"stats\":{},\"system_fingerprint\":"        \
    "\"bench-model\",\"padding\":\"..............\"}"
#define ANSWER_BYTES (sizeof(ANSWER) - 1)
_Static_assert(ANSWER_BYTES == 577, "the answer is 577 bytes");

/* The number and the time are zeros here and are written over them. */
#define EVENT                                                                              \
    "data: {\"id\":\"chatcmpl-bench0000000000\",\"object\":\"chat.completion.chunk\","       \
    "\"created\":1700000000,\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"delta\":{" \
    "\"content\":\"s000000 t0000000000000000 \"},\"logprobs\":null,\"finish_reason\":null"   \
    "}],\"x\":null}\n\n"
#define EVENT_BYTES (sizeof(EVENT) - 1)
_Static_assert(EVENT_BYTES == 236, "an event is 236 bytes");
#define NUMBER_DIGITS 6
#define TIME_DIGITS 16

#define LAST_EVENTS                                                                          \
    "data: {\"id\":\"chatcmpl-bench0000000000\",\"object\":\"chat.completion.chunk\","         \
    "\"created\":1700000000,\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"delta\":{},"   \
    "\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n"                                      \
    "data: {\"id\":\"chatcmpl-bench0000000000\",\"object\":\"chat.completion.chunk\","         \
    "\"created\":1700000000,\"model\":\"bench-model\",\"choices\":[],\"usage\":{"              \
    "\"prompt_tokens\":200,\"completion_tokens\":50,\"total_tokens\":250}}\n\n"                \
    "data: [DONE]\n\n"
#define DONE_EVENT "data: [DONE]"

static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Where the digits of the number begin in EVENT; the time's begin NUMBER_DIGITS + 2 later. */
static inline int number_offset(void) {
    static int offset;
    if (!offset) offset = (int)(strstr(EVENT, "\"s000000") - EVENT) + 2;
    return offset;
}

static inline void put_digits(char *at, int digits, int64_t value) {
    while (digits--) {
        at[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

#endif
