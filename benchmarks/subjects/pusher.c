/* The floor: a Pusher server that does only what the kernel asks for.
 *
 * One process, epoll, one send() for each subscriber and event. It speaks as much Pusher as a subscriber and a
 * publisher need: the upgrade, connection_established, subscribe, ping, POST /apps/{id}/events; it checks no
 * signature and holds no limits. Channels are compared by name in a short list.
 *
 *   stdout  {"port": 40001}
 *   stdin   broadcast COUNT PAUSE EVENTS   to channel bench-0: COUNT times EVENTS frames, PAUSE seconds between
 *   stdout  {"cpu": nanoseconds}
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LISTENING UINT32_MAX
#define COMMANDS (UINT32_MAX - 1)
#define MOST_CHANNELS 64
#define MOST_INPUT 65536

struct peer {
    int socket;
    int websocket;
    int channel; /* -1: none */
    int place;   /* in the channel's list */
    size_t size;
    char *input;
};

struct channel {
    char name[128];
    uint32_t *peers;
    size_t count, room;
};

static struct peer *peers;
static size_t peer_count, peer_room;
static struct channel channels[MOST_CHANNELS];
static int channel_count, events_fd;
static char frame[MOST_INPUT + 1024];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static long long cpu(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* -- SHA-1 and base64, for Sec-WebSocket-Accept -- */

static uint32_t rotated(uint32_t word, int by) { return word << by | word >> (32 - by); }

static void sha1_block(uint32_t h[5], const unsigned char *block) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[i * 4] << 24 | block[i * 4 + 1] << 16 | block[i * 4 + 2] << 8 | block[i * 4 + 3];
    for (int i = 16; i < 80; i++) w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) f = (b & c) | (~b & d), k = 0x5A827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
        else f = b ^ c ^ d, k = 0xCA62C1D6;
        uint32_t next = rotated(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* `size` below 120. */
static void sha1(const unsigned char *text, size_t size, unsigned char digest[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    unsigned char padded[128] = {0};
    size_t blocks = size < 56 ? 1 : 2;
    memcpy(padded, text, size);
    padded[size] = 0x80;
    for (int i = 0; i < 8; i++) padded[blocks * 64 - 1 - i] = (unsigned char)((uint64_t)size * 8 >> (i * 8));
    for (size_t i = 0; i < blocks; i++) sha1_block(h, padded + i * 64);
    for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

static void base64(const unsigned char *bytes, size_t size, char *text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = bytes[i] << 16 | (i + 1 < size ? bytes[i + 1] << 8 : 0) | (i + 2 < size ? bytes[i + 2] : 0);
        *text++ = letters[group >> 18 & 63];
        *text++ = letters[group >> 12 & 63];
        *text++ = i + 1 < size ? letters[group >> 6 & 63] : '=';
        *text++ = i + 2 < size ? letters[group & 63] : '=';
    }
    *text = 0;
}

/* -- Connections and channels -- */

/* What the kernel does not take at once is not the floor's concern: the peer goes. 0 when it has gone. */
static int put(int socket, const char *bytes, size_t size) {
    return send(socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static size_t head(char *out, int opcode, size_t size) {
    out[0] = (char)(0x80 | opcode);
    if (size < 126) {
        out[1] = (char)size;
        return 2;
    }
    out[1] = 126, out[2] = (char)(size >> 8), out[3] = (char)size;
    return 4;
}

static void say(struct peer *peer, int opcode, const char *text, size_t size) {
    char out[1024];
    if (size > sizeof out - 4) return;
    size_t start = head(out, opcode, size);
    memcpy(out + start, text, size);
    put(peer->socket, out, start + size);
}

static int find_channel(const char *name, size_t size, int make) {
    for (int i = 0; i < channel_count; i++)
        if (strlen(channels[i].name) == size && memcmp(channels[i].name, name, size) == 0) return i;
    if (!make || channel_count == MOST_CHANNELS || size >= sizeof channels[0].name) return -1;
    memcpy(channels[channel_count].name, name, size);
    return channel_count++;
}

static void leave(struct peer *peer) {
    if (peer->channel < 0) return;
    struct channel *channel = &channels[peer->channel];
    uint32_t last = channel->peers[--channel->count];
    channel->peers[peer->place] = last;
    peers[last].place = peer->place;
    peer->channel = -1;
}

static void enter(uint32_t number, int index) {
    struct channel *channel = &channels[index];
    leave(&peers[number]);
    if (channel->count == channel->room) {
        channel->room = channel->room ? channel->room * 2 : 1024;
        channel->peers = realloc(channel->peers, channel->room * sizeof *channel->peers);
        if (!channel->peers) fail("realloc");
    }
    peers[number].channel = index;
    peers[number].place = (int)channel->count;
    channel->peers[channel->count++] = number;
}

static void end(struct peer *peer) {
    leave(peer);
    close(peer->socket);
    free(peer->input);
    peer->input = NULL;
    peer->size = 0;
    peer->socket = -1;
}

/* One send() for each subscriber: what this program is for. */
static void broadcast(const struct channel *channel, const char *bytes, size_t size) {
    for (size_t i = 0; i < channel->count; i++)
        if (!put(peers[channel->peers[i]].socket, bytes, size)) fprintf(stderr, "pusher: a frame was not taken\n");
}

/* -- Requests and messages -- */

/* The string that is the value of `key`, as it is written, without its quotes; 0 when there is none. */
static int string_of(const char *text, size_t size, const char *key, const char **value, size_t *length) {
    const char *end = text + size, *at = memmem(text, size, key, strlen(key));
    if (!at) return 0;
    for (at += strlen(key); at < end && *at != '"';) at++;
    const char *begin = ++at;
    while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
    if (at >= end) return 0;
    *value = begin, *length = (size_t)(at - begin);
    return 1;
}

static void upgrade(struct peer *peer, const char *request, size_t size) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static unsigned serial;
    char text[128], accept[32], answer[512];
    unsigned char digest[20];
    const char *key = memmem(request, size, "Sec-WebSocket-Key: ", 19);
    if (!key || key + 19 + 24 > request + size) {
        put(peer->socket, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 47);
        return;
    }
    memcpy(text, key + 19, 24);
    memcpy(text + 24, magic, sizeof magic);
    sha1((unsigned char *)text, 60, digest);
    base64(digest, 20, accept);
    char established[160];
    serial++;
    int length = snprintf(established, sizeof established,
                          "{\"event\":\"pusher:connection_established\",\"data\":"
                          "\"{\\\"socket_id\\\":\\\"%u.%u\\\",\\\"activity_timeout\\\":120}\"}",
                          serial, serial);
    int start = snprintf(answer, sizeof answer,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: %s\r\n\r\n",
                         accept);
    start += (int)head(answer + start, 1, (size_t)length);
    memcpy(answer + start, established, (size_t)length);
    put(peer->socket, answer, (size_t)(start + length));
    peer->websocket = 1;
}

static void publish(const char *body, size_t size) {
    const char *name, *channel, *data;
    size_t name_size, channel_size, data_size;
    if (!string_of(body, size, "\"name\"", &name, &name_size)) return;
    if (!string_of(body, size, "\"data\"", &data, &data_size)) return;
    if (!string_of(body, size, "\"channels\"", &channel, &channel_size) &&
        !string_of(body, size, "\"channel\"", &channel, &channel_size))
        return;
    int index = find_channel(channel, channel_size, 0);
    if (index < 0 || name_size + channel_size + data_size > MOST_INPUT - 64) return;
    int length = snprintf(frame + 4, sizeof frame - 4, "{\"event\":\"%.*s\",\"channel\":\"%.*s\",\"data\":\"%.*s\"}",
                          (int)name_size, name, (int)channel_size, channel, (int)data_size, data);
    char first[4];
    size_t start = head(first, 1, (size_t)length);
    memcpy(frame + 4 - start, first, start);
    broadcast(&channels[index], frame + 4 - start, start + (size_t)length);
}

/* How much of the input was one request; 0 when it is not whole yet. */
static size_t http(struct peer *peer) {
    char *end_of_head = memmem(peer->input, peer->size, "\r\n\r\n", 4);
    if (!end_of_head) return 0;
    size_t size = (size_t)(end_of_head - peer->input) + 4, body = 0;
    *end_of_head = 0;
    const char *length = strcasestr(peer->input, "\r\ncontent-length:");
    if (length) body = strtoul(length + 17, NULL, 10);
    *end_of_head = '\r';
    if (body > MOST_INPUT - size || peer->size < size + body) return 0;
    if (memcmp(peer->input, "GET /app/", 9) == 0) {
        upgrade(peer, peer->input, size);
    } else {
        static const char answer[] =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        if (memcmp(peer->input, "POST ", 5) == 0) publish(peer->input + size, body);
        put(peer->socket, answer, sizeof answer - 1);
    }
    return size + body;
}

static void message(uint32_t number, const char *text, size_t size) {
    const char *event, *channel;
    size_t event_size, channel_size;
    char answer[512];
    if (!string_of(text, size, "\"event\"", &event, &event_size)) return;
    if (event_size == 11 && memcmp(event, "pusher:ping", 11) == 0) {
        static const char pong[] = "{\"event\":\"pusher:pong\",\"data\":\"{}\"}";
        say(&peers[number], 1, pong, sizeof pong - 1);
    } else if (event_size == 16 && memcmp(event, "pusher:subscribe", 16) == 0 &&
               string_of(text, size, "\"channel\"", &channel, &channel_size)) {
        int index = find_channel(channel, channel_size, 1);
        if (index < 0) return;
        enter(number, index);
        int length = snprintf(answer, sizeof answer,
                              "{\"event\":\"pusher_internal:subscription_succeeded\",\"channel\":\"%.*s\",\"data\":\"{}\"}",
                              (int)channel_size, channel);
        say(&peers[number], 1, answer, (size_t)length);
    }
}

/* How much of the input was one frame; 0 when it is not whole yet; the peer may be gone afterwards. */
static size_t websocket(uint32_t number) {
    struct peer *peer = &peers[number];
    unsigned char *in = (unsigned char *)peer->input;
    if (peer->size < 2) return 0;
    size_t size = in[1] & 127, begin = 2;
    if (size == 127) { /* longer than anything this server takes */
        end(peer);
        return 0;
    }
    if (size == 126) {
        if (peer->size < 4) return 0;
        size = (size_t)(in[2] << 8 | in[3]), begin = 4;
    }
    unsigned char *mask = in + begin;
    begin += in[1] & 128 ? 4 : 0;
    if (peer->size < begin + size) return 0;
    if (in[1] & 128)
        for (size_t i = 0; i < size; i++) in[begin + i] ^= mask[i & 3];
    switch (in[0] & 15) {
    case 1: message(number, peer->input + begin, size); break;
    case 9: say(peer, 10, peer->input + begin, size); break;
    case 8:
        say(peer, 8, peer->input + begin, size);
        end(peer);
        return 0;
    }
    return begin + size;
}

static void readable(uint32_t number) {
    struct peer *peer = &peers[number];
    if (peer->socket < 0) return;
    if (!peer->input && !(peer->input = malloc(MOST_INPUT + 1))) fail("malloc");
    ssize_t got = recv(peer->socket, peer->input + peer->size, MOST_INPUT - peer->size, 0);
    if (got <= 0) {
        end(peer);
        return;
    }
    peer->size += (size_t)got;
    size_t used = 0;
    while (peer->socket >= 0 && peer->size && (used = peer->websocket ? websocket(number) : http(peer))) {
        peer->size -= used;
        memmove(peer->input, peer->input + used, peer->size);
    }
    if (peer->socket >= 0 && !peer->size) { /* most peers are silent: they keep no buffer */
        free(peer->input);
        peer->input = NULL;
    }
}

static void watch(int socket, uint32_t number) {
    struct epoll_event wanted = {.events = EPOLLIN, .data.u32 = number};
    if (epoll_ctl(events_fd, EPOLL_CTL_ADD, socket, &wanted)) fail("epoll_ctl");
}

static void arrivals(int listening) {
    int socket, yes = 1;
    while ((socket = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (peer_count == peer_room) {
            peer_room = peer_room ? peer_room * 2 : 1024;
            if (!(peers = realloc(peers, peer_room * sizeof *peers))) fail("realloc");
        }
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        peers[peer_count] = (struct peer){.socket = socket, .channel = -1};
        watch(socket, (uint32_t)peer_count++);
    }
}

static void command(void) {
    static char finished[251] = {(char)0x81, 126, 0, (char)247};
    char line[128];
    ssize_t got = read(0, line, sizeof line - 1);
    if (got <= 0) exit(0);
    line[got] = 0;
    int count, events;
    double pause;
    if (sscanf(line, "broadcast %d %lf %d", &count, &pause, &events) != 3) {
        printf("{\"error\": \"not a command\"}\n");
    } else {
        int index = find_channel("bench-0", 7, 1);
        struct timespec rest = {.tv_sec = (time_t)pause, .tv_nsec = (long)((pause - (time_t)pause) * 1e9)};
        snprintf(finished + 4, 46, "{\"event\":\"bench\",\"channel\":\"bench-0\",\"data\":\"");
        memset(finished + 49, 'x', 200);
        memcpy(finished + 249, "\"}", 2);
        long long began = cpu();
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < events; j++) broadcast(&channels[index], finished, sizeof finished);
            if (pause > 0) nanosleep(&rest, NULL);
        }
        printf("{\"cpu\": %lld}\n", cpu() - began);
    }
    fflush(stdout);
}

int main(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, length) || listen(listening, 4096)) fail("listen");
    getsockname(listening, (struct sockaddr *)&address, &length);
    events_fd = epoll_create1(0);
    watch(listening, LISTENING);
    watch(0, COMMANDS);
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);

    struct epoll_event ready[256];
    for (;;) {
        int count = epoll_wait(events_fd, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.u32 == LISTENING) arrivals(listening);
            else if (ready[i].data.u32 == COMMANDS) command();
            else readable(ready[i].data.u32);
        }
    }
}
