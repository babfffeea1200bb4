// Three waits as coroutines (C++20). They overlap in one thread, which runs whatever is due in pool.poll().
#include "course.hpp"

#include <coroutine>

using namespace std::chrono_literals;

// What a coroutine returns that runs by itself: nobody waits for it, and its frame goes with its end.
struct Background {
  struct promise_type {
    Background get_return_object() noexcept {
      return {};
    }
    std::suspend_never initial_suspend() noexcept {
      return {};
    }
    std::suspend_never final_suspend() noexcept {
      return {};
    }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {
      std::terminate();
    }
  };
};

struct Loop {
  millpond::pool pool;
  std::thread::id thread = std::this_thread::get_id(); // that of all coroutines
  bool one_thread = true;
  int waiting = 0, most = 0; // how many wait now, and at most did
  std::vector<double> took{};
};

static Background wait(Loop &loop, int number, std::chrono::milliseconds time) {
  std::cout << "coroutine " << number << " waits" << std::endl;
  const auto start = Log::clock::now();
  loop.most = std::max(loop.most, ++loop.waiting);
  co_await loop.pool.submit(millpond::with().delay(time), [] {}); // Nothing is done but to be late.
  loop.waiting--;
  loop.took.push_back(course::since(start).count());
  loop.one_thread = loop.one_thread && std::this_thread::get_id() == loop.thread;
  std::printf("coroutine %d goes on after %.4f s\n", number, loop.took.back());
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 1);
  const auto time = program.size(50ms, 500ms, 5000ms);
  Log log(program.log_file);
  log.start("one after the other, start");
  for (int i = 0; i < 3; i++) {
    std::this_thread::sleep_for(time);
  }
  const double sequential = log.stop("one after the other, end");

  log.start("coroutines, start");
  Loop loop{millpond::pool(program.options().callbacks(millpond::callbacks::polled))};
  for (int i = 0; i < 3; i++) {
    wait(loop, i, time); // Returns at its first co_await.
  }
  loop.pool.close();
  while (loop.pool.poll() > 0) { // The event loop: until nothing can come any more.
  }
  const double overlapped = log.stop("coroutines, end");
  const bool right = loop.one_thread && loop.most == 3 && loop.took.size() == 3 &&
                     *std::min_element(loop.took.begin(), loop.took.end()) >= course::seconds(time).count();
  return program.end_timed("coroutines", sequential, overlapped, 1.0, 3, right);
}
