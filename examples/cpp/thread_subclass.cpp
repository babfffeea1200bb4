// What other languages write as a subclass of Thread: an object with a function run() in a thread of its own.
#include "course.hpp"

using namespace std::chrono_literals;

// An object of any class that can run(). It runs on a copy, in a process as in a thread; the copy comes back.
template <class Object> class Thread {
public:
  explicit Thread(Object object) : object_(std::move(object)) {}
  void start(const course::Program &program) {
    const auto run = [](Object copy) {
      copy.run();
      return copy;
    };
    future_ = program.spawn(run, object_);
  }
  const Object &join() {
    object_ = future_.get();
    return object_;
  }

private:
  Object object_;
  millpond::future<Object> future_;
};

struct Countdown {
  int number, from, counted;

  void run() {
    for (int i = from; i > 0; i--) {
      std::printf("countdown %d: %d\n", number, i);
      std::fflush(stdout);
      std::this_thread::sleep_for(10ms);
      counted++;
    }
  }
};

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 3);
  const int steps = program.size(2, 20, 100);
  bool right = true;
  Log log(program.log_file);
  log.start("start");
  std::vector<Thread<Countdown>> threads;
  for (int i = 0; i < 3; i++) {
    threads.emplace_back(Countdown{i, steps + i, 0});
    threads.back().start(program);
  }
  for (auto &thread : threads) {
    const Countdown &countdown = thread.join();
    right = right && countdown.counted == steps + countdown.number;
  }
  log.stop("all joined");
  return program.end(right);
}
