/* Pools of processes in hosts with little: limits of the system, no rights, descriptors; and what is printed. */
#include "procs.h"

#include <sys/resource.h>

/* Runs a body in a child with a guard of its own, which must end well. */
static void in_child(void (*body)(const void *), const void *data) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(check_timeout / 2);
    body(data);
    fflush(stdout);
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
}

/* A user that has no rights and no other process. */
static void become_nobody(uid_t user) {
  if (getuid() == 0) {
    CHECK_EQ(setresgid(65534, 65534, 65534), 0);
    CHECK_EQ(setresuid(user, user, user), 0);
  }
}

/* A pool either works or says why not, within reason: no crash, no hang, nothing left. */
static bool works_or_says_why(uint32_t workers) {
  pool_options_t options = processes(workers);
  pool_t *pool = NULL;
  int64_t arg = 21, result = 0;
  int32_t status = pool_create_with(&options, &pool);
  if (status == POOL_OK) {
    status = pool_apply(pool, twice, &arg, 8, &result, 8);
    CHECK(status != POOL_OK || result == 42);
    char *memory = malloc(200000), *back = malloc(200000);
    if (status == POOL_OK && memory != NULL && back != NULL) {
      CHECK_STATUS(pool_apply(pool, nothing, memory, 200000, back, 200000), POOL_OK);
    }
    free(memory);
    free(back);
    CHECK_OK(pool_close_join(pool));
  }
  if (status != POOL_OK) {
    CHECK(status == POOL_ERR_SYSTEM || status == POOL_ERR_NO_MEMORY || status == POOL_ERR_CRASH_LOOP ||
          status == POOL_ERR_BROKEN);
    CHECK(strlen(pool_last_error()) > 3);
    printf("%s: %s\n", pool_status_name(status), pool_last_error());
  }
  return status == POOL_OK;
}

struct limit {
  __rlimit_resource_t which;
  rlim_t value;
  int nobody;
};

static void impose(const struct limit *limit) {
  struct rlimit both = {limit->value, limit->value};
  if (limit->nobody) {
    become_nobody(60000 + (uid_t)(getpid() % 5000));
  }
  CHECK_EQ(setrlimit(limit->which, &both), 0);
}

static void limited(const void *data) {
  struct world world = world_now();
  impose(data);
  bool works = works_or_says_why(2);
  printf("%s\n", works ? "works" : "does not work");
  world_is_back(&world);
}

static void must_work(const void *data) {
  struct world world = world_now();
  impose(data);
  pool_t *pool = process_pool(2);
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

CASE(without_any_rights) {
  struct limit limit = {RLIMIT_CORE, 0, 1};
  in_child(must_work, &limit);
}

CASE(no_locked_memory) {
  struct limit limit = {RLIMIT_MEMLOCK, 0, 0};
  in_child(must_work, &limit);
  limit.nobody = 1;
  in_child(must_work, &limit);
}

CASE(small_files_only) {
  static const rlim_t values[] = {0, 4096, 1 << 20, 1 << 30};
  for (size_t i = 0; i < COUNT_OF(values); i++) {
    struct limit limit = {RLIMIT_FSIZE, values[i], 0};
    in_child(limited, &limit);
    limit.nobody = 1;
    in_child(limited, &limit);
  }
}

CASE(little_address_space) {
  static const rlim_t values[] = {64 << 20, 256 << 20, 1 << 30, (rlim_t)2 << 30, (rlim_t)8 << 30};
  for (size_t i = 0; i < COUNT_OF(values); i++) {
    struct limit limit = {RLIMIT_AS, values[i], 0};
    in_child(limited, &limit);
  }
}

CASE(few_processes) {
  if (getuid() != 0) {
    check_skip("needs root, to become a user that has no other processes");
  }
  for (rlim_t value = 1; value <= 7; value++) {
    struct limit limit = {RLIMIT_NPROC, value, 1};
    in_child(limited, &limit);
  }
  struct limit limit = {RLIMIT_NPROC, 20, 1};
  in_child(must_work, &limit);
}

CASE(few_descriptors) {
  for (int more = 0; more <= 12; more++) {
    struct limit limit = {RLIMIT_NOFILE, (rlim_t)(fds_now() + more), 0};
    in_child(limited, &limit);
  }
  struct limit limit = {RLIMIT_NOFILE, (rlim_t)fds_now() + 40, 0};
  in_child(must_work, &limit);
}

/* A limit that is met while the pool works. */
CASE(descriptors_run_out_later) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  pool_works(pool);
  struct rlimit old, few = {0, 0};
  CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  few = old;
  few.rlim_cur = 1;
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  pool_works(pool);
  int32_t status = pool_refresh(pool);
  CHECK(status == POOL_OK || status == POOL_ERR_SYSTEM);
  if (status == POOL_OK) {
    pool_works(pool);
  }
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
  CHECK_OK(pool_refresh(pool));
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

/* ---- Descriptors and memory over many pools ---- */

static int32_t count_fds(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  *(int *)result = fds_now();
  return 0;
}

CASE(nothing_is_left_by_fifty_pools) {
  struct world world = world_now();
  for (size_t round = 0; round < scaled(50); round++) {
    pool_options_t options = processes(2);
    options.stderr_tail_bytes = round % 3 == 0 ? 1000 : 0;
    options.spare_workers = round % 4 == 0;
    options.callbacks = round % 2 ? POOL_CALLBACKS_POLLED : POOL_CALLBACKS_SERIAL;
    pool_t *pool = new_pool_with(&options);
    int fds = 0;
    CHECK(pool_shared_alloc(pool, 100000) != NULL);
    CHECK_OK(pool_apply(pool, count_fds, NULL, 0, &fds, sizeof fds));
    CHECK(fds < world.fds + 20);
    pool_works(pool);
    close_and_leave_nothing(pool, &world);
  }
}

/* However often a pool is refreshed or its workers die, the last worker has as few descriptors as the first. */
CASE(workers_inherit_no_pile_of_descriptors) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  int first = 0, last = 0;
  CHECK_OK(pool_refresh(pool));
  pool_works(pool);
  int host = fds_now();
  CHECK_OK(pool_apply(pool, count_fds, NULL, 0, &first, sizeof first));
  for (size_t round = 0; round < scaled(40); round++) {
    if (round % 2 == 0) {
      CHECK_OK(pool_refresh(pool));
    } else {
      kill_idle(pid_of_a_worker(pool));
    }
    pool_works(pool);
  }
  CHECK_OK(pool_apply(pool, count_fds, NULL, 0, &last, sizeof last));
  CHECK_EQ(last, first);
  /* A process that was replaced may keep two for a moment, also when `host` was counted. */
  EVENTUALLY(fds_now() <= host);
  close_and_leave_nothing(pool, &world);
}

/* ---- What is printed ---- */

static int32_t print_line(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  printf("line %lld\n", *(const long long *)arg);
  return 0;
}

static int times_in(const char *text, const char *part) {
  int count = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) {
    count++;
  }
  return count;
}

/* To a file stdout is buffered: what the host has in its buffer is not written again by any child, and what tasks
 * leave in theirs arrives. */
CASE(every_line_is_printed_once) {
  static char text[100000];
  FILE *file = tmpfile();
  CHECK(file != NULL);
  fflush(stdout);
  int old = dup(1);
  CHECK(old >= 0);
  CHECK_EQ(dup2(fileno(file), 1), 1);
  setvbuf(stdout, NULL, _IOFBF, 65536);
  printf("printed before\n");
  pool_t *pool = process_pool(2);
  printf("printed after\n");
  for (long long i = 0; i < 200; i++) {
    int32_t status = pool_apply(pool, print_line, &i, sizeof i, NULL, 0);
    if (status != POOL_OK) {
      fprintf(stderr, "%s\n", pool_last_error());
      _exit(1);
    }
  }
  int32_t status = pool_refresh(pool);
  int32_t closed = pool_close_join(pool);
  fflush(stdout);
  dup2(old, 1);
  setvbuf(stdout, NULL, _IOLBF, 0);
  CHECK_OK(status);
  CHECK_OK(closed);
  CHECK_EQ(fseek(file, 0, SEEK_SET), 0);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  CHECK_EQ(times_in(text, "printed before\n"), 1);
  CHECK_EQ(times_in(text, "printed after\n"), 1);
  for (long long i = 0; i < 200; i++) {
    char line[64];
    snprintf(line, sizeof line, "line %lld\n", i);
    if (times_in(text, line) != 1) {
      FAIL("\"line %lld\" is printed %d times", i, times_in(text, line));
    }
  }
}

static int32_t exit_at_once(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  exit(4);
}

static atomic_int *exits;

static void count_exit(void) {
  atomic_fetch_add(exits, 1);
}

/* Workers leave without the program's own handlers; a task that calls exit itself runs them, as any process would. */
CASE(handlers_of_exit_are_the_host_s) {
  exits = common(4096);
  CHECK_EQ(atexit(count_exit), 0);
  pool_t *pool = process_pool(2);
  pool_works(pool);
  CHECK_OK(pool_refresh(pool));
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(exits), 0);
  pool = process_pool(1);
  CHECK_ERROR(pool_apply(pool, exit_at_once, NULL, 0, NULL, 0), POOL_ERR_WORKER_DIED);
  CHECK_HAS(pool_last_error(), "4");
  CHECK_OK(pool_close_join(pool));
  CHECK(atomic_load(exits) <= 1);
}
