/* Failures, hangs, counts. */
#include "tester.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { HANG_MS = 30000, STATUSES = 20 };

atomic_ulong tallies[TALLIES];
static atomic_ulong outcomes[STATUSES];
static const char *const tally_names[TALLIES] = {"tasks",
                                                 "items of maps",
                                                 "callbacks",
                                                 "workers killed",
                                                 "zygotes killed",
                                                 "refreshes",
                                                 "forks of the host",
                                                 "failed allocations",
                                                 "refusals",
                                                 "cancelled",
                                                 "killed by a call",
                                                 "terminates",
                                                 "pools",
                                                 "rounds",
                                                 "steps",
                                                 "tasks from inside"};

void count(enum tally what, unsigned long many) {
  atomic_fetch_add(&tallies[what], many);
}

void count_status(int32_t status, int32_t does) {
  (void)does;
  atomic_fetch_add(&outcomes[status > 0 ? STATUSES - 1 : -status], 1);
}

void report_counts(void) {
  for (int i = 0; i < TALLIES; i++) {
    printf("%-20s %10lu\n", tally_names[i], atomic_load(&tallies[i]));
  }
  for (int i = 0; i < STATUSES; i++) {
    unsigned long many = atomic_load(&outcomes[i]);
    if (many > 0) {
      printf("%-27s %10lu\n", pool_status_name(i == STATUSES - 1 ? 1 : -i), many);
    }
  }
}

void note(struct actor *actor, const char *format, ...) {
  struct step *step = &actor->steps[actor->step % STEPS_KEPT];
  size_t used = strlen(step->text);
  va_list list;
  va_start(list, format);
  vsnprintf(step->text + used, sizeof step->text - used, format, list);
  va_end(list);
}

static void print_steps(void) {
  for (uint32_t a = 0; a <= world.actors; a++) {
    const struct actor *actor = &world.actor[a];
    uint32_t first = actor->step >= STEPS_KEPT ? actor->step - STEPS_KEPT + 1 : 0;
    long since = atomic_load(&actor->since_ms);
    fprintf(stderr, "thread %u%s%s:\n", a, a == world.actors ? " (main)" : "", since == 0 ? ", at rest" : "");
    for (uint32_t s = first; s <= actor->step; s++) {
      const struct step *step = &actor->steps[s % STEPS_KEPT];
      if (step->operation != NULL) {
        fprintf(stderr, "  step %u: %s%s", step->number, step->operation, step->text);
        if (s == actor->step && since != 0) {
          fprintf(stderr, "  <- for %ld ms", now_ms() - since);
        }
        fprintf(stderr, "\n");
      }
    }
  }
  if (atomic_load(&ledger->violated) == 2) {
    fprintf(stderr, "in another process: %s\n", ledger->violation);
  }
  for (uint32_t i = 0; i < atomic_load(&ledger->pools_used) && i < MOST_POOLS; i++) {
    const struct pool_model *model = &ledger->pools[i];
    fprintf(
        stderr,
        "pool %u: %s, %u workers, callbacks %d, initializer %d, max_tasks %zu, spares %u, time limit %lld ms; closing "
        "%d, terminating %d, freed %d, broken %u, kills %u, of the zygote %u; accepted %u, started %u, callbacks %u "
        "of %u\n",
        i, model->processes ? "processes" : "threads", model->workers, model->options.callbacks,
        model->options.initializer != NULL, model->options.max_tasks_per_worker, model->options.spare_workers,
        (long long)model->options.task_timeout_ms, model->closing, model->terminating, model->freed, model->broken,
        model->kills, model->zygote_kills, model->accepted, model->tickets, model->called, model->due);
  }
  fprintf(stderr, "to run it again: tester --mode %s --seed %llu --round %u --actors %u --steps %u\n",
          world.processes ? "processes" : "threads", (unsigned long long)world.seed, world.round, world.actors,
          world.steps);
}

void fail(const char *file, int line, const char *format, ...) {
  static atomic_int reporting;
  char text[900];
  va_list list;
  starve(0, 0);
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  if (getpid() != world.host) {
    unsigned none = 0;
    if (atomic_compare_exchange_strong(&ledger->violated, &none, 1)) {
      snprintf(ledger->violation, sizeof ledger->violation, "%s:%d: %s", file, line, text);
      atomic_store(&ledger->violated, 2);
    }
    _exit(99);
  }
  if (atomic_exchange(&reporting, 1) != 0) {
    for (;;) {
      pause();
    }
  }
  fprintf(stderr, "FAILED %s:%d: %s\n", file, line, text);
  if (self != NULL) {
    fprintf(stderr, "in thread %u at step %u\n", self->number, self->step);
  } else {
    fprintf(stderr, "in a thread of the pool\n");
  }
  print_steps();
  if (getenv("TESTER_STOPS") != NULL) {
    pause();
  }
  _exit(1);
}

void look_for_violations(void) {
  if (atomic_load(&ledger->violated) == 2) {
    FAIL("%s", ledger->violation);
  }
}

static void print_stacks_of(pid_t process) {
  char pid[16];
  snprintf(pid, sizeof pid, "%d", (int)process);
  pid_t child = fork();
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execlp("gdb", "gdb", "--batch", "-nx", "-p", pid, "-ex", "thread apply all bt 16", (char *)NULL);
    _exit(127);
  }
  waitpid(child, NULL, 0);
}

static void print_workers(void) {
  for (uint32_t i = 0; i < atomic_load(&ledger->pools_used) && i < MOST_POOLS; i++) {
    const struct pool_model *model = &ledger->pools[i];
    for (uint32_t w = 0; !model->freed && model->processes && model->pool != NULL; w++) {
      int32_t pid = pool_worker_pid(model->pool, w);
      if (pid < 0) {
        break;
      }
      fprintf(stderr, "pool %u, worker %u: process %d of %d\n", i, w, pid, pid > 0 ? (int)parent_of(pid) : 0);
    }
  }
}

/* Of this process and its children: zygotes, and forks of the host. */
static void print_stacks(void) {
  print_workers();
  DIR *folder = opendir("/proc");
  print_stacks_of(getpid());
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    pid_t pid = atoi(entry->d_name);
    if (pid > 0 && parent_of(pid) == getpid()) {
      fprintf(stderr, "child %d:\n", (int)pid);
      print_stacks_of(pid);
    }
  }
}

static void *watch(void *nothing) {
  (void)nothing;
  for (;;) {
    sleep_us(200000);
    look_for_violations();
    for (uint32_t a = 0; a <= world.actors; a++) {
      long since = atomic_load(&world.actor[a].since_ms);
      if (since != 0 && (double)(now_ms() - since) > HANG_MS * world.patience) {
        fprintf(stderr, "FAILED: thread %u hangs\n", a);
        print_steps();
        print_stacks();
        _exit(3);
      }
    }
  }
}

void watch_start(void) {
  pthread_t thread;
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  if (pthread_create(&thread, NULL, watch, NULL) != 0) {
    FAIL("no thread to watch");
  }
  pthread_detach(thread);
}
