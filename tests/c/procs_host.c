/* What the host of a pool of processes does, and what becomes of it: it dies, forks, reaps, handles signals, prints. */
#include "procs.h"

#include <sys/resource.h>

/* ---- The host ends ---- */

/* Ignores every signal, and has children, one of them in a session of its own, with a child in turn. */
static int32_t be_stubborn(const void *arg, void *result, pool_task_t *task) {
  atomic_int *running = (atomic_int *)(uintptr_t)arg;
  (void)result;
  (void)task;
  for (int number = 1; number < 65; number++) {
    signal(number, SIG_IGN);
  }
  for (int i = 0; i < 2; i++) {
    if (fork() == 0) {
      if (i == 1) {
        setsid();
        (void)!fork();
      }
      atomic_fetch_add(running, 1);
      for (;;) {
        pause();
      }
    }
  }
  atomic_fetch_add(running, 1);
  while (atomic_load(running) > 0) {
    sleep_ms(1000);
  }
  return 0;
}

enum { BY_SIGKILL, BY_SIGTERM, BY_EXIT, BY_QUICK_EXIT, BY_ABORT };

__attribute__((noreturn)) static void be_a_host(int end, atomic_int *running) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  alarm(check_timeout / 2);
  pool_t *pools[] = {process_pool(2), process_pool(1)};
  for (int i = 0; i < 2; i++) {
    atomic_int *here = shared(pools[i], sizeof *here);
    for (int t = 0; t < 50; t++) {
      CHECK_OK(pool_apply_async(pools[i], be_stubborn, here, 0, 0, NULL, NULL, NULL));
    }
    EVENTUALLY(atomic_load(here) == (i == 0 ? 8 : 4));
    atomic_fetch_add(running, 1);
  }
  if (end == BY_EXIT) {
    exit(0);
  }
  if (end == BY_QUICK_EXIT) {
    _exit(0);
  }
  if (end == BY_ABORT) {
    abort();
  }
  for (;;) {
    pause();
  }
}

static void the_host_ends(int end) {
  struct world world = world_now();
  atomic_int *running = common(4096);
  for (int round = 0; round < 3; round++) {
    atomic_store(running, 0);
    fflush(stdout);
    pid_t host = fork();
    if (host == 0) {
      be_a_host(end, running);
    }
    EVENTUALLY(atomic_load(running) == 2 || gone(host));
    if (end == BY_SIGKILL || end == BY_SIGTERM) {
      /* Itself, two zygotes, three workers, and three processes of each task. */
      CHECK_EQ(family(&world), 15);
      CHECK_EQ(kill(host, end == BY_SIGKILL ? SIGKILL : SIGTERM), 0);
    }
    int status = check_wait(host);
    CHECK_EQ(status, end == BY_SIGKILL   ? 1000 + SIGKILL
                     : end == BY_SIGTERM ? 1000 + SIGTERM
                     : end == BY_ABORT   ? 1000 + SIGABRT
                                         : 0);
    CHECK_EQ(atomic_load(running), 2);
    for (int i = 0; i < 3000 && family(&world) > 0; i++) {
      sleep_ms(10);
    }
    CHECK_EQ(family(&world), 0);
  }
}

CASE(the_host_is_killed) {
  the_host_ends(BY_SIGKILL);
}

CASE(the_host_is_terminated) {
  the_host_ends(BY_SIGTERM);
}

CASE(the_host_exits_with_work_pending) {
  the_host_ends(BY_EXIT);
}

CASE(the_host_leaves_by_quick_exit) {
  the_host_ends(BY_QUICK_EXIT);
}

CASE(the_host_aborts) {
  the_host_ends(BY_ABORT);
}

static void *make_a_pool(void *data) {
  *(pool_t **)data = process_pool(2);
  return NULL;
}

/* That the thread which made the pool ends is no death of the host. */
CASE(the_thread_that_made_the_pool_ends) {
  struct world world = world_now();
  pool_t *pool = NULL;
  pthread_join(check_thread(make_a_pool, &pool), NULL);
  sleep_ms(50);
  int32_t pid = pid_of_a_worker(pool);
  CHECK(!gone(pid));
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

/* ---- Children of the host ---- */

static atomic_int stop;

static void *reap_everything(void *data) {
  while (!atomic_load(&stop)) {
    int status = 0;
    pid_t child = waitpid(-1, &status, WNOHANG);
    if (child > 0) {
      atomic_fetch_add((atomic_int *)data, 1);
    } else {
      sleep_ms(1);
    }
  }
  return NULL;
}

static int32_t kill_oneself(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  return raise(SIGKILL);
}

static void use_and_close(void) {
  for (int round = 0; round < 10; round++) {
    pool_t *pool = process_pool(2);
    pool_works(pool);
    CHECK_ERROR(pool_apply(pool, kill_oneself, NULL, 0, NULL, 0), POOL_ERR_WORKER_DIED);
    CHECK_HAS(pool_last_error(), "SIGKILL");
    pool_works(pool);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(the_host_reaps_all_its_children) {
  struct world world = world_now();
  atomic_int reaped = 0;
  pthread_t thread = check_thread(reap_everything, &reaped);
  use_and_close();
  atomic_store(&stop, 1);
  pthread_join(thread, NULL);
  world_is_back(&world);
}

CASE(the_host_ignores_sigchld) {
  struct world world = world_now();
  signal(SIGCHLD, SIG_IGN);
  use_and_close();
  CHECK(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
  world_is_back(&world);
}

static atomic_int signals;

static void count_signal(int number) {
  (void)number;
  atomic_fetch_add(&signals, 1);
}

/* Its own children, and its handler, are the program's. */
CASE(the_host_s_handler_and_children_are_left_alone) {
  struct world world = world_now();
  struct sigaction mine = {0}, found;
  mine.sa_handler = count_signal;
  sigaction(SIGCHLD, &mine, NULL);
  pid_t child = fork();
  if (child == 0) {
    sleep_ms(100);
    _exit(9);
  }
  use_and_close();
  sigaction(SIGCHLD, NULL, &found);
  CHECK(found.sa_handler == count_signal);
  CHECK_EQ(check_wait(child), 9);
  signal(SIGCHLD, SIG_DFL);
  world_is_back(&world);
}

/* ---- Signals ---- */

static int32_t tell_signals(const void *arg, void *result, pool_task_t *task) {
  sigset_t mask;
  struct sigaction action;
  (void)arg;
  (void)result;
  sigprocmask(SIG_SETMASK, NULL, &mask);
  for (int number = 1; number < 32; number++) {
    if (sigismember(&mask, number) == 1) {
      return pool_task_fail(task, number, "is blocked");
    }
    sigaction(number, NULL, &action);
    /* Two may be ignored, so that a terminal does not stop processes of the background. */
    bool free = number == SIGKILL || number == SIGSTOP || number == SIGTTIN || number == SIGTTOU;
    if (!free && action.sa_handler != (number == SIGINT ? SIG_IGN : SIG_DFL)) {
      return pool_task_fail(task, number, "is handled");
    }
  }
  return 0;
}

CASE(tasks_have_default_actions_and_an_empty_mask) {
  sigset_t all;
  for (int number = 1; number < 32; number++) {
    if (number != SIGKILL && number != SIGSTOP && number != SIGALRM) {
      signal(number, number % 2 ? SIG_IGN : count_signal);
    }
  }
  sigfillset(&all);
  sigdelset(&all, SIGALRM);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  pool_t *pool = process_pool(1);
  CHECK_OK(pool_apply(pool, tell_signals, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

CASE(sigint_to_the_whole_group) {
  struct world world = world_now();
  CHECK(setpgid(0, 0) == 0 || getpgrp() == getpid());
  signal(SIGINT, SIG_IGN);
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *future = hold_worker(pool, hold);
  for (int i = 0; i < 20; i++) {
    CHECK_EQ(kill(0, SIGINT), 0);
    CHECK_EQ(kill(hold->pid, SIGINT), 0);
    CHECK_EQ(kill(parent_of(hold->pid, NULL), SIGINT), 0);
    sleep_ms(2);
  }
  pool_works(pool);
  atomic_store(&hold->go, 1);
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  close_and_leave_nothing(pool, &world);
}

/* The supervisor takes no signal that the program waits for. */
CASE(the_pool_s_threads_block_all_signals) {
  pool_t *pool = process_pool(2);
  pool_works(pool);
  signal(SIGUSR1, count_signal);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &one, NULL);
  CHECK_EQ(kill(getpid(), SIGUSR1), 0);
  sleep_ms(20);
  CHECK_EQ(signals, 0);
  pthread_sigmask(SIG_UNBLOCK, &one, NULL);
  EVENTUALLY(atomic_load(&signals) == 1);
  CHECK_OK(pool_close_join(pool));
}

/* ---- Threads that hold locks at creation ---- */

static void *allocate_and_print(void *data) {
  FILE *sink = data;
  while (!atomic_load(&stop)) {
    char *bytes = malloc(1000);
    CHECK(bytes != NULL);
    fprintf(sink, "%p\n", (void *)bytes);
    free(bytes);
  }
  return NULL;
}

static int32_t allocate(const void *arg, void *result, pool_task_t *task) {
  for (size_t i = 0; i < 100; i++) {
    char *bytes = malloc(10 + i * 100);
    CHECK(bytes != NULL);
    bytes[0] = 1;
    free(bytes);
  }
  fprintf(stderr, "%s", "");
  return twice(arg, result, task);
}

static pthread_mutex_t own_mutex = PTHREAD_MUTEX_INITIALIZER;

CASE(threads_that_allocate_and_print_during_creation) {
  FILE *sink = fopen("/dev/null", "we");
  CHECK(sink != NULL);
  pthread_t threads[4];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(allocate_and_print, sink);
  }
  pthread_mutex_lock(&own_mutex);
  for (size_t round = 0; round < scaled(40); round++) {
    pool_t *pool = process_pool(2);
    int64_t args[20] = {21}, results[20];
    CHECK_OK(pool_map(pool, allocate, args, 8, results, 8, 20));
    CHECK_EQ(results[0], 42);
    CHECK_OK(pool_close_join(pool));
  }
  pthread_mutex_unlock(&own_mutex);
  atomic_store(&stop, 1);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  fclose(sink);
}

static void *read_for_ever(void *data) {
  char line[64];
  return fgets(line, sizeof line, data);
}

/* Its stream is locked as long as it waits for input. */
CASE(a_thread_that_waits_for_input_holds_up_nothing) {
  int pipes[2];
  CHECK_EQ(pipe(pipes), 0);
  FILE *input = fdopen(pipes[0], "r");
  CHECK(input != NULL);
  pthread_t thread = check_thread(read_for_ever, input);
  sleep_ms(30);
  for (int i = 0; i < 3; i++) {
    pool_t *pool = process_pool(2);
    pool_works(pool);
    CHECK_OK(pool_refresh(pool));
    pool_works(pool);
    CHECK_OK(pool_close_join(pool));
  }
  CHECK_EQ(write(pipes[1], "end\n", 4), 4);
  pthread_join(thread, NULL);
  fclose(input);
}
