/* The structs that callers fill, as the header of version 0.1.0 had them: never changed again. A program that was
 * compiled with it passes these to every later library. */
#ifndef VERSION_0_1_0_H
#define VERSION_0_1_0_H

#include <millpond.h>

typedef struct {
  size_t struct_size;
  int32_t mode;
  uint32_t workers;
  int32_t callbacks;
  pool_initializer_fn initializer;
  pool_finalizer_fn finalizer;
  void *worker_data;
  size_t stack_size;
  const char *name;
  uint32_t max_blocked;
  int64_t task_timeout_ms;
  uint32_t task_cpu_seconds;
  int32_t nice;
  size_t memory_limit_bytes;
  size_t max_tasks_per_worker;
  size_t max_rss_bytes;
  uint32_t spare_workers;
  int32_t oom_score_adj;
  int32_t pin_workers;
  int32_t core_dumps;
  size_t stderr_tail_bytes;
  pool_fork_fn fork_fn;
  pool_reseed_fn reseed;
} options_0_1_0;

typedef struct {
  size_t struct_size;
  pool_fn fn;
  const void *arg;
  size_t arg_size;
  size_t result_size;
  const void *context;
  pool_callback_fn callback;
  void *user_data;
} call_0_1_0;

#endif
