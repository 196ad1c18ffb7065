/* Load on a gateway and a check of what comes back: one thread, epoll.
 *
 * Usage: load requests PORT KEY CONNECTIONS SECONDS        closed loop, answers of 577 bytes
 *        load streams PORT KEY STREAMS CHUNKS INTERVAL_US DEADLINE_S   one stream a connection
 * Prints a line "P <monotonic ns> <requests or events so far> <streams open>" each 100 ms, so that
 * the caller can take CPU times beside it, and one JSON object at the end. Talks to 127.0.0.1 only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "exchange.h"

#define MAX_CONNS 4096
#define BUFFER 16384
#define MAX_SAMPLES 8000000
#define REPORT_NS 100000000
#define WARM_UP_NS 300000000

enum { HEAD, FIXED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, ENDED };

typedef struct {
    int fd, state, status, reusable;
    long left;           /* bytes of the body or chunk still to come */
    char line[4096];     /* head or chunk size as far as it came */
    int line_used;
    char body[BUFFER];   /* the answer, or the event that is not complete yet */
    int body_used;
    int events, done;    /* of this stream: events with a number, [DONE] seen */
    int64_t asked, first, last;
} Conn;

static Conn conns[MAX_CONNS];
static int wanted, streams_mode, poller, port, chunks_wanted, open_streams, ended;
static char *request;
static size_t request_bytes;
static int64_t began, interval_ns;
static uint32_t *samples, first_us[MAX_CONNS], stretch_ppm[MAX_CONNS];
static long sampled, count, answers, errors, altered, lost, no_end, whole_streams, firsts;

static void sample(int64_t ns) {
    if (sampled < MAX_SAMPLES) samples[sampled++] = (uint32_t)(ns < 0 ? 0 : ns / 100);
}

static void connect_one(Conn *c) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof at)) {
        perror("load: connect");
        exit(1);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

static void ask(Conn *c) {
    if (c->fd <= 0) connect_one(c);
    c->state = HEAD;
    c->line_used = c->body_used = c->events = c->done = 0;
    c->asked = now_ns();
    if (send(c->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) errors++;
}

/* One event without its empty line. Numbers must follow each other; the rest must be EVENT. */
static void on_event(Conn *c, char *event, int bytes) {
    char *mark = memmem(event, (size_t)bytes, "\"s", 2);
    while (mark && !(mark + 26 < event + bytes && mark[8] == ' ' && mark[9] == 't'))
        mark = memmem(mark + 2, (size_t)(event + bytes - mark - 2), "\"s", 2);
    if (!mark) {
        if (bytes >= (int)strlen(DONE_EVENT) && !memcmp(event, DONE_EVENT, strlen(DONE_EVENT)))
            c->done = 1;
        return;
    }
    int64_t now = now_ns(), sent = atoll(mark + 10);
    if (atoi(mark + 2) != c->events) lost++;
    if (!c->events) {
        c->first = now;
        first_us[firsts++] = (uint32_t)((now - c->asked) / 1000);
        open_streams++;
    }
    c->events++;
    c->last = now;
    count++;
    sample(now - sent);
    put_digits(mark + 2, NUMBER_DIGITS, 0);
    put_digits(mark + 4 + NUMBER_DIGITS, TIME_DIGITS, 0);
    altered += bytes != (int)EVENT_BYTES - 2 || memcmp(event, EVENT, EVENT_BYTES - 2);
}

/* Streams: cuts events out of what came. Else: keeps the answer. */
static void on_slice(Conn *c, const char *data, int bytes) {
    memcpy(c->body + c->body_used, data, (size_t)bytes);
    c->body_used += bytes;
    if (!streams_mode) return;
    char *from = c->body, *end = c->body + c->body_used, *gap;
    while ((gap = memmem(from, (size_t)(end - from), "\n\n", 2))) {
        on_event(c, from, (int)(gap - from));
        from = gap + 2;
    }
    c->body_used = (int)(end - from);
    memmove(c->body, from, (size_t)c->body_used);
}

static void on_body(Conn *c, const char *data, int bytes) {
    while (bytes) {
        int room = BUFFER - c->body_used, part = bytes < room ? bytes : room;
        if (!part) { /* an event or answer larger than any that was sent */
            errors++;
            c->body_used = 0;
            continue;
        }
        on_slice(c, data, part);
        data += part;
        bytes -= part;
    }
}

static void on_end(Conn *c) {
    c->state = ENDED;
    answers++;
    if (c->status != 200) errors++;
    if (streams_mode) {
        ended++;
        open_streams -= c->events > 0;
        no_end += !c->done;
        if (c->events == chunks_wanted && c->events > 1)
            stretch_ppm[whole_streams++] = (uint32_t)((double)(c->last - c->first) * 1e6 /
                                                      ((double)interval_ns * (c->events - 1)));
        return;
    }
    count++;
    if (now_ns() - began > WARM_UP_NS) sample(now_ns() - c->asked);
    altered += c->body_used != (int)ANSWER_BYTES || memcmp(c->body, ANSWER, ANSWER_BYTES);
    if (!c->reusable) {
        close(c->fd);
        c->fd = 0;
    }
    ask(c);
}

static void on_head(Conn *c) {
    c->line[c->line_used] = 0;
    c->status = atoi(c->line + 9);
    c->reusable = !strcasestr(c->line, "\r\nconnection: close");
    char *length = strcasestr(c->line, "\r\ncontent-length:");
    if (strcasestr(c->line, "\r\ntransfer-encoding: chunked")) {
        c->state = CHUNK_SIZE;
    } else {
        c->state = FIXED;
        c->left = length ? atol(length + 17) : -1; /* -1: until the connection closes */
        if (!c->left) on_end(c);
    }
    c->line_used = 0;
}

/* Takes bytes that belong to a line; returns 1 when `end` was seen. */
static int take_line(Conn *c, const char **from, const char *to, const char *end) {
    int bytes = (int)strlen(end);
    while (*from < to && c->line_used < (int)sizeof c->line - 1) {
        c->line[c->line_used++] = *(*from)++;
        if (c->line_used >= bytes && !memcmp(c->line + c->line_used - bytes, end, (size_t)bytes))
            return 1;
    }
    return 0;
}

static void on_input(Conn *c, const char *from, const char *to) {
    while (from < to && c->state != ENDED) {
        if (c->state == HEAD) {
            if (take_line(c, &from, to, "\r\n\r\n")) on_head(c);
        } else if (c->state == CHUNK_SIZE) {
            if (!take_line(c, &from, to, "\r\n")) continue;
            c->left = strtol(c->line, NULL, 16);
            c->line_used = 0;
            c->state = c->left ? CHUNK_DATA : CHUNK_END;
        } else if (c->state == CHUNK_END) {
            if (!take_line(c, &from, to, "\r\n")) continue;
            c->line_used = 0;
            c->state = CHUNK_SIZE;
            if (!c->left) on_end(c);
        } else {
            long bytes = to - from;
            if (c->left >= 0 && bytes > c->left) bytes = c->left;
            on_body(c, from, (int)bytes);
            from += bytes;
            if (c->left < 0) continue;
            c->left -= bytes;
            if (c->left) continue;
            if (c->state == FIXED) on_end(c);
            else c->state = CHUNK_END, c->left = 1; /* 1: not the last chunk */
        }
    }
}

static void on_close(Conn *c) {
    epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
    close(c->fd);
    c->fd = 0;
    if (c->state == ENDED) return;
    if (c->state != FIXED || c->left >= 0) errors++;
    on_end(c);
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double at(uint32_t *values, long n, double share) {
    return n ? values[(long)((double)(n - 1) * share)] : -1.0;
}

static void report(void) {
    qsort(samples, (size_t)sampled, sizeof *samples, by_value);
    qsort(first_us, (size_t)firsts, sizeof *first_us, by_value);
    qsort(stretch_ppm, (size_t)whole_streams, sizeof *stretch_ppm, by_value);
    printf("{\"count\":%ld,\"answers\":%ld,\"errors\":%ld,\"altered\":%ld,\"out_of_order\":%ld,"
           "\"without_end\":%ld,\"whole_streams\":%ld,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"first_p50_us\":%.0f,\"first_p99_us\":%.0f,\"stretch\":%.4f,\"seconds\":%.3f}\n",
           count, answers, errors, altered, lost, no_end, whole_streams,
           at(samples, sampled, .5) / 10, at(samples, sampled, .99) / 10, at(first_us, firsts, .5),
           at(first_us, firsts, .99), at(stretch_ppm, whole_streams, .5) / 1e6,
           (double)(now_ns() - began) / 1e9);
}

static void make_request(const char *key) {
    char text[640] = "", *body;
    while (strlen(text) + sizeof FILL40 < 610) strcat(text, FILL40);
    int bytes = asprintf(&body,
                         "{\"model\":\"bench-model\",\"messages\":[{\"role\":\"system\",\"content\":"
                         "\"You are a helpful assistant. Answer in plain words.\"},{\"role\":\"user\","
                         "\"content\":\"%s\"}],\"temperature\":0.7,\"max_tokens\":%d%s}",
                         text, streams_mode ? chunks_wanted : 50,
                         streams_mode ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"
                                      : "");
    request_bytes = (size_t)asprintf(
        &request,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: bench\r\n"
        "Content-Length: %d\r\n\r\n%s",
        port, key, bytes, body);
    free(body);
}

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    streams_mode = !strcmp(argv[1], "streams");
    if (streams_mode && argc < 8) return 2;
    port = atoi(argv[2]);
    wanted = atoi(argv[4]);
    chunks_wanted = streams_mode ? atoi(argv[5]) : 0;
    interval_ns = streams_mode ? atol(argv[6]) * 1000 : 0;
    double seconds = atof(streams_mode ? argv[7] : argv[5]);
    if (wanted > MAX_CONNS) return 2;
    make_request(argv[3]);
    samples = malloc(MAX_SAMPLES * sizeof *samples);
    poller = epoll_create1(0);
    began = now_ns();
    int64_t reported = began, now = began;
    /* Streams start spread over a second, so that their events do not come in step. */
    int64_t step = streams_mode ? 1000000000 / wanted : 0;
    static char data[262144];
    struct epoll_event events[512];
    int asked = 0;
    while ((double)(now - began) < seconds * 1e9 && !(streams_mode && ended == wanted)) {
        while (asked < wanted && now - began >= asked * step) ask(&conns[asked++]);
        int n = epoll_wait(poller, events, 512, 1);
        for (int i = 0; i < n; i++) {
            Conn *c = events[i].data.ptr;
            if (c->fd <= 0) continue;
            ssize_t got = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
            if (got > 0) on_input(c, data, data + got);
            else if (got == 0 || errno != EAGAIN) on_close(c);
        }
        now = now_ns();
        if (now - reported >= REPORT_NS) {
            printf("P %ld %ld %d\n", now, count, open_streams);
            fflush(stdout);
            reported = now;
        }
    }
    report();
    return 0;
}
