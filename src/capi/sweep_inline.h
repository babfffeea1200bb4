#if defined(__GNUC__) && !defined(POOL_NO_INLINE)
static inline int32_t pool_map_sweep(pool_sweep_t *sweep) {
  const pool_fn fn = sweep->fn;
  pool_task_t *const task = sweep->task;
  const uint32_t *const pokes = sweep->pokes;
  const uint32_t seen = sweep->seen;
  const size_t arg_size = sweep->arg_size, result_size = sweep->result_size, end = sweep->end;
  const char *arg = sweep->arg;
  char *result = sweep->result;
  size_t index = sweep->index;
  int32_t status = 0;
  while (index < end && __atomic_load_n(pokes, __ATOMIC_ACQUIRE) == seen) {
    task->index = index;
    status = fn(arg, result, task);
    if (status != 0) {
      break;
    }
    index++;
    arg += arg_size;
    result += result_size;
  }
  sweep->index = index;
  return status;
}
/** pool_map() itself: its innermost loop stands beside the function that it calls. */
static inline int32_t pool_map_inline(pool_t *pool, pool_fn fn, const void *args, size_t arg_size, void *results,
                                      size_t result_size, size_t count) {
  return pool_map_swept(pool, fn, args, arg_size, results, result_size, count, pool_map_sweep);
}
#define pool_map(...) pool_map_inline(__VA_ARGS__)
#endif
