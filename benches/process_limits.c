/* What the machine itself costs for each of the P rows, without any pool. */
#define BENCH_FUTEX_SCOPE 0
#include <stddef.h>

#include "common/bench.h"
#include "common/latch.h"
#include "common/mailbox.h"
#include "common/map.h"
#include "common/parts.h"
#include "common/processes.h"

static void answer(void *box) {
  bench_answer(box);
}

/* A child that answers in a mailbox of its own. */
struct peer {
  struct bench_mailbox *box;
  pid_t pid;
};

static struct peer start_peer(uint32_t sleeps) {
  struct peer peer = {bench_shared(sizeof *peer.box), 0};
  peer.box->sleeps = sleeps;
  peer.pid = bench_fork(answer, peer.box);
  return peer;
}

static void end_peer(struct peer *peer) {
  bench_last_request(peer->box);
  bench_reap(peer->pid);
  munmap(peer->box, sizeof *peer->box);
}

static void p1(const struct bench *b) {
  static const char *const LABELS[] = {"bare shared futex both ways", "spinning shared mailbox"};
  for (uint32_t spins = 0; spins < 2; spins++) {
    struct peer peer = start_peer(!spins);
    double ns = bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, bench_round_trip, peer.box);
    bench_print("P1", ns, "ns", LABELS[spins]);
    end_peer(&peer);
  }
}

static void p1_cold(const struct bench *b) {
  struct peer peer = start_peer(1);
  double ns = bench_p50_prepared(bench_cold_samples(b), BENCH_ONE_CALL, bench_sleep_1_ms, bench_round_trip, peer.box);
  bench_print("P1-cold", ns, "ns", "bare shared futex both ways");
  end_peer(&peer);
}

/* Processes that wait, each for its part of a map; the calling one only hands out. */
struct member {
  struct bench_mailbox box;
  struct bench_map part;
};

struct crew {
  struct member *members;
  pid_t *pids;
  size_t count;
  bench_cut_fn cut;
};

static void map_parts(void *data) {
  struct member *member = data;
  for (uint32_t request; (request = bench_await_request(&member->box)) != 0;) {
    bench_map_sequential(&member->part);
    bench_post(&member->box, &member->box.answer, request);
  }
}

static void map_by_crew(const struct bench_map *map, void *data) {
  struct crew *crew = data;
  const size_t count = crew->count;
  size_t *ends = bench_alloc(count, sizeof *ends);
  crew->cut(map, count, ends);
  for (size_t k = 0; k < count; k++) {
    crew->members[k].part = bench_part(map, ends, k);
    bench_request(&crew->members[k].box);
  }
  for (size_t k = 0; k < count; k++) {
    bench_await_answer(&crew->members[k].box);
  }
  free(ends);
}

static void map_row(const struct bench *b, const char *row, const char *label, struct bench_map map, size_t repeats,
                    bench_cut_fn cut) {
  struct crew crew = {.count = b->workers, .cut = cut};
  uint64_t *args = bench_shared(map.count * sizeof *args);
  uint64_t *results = bench_shared(map.count * sizeof *results);
  crew.members = bench_shared(crew.count * sizeof *crew.members);
  crew.pids = bench_alloc(crew.count, sizeof *crew.pids);
  for (size_t k = 0; k < crew.count; k++) {
    crew.members[k].box.sleeps = 1;
    crew.pids[k] = bench_fork(map_parts, &crew.members[k]);
  }
  struct bench_way way = {{label, map_by_crew}, &crew, bench_map_moved(&map, args, results)};
  bench_map_ways(b, row, &map, repeats, &way, 1);
  for (size_t k = 0; k < crew.count; k++) {
    bench_last_request(&crew.members[k].box);
    bench_reap(crew.pids[k]);
  }
  bench_map_free(&map);
  free(crew.pids);
}

static void p3(const struct bench *b) {
  map_row(b, "P3", "equal parts, waiting processes", bench_uniform(b), bench_uniform_repeats(b), bench_cut_counts);
}

static void p3_skewed(const struct bench *b) {
  map_row(b, "P3-skewed", "parts of equal cost", bench_skewed(b), bench_skewed_repeats(b), bench_cut_costs);
}

/* A pool of processes is a process that makes the workers, and the workers. */
enum { FORKS = BENCH_P_WORKERS + 1 };

static void nothing(void *unused) {
  (void)unused;
}

static void fork_and_wait(void *unused) {
  for (size_t i = 0; i < FORKS; i++) {
    bench_reap(bench_fork(nothing, unused));
  }
}

static void fork_all_and_wait(void *unused) {
  pid_t children[FORKS];
  for (size_t i = 0; i < FORKS; i++) {
    children[i] = bench_fork(nothing, unused);
  }
  for (size_t i = 0; i < FORKS; i++) {
    bench_reap(children[i]);
  }
}

static void p4_row(const char *row, size_t samples) {
  bench_print(row, bench_p50(samples, BENCH_ONE_CALL, fork_and_wait, NULL) / 1e3, "us", "5 x fork, _exit, waitpid");
  bench_print(row, bench_p50(samples, BENCH_ONE_CALL, fork_all_and_wait, NULL) / 1e3, "us", "the same 5 at once");
}

static void p4(const struct bench *b) {
  p4_row("P4", bench_p4_samples(b));
}

static void p4_large(const struct bench *b) {
  if (bench_with_large_host(b)) {
    bench_become_large(b);
    p4_row("P4-large", bench_p4_large_samples(b));
  }
}

static void sleep_for_ever(void *unused) {
  (void)unused;
  for (;;) {
    pause();
  }
}

/* A word that the kernel marks when the process that holds it dies, before it takes the dead process's memory apart. */
struct will {
  struct robust_list_head head;
  struct robust_list entry;
  uint32_t word;
};

static void hold_and_sleep(void *data) {
  struct will *will = data;
  will->head =
      (struct robust_list_head){{&will->entry}, offsetof(struct will, word) - offsetof(struct will, entry), NULL};
  will->entry.next = &will->head.list;
  syscall(SYS_set_robust_list, &will->head, sizeof will->head);
  __atomic_store_n(&will->word, (uint32_t)getpid() | FUTEX_WAITERS, __ATOMIC_RELEASE);
  sleep_for_ever(NULL);
}

static double robust_kill_us(void) {
  struct will *will = bench_shared(sizeof *will);
  pid_t child = bench_fork(hold_and_sleep, will);
  uint32_t held;
  while ((held = __atomic_load_n(&will->word, __ATOMIC_ACQUIRE)) == 0) {
    bench_sleep_ms(1);
  }
  bench_sleep_ms(BENCH_REST_MS);
  uint64_t start = bench_now();
  kill(child, SIGKILL);
  while (!(__atomic_load_n(&will->word, __ATOMIC_ACQUIRE) & FUTEX_OWNER_DIED)) {
    bench_futex_wait(&will->word, held);
  }
  double us = (double)(bench_now() - start) / 1e3;
  bench_reap(child);
  munmap(will, sizeof *will);
  return us;
}

static void kill_and_wait(const struct peer *peer) {
  kill(peer->pid, SIGKILL);
  bench_reap(peer->pid);
  munmap(peer->box, sizeof *peer->box);
}

/* Until the death is known, and until another process, forked before or only then, has answered. */
static void kill_rows(const struct bench *b, const char *told_row, const char *serves_row, int spare) {
  size_t count = bench_kills(b);
  double *told = bench_alloc(count, sizeof *told);
  double *serves = bench_alloc(count, sizeof *serves);
  double *robust = bench_alloc(count, sizeof *robust);
  struct peer peer = start_peer(1);
  for (size_t i = 0; i < count; i++) {
    struct peer next = {NULL, 0};
    bench_round_trip(peer.box);
    if (spare) {
      next = start_peer(1);
    }
    bench_sleep_ms(BENCH_REST_MS);
    uint64_t start = bench_now();
    kill_and_wait(&peer);
    told[i] = (double)(bench_now() - start) / 1e3;
    peer = spare ? next : start_peer(1);
    bench_round_trip(peer.box);
    serves[i] = (double)(bench_now() - start) / 1e3;
    robust[i] = robust_kill_us();
  }
  end_peer(&peer);
  bench_print_kills(told_row, told, count, "kill, waitpid");
  bench_print_kills(told_row, robust, count, "kill, robust futex");
  bench_print_kills(serves_row, serves, count, spare ? "kill, waitpid, futex" : "kill, waitpid, fork, futex");
  free(told);
  free(serves);
  free(robust);
}

static void p5(const struct bench *b) {
  kill_rows(b, "P5", "P5-serves", 0);
}

static void p5_spare(const struct bench *b) {
  kill_rows(b, "P5-spare", "P5-spare-serves", 1);
}

static void p5_large(const struct bench *b) {
  if (bench_with_large_host(b)) {
    bench_become_large(b);
    kill_rows(b, "P5-large", "P5-large-serves", 1);
  }
}

static void p7(const struct bench *b) {
  pid_t children[FORKS];
  (void)b;
  double before = bench_family_kib();
  for (size_t i = 0; i < FORKS; i++) {
    children[i] = bench_fork(sleep_for_ever, NULL);
  }
  bench_sleep_ms(20);
  bench_print("P7", bench_family_kib() - before, "KiB", "5 forked processes that sleep");
  for (size_t i = 0; i < FORKS; i++) {
    kill(children[i], SIGKILL);
    bench_reap(children[i]);
  }
}

static const struct bench_row ROWS[] = {
    {"P1", p1}, {"P1-cold", p1_cold},   {"P3", p3}, {"P3-skewed", p3_skewed}, {"P4", p4}, {"P4-large", p4_large},
    {"P5", p5}, {"P5-spare", p5_spare}, {"P7", p7}, {"P5-large", p5_large},
};

BENCH_MAIN(ROWS)
