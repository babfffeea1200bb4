/* Several pages from a web server, which this program runs itself: one after the other, and at once. */
#include "course.h"
#include "http_server.h"

#include <millpond.h>

enum { PAGES = 8, MOST_BYTES = 4096 };

typedef struct Page {
  uint16_t port;
  char path[16];
} Page;

/* Sends a request, reads until the server closes the connection, and returns the text behind the headers: as long as
   it turns out to be. */
static int32_t fetch_task(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  const Page *page = arg;
  char text[MOST_BYTES + 1] = "";
  size_t size = 0;
  ssize_t got = 1;
  const int connection = http_connect(page->port);
  if (connection < 0) return pool_task_fail(task, 1, "cannot connect");
  const int length = snprintf(text, sizeof text, "GET %s HTTP/1.0\r\n\r\n", page->path);
  http_send(connection, text, (size_t)length);
  while (got > 0 && size < MOST_BYTES) {
    got = read(connection, text + size, MOST_BYTES - size);
    size += got > 0 ? (size_t)got : 0;
  }
  close(connection);
  const char *body = strstr(text, "\r\n\r\n");
  if (strncmp(text, "HTTP/1.0 200 ", 13) != 0 || body == NULL) return pool_task_fail(task, 2, "no such page");
  return pool_task_set_result(task, body + 4, strlen(body + 4) + 1);
}

static void submit(pool_t *pool, const Page *page, pool_future_t **future) {
  check(pool_apply_async(pool, fetch_task, page, sizeof *page, 0, NULL, NULL, future), "pool_apply_async");
}

/* Waits for a page and checks it: page /7 has seven lines. */
static bool show(const Page *page, pool_future_t *future) {
  check(pool_future_wait(future, -1), "pool_future_wait");
  const char *text = pool_future_data(future, NULL);
  const unsigned long expected = strtoul(page->path + 1, NULL, 10);
  unsigned long lines = 0;
  if (text == NULL) {
    printf("%s: %s\n", page->path, pool_future_message(future));
  } else {
    for (const char *c = text; *c != '\0'; c++) {
      lines += *c == '\n';
    }
    printf("%s: %lu lines, %zu bytes\n", page->path, lines, strlen(text));
  }
  check(pool_future_release(future), "pool_future_release");
  return lines == expected;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, PAGES);
  Page pages[PAGES];
  pool_future_t *futures[PAGES];
  bool right = true;
  Log timer = log_open(course.log_file);
  pool_t *pool = course_pool(&course); /* before the server's thread, as it may fork */
  Server server;
  http_start(&server, (double)course_size(&course, 20, 250, 1000) / 1000.0);
  for (int i = 0; i < PAGES; i++) {
    pages[i].port = server.port;
    snprintf(pages[i].path, sizeof pages[i].path, i == 4 ? "/missing" : "/%d", i + 1);
  }

  log_start(&timer, "one after the other, start");
  for (size_t i = 0; i < PAGES; i++) {
    submit(pool, &pages[i], &futures[i]);
    right = show(&pages[i], futures[i]) && right;
  }
  const double sequential = log_stop(&timer, "one after the other, end");

  log_start(&timer, "at once, start");
  for (size_t i = 0; i < PAGES; i++) {
    submit(pool, &pages[i], &futures[i]);
  }
  for (size_t i = 0; i < PAGES; i++) {
    right = show(&pages[i], futures[i]) && right;
  }
  const double parallel = log_stop(&timer, "at once, end");
  check(pool_close_join(pool), "pool_close_join");
  http_stop(&server);
  log_close(&timer);
  const uint32_t at_once = course.workers < PAGES ? course.workers : PAGES;
  return course_end_timed(&course, "fetch_all", sequential, parallel, 1.0, at_once, right);
}
