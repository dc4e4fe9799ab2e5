/* The floor: one send() for each subscriber and broadcast. Speaks the commands of common.py. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAUSE 15000 /* microseconds between two broadcasts, as in common.py */

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    bind(listening, (struct sockaddr *)&address, length);
    listen(listening, 4096);
    getsockname(listening, (struct sockaddr *)&address, &length);
    printf("{\"port\": %d, \"rss\": 0}\n", ntohs(address.sin_port));
    fflush(stdout);

    int *sockets = malloc(sizeof(int) * 1000000), count = 0;
    char frame[251], line[64];
    memset(frame, 'x', sizeof frame);
    struct pollfd watched[2] = {{.fd = 0, .events = POLLIN}, {.fd = listening, .events = POLLIN}};
    while (poll(watched, 2, -1) > 0) {
        if (watched[1].revents & POLLIN) sockets[count++] = accept4(listening, 0, 0, SOCK_NONBLOCK);
        if (!(watched[0].revents & (POLLIN | POLLHUP))) continue;
        ssize_t got = read(0, line, sizeof line - 1);
        if (got <= 0) return 0;
        line[got] = 0;
        if (strncmp(line, "connected", 9) == 0) {
            printf("{\"rss\": 0}\n");
        } else {
            int broadcasts = atoi(line + strlen("broadcast "));
            double began = cpu();
            for (int n = 0; n < broadcasts; n++, usleep(PAUSE))
                for (int i = 0; i < count; i++)
                    if (send(sockets[i], frame, sizeof frame, MSG_NOSIGNAL) != sizeof frame) return 1;
            printf("{\"cpu\": %.6f}\n", cpu() - began);
        }
        fflush(stdout);
    }
    return 0;
}
