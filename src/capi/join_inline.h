
/* An analyzer cannot know that what is slow takes `fork` out of the list again. */
#if defined(__GNUC__) && !defined(POOL_NO_INLINE) && !defined(__clang_analyzer__)
/** pool_join2() itself, for compilers that know how; the slow ways out are the library's. */
static inline int32_t pool_join2_inline(pool_task_t *task, pool_fn a, const void *arg_a, void *result_a, pool_fn b,
                                        const void *arg_b, void *result_b) {
  pool_fork_t fork;
  pool_fork_link_t *older;
  int32_t status;
  if (!task || !a || !b) {
    return (pool_join2)(task, a, arg_a, result_a, b, arg_b, result_b);
  }
  older = task->private_forks.older;
  fork.fn = b;
  fork.arg = arg_b;
  fork.result = result_b;
  fork.links.older = older;
  older->newer = &fork.links;
  task->private_forks.older = &fork.links;
  if (__builtin_expect(__atomic_load_n(task->private_hungry, __ATOMIC_RELAXED) != 0, 0)) {
    pool_join2_promote(task);
  }
  status = a(arg_a, result_a, task);
  if (__builtin_expect(status == 0 && task->private_forks.older == &fork.links, 1)) {
    task->private_forks.older = fork.links.older;
    return b(arg_b, result_b, task);
  }
  return pool_join2_finish(task, &fork, status);
}
#define pool_join2(...) pool_join2_inline(__VA_ARGS__)
#endif
