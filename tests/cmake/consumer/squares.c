#include <millpond.h>
#include <stdio.h>

static int32_t square(const void *arg, void *result, pool_task_t *task) {
  const int32_t n = *(const int32_t *)arg;
  (void)task;
  *(int32_t *)result = n * n;
  return POOL_OK;
}

int main(void) {
  const int32_t numbers[5] = {1, 2, 3, 4, 5};
  int32_t squares[5];
  pool_t *pool = pool_create(2);
  const int32_t status = pool_map(pool, square, numbers, sizeof numbers[0], squares, sizeof squares[0], 5);
  if (status != POOL_OK) {
    fprintf(stderr, "%s: %s\n", pool_status_name(status), pool_last_error());
    return 1;
  }
  for (int i = 0; i < 5; i++) printf("%s%d", i == 0 ? "" : " ", (int)squares[i]);
  printf("\n");
  return pool_close_join(pool) == POOL_OK ? 0 : 1;
}
