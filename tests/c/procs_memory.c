/* Pools of processes: memory does not grow, whatever runs or dies, and the shared memory of pool_shared_alloc. */
#include "procs.h"

/* ---- What is measured ---- */

/* A value of /proc/self/smaps_rollup in bytes. */
static size_t rollup(const char *name) {
  char line[256];
  size_t kilobytes = 0;
  FILE *file = fopen("/proc/self/smaps_rollup", "re");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, name, strlen(name)) == 0) {
      kilobytes = strtoul(line + strlen(name), NULL, 10);
    }
  }
  fclose(file);
  return kilobytes * 1024;
}

/* What the memory files that this process has open or mapped occupy, also where it maps none of it. */
static size_t memory_files(void) {
  static const char *const folders[] = {"/proc/self/fd", "/proc/self/map_files"};
  ino_t seen[64];
  size_t count = 0, bytes = 0;
  for (size_t f = 0; f < COUNT_OF(folders); f++) {
    DIR *folder = opendir(folders[f]);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
      char path[400], target[400] = "";
      struct stat state;
      snprintf(path, sizeof path, "%s/%s", folders[f], entry->d_name);
      if (readlink(path, target, sizeof target - 1) > 0 && strstr(target, "memfd:") != NULL &&
          stat(path, &state) == 0) {
        bool known = false;
        for (size_t i = 0; i < count; i++) {
          known = known || seen[i] == state.st_ino;
        }
        if (!known && count < COUNT_OF(seen)) {
          seen[count++] = state.st_ino;
          bytes += (size_t)state.st_blocks * 512;
        }
      }
    }
    if (folder != NULL) {
      closedir(folder);
    }
  }
  return bytes;
}

struct use {
  size_t resident, shared;
};

static struct use use_now(void) {
  return (struct use){rollup("Rss:"), memory_files()};
}

enum { MIB = 1 << 20 };

static void has_not_grown(struct use before, size_t most) {
  struct use now = use_now();
  for (int i = 0; i < 100 && (now.resident > before.resident + most || now.shared > before.shared + most); i++) {
    sleep_ms(20);
    now = use_now();
  }
  if (now.resident > before.resident + most || now.shared > before.shared + most) {
    FAIL("resident: from %zu to %zu MiB, shared: from %zu to %zu MiB", before.resident / MIB, now.resident / MIB,
         before.shared / MIB, now.shared / MIB);
  }
}

/* ---- Tasks ---- */

static int32_t fill_result(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  memset(result, 1, 100 << 10);
  return 0;
}

static int32_t set_result(const void *arg, void *result, pool_task_t *task) {
  static char bytes[100 << 10];
  (void)arg;
  (void)result;
  memset(bytes, 1, sizeof bytes);
  return pool_task_set_result(task, bytes, sizeof bytes);
}

/* By turns: waited for and read, released at once, called back, waited for but not read. */
static void many_results(pool_t *pool, size_t count, struct tally *tally) {
  enum { AT_ONCE = 40 };
  static char result[100 << 10];
  pool_future_t *futures[AT_ONCE];
  for (size_t done = 0; done < count; done += AT_ONCE) {
    for (size_t i = 0; i < AT_ONCE; i++) {
      bool sets = i % 2 == 0;
      CHECK_OK(pool_apply_async(pool, sets ? set_result : fill_result, NULL, 0, sets ? 0 : sizeof result,
                                i % 4 == 3 ? count_call : NULL, tally, &futures[i]));
      if (i % 5 == 4) {
        CHECK_OK(pool_future_release(futures[i]));
        futures[i] = NULL;
      }
    }
    for (size_t i = 0; i < AT_ONCE; i++) {
      if (futures[i] != NULL) {
        if (i % 3 == 0) {
          CHECK_OK(pool_future_wait(futures[i], -1));
        } else {
          CHECK_OK(pool_future_get(futures[i], result, sizeof result, -1));
          CHECK(result[0] == 1 && result[sizeof result - 1] == 1);
        }
        CHECK_OK(pool_future_release(futures[i]));
      }
    }
  }
}

CASE(results_do_not_pile_up) {
  struct world world = world_now();
  struct tally tally = {0, 0};
  pool_t *pool = process_pool(2);
  many_results(pool, 2000, &tally);
  struct use before = use_now();
  many_results(pool, scaled(40000), &tally);
  has_not_grown(before, (size_t)32 * MIB);
  close_and_leave_nothing(pool, &world);
}

CASE(small_tasks_do_not_pile_up) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct use before = {0, 0};
  for (size_t round = 0; round < 12; round++) {
    for (int64_t i = 0; i < (int64_t)scaled(10000); i++) {
      CHECK_OK(pool_apply_async(pool, twice, &i, 8, 8, NULL, NULL, NULL));
    }
    CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
    if (round == 1) {
      before = use_now();
    }
  }
  has_not_grown(before, (size_t)32 * MIB);
  close_and_leave_nothing(pool, &world);
}

static int32_t sum_bytes(const void *arg, void *result, pool_task_t *task) {
  const unsigned char *bytes = arg;
  (void)task;
  *(int *)result = bytes[0] + bytes[(200 << 10) - 1];
  return 0;
}

CASE(arguments_and_maps_do_not_pile_up) {
  enum { SIZE = 200 << 10, COUNT = 50 };
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  unsigned char *args = malloc((size_t)SIZE * COUNT);
  int results[COUNT];
  struct use before = {0, 0};
  memset(args, 2, (size_t)SIZE * COUNT);
  for (size_t round = 0; round < scaled(60); round++) {
    CHECK_OK(pool_map(pool, sum_bytes, args, SIZE, results, sizeof results[0], COUNT));
    CHECK_EQ(results[COUNT - 1], 4);
    for (size_t i = 0; i < COUNT; i++) {
      CHECK_OK(pool_apply_async(pool, sum_bytes, args, SIZE, sizeof results[0], NULL, NULL, NULL));
    }
    CHECK_OK(pool_apply(pool, sum_bytes, args, SIZE, results, sizeof results[0]));
    if (round == 5) {
      before = use_now();
    }
  }
  has_not_grown(before, (size_t)48 * MIB);
  free(args);
  close_and_leave_nothing(pool, &world);
}

/* Once a large result has been given back, its memory is the system's again. */
CASE(a_large_result_goes_back) {
  enum { LARGE = 200 << 20 };
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  pool_works(pool);
  struct use before = use_now();
  for (int i = 0; i < 4; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, LARGE, NULL, NULL, &future));
    CHECK_FUTURE(future, POOL_OK);
    CHECK_OK(pool_future_release(future));
    has_not_grown(before, (size_t)64 * MIB);
  }
  char *arg = calloc(1, LARGE);
  CHECK_OK(pool_apply(pool, nothing, arg, LARGE, NULL, 0));
  free(arg);
  has_not_grown(before, (size_t)64 * MIB);
  close_and_leave_nothing(pool, &world);
}

static int32_t die_with_a_result(const void *arg, void *result, pool_task_t *task) {
  static char bytes[8 << 20];
  (void)result;
  memset(bytes, 1, sizeof bytes);
  CHECK_OK(pool_task_set_result(task, bytes, sizeof bytes));
  return raise(*(const int32_t *)arg);
}

CASE(dead_workers_leak_nothing) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct use before = {0, 0};
  int fds = 0;
  for (size_t round = 0; round < scaled(80); round++) {
    int32_t number = round % 2 ? SIGKILL : SIGTERM;
    CHECK_ERROR(pool_apply(pool, die_with_a_result, &number, sizeof number, NULL, 0), POOL_ERR_WORKER_DIED);
    if (round == 7) {
      pool_is_complete(pool);
      before = use_now();
      fds = fds_now();
    }
  }
  pool_is_complete(pool);
  has_not_grown(before, (size_t)24 * MIB);
  CHECK(fds_now() <= fds + 2);
  close_and_leave_nothing(pool, &world);
}

/* ---- Shared memory ---- */

CASE(shared_alloc_and_free) {
  struct world world = world_now();
  pool_t *pools[] = {process_pool(2), new_pool(2)};
  for (int p = 0; p < 2; p++) {
    pool_t *pool = pools[p];
    static const size_t sizes[] = {1, 8, 63, 64, 65, 4096, 100000, 16 << 20};
    unsigned char *pieces[COUNT_OF(sizes)];
    for (int round = 0; round < 3; round++) {
      for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        pieces[i] = shared(pool, sizes[i]);
        CHECK_EQ((uintptr_t)pieces[i] % 64, 0);
        for (size_t b = 0; b < sizes[i]; b++) {
          CHECK_EQ(pieces[i][b], 0);
        }
        memset(pieces[i], (int)i + 1, sizes[i]);
      }
      for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        CHECK_EQ(pieces[i][0], i + 1);
        CHECK_EQ(pieces[i][sizes[i] - 1], i + 1);
        CHECK_OK(pool_shared_free(pool, pieces[i]));
        CHECK_ERROR(pool_shared_free(pool, pieces[i]), POOL_ERR_INVALID);
      }
    }
    int local = 0;
    char *inside = shared(pool, 4096);
    CHECK_OK(pool_shared_free(pool, NULL));
    CHECK_ERROR(pool_shared_free(pool, &local), POOL_ERR_INVALID);
    CHECK_ERROR(pool_shared_free(pool, inside + 64), POOL_ERR_INVALID);
    CHECK_ERROR(pool_shared_free(NULL, inside), POOL_ERR_INVALID);
    CHECK(pool_shared_alloc(pool, 0) == NULL);
    CHECK(strlen(pool_last_error()) > 3);
    CHECK(pool_shared_alloc(NULL, 64) == NULL);
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 60, (size_t)1 << 50};
    for (size_t i = 0; i < COUNT_OF(huge); i++) {
      CHECK(pool_shared_alloc(pool, huge[i]) == NULL);
      CHECK(strlen(pool_last_error()) > 3);
    }
    pool_works(pool);
    CHECK_OK(pool_close_join(pool));
  }
  world_is_back(&world);
}

CASE(a_result_that_no_memory_holds) {
  pool_t *pool = process_pool(1);
  int64_t arg = 1;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = twice;
  call.result_size = SIZE_MAX;
  CHECK_ERROR(pool_apply(pool, twice, &arg, 8, &arg, SIZE_MAX), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply_async(pool, twice, &arg, 8, SIZE_MAX, must_not_be_called, NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply_async(pool, twice, &arg, 8, SIZE_MAX / 2, must_not_be_called, NULL, NULL), POOL_ERR_NO_MEMORY);
  CHECK_OK(pool_close_join(pool));
}

CASE(shared_memory_is_used_again) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  struct use before = use_now();
  for (size_t round = 0; round < scaled(80); round++) {
    char *pieces[4];
    for (size_t i = 0; i < 4; i++) {
      size_t size = ((size_t)1 + (round * 7 + i * 3) % 20) * MIB;
      pieces[i] = shared(pool, size);
      CHECK(pieces[i][0] == 0 && pieces[i][size / 2] == 0 && pieces[i][size - 1] == 0);
      memset(pieces[i], 7, size);
    }
    for (size_t i = 0; i < 4; i++) {
      CHECK_OK(pool_shared_free(pool, pieces[(i * 3 + round) % 4]));
    }
  }
  has_not_grown(before, (size_t)48 * MIB);
  for (size_t i = 0; i < scaled(100000); i++) {
    void *piece = shared(pool, 1 + i % 200);
    CHECK_OK(pool_shared_free(pool, piece));
  }
  has_not_grown(before, (size_t)48 * MIB);
  close_and_leave_nothing(pool, &world);
}

CASE(many_pieces_of_shared_memory_at_once) {
  struct world world = world_now();
  enum { COUNT = 20000 };
  static atomic_int *counts[COUNT];
  pool_t *pool = process_pool(2);
  for (int i = 0; i < COUNT; i++) {
    counts[i] = shared(pool, sizeof(atomic_int));
  }
  for (int i = 0; i < COUNT; i += 7) {
    CHECK_OK(pool_apply_async(pool, increment, counts[i], 0, 0, NULL, NULL, NULL));
  }
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  for (int i = 0; i < COUNT; i++) {
    CHECK_EQ(atomic_load(counts[i]), i % 7 == 0);
    if (i % 2) {
      CHECK_OK(pool_shared_free(pool, counts[i]));
    }
  }
  close_and_leave_nothing(pool, &world);
}
