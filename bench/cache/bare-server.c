// Sends the ranges of one file with sendfile, and writes the parts of a PUT into it, with one thread for each connection
// and without a check of anything: what loopback and the file system of this machine allow. `bare-server FILE` prints
// its port.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *path;
static const long partBytes = 5 * 1024 * 1024;

static void fail(const char *what) { perror(what); exit(1); }

static void writeAll(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t wrote = write(fd, bytes, count);
    if (wrote <= 0) fail("write");
    bytes += wrote;
    count -= wrote;
  }
}

static void sendRange(int fd, int file, const char *head) {
  long from, to;
  const char *range = strcasestr(head, "\nrange: bytes=");
  if (range == NULL || sscanf(range + 14, "%ld-%ld", &from, &to) != 2) fail("a GET without a range");
  char answer[128];
  writeAll(fd, answer, snprintf(answer, sizeof answer, "HTTP/1.1 206 Partial Content\r\nContent-Length: %ld\r\n\r\n", to - from + 1));
  for (off_t at = from; at <= to;)
    if (sendfile(fd, file, &at, to + 1 - at) <= 0) fail("sendfile");
}

/** `buffer` has the head, and `extra` bytes of the body after it. */
static void writePart(int fd, int file, char *buffer, size_t size, char *body, size_t extra) {
  const char *length = strcasestr(buffer, "\ncontent-length: "), *number = strstr(buffer, "partNumber=");
  if (length == NULL || number == NULL) fail("a PUT without a length or part");
  long left = atol(length + 17), at = (atol(number + 11) - 1) * partBytes;
  char *from = body;
  for (ssize_t got = extra;; from = buffer, got = read(fd, buffer, left < (long)size ? left : (long)size)) {
    if (got < 0 || (got == 0 && from == buffer)) fail("read");
    if (pwrite(file, from, got, at) != got) fail("pwrite");
    at += got;
    left -= got;
    if (left == 0) break;
  }
  static const char answer[] = "HTTP/1.1 200 OK\r\nETag: none\r\nContent-Length: 0\r\n\r\n";
  writeAll(fd, answer, sizeof answer - 1);
}

static void *serve(void *connection) {
  int fd = (int)(long)connection, file = open(path, O_RDWR | O_CREAT, 0600);
  size_t size = 1 << 18, have = 0;
  char *buffer = calloc(1, size + 1);
  if (file < 0) fail(path);
  for (;;) {
    char *end;
    while ((end = memmem(buffer, have, "\r\n\r\n", 4)) == NULL) {
      ssize_t got = read(fd, buffer + have, size - have);
      if (got <= 0) {
        close(file);
        close(fd);
        free(buffer);
        return NULL;
      }
      have += got;
    }
    end[2] = 0;
    char *body = end + 4;
    size_t extra = have - (body - buffer);
    if (*buffer == 'G') sendRange(fd, file, buffer);
    else writePart(fd, file, buffer, size, body, extra);
    // The client waits for the answer before its next request.
    have = 0;
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  path = argv[1];
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  if (bind(server, (struct sockaddr *)&address, size) < 0 || listen(server, 128) < 0) fail("listen");
  getsockname(server, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int fd = accept(server, NULL, NULL);
    if (fd < 0) fail("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    pthread_t thread;
    pthread_create(&thread, NULL, serve, (void *)(long)fd);
    pthread_detach(thread);
  }
}
