/* Nonsense and half-sense in the structs that callers fill: whatever is in them, a call says yes and does it, or says no
 * with a sentence; it never crashes, hangs, or does half of it.
 *
 * Each round takes a struct as its macro makes it and changes some fields to values of their kind. The fields come from
 * the header (fields.h, which the test writes), so that a new number is tried at once; a new pointer stays NULL until
 * `pointers` says what it may be. A new function that reads such a struct takes a CASE with a body for `fuzz`.
 *
 * Environment: FUZZ_SECONDS for each case, FUZZ_SEED, FUZZ_ROUND to repeat a single round. */
#ifndef FUZZ_H
#define FUZZ_H

#include "fields.h"

#include "tasks.h"

#include <signal.h>
#include <stddef.h>

/* ---- Random numbers: a round's depend on the seed and its number alone ---- */

static uint64_t seed = 1, number_of_round, state;

static uint64_t draw(void) {
  uint64_t mixed = state += 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

static uint64_t below(uint64_t bound) {
  return draw() % bound;
}

/* ---- What the fields may be ---- */

struct field {
  const char *name;
  size_t offset, size;
  bool is_pointer;
};

#define NUMBER(type, name) {#name, offsetof(type, name), sizeof(((type *)0)->name), false},
#define POINTER(type, name) {#name, offsetof(type, name), sizeof(((type *)0)->name), true},
static const struct field options_fields[] = {FIELDS_pool_options_t(NUMBER, POINTER)};
static const struct field call_fields[] = {FIELDS_pool_call_t(NUMBER, POINTER)};
static const struct field stats_fields[] = {FIELDS_pool_stats_t(NUMBER, POINTER)};
static const struct field worker_stats_fields[] = {FIELDS_pool_worker_stats_t(NUMBER, POINTER)};

enum { BUFFER = 4096 };
static char buffer[BUFFER];
static atomic_int ran, called;

static int32_t count_run(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&ran, 1);
  return 0;
}

static int32_t fail(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  atomic_fetch_add(&ran, 1);
  return pool_task_fail(task, 9, "as it should");
}

static void check_outcome(const pool_result_t *outcome, void *user_data) {
  (void)user_data;
  CHECK(outcome->message != NULL);
  CHECK((outcome->status == POOL_OK) == (*outcome->message == '\0'));
  atomic_fetch_add(&called, 1);
}

static int32_t start(void *worker_data, uint32_t worker) {
  (void)worker_data;
  (void)worker;
  return 0;
}

static int32_t fail_to_start(void *worker_data, uint32_t worker) {
  (void)worker_data;
  return worker == 1 ? 7 : 0;
}

static void stop(void *worker_data, uint32_t worker) {
  (void)worker_data;
  (void)worker;
}

static int32_t just_fork(void *worker_data) {
  (void)worker_data;
  return (int32_t)fork();
}

static void reseed(uint64_t number, void *worker_data, uint32_t worker) {
  (void)number;
  (void)worker_data;
  (void)worker;
}

static const uint32_t cpus[] = {0, 0, 4000};

union value {
  const void *data;
  void (*code)(void);
};
#define CODE(function) {.code = (void (*)(void))(function)}

/* What a pointer may be besides NULL; those that nothing is said of stay as they are. */
static const struct {
  const char *name;
  union value value;
} pointers[] = {
    {"initializer", CODE(start)},
    {"initializer", CODE(fail_to_start)},
    {"finalizer", CODE(stop)},
    {"worker_data", {buffer}},
    {"name", {""}},
    {"name", {"a name of more than fifteen bytes"}},
    {"name", {"\xff\xfe"}},
    {"fork_fn", CODE(just_fork)},
    {"reseed", CODE(reseed)},
    {"cpus", {cpus}},
    {"fn", CODE(count_run)},
    {"fn", CODE(fail)},
    {"arg", {buffer}},
    {"context", {buffer}},
    {"callback", CODE(check_outcome)},
    {"user_data", {buffer}},
};

/* What the machine, or the patience of a test, or what is really there, bounds. More than `most` is taken only if it is
 * at least `absurd`, where it must be refused. */
static const struct {
  const char *name;
  uint64_t most, absurd;
} bounds[] = {
    {"workers", 6, POOL_MAX_WORKERS + 1},
    {"spare_workers", 2, POOL_MAX_WORKERS + 1},
    {"cpu_count", COUNT_OF(cpus), SIZE_MAX / 2},
    {"arg_size", BUFFER, (uint64_t)SIZE_MAX / 2 + 1},
    {"result_size", BUFFER, (uint64_t)SIZE_MAX / 2 + 1},
    {"stack_size", 1 << 20, (uint64_t)SIZE_MAX / 2 + 1},
    {"delay_ms", 20, UINT64_MAX / 2 + 1},
    {"after_count", 0, (uint64_t)SIZE_MAX / 2 + 1},
    {"struct_size", UINT64_MAX, 0},
    {"retries", 3, UINT64_MAX},
};

static uint64_t number_for(const struct field *field, size_t whole) {
  static const uint64_t sizes[] = {0, 1, 7, 8, 64, 152};
  const uint64_t all = field->size == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * field->size)) - 1;
  uint64_t value = 0;
  if (strcmp(field->name, "struct_size") == 0) {
    uint64_t pick = below(12);
    return pick < COUNT_OF(sizes) ? sizes[pick] : pick < 9 ? whole + below(80) : pick < 11 ? whole - below(16) : draw();
  }
  switch (below(8)) {
  case 0:
    value = 0;
    break;
  case 1:
    value = 1;
    break;
  case 2:
    value = all;
    break; /* -1 */
  case 3:
    value = all >> 1;
    break;
  case 4:
    value = (all >> 1) + 1;
    break;
  case 5:
    value = (uint64_t)1 << below(8 * field->size);
    break;
  case 6:
    value = draw() & all;
    break;
  default:
    value = below(5);
    break;
  }
  for (size_t i = 0; i < COUNT_OF(bounds); i++) {
    if (strcmp(bounds[i].name, field->name) == 0 && value > bounds[i].most && value < bounds[i].absurd) {
      value %= bounds[i].most + 1;
    }
  }
  return value;
}

/* Changes one field, or nothing if it is a pointer of which nothing is known. */
static void change(void *whole, size_t size, const struct field *field) {
  char *place = (char *)whole + field->offset;
  if (!field->is_pointer) {
    uint64_t value = number_for(field, size);
    memcpy(place, &value, field->size);
    return;
  }
  size_t known = 0;
  for (size_t i = 0; i < COUNT_OF(pointers); i++) {
    /* Any of them with the same chance, and NULL with that of one more. */
    if (strcmp(pointers[i].name, field->name) == 0 && below(++known + 1) != 0) {
      memcpy(place, &pointers[i].value, sizeof(void *));
    }
  }
  if (known == 0 || below(4) == 0) {
    memset(place, 0, sizeof(void *));
  }
}

/* Changes none, some or many fields, and now and then a byte behind the struct, in the `room` that there is. */
static void mutate(void *whole, size_t size, size_t room, const struct field *fields, size_t count) {
  uint64_t changes = below(4) == 0 ? below(count) : below(4);
  for (uint64_t i = 0; i < changes; i++) {
    change(whole, size, &fields[below(count)]);
  }
  if (below(10) == 0) {
    ((char *)whole)[size + below(room - size)] = 1;
  }
}

/* ---- Rounds ---- */

/* Negative ones that there are, and no others; with a sentence. */
static void check_refusal(int32_t status) {
  CHECK(status == 7 || (status < 0 && status >= POOL_ERR_INTERNAL));
  CHECK(status != POOL_ERR_INTERNAL);
  CHECK(strlen(pool_last_error()) > 3);
}

static void say_round(int signal_number) {
  char text[100];
  int length = snprintf(text, sizeof text, "FUZZ_SEED=%llu FUZZ_ROUND=%llu\n", (unsigned long long)seed,
                        (unsigned long long)number_of_round);
  if (write(1, text, (size_t)length) == length) {
    signal(signal_number, SIG_DFL);
  }
  raise(signal_number);
}

/* Round after round, each of which says whether the call was accepted. */
static void fuzz(bool (*round)(void)) {
  static char name[100];
  const char *plain = check_name;
  const char *seconds = getenv("FUZZ_SECONDS"), *given = getenv("FUZZ_SEED"), *only = getenv("FUZZ_ROUND");
  int64_t end = now_ms() + (int64_t)(1000 * (seconds ? atof(seconds) : 1));
  uint64_t rounds = 0, accepted = 0;
  seed = given ? strtoull(given, NULL, 10) : 1;
  signal(SIGSEGV, say_round);
  signal(SIGABRT, say_round);
  signal(SIGALRM, say_round);
  number_of_round = only ? strtoull(only, NULL, 10) : 0;
  do {
    alarm(check_timeout);
    snprintf(name, sizeof name, "%s with FUZZ_SEED=%llu FUZZ_ROUND=%llu", plain, (unsigned long long)seed,
             (unsigned long long)number_of_round);
    check_name = name;
    state = seed * 0x2545f4914f6cdd1du + number_of_round;
    accepted += round();
    rounds++;
    number_of_round++;
  } while (only == NULL && now_ms() < end);
  check_name = plain;
  printf("%llu rounds, %llu accepted\n", (unsigned long long)rounds, (unsigned long long)accepted);
  CHECK(only != NULL || (accepted > 0 && accepted < rounds));
}

/* Rooms as large as any struct_size that is read. */
static union {
  pool_options_t options;
  char room[64 * sizeof(pool_options_t)];
} made;
static union {
  pool_call_t call;
  char room[64 * sizeof(pool_call_t)];
} said;

#endif
