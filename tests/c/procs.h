/* What the cases of process pools share: pools, tasks that need no memory of the host, and a watch for what is left
 * behind. */
#ifndef PROCS_H
#define PROCS_H

#include "tasks.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* How a future ended, with its own sentence when otherwise. */
#define CHECK_FUTURE(future, expected)                                                                                 \
  do {                                                                                                                 \
    CHECK_OK(pool_future_wait(future, -1));                                                                            \
    int32_t check_f = pool_future_status(future);                                                                      \
    if (check_f != (expected)) {                                                                                       \
      check_fail(__FILE__, __LINE__, "the status of %s is %s, got %d (%s): %s", #future, #expected, check_f,           \
                 pool_status_name(check_f), pool_future_message(future));                                              \
    }                                                                                                                  \
  } while (0)

UNUSED static pool_options_t processes(uint32_t workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_PROCESSES;
  options.workers = workers;
  return options;
}

UNUSED static pool_t *process_pool(uint32_t workers) {
  pool_options_t options = processes(workers);
  return new_pool_with(&options);
}

UNUSED static pool_t *pool_of(int32_t mode, uint32_t workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = workers;
  return new_pool_with(&options);
}

UNUSED static void *shared(pool_t *pool, size_t size) {
  void *memory = pool_shared_alloc(pool, size);
  if (memory == NULL) {
    FAIL("pool_shared_alloc(%zu): %s", size, pool_last_error());
  }
  return memory;
}

/* Memory that every process forked from here on shares, whatever the pool does. */
UNUSED static void *common(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

/* ---- Tasks ---- */

/* Its process, as an int32_t. */
UNUSED static int32_t tell_pid(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  *(int32_t *)result = (int32_t)getpid();
  return 0;
}

UNUSED static int32_t pid_of_a_worker(pool_t *pool) {
  int32_t pid = 0;
  CHECK_OK(pool_apply(pool, tell_pid, NULL, 0, &pid, sizeof pid));
  return pid;
}

/* Holds a worker, from shared memory: says that it runs, then waits to be let go. */
struct hold {
  atomic_int running, go, asked;
  int32_t pid;
};

/* Submitted with arg_size 0 and a pointer to a hold in shared memory. */
UNUSED static int32_t hold_on(const void *arg, void *result, pool_task_t *task) {
  struct hold *hold = (struct hold *)(uintptr_t)arg;
  (void)result;
  hold->pid = (int32_t)getpid();
  atomic_fetch_add(&hold->running, 1);
  while (!atomic_load(&hold->go)) {
    if (pool_task_cancelled(task) == 1) {
      atomic_store(&hold->asked, 1);
    }
    sleep_ms(1);
  }
  return 0;
}

/* Submits a task that holds one worker, and returns when it runs. */
UNUSED static pool_future_t *hold_worker(pool_t *pool, struct hold *hold) {
  pool_future_t *future = NULL;
  int before = atomic_load(&hold->running);
  CHECK_OK(pool_apply_async(pool, hold_on, hold, 0, 0, NULL, NULL, &future));
  EVENTUALLY(atomic_load(&hold->running) > before);
  return future;
}

/* A pool that does what it should: a task, a future and a map of right results. */
UNUSED static void pool_works(pool_t *pool) {
  int64_t args[50], results[50];
  for (int64_t i = 0; i < 50; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_apply(pool, twice, &args[21], 8, results, 8));
  CHECK_EQ(results[0], 42);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, twice, &args[4], 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, results, 8, 60000));
  CHECK_EQ(results[0], 8);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_map(pool, twice, args, 8, results, 8, 50));
  for (int64_t i = 0; i < 50; i++) {
    CHECK_EQ(results[i], i * 2);
  }
}

UNUSED static bool alive(pid_t pid) {
  return pid > 0 && kill(pid, 0) == 0;
}

/* The process of a worker; there is none for a moment after it has died. */
UNUSED static pid_t worker_process(pool_t *pool, uint32_t worker) {
  pid_t pid = 0;
  EVENTUALLY((pid = pool_worker_pid(pool, worker)) != 0 && alive(pid));
  CHECK(pid > 1);
  return pid;
}

/* Every worker is there, and none is there twice. */
UNUSED static void pool_is_complete(pool_t *pool) {
  int32_t workers = pool_workers(pool), pids[64];
  CHECK(workers > 0 && workers <= 64);
  for (int32_t i = 0; i < workers; i++) {
    pids[i] = worker_process(pool, (uint32_t)i);
    for (int32_t j = 0; j < i; j++) {
      CHECK(pids[i] != pids[j]);
    }
  }
}

/* ---- Bytes to recognise ---- */

UNUSED static void fill(void *bytes, size_t size, uint64_t seed) {
  unsigned char *to = bytes;
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word = (at + 1) * 0x9e3779b97f4a7c15u + seed;
    memcpy(to + at, &word, size - at < 8 ? size - at : 8);
  }
}

UNUSED static bool filled(const void *bytes, size_t size, uint64_t seed) {
  const unsigned char *from = bytes;
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word = (at + 1) * 0x9e3779b97f4a7c15u + seed;
    if (memcmp(from + at, &word, size - at < 8 ? size - at : 8) != 0) {
      return false;
    }
  }
  return true;
}

/* ---- What /proc says ---- */

/* The parent of a process, and its state; -1 when there is none. */
UNUSED static pid_t parent_of(pid_t pid, char *state) {
  char path[64], text[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return -1;
  }
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  const char *rest = got > 0 ? strrchr(text, ')') : NULL;
  char letter = '?';
  int parent = -1;
  if (rest == NULL || sscanf(rest, ") %c %d", &letter, &parent) != 2) {
    return -1;
  }
  if (state != NULL) {
    *state = letter;
  }
  return parent;
}

/* A process that is gone, or only waits to be reaped by whoever adopted it. */
UNUSED static bool gone(pid_t pid) {
  char state = '?';
  return parent_of(pid, &state) < 0 || state == 'Z' || state == 'X';
}

/* Kills a process that is about nothing, and returns when it can do nothing any more. */
UNUSED static void kill_idle(pid_t pid) {
  CHECK(pid > 1);
  CHECK_EQ(kill(pid, SIGKILL), 0);
  EVENTUALLY(gone(pid));
}

/* The inode of the shared mapping that begins at an address of a process; 0 for none. With `count` also how many
 * shared mappings it has. */
UNUSED static unsigned long mapped_at(pid_t pid, const void *address, int *count) {
  char path[64], line[512];
  unsigned long found = 0;
  snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
  FILE *file = fopen(path, "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    unsigned long start = 0, inode = 0;
    char rights[5] = "";
    if (sscanf(line, "%lx-%*x %4s %*x %*s %lu", &start, rights, &inode) == 3 && rights[3] == 's') {
      found = start == (unsigned long)(uintptr_t)address ? inode : found;
      if (count != NULL) {
        ++*count;
      }
    }
  }
  if (file != NULL) {
    fclose(file);
  }
  return found;
}

/* What a case found, and must leave. All processes forked since then, however far removed, have the mark. */
struct world {
  void *mark;
  unsigned long inode;
  int fds, threads, mappings;
};

UNUSED static struct world world_now(void) {
  struct world world = {common(4096), 0, fds_now(), threads_now(), 0};
  world.inode = mapped_at(getpid(), world.mark, &world.mappings);
  CHECK(world.inode != 0);
  return world;
}

/* How many processes descend from this one, and how many children it has not waited for. */
UNUSED static int family(const struct world *world) {
  int count = 0;
  DIR *folder = opendir("/proc");
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
    if (pid > 0 && pid != getpid()) {
      count += parent_of(pid, NULL) == getpid() || mapped_at(pid, world->mark, NULL) == world->inode;
    }
  }
  closedir(folder);
  return count;
}

/* Processes, threads, descriptors and shared mappings are as before; some may take a moment to go. */
UNUSED static void world_is_back(const struct world *world) {
  int mappings = 0;
  for (int i = 0; i < 2000 && family(world) > 0; i++) {
    sleep_ms(10);
  }
  CHECK_EQ(family(world), 0);
  threads_go_back_to(world->threads);
  CHECK_EQ(fds_now(), world->fds);
  mapped_at(getpid(), world->mark, &mappings);
  CHECK_EQ(mappings, world->mappings);
}

UNUSED static void close_and_leave_nothing(pool_t *pool, const struct world *world) {
  CHECK_OK(pool_close_join(pool));
  world_is_back(world);
}

#endif
