/* The web server of fetch_all.c: on a port of this machine only, each page after a pause, as from far away. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "course.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

typedef struct Server {
  int listener;
  uint16_t port;
  double pause; /* seconds before each answer */
  pthread_t thread;
} Server;

typedef struct Connection {
  int socket;
  double pause;
} Connection;

/* Writes all of it; a client that has gone is the client's affair. */
static inline void http_send(int to, const char *text, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(to, text, size, MSG_NOSIGNAL);
    if (sent <= 0) return;
    text += sent;
    size -= (size_t)sent;
  }
}

/* Answers one request: the page of `/5` has five lines, what is no number is not found. */
static inline void *http_answer(void *arg) {
  Connection connection = *(Connection *)arg;
  char request[512], line[64];
  size_t size = 0;
  ssize_t got = 1;
  free(arg);
  request[0] = '\0';
  while (got > 0 && size < sizeof request - 1 && strstr(request, "\r\n\r\n") == NULL) {
    got = read(connection.socket, request + size, sizeof request - 1 - size);
    size += got > 0 ? (size_t)got : 0;
    request[size] = '\0';
  }
  course_sleep(connection.pause);
  const bool found = strncmp(request, "GET /", 5) == 0 && request[5] >= '1' && request[5] <= '9';
  const unsigned long lines = found ? strtoul(request + 5, NULL, 10) : 0;
  const char *head = found ? "HTTP/1.0 200 OK\r\n\r\n" : "HTTP/1.0 404 Not Found\r\n\r\n";
  http_send(connection.socket, head, strlen(head));
  for (unsigned long i = 1; i <= lines; i++) {
    const int length = snprintf(line, sizeof line, "line %lu of page %lu\n", i, lines);
    http_send(connection.socket, line, (size_t)length);
  }
  close(connection.socket);
  return NULL;
}

/* A thread for each connection, until the listener is shut down. */
static inline void *http_serve(void *arg) {
  const Server *server = arg;
  int client;
  while ((client = accept(server->listener, NULL, NULL)) >= 0) {
    Connection *connection = malloc(sizeof *connection);
    pthread_t thread;
    if (connection == NULL) {
      close(client);
      continue;
    }
    *connection = (Connection){client, server->pause};
    if (pthread_create(&thread, NULL, http_answer, connection) == 0) {
      pthread_detach(thread);
    } else {
      http_answer(connection);
    }
  }
  return NULL;
}

static inline struct sockaddr_in http_address(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* Starts the server on a port that is free; ends the program if it cannot. */
static inline void http_start(Server *server, double pause) {
  struct sockaddr_in address = http_address(0);
  socklen_t size = sizeof address;
  server->pause = pause;
  server->listener = socket(AF_INET, SOCK_STREAM, 0);
  if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, size) != 0 ||
      listen(server->listener, 64) != 0 || getsockname(server->listener, (struct sockaddr *)&address, &size) != 0 ||
      pthread_create(&server->thread, NULL, http_serve, server) != 0) {
    perror("HTTP server");
    exit(EXIT_FAILURE);
  }
  server->port = ntohs(address.sin_port);
}

static inline void http_stop(Server *server) {
  shutdown(server->listener, SHUT_RDWR); /* accept() returns */
  pthread_join(server->thread, NULL);
  close(server->listener);
}

/* A connection to the server, or -1. */
static inline int http_connect(uint16_t port) {
  const struct sockaddr_in address = http_address(port);
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connection >= 0 && connect(connection, (const struct sockaddr *)&address, sizeof address) != 0) {
    close(connection);
    return -1;
  }
  return connection;
}

#endif
