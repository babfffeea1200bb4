/* Random numbers that a seed repeats, and bytes to recognise. */
#include "tester.h"

static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

struct dice dice_of(uint64_t seed, uint64_t round, uint64_t actor, uint64_t step) {
  return (struct dice){mix(mix(mix(mix(seed) + round) + actor) + step)};
}

uint64_t roll_long(struct dice *dice) {
  dice->state += 0x9e3779b97f4a7c15u;
  return mix(dice->state);
}

uint32_t roll(struct dice *dice, uint32_t below) {
  return (uint32_t)((roll_long(dice) >> 32) * below >> 32);
}

bool one_in(struct dice *dice, uint32_t many) {
  return roll(dice, many) == 0;
}

size_t roll_size(struct dice *dice, bool huge_too) {
  switch (roll(dice, 16)) {
  case 0:
  case 1:
  case 2:
    return 0;
  case 3:
  case 4:
    return 1 + roll(dice, 5000);
  case 5:
    return huge_too && one_in(dice, 6) ? 1 + roll(dice, 3 << 20) : 1 + roll(dice, 60000);
  default:
    return 1 + roll(dice, 150);
  }
}

int64_t roll_timeout(struct dice *dice) {
  switch (roll(dice, 4)) {
  case 0:
    return 0;
  case 1:
    return -1;
  default:
    return roll(dice, 6);
  }
}

void fill(void *bytes, size_t size, uint64_t seed) {
  unsigned char *to = bytes;
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word = (at + 1) * 0x9e3779b97f4a7c15u + seed;
    memcpy(to + at, &word, size - at < 8 ? size - at : 8);
  }
}

bool filled(const void *bytes, size_t size, uint64_t seed) {
  const unsigned char *from = bytes;
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word = (at + 1) * 0x9e3779b97f4a7c15u + seed;
    if (memcmp(from + at, &word, size - at < 8 ? size - at : 8) != 0) {
      return false;
    }
  }
  return true;
}
