/* Maps over several arrays, and maps in full that are not waited for: what is the same in threads and in processes. */
#ifndef STARMAP_H
#define STARMAP_H

#include "procs.h"

/* int64_t + int32_t * the item's number + a shared char: three arrays, the last with item_size 0. */
UNUSED static int32_t combine(const void *arg, void *result, pool_task_t *task) {
  const void *const *args = arg;
  *(int64_t *)result = *(const int64_t *)args[0] + *(const int32_t *)args[1] * (int64_t)task->index;
  if (args[2] != NULL) {
    *(int64_t *)result += *(const char *)args[2];
  }
  return *(const int64_t *)args[0] < 0 ? pool_task_fail(task, 5, "below zero") : 0;
}

struct table {
  int64_t *longs, *results;
  int32_t *ints;
  pool_array_t arrays[3];
};

UNUSED static struct table table_of(size_t count, const char *shared_char) {
  struct table table;
  table.longs = malloc(count * sizeof *table.longs + 1);
  table.ints = malloc(count * sizeof *table.ints + 1);
  table.results = calloc(count + 1, sizeof *table.results);
  CHECK(table.longs != NULL && table.ints != NULL && table.results != NULL);
  for (size_t i = 0; i < count; i++) {
    table.longs[i] = (int64_t)i * 1000;
    table.ints[i] = (int32_t)i % 7;
  }
  table.arrays[0] = (pool_array_t){table.longs, sizeof *table.longs};
  table.arrays[1] = (pool_array_t){table.ints, sizeof *table.ints};
  table.arrays[2] = (pool_array_t){shared_char, 0};
  return table;
}

UNUSED static void results_are_right(const struct table *table, size_t count, int64_t extra) {
  for (size_t i = 0; i < count; i++) {
    CHECK_EQ(table->results[i], (int64_t)i * 1000 + (int64_t)i % 7 * (int64_t)i + extra);
    table->results[i] = 0;
  }
}

UNUSED static void free_table(struct table *table) {
  free(table->longs);
  free(table->ints);
  free(table->results);
}

UNUSED static void several_arrays(pool_t *pool, size_t count) {
  char *letter = shared(pool, 1);
  *letter = 'a';
  struct table table = table_of(count, letter);
  CHECK_OK(pool_starmap(pool, combine, table.arrays, 3, table.results, 8, count));
  results_are_right(&table, count, 'a');
  table.arrays[2].data = NULL;
  CHECK_OK(pool_starmap(pool, combine, table.arrays, 3, table.results, 8, count));
  results_are_right(&table, count, 0);
  pool_future_t *future;
  struct tally tally = {0, 1};
  pool_array_t *arrays = malloc(sizeof table.arrays);
  CHECK(arrays != NULL);
  memcpy(arrays, table.arrays, sizeof table.arrays);
  CHECK_OK(pool_starmap_async(pool, combine, arrays, 3, table.results, 8, count, count_call, &tally, &future));
  memset(arrays, 0xee, sizeof table.arrays);
  free(arrays);
  CHECK_FUTURE(future, POOL_OK);
  EVENTUALLY(atomic_load(&tally.calls) == 1);
  CHECK_STATUS(tally.status, POOL_OK);
  results_are_right(&table, count, 0);
  uint64_t done, total;
  CHECK_OK(pool_future_progress(future, &done, &total));
  CHECK(done == count && total == count);
  CHECK_OK(pool_future_release(future));
  free_table(&table);
  CHECK_OK(pool_shared_free(pool, letter));
}

UNUSED static void a_failing_item(pool_t *pool) {
  struct table table = table_of(1000, NULL);
  table.longs[700] = table.longs[900] = -1;
  CHECK_ERROR(pool_starmap(pool, combine, table.arrays, 3, table.results, 8, 1000), 5);
  CHECK_HAS(pool_last_error(), "item");
  CHECK_HAS(pool_last_error(), "below zero");
  free_table(&table);
}

/* ---- Maps in full ---- */

enum { FULL = 500 };

UNUSED static int32_t fail_thirds(const void *arg, void *result, pool_task_t *task) {
  int64_t id = *(const int64_t *)arg;
  return id % 3 == 0 ? pool_task_fail(task, 3, "a third") : twice(arg, result, task);
}

UNUSED static void statuses_of_all(pool_t *pool) {
  int64_t args[FULL], results[FULL];
  int32_t statuses[FULL];
  for (int64_t i = 0; i < FULL; i++) {
    args[i] = i;
    statuses[i] = 99;
  }
  struct tally tally = {0, 1};
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fail_thirds;
  call.arg_size = call.result_size = 8;
  call.callback = count_call;
  call.user_data = &tally;
  pool_future_t *future;
  CHECK_OK(pool_map_with_async(pool, &call, args, results, statuses, FULL, &future));
  memset(&call, 0xee, sizeof call);
  CHECK_FUTURE(future, POOL_OK);
  for (int64_t i = 0; i < FULL; i++) {
    CHECK_STATUS(statuses[i], i % 3 == 0 ? 3 : POOL_OK);
    CHECK(i % 3 == 0 || results[i] == 2 * i);
  }
  EVENTUALLY(atomic_load(&tally.calls) == 1);
  CHECK_OK(pool_future_release(future));
}

/* Items wait until they are asked to stop. */
UNUSED static int32_t until_asked(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1);
  while (pool_task_cancelled(task) != 1) {
    sleep_ms(1);
  }
  return 0;
}

UNUSED static void cancelled_in_the_midst(pool_t *pool) {
  atomic_int *begun = shared(pool, sizeof *begun);
  atomic_store(begun, 0);
  int32_t statuses[FULL];
  pool_call_t call = POOL_CALL_INIT;
  call.fn = until_asked;
  pool_future_t *future;
  CHECK_OK(pool_map_with_async(pool, &call, begun, NULL, statuses, FULL, &future));
  EVENTUALLY(atomic_load(begun) > 0);
  CHECK_EQ(pool_future_cancel(future), 1);
  CHECK_FUTURE(future, POOL_ERR_CANCELLED);
  int well = 0;
  for (int i = 0; i < FULL; i++) {
    CHECK(statuses[i] == POOL_OK || statuses[i] == POOL_ERR_CANCELLED);
    well += statuses[i] == POOL_OK;
  }
  CHECK_EQ(well, atomic_load(begun));
  CHECK_OK(pool_future_release(future));
}

#endif
