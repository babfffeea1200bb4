// The header without exceptions, and without run-time types: what succeeds, and what the functions return that fail.

#include "check.hpp"
#include <millpond.hpp>

#include <string>

namespace {

CASE(what_succeeds) {
  millpond::pool pool(2);
  CHECK(pool.submit([](int a, int b) { return a + b; }, 1, 2).get() == 3);
  CHECK(pool.apply([](std::string s) { return s + "!"; }, "hi") == "hi!");
  CHECK(pool.map(millpond::numbers(0, 10), [](int x) { return x * x; })[9] == 81);
  CHECK(pool.reduce(millpond::numbers(0, 10), 0, [](int a, int b) { return a + b; }) == 45);
  std::vector<std::string> texts{"b", "a"};
  pool.sort(texts);
  CHECK(texts[0] == "a");
  CHECK(millpond::join([] { return 1; }, [] { return 2; }).second == 2);
  CHECK(pool.submit([] { return 1; }).then([](int x) { return x + 1; }).get() == 2);
  millpond::process_pool processes(1);
  CHECK(processes.apply([](std::string s) { return s; }, std::string("far")) == "far");
}

CASE(what_fails) {
  millpond::pool pool(2);
  auto failed = pool.submit([](millpond::task &self) {
    self.fail(3, "no such file");
    return 1;
  });
  const auto outcome = failed.try_get();
  CHECK(!outcome.ok() && outcome.status() == 3 && outcome.message() == "no such file");
  auto none = millpond::pool::try_create(millpond::options().workers(1000000));
  CHECK(!none.ok() && none.status() == POOL_ERR_INVALID && !none.message().empty());
  pool.close();
  millpond::future<int> late;
  CHECK(pool.try_submit(late, [] { return 1; }) == POOL_ERR_CLOSED && !late.valid());
  millpond::queue<int> queue(1);
  CHECK(queue.try_get(std::chrono::milliseconds(0)).status() == POOL_ERR_TIMEOUT);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
