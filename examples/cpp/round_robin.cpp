// Three generators (C++20), which give one number a step, stepped in turn by hand and then by the pool's event loop.
#include "course.hpp"

#include <coroutine>
#include <deque>
#include <functional>
#include <optional>

// A function that gives its results one by one, with co_yield.
class Generator {
public:
  struct promise_type {
    std::uint64_t value = 0;
    Generator get_return_object() {
      return Generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept {
      return {};
    }
    std::suspend_always final_suspend() noexcept {
      return {};
    }
    std::suspend_always yield_value(std::uint64_t next) noexcept {
      value = next;
      return {};
    }
    void return_void() noexcept {}
    void unhandled_exception() {
      throw;
    }
  };
  Generator(Generator &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Generator &operator=(Generator &&) = delete;
  ~Generator() {
    if (handle_) handle_.destroy();
  }
  /// The next value; none after the last one.
  std::optional<std::uint64_t> next() {
    handle_.resume();
    if (handle_.done()) return std::nullopt;
    return handle_.promise().value;
  }

private:
  explicit Generator(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

static Generator squares(std::uint64_t bound) {
  for (std::uint64_t i = 1; i <= bound; i++) co_yield (i * i);
}

static Generator countdown(std::uint64_t from) {
  for (; from > 0; from--) co_yield from;
}

static Generator fibonacci(std::uint64_t bound) {
  for (std::uint64_t a = 1, b = 1; a <= bound; a = std::exchange(b, a + b)) co_yield a;
}

using Trace = std::vector<std::uint64_t>; // the numbers in the order in which they came

static std::deque<Generator> generators(std::uint64_t bound) {
  std::deque<Generator> all;
  all.push_back(squares(bound));
  all.push_back(countdown(bound));
  all.push_back(fibonacci(bound * bound));
  return all;
}

static Trace by_hand(std::deque<Generator> queue) {
  Trace trace;
  while (!queue.empty()) {
    Generator generator = std::move(queue.front());
    queue.pop_front();
    if (const auto value = generator.next()) {
      trace.push_back(*value);
      queue.push_back(std::move(generator)); // Behind the others.
    }
  }
  return trace;
}

// A generator, and the step that it waits for.
struct Stepper {
  Generator generator;
  millpond::future<void> step;
};

static Trace by_event_loop(const course::Program &program, std::deque<Generator> all) {
  Trace trace;
  std::deque<Stepper> steppers;
  millpond::pool pool(
      program.options().workers(1).callbacks(millpond::callbacks::polled)); // One step at a time, in turn.
  std::function<void(Stepper &)> step_later = [&](Stepper &stepper) {
    const auto step = [&] { // Runs in this thread, inside of poll().
      if (const auto value = stepper.generator.next()) {
        trace.push_back(*value);
        step_later(stepper); // Behind those of the others.
      }
    };
    stepper.step = pool.submit(millpond::with().callback(step), [] {});
  };
  for (Generator &generator : all) {
    step_later(steppers.emplace_back(Stepper{std::move(generator), {}}));
  }
  pool.close(); // Callbacks may still hand over more.
  while (pool.poll() > 0) {
  }
  return trace;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 1);
  const auto bound = program.size<std::uint64_t>(5, 8, 12);
  Log log(program.log_file);
  log.start("by hand");
  const Trace hand = by_hand(generators(bound));
  course::print_list(hand);
  log.step("by the event loop");
  const Trace loop = by_event_loop(program, generators(bound));
  course::print_list(loop);
  log.stop("end");
  return program.end(hand == loop && hand.size() > 2 * bound && hand[0] == 1 && hand[1] == bound && hand[3] == 4);
}
