#include <millpond.h>

#include <array>
#include <cstdint>
#include <iostream>

namespace {

int32_t square(const void *arg, void *result, pool_task_t * /*task*/) {
  const int32_t n = *static_cast<const int32_t *>(arg);
  *static_cast<int32_t *>(result) = n * n;
  return POOL_OK;
}

} // namespace

int main() {
  const std::array<int32_t, 5> numbers{1, 2, 3, 4, 5};
  std::array<int32_t, 5> squares{};
  pool_t *pool = pool_create(2);
  const int32_t status = pool_map(pool, square, numbers.data(), sizeof(int32_t), squares.data(), sizeof(int32_t), 5);
  if (status != POOL_OK) {
    std::cerr << pool_status_name(status) << ": " << pool_last_error() << "\n";
    return 1;
  }
  const char *gap = "";
  for (const int32_t value : squares) {
    std::cout << gap << value;
    gap = " ";
  }
  std::cout << "\n";
  return pool_close_join(pool) == POOL_OK ? 0 : 1;
}
