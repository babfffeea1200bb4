/* Pools of processes: which functions workers know, and how pool_refresh makes them see the program as it is. */
#include "procs.h"

#include <dlfcn.h>

static int global = 1;

static int32_t tell_global(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  *(int *)result = global;
  return 0;
}

static int global_of(pool_t *pool) {
  int seen = 0;
  CHECK_OK(pool_apply(pool, tell_global, NULL, 0, &seen, sizeof seen));
  return seen;
}

CASE(refresh_shows_a_changed_global) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  for (int round = 1; round <= 20; round++) {
    int32_t pids[2] = {worker_process(pool, 0), worker_process(pool, 1)};
    CHECK_EQ(global_of(pool), round);
    global = round + 1;
    CHECK_EQ(global_of(pool), round);
    CHECK_OK(pool_refresh(pool));
    CHECK_EQ(global_of(pool), round + 1);
    int32_t pid = pid_of_a_worker(pool);
    CHECK(pid != pids[0] && pid != pids[1]);
    EVENTUALLY(gone(pids[0]) && gone(pids[1]));
    pool_is_complete(pool);
    EVENTUALLY(family(&world) == 3);
  }
  close_and_leave_nothing(pool, &world);
}

static atomic_int quiet;

static void *keep_busy(void *pool) {
  int64_t arg = 1, result;
  while (!atomic_load(&quiet)) {
    (void)pool_apply(pool, twice, &arg, 8, &result, 8);
  }
  return NULL;
}

/* What is submitted after a refresh neither runs on an old worker, nor ends with the zygote that has been killed. */
CASE(what_comes_after_a_refresh_is_for_the_new_workers) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  pthread_t threads[3];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(keep_busy, pool);
  }
  for (int round = 0; round < 200; round++) {
    pid_t zygote = round % 2 ? parent_of(worker_process(pool, 0), NULL) : 0;
    if (zygote > 1 && parent_of(zygote, NULL) == getpid()) {
      kill(zygote, SIGKILL);
    }
    global = round;
    CHECK_OK(pool_refresh(pool));
    for (int i = 0; i < 4; i++) {
      CHECK_EQ(global_of(pool), round);
    }
  }
  atomic_store(&quiet, 1);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  close_and_leave_nothing(pool, &world);
}

/* What runs ends on the old worker, what waits goes to the new ones. */
CASE(refresh_under_load) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  for (int round = 0; round < 5; round++) {
    struct hold *hold = shared(pool, sizeof *hold);
    pool_future_t *running = hold_worker(pool, hold), *queued[100];
    pool_future_t *second = hold_worker(pool, hold);
    global = 100 + round;
    for (size_t i = 0; i < COUNT_OF(queued); i++) {
      CHECK_OK(pool_apply_async(pool, tell_global, NULL, 0, sizeof global, NULL, NULL, &queued[i]));
    }
    CHECK_OK(pool_refresh(pool));
    CHECK_EQ(pool_future_ready(running), 0);
    atomic_store(&hold->go, 1);
    CHECK_FUTURE(running, POOL_OK);
    CHECK_FUTURE(second, POOL_OK);
    CHECK_OK(pool_future_release(running));
    CHECK_OK(pool_future_release(second));
    for (size_t i = 0; i < COUNT_OF(queued); i++) {
      int seen = 0;
      CHECK_OK(pool_future_get(queued[i], &seen, sizeof seen, -1));
      CHECK_EQ(seen, 100 + round);
      CHECK_OK(pool_future_release(queued[i]));
    }
    CHECK_OK(pool_shared_free(pool, hold));
  }
  close_and_leave_nothing(pool, &world);
}

struct user {
  pool_t *pool;
  atomic_int stop;
};

static void *use_until_told(void *data) {
  struct user *user = data;
  while (!atomic_load(&user->stop)) {
    pool_works(user->pool);
  }
  return NULL;
}

CASE(refresh_while_threads_use_the_pool) {
  struct world world = world_now();
  struct user user = {process_pool(2), 0};
  pthread_t threads[3];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(use_until_told, &user);
  }
  for (size_t round = 0; round < scaled(30); round++) {
    CHECK_OK(pool_refresh(user.pool));
    sleep_ms((int)round % 7);
  }
  atomic_store(&user.stop, 1);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  close_and_leave_nothing(user.pool, &world);
}

CASE(shared_memory_survives_a_refresh) {
  pool_t *pool = process_pool(2);
  atomic_int *count = shared(pool, sizeof *count);
  for (int round = 1; round <= 10; round++) {
    CHECK_OK(pool_apply(pool, increment, count, 0, NULL, 0));
    CHECK_OK(pool_refresh(pool));
    CHECK_EQ(atomic_load(count), round);
    atomic_int *more = shared(pool, sizeof *more);
    CHECK_OK(pool_apply(pool, increment, more, 0, NULL, 0));
    CHECK_EQ(atomic_load(more), 1);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(refresh_of_other_pools) {
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_refresh(pool));
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_refresh(pool_default()));
  CHECK_ERROR(pool_refresh(NULL), POOL_ERR_INVALID);
}

CASE(workers_of_a_pool_of_threads) {
  pool_t *pool = new_pool(2);
  CHECK_EQ(pool_workers(pool), 2);
  CHECK_EQ(pool_worker_pid(pool, 0), (int32_t)getpid());
  CHECK_ERROR(pool_workers(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_worker_pid(NULL, 0), POOL_ERR_INVALID);
  CHECK_OK(pool_close_join(pool));
}

/* ---- Libraries ---- */

static char folder[300];

/* A library of one function, made by the compiler; its function adds `plus` to an int. */
static void *load_library(const char *name, int plus) {
  char path[400], command[900];
  const char *temporary = getenv("TMPDIR");
  if (folder[0] == '\0') {
    snprintf(folder, sizeof folder, "%s/millpond-XXXXXX", temporary != NULL ? temporary : P_tmpdir);
    CHECK(mkdtemp(folder) != NULL);
  }
  snprintf(path, sizeof path, "%s/%s.so", folder, name);
  snprintf(command, sizeof command,
           "printf 'int add(const int *a, int *r, void *t) { (void)t; *r = *a + %d; return 0; }' |"
           " cc -shared -fPIC -x c - -o '%s'",
           plus, path);
  CHECK_EQ(system(command), 0);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    FAIL("%s", dlerror());
  }
  CHECK_EQ(unlink(path), 0);
  return library;
}

static pool_fn add_of(void *library) {
  pool_fn function = NULL;
  *(void **)&function = dlsym(library, "add");
  CHECK(function != NULL);
  return function;
}

static void adds(pool_t *pool, pool_fn function, int plus) {
  int arg = 40, result = 0, args[30], results[30];
  CHECK_OK(pool_apply(pool, function, &arg, sizeof arg, &result, sizeof result));
  CHECK_EQ(result, 40 + plus);
  for (int i = 0; i < 30; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map(pool, function, args, sizeof arg, results, sizeof result, 30));
  CHECK_EQ(results[29], 29 + plus);
}

static void is_unknown(pool_t *pool, pool_fn function) {
  int args[3] = {1, 2, 3}, results[3] = {-1, -1, -1};
  pool_future_t *future = NULL;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = function;
  call.arg_size = call.result_size = sizeof args[0];
  CHECK_ERROR(pool_apply(pool, function, args, 4, results, 4), POOL_ERR_UNKNOWN_FUNCTION);
  int32_t status = pool_apply_async(pool, function, args, 4, 4, NULL, NULL, &future);
  if (status == POOL_OK) {
    CHECK_FUTURE(future, POOL_ERR_UNKNOWN_FUNCTION);
    CHECK_OK(pool_future_release(future));
  } else {
    CHECK_ERROR(status, POOL_ERR_UNKNOWN_FUNCTION);
  }
  CHECK_ERROR(pool_map(pool, function, args, 4, results, 4, 3), POOL_ERR_UNKNOWN_FUNCTION);
  CHECK_ERROR(pool_map_with(pool, &call, args, results, NULL, 3), POOL_ERR_UNKNOWN_FUNCTION);
  CHECK_EQ(results[0], -1);
}

CASE(a_library_loaded_later_needs_a_refresh) {
  struct world world = world_now();
  void *early = load_library("early", 1);
  pool_t *pool = process_pool(2);
  adds(pool, add_of(early), 1);
  void *late = load_library("late", 2);
  is_unknown(pool, add_of(late));
  adds(pool, add_of(early), 1);
  CHECK_OK(pool_refresh(pool));
  adds(pool, add_of(late), 2);
  adds(pool, add_of(early), 1);
  kill_idle(pid_of_a_worker(pool));
  adds(pool, add_of(late), 2);
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(rmdir(folder), 0);
}

/* Functions of libraries that came with the program. */
CASE(functions_of_other_modules) {
  pool_t *pool = process_pool(1);
  int64_t arg = 0;
  pool_fn function = NULL;
  *(void **)&function = dlsym(RTLD_DEFAULT, "abs");
  CHECK(function != NULL);
  int32_t status = pool_apply(pool, function, &arg, sizeof arg, NULL, 0);
  CHECK(status != POOL_ERR_UNKNOWN_FUNCTION && status != POOL_ERR_INVALID);
  CHECK_OK(pool_close_join(pool));
}

/* Its code is gone here; and what lies there now, another library perhaps, is another function. */
CASE(a_function_of_a_library_that_was_unloaded) {
  void *library = load_library("gone", 3);
  pool_t *pool = process_pool(1);
  pool_fn function = add_of(library);
  adds(pool, function, 3);
  CHECK_EQ(dlclose(library), 0);
  is_unknown(pool, function);
  void *other = load_library("other", 4);
  if (add_of(other) == function) {
    is_unknown(pool, function);
  }
  CHECK_OK(pool_refresh(pool));
  adds(pool, add_of(other), 4);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(rmdir(folder), 0);
}

/* ---- Code made at run time ---- */

static pool_fn made_at_run_time(void) {
#if defined(__x86_64__)
  /* mov eax, [rdi]; add eax, 5; mov [rsi], eax; xor eax, eax; ret */
  static const unsigned char code[] = {0x8b, 0x07, 0x83, 0xc0, 0x05, 0x89, 0x06, 0x31, 0xc0, 0xc3};
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memcpy(memory, code, sizeof code);
  CHECK_EQ(mprotect(memory, 4096, PROT_READ | PROT_EXEC), 0);
  pool_fn function = NULL;
  *(void **)&function = memory;
  return function;
#else
  check_skip("there is code for x86-64 only");
#endif
}

CASE(code_made_at_run_time_must_be_registered) {
  struct world world = world_now();
  pool_fn early = made_at_run_time(), unregistered = made_at_run_time();
  CHECK_OK(pool_register_function(early));
  CHECK_OK(pool_register_function(early));
  pool_t *pool = process_pool(2);
  adds(pool, early, 5);
  is_unknown(pool, unregistered);
  pool_fn late = made_at_run_time();
  CHECK_OK(pool_register_function(late));
  is_unknown(pool, late);
  adds(pool, early, 5);
  CHECK_OK(pool_refresh(pool));
  adds(pool, late, 5);
  adds(pool, early, 5);
  is_unknown(pool, unregistered);
  close_and_leave_nothing(pool, &world);
  CHECK_ERROR(pool_register_function(NULL), POOL_ERR_INVALID);
}

CASE(an_address_that_is_no_function) {
  pool_t *pool = process_pool(1);
  static const uintptr_t addresses[] = {1, 4096, (uintptr_t)1 << 46, UINTPTR_MAX};
  for (size_t i = 0; i < COUNT_OF(addresses); i++) {
    pool_fn function = NULL;
    memcpy(&function, &addresses[i], sizeof function);
    is_unknown(pool, function);
  }
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
}
