/* The library is loaded and unloaded at run time; unloading it with work pending never crashes or hangs.
 * This program isn't linked with it. */
#include "check.h"

#include <dlfcn.h>
#include <millpond.h>

/* Pools that are never freed are no leak as long as they are known here. */
static pool_t *volatile left[32];

/* The functions under test, by name. */
struct api {
  void *handle;
  __typeof__(&pool_create) create;
  __typeof__(&pool_default) default_;
  __typeof__(&pool_apply) apply;
  __typeof__(&pool_apply_async) apply_async;
  __typeof__(&pool_map) map;
  __typeof__(&pool_close) close;
  __typeof__(&pool_close_join) close_join;
  __typeof__(&pool_future_wait) future_wait;
  __typeof__(&pool_future_release) future_release;
  __typeof__(&pool_last_error) last_error;
};

static void *symbol(void *handle, const char *name) {
  void *found = dlsym(handle, name);
  if (found == NULL) {
    FAIL("no %s: %s", name, dlerror());
  }
  return found;
}

static struct api load(int flags) {
  struct api api;
  api.handle = dlopen("libmillpond.so", flags);
  if (api.handle == NULL) {
    FAIL("%s", dlerror());
  }
#define LOAD(field, name) *(void **)&api.field = symbol(api.handle, name)
  LOAD(create, "pool_create");
  LOAD(default_, "pool_default");
  LOAD(apply, "pool_apply");
  LOAD(apply_async, "pool_apply_async");
  LOAD(map, "pool_map");
  LOAD(close, "pool_close");
  LOAD(close_join, "pool_close_join");
  LOAD(future_wait, "pool_future_wait");
  LOAD(future_release, "pool_future_release");
  LOAD(last_error, "pool_last_error");
#undef LOAD
  return api;
}

static void unload(struct api *api) {
  CHECK_EQ(dlclose(api->handle), 0);
  memset(api, 0, sizeof *api);
}

static int32_t add_one(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(int64_t *)result = *(const int64_t *)arg + 1;
  return 0;
}

static int32_t count_up(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1);
  return 0;
}

static int32_t wait_at_gate(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  gate_wait((struct gate *)(uintptr_t)arg);
  return 0;
}

static void count_callback(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  atomic_fetch_add((atomic_int *)user_data, 1);
}

static void use(struct api *api, pool_t *pool) {
  int64_t arg = 41, result = 0, args[50], results[50];
  CHECK(pool != NULL);
  CHECK_EQ(api->apply(pool, add_one, &arg, 8, &result, 8), 0);
  CHECK_EQ(result, 42);
  pool_future_t *future = NULL;
  CHECK_EQ(api->apply_async(pool, add_one, &arg, 8, 8, NULL, NULL, &future), 0);
  CHECK_EQ(api->future_wait(future, 60000), 0);
  CHECK_EQ(api->future_release(future), 0);
  for (int64_t i = 0; i < 50; i++) {
    args[i] = i;
  }
  CHECK_EQ(api->map(pool, add_one, args, 8, results, 8, 50), 0);
  CHECK_EQ(results[49], 50);
}

static void load_use_unload(int flags) {
  struct api api = load(flags);
  pool_t *pool = api.create(2);
  use(&api, pool);
  CHECK_EQ(api.close_join(pool), 0);
  unload(&api);
}

CASE(again_and_again) {
  load_use_unload(RTLD_NOW | RTLD_LOCAL);
  load_use_unload(RTLD_LAZY | RTLD_GLOBAL);
  int maps = lines_in("/proc/self/maps");
  for (size_t i = 0; i < scaled(50); i++) {
    load_use_unload(i % 2 ? RTLD_NOW | RTLD_LOCAL : RTLD_LAZY | RTLD_GLOBAL);
  }
  EVENTUALLY(threads_now() == 1);
  CHECK(lines_in("/proc/self/maps") < maps + 30);
}

CASE(without_a_single_call) {
  for (int i = 0; i < 20; i++) {
    struct api api = load(RTLD_NOW);
    unload(&api);
  }
}

CASE(with_an_unused_pool) {
  for (int i = 0; i < 10; i++) {
    struct api api = load(RTLD_NOW);
    left[i] = api.create(3);
    CHECK(left[i] != NULL);
    unload(&api);
  }
}

CASE(with_an_idle_pool) {
  for (int i = 0; i < 5; i++) {
    struct api api = load(RTLD_NOW);
    left[i] = api.create(2);
    use(&api, left[i]);
    unload(&api);
    sleep_ms(5);
  }
}

CASE(with_the_default_pool) {
  for (int i = 0; i < 5; i++) {
    struct api api = load(RTLD_NOW);
    use(&api, api.default_());
    unload(&api);
    sleep_ms(5);
  }
}

/* What was submitted before unloading is still done. */
CASE(with_work_pending) {
  static struct gate gate = GATE_INIT;
  static atomic_int count, calls;
  struct api api = load(RTLD_NOW);
  pool_t *pool = left[0] = api.create(2);
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(api.apply_async(pool, wait_at_gate, &gate, 0, 0, count_callback, &calls, NULL), 0);
  }
  for (int i = 0; i < 1000; i++) {
    CHECK_EQ(api.apply_async(pool, count_up, &count, 0, 0, count_callback, &calls, NULL), 0);
  }
  unload(&api);
  sleep_ms(20);
  gate_open(&gate);
  EVENTUALLY(atomic_load(&count) == 1000);
  EVENTUALLY(atomic_load(&calls) == 1002);
}

CASE(loaded_again_while_threads_live) {
  static struct gate gate = GATE_INIT;
  struct api api = load(RTLD_NOW);
  pool_t *old = api.create(1);
  CHECK_EQ(api.apply_async(old, wait_at_gate, &gate, 0, 0, NULL, NULL, NULL), 0);
  unload(&api);
  api = load(RTLD_NOW);
  pool_t *pool = api.create(2);
  use(&api, pool);
  CHECK_EQ(api.close_join(pool), 0);
  gate_open(&gate);
  CHECK_EQ(api.close_join(old), 0);
  unload(&api);
}

CASE(closed_but_not_joined) {
  static atomic_int count;
  for (int i = 1; i <= 10; i++) {
    struct api api = load(RTLD_NOW);
    pool_t *pool = left[i] = api.create(2);
    for (int task = 0; task < 100; task++) {
      CHECK_EQ(api.apply_async(pool, count_up, &count, 0, 0, NULL, NULL, NULL), 0);
    }
    CHECK_EQ(api.close(pool), 0);
    unload(&api);
    EVENTUALLY(atomic_load(&count) == i * 100);
  }
}

static void *load_use_unload_here(void *data) {
  load_use_unload(RTLD_NOW);
  return data;
}

/* What the library keeps for each thread must not be cleaned up by code that is gone. */
CASE(in_threads_that_end_afterwards) {
  for (size_t i = 0; i < scaled(20); i++) {
    pthread_join(check_thread(load_use_unload_here, NULL), NULL);
  }
}

struct visitor {
  struct api api;
  struct gate used, unloaded;
};

static void *use_then_outlive(void *data) {
  struct visitor *visitor = data;
  pool_t *pool = visitor->api.create(2);
  use(&visitor->api, pool);
  CHECK(visitor->api.close(NULL) < 0);
  CHECK(strlen(visitor->api.last_error()) > 3);
  CHECK_EQ(visitor->api.close_join(pool), 0);
  gate_open(&visitor->used);
  gate_wait(&visitor->unloaded);
  return NULL;
}

CASE(in_threads_that_outlive_it) {
  for (size_t i = 0; i < scaled(20); i++) {
    struct visitor visitor = {load(RTLD_NOW), GATE_INIT, GATE_INIT};
    pthread_t thread = check_thread(use_then_outlive, &visitor);
    gate_wait(&visitor.used);
    unload(&visitor.api);
    gate_open(&visitor.unloaded);
    pthread_join(thread, NULL);
  }
}

static void *load_and_unload_often(void *data) {
  for (size_t i = 0; i < scaled(30); i++) {
    load_use_unload(RTLD_NOW);
  }
  return data;
}

CASE(from_several_threads_at_once) {
  check_threads(4, load_and_unload_often, NULL);
}

/* Handlers for forks and exit that the library may have installed are gone with it or still mapped. */
CASE(fork_afterwards) {
  load_use_unload(RTLD_NOW);
  for (int i = 0; i < 5; i++) {
    pid_t child = fork();
    if (child == 0) {
      _exit(0);
    }
    CHECK_EQ(check_wait(child), 0);
  }
  load_use_unload(RTLD_NOW);
}

CASE(exit_afterwards_with_work_pending) {
  for (int i = 0; i < 5; i++) {
    pid_t child = fork();
    if (child == 0) {
      static struct gate gate = GATE_INIT;
      alarm(check_timeout / 2);
      struct api api = load(RTLD_NOW);
      left[0] = api.create(2);
      CHECK_EQ(api.apply_async(left[0], wait_at_gate, &gate, 0, 0, NULL, NULL, NULL), 0);
      unload(&api);
      exit(7);
    }
    CHECK_EQ(check_wait(child), 7);
  }
}
