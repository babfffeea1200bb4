// What forks find: locks of the header that another thread has, tasks, and what belongs to them.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <memory>
#include <new>
#include <pthread.h>
#include <stdexcept>
#include <sys/wait.h>

namespace {
thread_local bool slow = false;

void *allocate(std::size_t size) {
  if (slow) ::usleep(50000); // So that forks fall into it.
  void *const memory = std::malloc(size > 0 ? size : 1);
  return memory != nullptr ? memory : throw std::bad_alloc();
}
} // namespace

void *operator new(std::size_t size) {
  return allocate(size);
}
void *operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void *memory) noexcept {
  std::free(memory);
}
void operator delete[](void *memory) noexcept {
  std::free(memory);
}
void operator delete(void *memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void *memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

[[maybe_unused]] int throws_in_a_thread() {
  millpond::pool inside(1);
  auto failed = inside.submit([] { throw std::out_of_range("inside"); });
  return failed.try_get().ok() ? 0 : 1;
}

CASE(while_another_thread_throws) {
#ifndef __SANITIZE_ADDRESS__ // Its allocator has locks of its own, which a child finds as they were.
  millpond::pool threads(1);
  auto failed = threads.submit([] {
    slow = true; // For all that keeps the exception.
    throw std::out_of_range("slow");
  });
  do {
    millpond::process_pool pool(1);
    CHECK(pool.apply(throws_in_a_thread) == 1);
  } while (!failed.ready());
  CHECK_THROWS(failed.get(), std::out_of_range, true);
  threads.broadcast([] { slow = false; });
#endif
}

std::int32_t in_no_task(void * /*data*/, std::uint32_t /*worker*/) {
  return millpond::this_task() == nullptr ? 0 : 1;
}

CASE(in_a_task) {
  millpond::pool threads(1);
  const auto made = [] {
    millpond::process_pool pool(millpond::options().workers(1).initializer(in_no_task));
    return pool.apply([] { return millpond::this_task() != nullptr; }) && millpond::this_task() != nullptr;
  };
  CHECK(threads.submit(made).get());
}

CASE(what_belongs_to_the_parent) {
  static std::atomic<int> freed{0};
  struct counted {
    ~counted() {
      freed++;
    }
  };
  millpond::pool threads(1);
  millpond::event go;
  static_cast<void>(threads.submit([&go] {
    go.wait();
    return std::make_unique<counted>();
  }));
  go.set();
  threads.submit([] {}).get(); // So the other one has ended, and nobody has looked since.
  const int child = ::fork();
  if (child == 0) {
    {
      millpond::pool own(1);
      for (int i = 0; i < 10; i++) static_cast<void>(own.submit([](const std::string &) {}, std::string("dropped")));
    }
    ::_exit(freed == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

CASE(threads_that_end_in_a_task) {
#ifndef __SANITIZE_ADDRESS__ // What unwinds has no address, which GCC's UBSan takes for a null reference.
  millpond::process_pool pool(1);
  const auto exits = [](int x) { return x > 0 ? (::pthread_exit(nullptr), x) : 0; };
  CHECK_THROWS(pool.apply(exits, 1), millpond::worker_died,
               std::string(e.what()).find("pthread_exit") != std::string::npos);
  CHECK(pool.apply(exits, 0) == 0);
#endif
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
