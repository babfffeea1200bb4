/* What tasks really did, in memory that all processes share. */
#include "tester.h"

#include <sys/mman.h>

struct ledger *ledger;

void ledger_open(void) {
  ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (ledger == MAP_FAILED) {
    perror("mmap");
    exit(2);
  }
}

void ledger_clear(uint32_t round) {
  unsigned rows = atomic_load(&ledger->rows_used), pools = atomic_load(&ledger->pools_used);
  memset(ledger->rows, 0, sizeof ledger->rows[0] * (rows < MOST_ROWS ? rows : MOST_ROWS));
  memset(ledger->pools, 0, sizeof ledger->pools[0] * (pools < MOST_POOLS ? pools : MOST_POOLS));
  atomic_store(&ledger->rows_used, 0);
  atomic_store(&ledger->pools_used, 0);
  atomic_store(&ledger->round, round);
}

uint32_t ledger_rows(uint32_t count) {
  uint32_t first = atomic_load(&ledger->rows_used);
  do {
    if (first + count > MOST_ROWS) {
      return UINT32_MAX;
    }
  } while (!atomic_compare_exchange_weak(&ledger->rows_used, &first, first + count));
  return first;
}

struct pool_model *ledger_pool(void) {
  uint32_t number = atomic_load(&ledger->pools_used);
  do {
    if (number == MOST_POOLS) {
      return NULL;
    }
  } while (!atomic_compare_exchange_weak(&ledger->pools_used, &number, number + 1));
  return &ledger->pools[number];
}
