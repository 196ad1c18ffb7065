/* A model server that costs next to nothing: one thread, epoll, answers known in advance.
 *
 * Usage: fake_upstream PORT CHUNKS INTERVAL_US. GET /set?CHUNKS,INTERVAL_US changes the two.
 * A POST whose body has "stream": true gets CHUNKS events, one each INTERVAL_US, the first at once;
 * any other POST gets ANSWER. GET /api/v1/models says that 4,096 requests may run at a time.
 * Listens on 127.0.0.1 only. It knows just enough HTTP for what gateways send it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "exchange.h"

#define MAX_FD 16384
#define IN_BYTES (128 * 1024)
#define FRAME_BYTES (EVENT_BYTES + 6) /* "ec\r\n" and "\r\n" */

typedef struct {
    char *in;
    int used;
    int streaming; /* 1 while a stream runs; its place in the queue is by `due` */
    int next;      /* number of the next event */
    int64_t due;
    char pending[FRAME_BYTES]; /* what the socket did not take */
    int pending_used;
    unsigned turn; /* tells a reused descriptor from the stream that was queued */
} Conn;

typedef struct {
    int fd;
    unsigned turn;
} Queued;

static Conn conns[MAX_FD];
static Queued queue[MAX_FD * 2]; /* ring; ordered by due, since the interval is the same for all */
static unsigned head, tail;
static int chunks, poller, timer;
static int64_t interval_ns;
static char frame[FRAME_BYTES + 1];

static void enqueue(int fd) {
    queue[tail++ % (MAX_FD * 2)] = (Queued){fd, conns[fd].turn};
}

static void arm(void) {
    struct itimerspec t = {0};
    if (head != tail) {
        int64_t due = conns[queue[head % (MAX_FD * 2)].fd].due, wait = due - now_ns();
        if (wait < 1) wait = 1;
        t.it_value.tv_sec = wait / 1000000000;
        t.it_value.tv_nsec = wait % 1000000000;
    }
    timerfd_settime(timer, 0, &t, NULL);
}

static void drop(int fd) {
    Conn *c = &conns[fd];
    free(c->in);
    unsigned turn = c->turn + 1;
    memset(c, 0, sizeof *c);
    c->turn = turn;
    close(fd);
}

static int say(int fd, const char *data, size_t bytes) {
    ssize_t sent = send(fd, data, bytes, MSG_NOSIGNAL);
    return sent == (ssize_t)bytes;
}

static void answer(int fd, const char *type, const char *body) {
    char out[2048];
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type,
                     strlen(body), body);
    if (!say(fd, out, (size_t)n)) drop(fd);
}

static void end_stream(int fd) {
    char out[sizeof LAST_EVENTS + 64];
    int n = snprintf(out, sizeof out, "%zx\r\n%s\r\n0\r\n\r\n", sizeof LAST_EVENTS - 1, LAST_EVENTS);
    conns[fd].streaming = 0;
    conns[fd].turn++;
    if (!say(fd, out, (size_t)n)) drop(fd);
}

/* Sends the event that is due; what a full socket does not take waits for the next turn. */
static void send_event(int fd) {
    Conn *c = &conns[fd];
    if (!c->pending_used) {
        int at = 4 + number_offset();
        memcpy(c->pending, frame, FRAME_BYTES);
        put_digits(c->pending + at, NUMBER_DIGITS, c->next++);
        put_digits(c->pending + at + NUMBER_DIGITS + 2, TIME_DIGITS, now_ns());
        c->pending_used = FRAME_BYTES;
    }
    char *from = c->pending + FRAME_BYTES - c->pending_used;
    ssize_t sent = send(fd, from, (size_t)c->pending_used, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        drop(fd);
        return;
    }
    if (sent > 0) c->pending_used -= (int)sent;
    if (!c->pending_used && c->next >= chunks) {
        end_stream(fd);
        return;
    }
    c->due += interval_ns;
    enqueue(fd);
}

static void run_due(void) {
    int64_t now = now_ns();
    while (head != tail) {
        Queued q = queue[head % (MAX_FD * 2)];
        Conn *c = &conns[q.fd];
        if (c->turn != q.turn || !c->streaming) {
            head++;
            continue;
        }
        if (c->due > now) break;
        head++;
        send_event(q.fd);
    }
    arm();
}

static void start_stream(int fd) {
    static const char *start =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    Conn *c = &conns[fd];
    if (!say(fd, start, strlen(start))) {
        drop(fd);
        return;
    }
    c->streaming = 1;
    c->turn++;
    c->next = 0;
    c->due = now_ns();
    send_event(fd);
    arm();
}

static void reply(int fd, const char *request, const char *body) {
    if (!strncmp(request, "GET /set?", 9)) {
        int64_t us = 0;
        sscanf(request + 9, "%d,%ld", &chunks, &us);
        interval_ns = us * 1000;
        answer(fd, "text/plain", "ok");
    } else if (!strncmp(request, "GET /lmstudio-greeting", 22)) {
        answer(fd, "application/json", "{\"lmstudio\":true}");
    } else if (!strncmp(request, "GET /api/v1/models", 18)) {
        answer(fd, "application/json",
               "{\"models\":[{\"type\":\"llm\",\"key\":\"bench-model\",\"loaded_instances\":[{\"id\":"
               "\"bench-model\",\"config\":{\"context_length\":8192,\"parallel\":4096}}]}]}");
    } else if (!strncmp(request, "GET /api/v0/models", 18)) {
        answer(fd, "application/json",
               "{\"object\":\"list\",\"data\":[{\"id\":\"bench-model\",\"object\":\"model\","
               "\"type\":\"llm\",\"state\":\"loaded\",\"max_context_length\":8192}]}");
    } else if (!strncmp(request, "GET ", 4)) {
        answer(fd, "application/json",
               "{\"object\":\"list\",\"data\":[{\"id\":\"bench-model\",\"object\":\"model\"}]}");
    } else if (strstr(body, "\"stream\":true") || strstr(body, "\"stream\": true")) {
        start_stream(fd);
    } else {
        answer(fd, "application/json", ANSWER);
    }
}

/* One request at a time: a gateway never pipelines. */
static void on_input(int fd) {
    Conn *c = &conns[fd];
    ssize_t got = recv(fd, c->in + c->used, (size_t)(IN_BYTES - 1 - c->used), 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) drop(fd);
        return;
    }
    c->used += (int)got;
    c->in[c->used] = 0;
    char *body = strstr(c->in, "\r\n\r\n");
    if (!body) return;
    body += 4;
    char *field = strcasestr(c->in, "\r\ncontent-length:");
    long length = field && field < body ? atol(field + 17) : 0;
    if (c->used - (body - c->in) < length) return;
    c->used = 0;
    reply(fd, c->in, body);
}

static void on_connect(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_FD) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conns[fd].in = malloc(IN_BYTES);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    chunks = atoi(argv[2]);
    interval_ns = atol(argv[3]) * 1000;
    snprintf(frame, sizeof frame, "%zx\r\n%s\r\n", EVENT_BYTES, EVENT);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) {
        perror("fake_upstream");
        return 1;
    }
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int own[2] = {listener, timer};
    for (int i = 0; i < 2; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = own[i]};
        epoll_ctl(poller, EPOLL_CTL_ADD, own[i], &e);
    }
    struct epoll_event events[512];
    for (;;) {
        int n = epoll_wait(poller, events, 512, -1);
        for (int i = 0; i < n; i++) {
            uint64_t expired;
            int fd = events[i].data.fd;
            if (fd == listener) on_connect(listener);
            else if (fd != timer) on_input(fd);
            else if (read(timer, &expired, sizeof expired) > 0) run_due();
        }
    }
}
