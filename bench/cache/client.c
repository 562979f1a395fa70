// Gets or puts the parts of one file through five connections, so that a measurement of the cache is not one of its
// client: `client get|put PORT FILE < parts`. A part is a line `OFFSET LENGTH TARGET`, where the target is a
// signed path. For `put` it prints `OFFSET ETAG` of each part.
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

struct part { long offset, length; char *target; char etag[64]; };

static struct part parts[10000];
static int count, next;
static int port, file;
static int isPut;

static void fail(const char *what) { perror(what); exit(1); }

static int dial(void) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

static void sendPart(int fd, struct part *part) {
  char head[8192];
  int size = isPut
    ? snprintf(head, sizeof head, "PUT %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %ld\r\n\r\n", part->target, port, part->length)
    : snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nRange: bytes=%ld-%ld\r\n\r\n", part->target, port, part->offset, part->offset + part->length - 1);
  if (write(fd, head, size) != size) fail("write");
  if (!isPut) return;
  off_t at = part->offset;
  while (at < part->offset + part->length)
    if (sendfile(fd, file, &at, part->offset + part->length - at) <= 0) fail("sendfile");
}

static void receivePart(int fd, struct part *part, char *buffer, size_t size) {
  size_t have = 0;
  char *end = NULL;
  while (end == NULL) {
    ssize_t got = read(fd, buffer + have, 16384 - have);
    if (got <= 0) fail("read");
    have += got;
    end = memmem(buffer, have, "\r\n\r\n", 4);
  }
  if (strncmp(buffer, isPut ? "HTTP/1.1 200" : "HTTP/1.1 206", 12) != 0) {
    fprintf(stderr, "%.*s\n", (int)have, buffer);
    exit(1);
  }
  if (isPut) {
    *end = 0;
    char *etag = strcasestr(buffer, "\netag: ");
    if (etag) sscanf(etag + 7, "%63s", part->etag);
    return;
  }
  long at = part->offset, stop = part->offset + part->length;
  char *from = end + 4;
  for (ssize_t bytes = have - (from - buffer);; from = buffer, bytes = read(fd, buffer, size)) {
    if (bytes < 0 || (bytes == 0 && from == buffer)) fail("read");
    for (ssize_t done = 0; done < bytes;) {
      ssize_t wrote = pwrite(file, from + done, bytes - done, at);
      // A device takes no position.
      if (wrote < 0) wrote = write(file, from + done, bytes - done);
      if (wrote <= 0) fail("write");
      done += wrote;
      at += wrote;
    }
    if (at >= stop) return;
  }
}

static void *work(void *unused) {
  size_t size = 1 << 18;
  char *buffer = malloc(size);
  int fd = dial();
  for (int own; (own = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < count;) {
    sendPart(fd, &parts[own]);
    receivePart(fd, &parts[own], buffer, size);
  }
  close(fd);
  return unused;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  isPut = strcmp(argv[1], "put") == 0;
  port = atoi(argv[2]);
  file = isPut ? open(argv[3], O_RDONLY) : open(argv[3], O_WRONLY | O_CREAT, 0600);
  if (file < 0) fail(argv[3]);
  while (count < 10000 && scanf("%ld %ld %ms", &parts[count].offset, &parts[count].length, &parts[count].target) == 3) count++;
  pthread_t threads[5];
  for (int i = 0; i < 5; i++) pthread_create(&threads[i], NULL, work, NULL);
  for (int i = 0; i < 5; i++) pthread_join(threads[i], NULL);
  if (isPut) for (int i = 0; i < count; i++) printf("%ld %s\n", parts[i].offset, parts[i].etag);
  return 0;
}
