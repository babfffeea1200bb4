// One waits for an event, another sets it after three seconds.
#include "course.hpp"

using namespace std::chrono_literals;

// Returns how long it has waited.
static double wait_for_it(millpond::event_ref event) {
  const auto start = Log::clock::now();
  while (!event.wait_for(200ms)) {
    std::cout << "not yet" << std::endl;
  }
  return course::since(start).count();
}

static void set_it(millpond::event_ref event, std::chrono::milliseconds later) {
  std::this_thread::sleep_for(later);
  event.set();
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 2);
  const auto later = program.size(50ms, 500ms, 3000ms);
  Log log(program.log_file);
  const millpond::event event; // Its ref() is all that there is to hand on, also to processes.
  log.start("start");
  auto waiter = program.spawn(wait_for_it, event.ref());
  auto setter = program.spawn(set_it, event.ref(), later);
  setter.get();
  log.step("the event is set");
  const double waited = waiter.get();
  const double took = log.stop("nobody waits any more");
  std::printf("waited for %.4f s\n", waited);
  return program.end(took >= course::seconds(later).count() && waited > 0);
}
