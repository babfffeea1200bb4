/* The randomised tester: several threads do what the dice say to pools, beside a model that knows what may come of it.
 *
 *   dice.c      random numbers from a seed
 *   ledger.c    what tasks really did, in memory that all processes share
 *   model.c     what may become of a task, and of a call
 *   records.c   tasks that were submitted, and who may use their futures
 *   work.c      what tasks do                       callbacks.c  what is done with an outcome
 *   ops_*.c     one family of operations each, with a table of them
 *   starve.c    allocations that fail               report.c     failures, hangs, counts
 *   round.c     one round: pools, threads, the end  main.c       options, rounds after rounds
 *
 * A new operation is a function and a line in its family's table; a new thing that tasks do is a value of `enum does`
 * and a case in work.c; what may come of it stands in model.c. */
#ifndef TESTER_H
#define TESTER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <millpond.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum {
  MOST_ACTORS = 8,
  MOST_POOLS = 256,
  MOST_ROWS = 1 << 16,
  MOST_LIVE = 40,    /* tasks that an actor has in mind */
  MOST_BEFORE = 3,   /* tasks that one is submitted to follow */
  STEPS_KEPT = 24,   /* shown of each actor after a failure */
  UNSEEN = INT32_MIN /* no status yet */
};

/* ---- dice.c ---- */

struct dice {
  uint64_t state;
};

/* The dice of one step depend on nothing but these: a run is repeated by its seed. */
struct dice dice_of(uint64_t seed, uint64_t round, uint64_t actor, uint64_t step);
uint32_t roll(struct dice *dice, uint32_t below);
bool one_in(struct dice *dice, uint32_t many);
uint64_t roll_long(struct dice *dice);
/* A size: mostly small, sometimes of pages, now and then huge. */
size_t roll_size(struct dice *dice, bool huge_too);
/* 0, a moment, or for ever. */
int64_t roll_timeout(struct dice *dice);
void fill(void *bytes, size_t size, uint64_t seed);
bool filled(const void *bytes, size_t size, uint64_t seed);

/* ---- ledger.c ---- */

/* A task or an item of a map: who runs it writes here, from whatever process. */
struct row {
  atomic_uint starts, ends, calls, ticket;
  atomic_int pid; /* of who ran it last */
  atomic_long started_ms;
  atomic_int asked; /* it may have been asked to stop */
  atomic_int heard; /* and it has noticed */
  int32_t does;
  int32_t right; /* the status of a task that nothing has disturbed */
};

/* What is known about a pool. Lies in shared memory, too. Each flag is set before the call and again after it. */
struct pool_model {
  pool_t *pool;
  pool_options_t options;
  uint32_t workers;
  atomic_uint most_workers, resizes;
  bool processes, plain; /* plain: no task of it waits, blocks or submits */
  atomic_int closing, closed, terminating, terminated, freed;
  atomic_long killed_ms;                              /* when a worker was killed last */
  atomic_uint kills, zygote_kills, refreshes, broken; /* broken: since a kill of the zygote, until refreshed */
  atomic_uint accepted, due, called, died;            /* tasks; callbacks due and called; ends by a death */
  atomic_uint tickets, running, most_running, starts, finals;
  atomic_int in_callback;
  uint64_t serial; /* written by serial callbacks with no lock */
};

struct ledger {
  atomic_uint violated; /* 1: `violation` is being written, 2: is there */
  char violation[1000];
  atomic_uint round, rows_used, pools_used;
  struct pool_model pools[MOST_POOLS];
  struct row rows[MOST_ROWS];
};
extern struct ledger *ledger;

void ledger_open(void);
void ledger_clear(uint32_t round);
/* The first of `count` rows in a row, or UINT32_MAX. */
uint32_t ledger_rows(uint32_t count);
struct pool_model *ledger_pool(void);

/* ---- work.c ---- */

enum does {
  ANSWER,
  REFUSE,       /* fails with a code and a sentence */
  RETURN_MINUS, /* POOL_ERR_INTERNAL */
  SET_RESULT,   /* a result of `detail` bytes */
  NAP,          /* sleeps for `detail` microseconds */
  LISTEN,       /* until it is asked to stop, at most `detail` milliseconds */
  BLOCK,        /* sleeps in a blocking section */
  FORK_JOIN,    /* pool_join2, pool_join_n */
  SPAWN,        /* submits tasks and waits for some */
  NEST,         /* maps in its own pool, or in one that it makes */
  CRASH,        /* processes only */
  DOES
};

/* What a task is told: the beginning of its argument. The rest is filled from the seed. */
struct order {
  uint32_t round, row;
  int32_t does;
  uint32_t detail;
  uint64_t item; /* of a map: its number + 1 */
  uint64_t seed, arg_size, result_size;
  const void *context;
  struct pool_model *model;
  pool_t *pool;
};

int32_t work(const void *arg, void *result, pool_task_t *task);
const char *does_name(int32_t does);
int32_t worker_starts(void *model, uint32_t worker);
void worker_ends(void *model, uint32_t worker);

/* ---- nesting.c ---- what tasks do to pools */

int32_t fork_and_join(const struct order *order, pool_task_t *task);
int32_t spawn(const struct order *order, pool_task_t *task);
int32_t nest(const struct order *order, pool_task_t *task);
/* A map over some numbers: its status; ends the program if a result is wrong. */
int32_t map_some(pool_t *pool, struct dice *dice);

/* ---- records.c ---- */

/* What was so before a call. */
struct view {
  int closed;
  bool inside, just_killed; /* a worker that was killed a moment ago may still take a task */
  unsigned kills, zygote_kills, broken, failures;
};

/* A task or a map that was accepted, as the program sees it. */
struct record {
  struct pool_model *model;
  struct row *row; /* of a map the first one */
  uint32_t rows;   /* more than 1, or a map */
  bool map, has_callback, awaited, inside, submitted;
  struct view view; /* before it was submitted */
  struct order order;
  size_t result_size; /* of the bytes that it gives when all goes well */
  pool_future_t *future;
  pthread_mutex_t lock;
  uint32_t users; /* who may use the future at the moment */
  bool released, release_in_callback;
  atomic_int status;                             /* UNSEEN, or what has been seen: it must stay that */
  atomic_uint cancels, cancelled, kills, killed; /* calls begun; calls that returned 1 */
  uint32_t submitter, turn;
  int32_t priority;
  long not_before_ms;
  struct record *before[MOST_BEFORE]; /* that must have ended well */
  uint32_t before_count;
  void *arg, *args, *results; /* given back at the end of the round */
  void *shared;               /* of the pool's memory */
  int callback_depth;
  struct record *next;
};

struct actor;
struct record *record_new(struct pool_model *model, uint32_t rows, bool map, bool inside);
/* Chooses what it does and how large its argument and result are, and writes the argument. */
void record_order(struct record *record, struct dice *dice);
void record_accept(struct record *record);
void record_keep(struct actor *actor, struct record *record);
bool record_borrow(struct record *record);
void record_give_back(struct record *record);
bool record_release(struct record *record);
/* All of a pool, or with NULL all: judged for the last time. */
void records_check(struct pool_model *model);
void records_free(void);

/* ---- model.c ---- */

struct view look(const struct pool_model *model, bool inside);
/* Whether something may have died because its worker was killed. */
bool may_be_dead(const struct pool_model *model, const struct view *view);
/* Whether a task that was queued or running may have ended like this, by what was done to the pool. */
bool may_end_so(const struct pool_model *model, const struct view *view, int32_t status);
/* Whether a call may be refused like this. */
bool may_refuse(const struct pool_model *model, const struct view *view, int32_t status);
/* Whether a call that runs until the end may return this. */
bool call_may_end_so(const struct pool_model *model, const struct view *view, int32_t status);
/* A call that submits: true if it did, false if it was refused with reason; else ends the program. */
bool accepted(const struct pool_model *model, const struct view *view, int32_t status, const char *call);
/* The status of a record as somebody saw it. */
void judge(struct record *record, int32_t status, const char *message, const char *where);
/* Once more what has been judged already. */
void judge_again(const struct record *record, int32_t status, const char *message, const char *where);
/* The status of an item of a map with statuses. */
void judge_item(struct pool_model *model, const struct view *view, struct row *row, int32_t status);
/* The status of a map or loop without statuses. */
void judge_rows(const struct pool_model *model, const struct view *view, struct row *rows, uint32_t count,
                int32_t status, bool cancelled);
void check_result(const struct record *record, const void *data, size_t size);

/* ---- callbacks.c ---- */

void called(const pool_result_t *outcome, void *user_data);
void must_not_be_called(const pool_result_t *outcome, void *user_data);

/* ---- starve.c ---- */

/* From here on one allocation in so many fails on this thread, 0 for none. Returns what it was. */
uint32_t starve(uint32_t many, uint64_t seed);
unsigned starved(void);

/* ---- report.c ---- */

__attribute__((format(printf, 3, 4), noreturn)) void fail(const char *file, int line, const char *format, ...);
#define FAIL(...) fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) ((condition) ? (void)0 : FAIL("%s", #condition))
/* The status of a call, and its sentence otherwise. */
#define EXPECT(call, expected)                                                                                         \
  do {                                                                                                                 \
    int32_t expect_a = (call), expect_b = (expected);                                                                  \
    if (expect_a != expect_b) {                                                                                        \
      FAIL("%s: expected %d (%s), got %d (%s): %s", #call, expect_b, pool_status_name(expect_b), expect_a,             \
           pool_status_name(expect_a), pool_last_error());                                                             \
    }                                                                                                                  \
  } while (0)

struct step {
  uint32_t number;
  const char *operation;
  char text[120];
};
/* Says more about the step in hand. */
__attribute__((format(printf, 2, 3))) void note(struct actor *actor, const char *format, ...);
void watch_start(void);
void look_for_violations(void);

enum tally {
  T_TASKS,
  T_ITEMS,
  T_CALLBACKS,
  T_KILLS,
  T_ZYGOTE_KILLS,
  T_REFRESHES,
  T_FORKS,
  T_STARVED,
  T_REFUSED,
  T_CANCELLED,
  T_KILLED,
  T_TERMINATES,
  T_POOLS,
  T_ROUNDS,
  T_STEPS,
  T_INSIDE,
  TALLIES
};
extern atomic_ulong tallies[TALLIES];
void count(enum tally what, unsigned long many);
void count_status(int32_t status, int32_t does);
void report_counts(void);

/* ---- round.c ---- */

struct operation {
  const char *name;
  unsigned threads, processes;      /* weights; 0: never in that mode */
  bool (*run)(struct actor *actor); /* false: it meant nothing here */
  atomic_ulong times[2];
};

struct actor {
  uint32_t number;
  pthread_t thread;
  struct dice dice;
  uint32_t step, turn;
  atomic_long since_ms; /* when the step began, 0: at rest */
  struct pool_model *own;
  pthread_mutex_t lock; /* of `live`, which others may look at */
  struct record *live[MOST_LIVE];
  uint32_t live_count;
  struct step steps[STEPS_KEPT];
};

struct world {
  uint64_t seed;
  uint32_t round, actors, steps, last_third;
  bool processes;
  pid_t host;
  double patience; /* multiplies the time after which a step hangs */
  bool asan;       /* it runs under AddressSanitizer */
  struct pool_model *main;
  struct actor actor[MOST_ACTORS];
  _Atomic(struct record *) records;
};
extern struct world world;
extern _Thread_local struct actor *self;

void run_round(uint32_t round, bool processes);
/* What each thread would do first in each step. */
void print_plan(uint32_t round, bool processes);
struct pool_model *pool_made(struct dice *dice, bool processes);
/* One of the pools that the actor may use. */
struct pool_model *any_pool(struct actor *actor);
struct record *any_record(struct actor *actor);
void close_in_some_way(struct pool_model *model, struct dice *dice);
void mend(struct pool_model *model);
pid_t parent_of(pid_t pid); /* -1: there is no such process */
long now_ms(void);
void sleep_us(long us);

/* ---- ops_*.c ---- */

extern struct operation submit_ops[], future_ops[], map_ops[], loop_ops[], life_ops[], fault_ops[], memory_ops[],
    wait_ops[], sync_ops[], call_ops[], stream_ops[], sequence_ops[], wrong_ops[];
/* All families. */
struct operation *operation_at(uint32_t number);

#endif
