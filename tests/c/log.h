/* pool_set_log(), on threads and in processes: what the cases of both do. */
#ifndef LOG_H
#define LOG_H

#include "procs.h"

/* All that was told, by level. */
struct diary {
  pthread_mutex_t mutex;
  int count[4];
  char text[4][4000];
  pool_t *pool;
};

UNUSED static void write_down(int32_t level, const char *name, const char *text, void *user_data) {
  struct diary *diary = user_data;
  CHECK(level >= POOL_LOG_ERROR && level <= POOL_LOG_INFO);
  CHECK_STR(name, "pond");
  CHECK(strlen(text) > 3 && strchr(text, '\n') == NULL);
  if (diary->pool != NULL) {
    /* No lock is held: the pool can be used. */
    CHECK(pool_workers(diary->pool) > 0);
    pool_stats_t stats = POOL_STATS_INIT;
    CHECK_OK(pool_stats(diary->pool, &stats));
  }
  pthread_mutex_lock(&diary->mutex);
  diary->count[level]++;
  size_t used = strlen(diary->text[level]);
  snprintf(diary->text[level] + used, sizeof diary->text[level] - used, "%s\n", text);
  pthread_mutex_unlock(&diary->mutex);
}

UNUSED static pool_options_t named(int32_t mode) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = 1;
  options.name = "pond";
  return options;
}

/* The life of a pool, from the first worker to the end; and nothing of it once nobody wants to know. */
UNUSED static void a_life_is_told(int32_t mode) {
  struct diary diary = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  CHECK_OK(pool_set_log(write_down, &diary, POOL_LOG_INFO));
  pool_options_t options = named(mode);
  pool_t *pool = diary.pool = new_pool_with(&options);
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, NULL));
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  const char *parts[] = {"worker 0 has started", "closed, with ", "worker 0", "ended: "};
  for (size_t i = 0; i < COUNT_OF(parts); i++) {
    CHECK_HAS(diary.text[POOL_LOG_INFO], parts[i]);
  }
  CHECK_EQ(diary.count[POOL_LOG_ERROR] + diary.count[POOL_LOG_WARNING], 0);
  diary.pool = NULL;
  CHECK_OK(pool_close_join(pool));
  int before = diary.count[POOL_LOG_INFO];
  CHECK_OK(pool_set_log(write_down, &diary, POOL_LOG_WARNING));
  CHECK_OK(pool_close_join(new_pool_with(&options)));
  CHECK_OK(pool_set_log(NULL, NULL, POOL_LOG_INFO));
  CHECK_OK(pool_close_join(new_pool_with(&options)));
  CHECK_EQ(diary.count[POOL_LOG_INFO], before);
}

#endif
