/* Options, and rounds after rounds. */
#include "tester.h"

static struct operation *const families[] = {submit_ops, future_ops,   map_ops,  loop_ops, life_ops,
                                             fault_ops,  memory_ops,   wait_ops, sync_ops, call_ops,
                                             stream_ops, sequence_ops, wrong_ops};

struct operation *operation_at(uint32_t number) {
  for (size_t f = 0; f < COUNT_OF(families); f++) {
    for (struct operation *operation = families[f]; operation->name != NULL; operation++) {
      if (number-- == 0) {
        return operation;
      }
    }
  }
  return NULL;
}

/* Prints what was done how often; the number of what never was, in a mode that was run. */
static int report_operations(const bool *modes, bool quiet) {
  int missing = 0;
  struct operation *operation;
  if (!quiet) {
    printf("%-28s %10s %10s\n", "operation", "threads", "processes");
  }
  for (uint32_t i = 0; (operation = operation_at(i)) != NULL; i++) {
    unsigned long threads = atomic_load(&operation->times[0]), processes = atomic_load(&operation->times[1]);
    bool never = (modes[0] && operation->threads > 0 && threads == 0) ||
                 (modes[1] && operation->processes > 0 && processes == 0);
    missing += never;
    if (!quiet) {
      printf("%-28s %10lu %10lu%s\n", operation->name, threads, processes, never ? "  NEVER" : "");
    }
  }
  return missing;
}

static void usage(void) {
  puts("tester [--mode threads|processes|both] [--seed N] [--round N] [--rounds N] [--seconds N] [--actors N]\n"
       "       [--steps N] [--short] [--plan]\n"
       "A seed and a round repeat what each thread does. With --short not every operation need happen;\n"
       "--plan only prints what the first round would do.");
  exit(2);
}

int main(int argc, char **argv) {
  bool modes[2] = {true, true}, brief = false, plan = false;
  uint64_t first = 0, rounds = UINT64_MAX;
  double seconds = -1;
  const char *patience = getenv("TESTER_PATIENCE");
  world.seed = (uint64_t)now_ms() * 1000003 + (uint64_t)getpid();
  world.actors = 4;
  world.steps = 60;
  world.patience = patience == NULL ? 1 : atof(patience);
  world.host = getpid();
#ifdef __SANITIZE_ADDRESS__
  world.asan = true;
#endif
  for (int a = 1; a < argc; a++) {
    const char *value = a + 1 < argc ? argv[a + 1] : "";
    if (strcmp(argv[a], "--short") == 0) {
      brief = true;
      continue;
    }
    if (strcmp(argv[a], "--plan") == 0) {
      plan = true;
      continue;
    }
    if (strcmp(argv[a], "--mode") == 0) {
      modes[0] = strcmp(value, "processes") != 0;
      modes[1] = strcmp(value, "threads") != 0;
    } else if (strcmp(argv[a], "--seed") == 0) {
      world.seed = strtoull(value, NULL, 10);
    } else if (strcmp(argv[a], "--round") == 0) {
      first = strtoull(value, NULL, 10);
      rounds = rounds == UINT64_MAX ? 1 : rounds;
      brief = true;
    } else if (strcmp(argv[a], "--rounds") == 0) {
      rounds = strtoull(value, NULL, 10);
    } else if (strcmp(argv[a], "--seconds") == 0) {
      seconds = atof(value);
    } else if (strcmp(argv[a], "--actors") == 0) {
      world.actors = (uint32_t)atoi(value);
    } else if (strcmp(argv[a], "--steps") == 0) {
      world.steps = (uint32_t)atoi(value);
    } else {
      usage();
    }
    a++;
  }
  if (world.actors < 1 || world.actors >= MOST_ACTORS || world.steps < 1) {
    usage();
  }
  seconds = seconds < 0 && rounds == UINT64_MAX ? 10 : seconds;
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("seed %llu\n", (unsigned long long)world.seed);
  if (plan) {
    print_plan((uint32_t)first, !modes[0]);
    return 0;
  }
  ledger_open();
  watch_start();
  long start = now_ms();
  uint64_t round = first, both = modes[0] && modes[1];
  for (; round - first < rounds; round++) {
    double passed = (double)(now_ms() - start) / 1000;
    /* What is rare has three times as long to happen. */
    if (seconds >= 0 && passed > seconds && (brief || passed > 3 * seconds || report_operations(modes, true) == 0)) {
      break;
    }
    run_round((uint32_t)round, both ? round % 2 == 1 : modes[1]);
  }
  int missing = report_operations(modes, false);
  report_counts();
  printf("%.1f s\n", (double)(now_ms() - start) / 1000);
  if (missing > 0 && !brief) {
    printf("FAILED: %d operations never happened\n", missing);
    return 1;
  }
  puts("ok tester");
  return 0;
}
