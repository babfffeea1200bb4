/* pool_set_log() on threads. */
#include "log.h"

CASE(the_life_of_threads_is_told) {
  a_life_is_told(POOL_THREADS);
}

CASE(nonsense_is_refused) {
  struct diary diary = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  CHECK_ERROR(pool_set_log(write_down, &diary, 4), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "POOL_LOG_");
  CHECK_ERROR(pool_set_log(write_down, &diary, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_set_log(NULL, NULL, 9), POOL_ERR_INVALID);
  pool_options_t options = named(POOL_THREADS);
  pool_t *pool = new_pool_with(&options);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(diary.count[POOL_LOG_INFO], 0);
}

static int told;

static void make_a_pool(int32_t level, const char *name, const char *text, void *user_data) {
  (void)level, (void)name, (void)text;
  told++;
  if (told == 1) {
    const pool_options_t *options = user_data;
    pool_t *pool = new_pool_with(options);
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(told, 1);
  }
}

CASE(what_the_log_does_is_not_told) {
  pool_options_t options = named(POOL_SEQUENTIAL);
  CHECK_OK(pool_set_log(make_a_pool, &options, POOL_LOG_INFO));
  CHECK_OK(pool_close_join(new_pool_with(&options)));
  CHECK(told >= 2);
}

CASE(a_child_tells_nobody) {
  pool_options_t options = named(POOL_THREADS);
  struct diary diary = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  CHECK_OK(pool_set_log(write_down, &diary, POOL_LOG_INFO));
  pid_t child = fork();
  if (child == 0) {
    CHECK_OK(pool_close_join(new_pool_with(&options)));
    CHECK_EQ(diary.count[POOL_LOG_INFO], 0);
    CHECK_OK(pool_set_log(write_down, &diary, POOL_LOG_INFO));
    CHECK_OK(pool_close_join(new_pool_with(&options)));
    CHECK(diary.count[POOL_LOG_INFO] > 0);
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
}
