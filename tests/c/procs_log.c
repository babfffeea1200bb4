/* pool_set_log() where workers are processes. */
#include "log.h"

CASE(the_life_of_processes_is_told) {
  a_life_is_told(POOL_PROCESSES);
}

static int32_t die(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)result, (void)task;
  raise(SIGKILL);
  return 0;
}

CASE(deaths_are_warnings) {
  struct diary diary = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  CHECK_OK(pool_set_log(write_down, &diary, POOL_LOG_WARNING));
  pool_options_t options = named(POOL_PROCESSES);
  pool_t *pool = diary.pool = new_pool_with(&options);
  for (int i = 0; i < 2; i++) {
    CHECK_STATUS(pool_apply(pool, die, NULL, 0, NULL, 0), POOL_ERR_WORKER_DIED);
    CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  }
  EVENTUALLY(diary.count[POOL_LOG_WARNING] == 2);
  CHECK_HAS(diary.text[POOL_LOG_WARNING], "worker 0, process ");
  CHECK_HAS(diary.text[POOL_LOG_WARNING], "died by SIGKILL");
  CHECK_EQ(diary.count[POOL_LOG_ERROR] + diary.count[POOL_LOG_INFO], 0);
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  diary.pool = NULL;
  CHECK_OK(pool_close_join(pool));
}

static int32_t begin_badly(void *data, uint32_t worker) {
  (void)data, (void)worker;
  return getppid() == 0 ? 0 : 4;
}

CASE(a_pool_that_cannot_go_on_is_an_error) {
  struct diary diary = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  CHECK_OK(pool_set_log(write_down, &diary, POOL_LOG_ERROR));
  pool_options_t options = named(POOL_PROCESSES);
  options.initializer = begin_badly;
  pool_t *pool = NULL;
  CHECK_STATUS(pool_create_with(&options, &pool), 4);
  CHECK_EQ(diary.count[POOL_LOG_ERROR], 1);
  CHECK_HAS(diary.text[POOL_LOG_ERROR], "the initializer of worker 0 returned 4");
  CHECK_EQ(diary.count[POOL_LOG_WARNING], 0);
}
