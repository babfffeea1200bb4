// Two locks taken in opposite order by two: each has what the other waits for. It is detected; then it is cured.
#include "course.hpp"

#include <optional>

using namespace std::chrono_literals;
using millpond::mutex_ref;

// Takes the locks in this order; whether it got both. `between`: where the two wait for each other after the first lock.
static bool take_both(const char *name, mutex_ref first, mutex_ref second,
                      std::optional<millpond::barrier_ref> between) {
  const std::lock_guard guard(first);
  if (between) between->wait(); // Now the other one has a lock, too.
  try {
    if (second.try_lock_for(10s)) {
      const std::lock_guard both(second, std::adopt_lock);
      std::cout << name << " has both locks" << std::endl;
      return true;
    }
  } catch (const millpond::deadlock &why) {
    std::cout << name << " gives up: " << why.what() << std::endl;
  }
  return false;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 2);
  const millpond::mutex pen;
  const millpond::mutex paper;
  const millpond::barrier between(2);
  Log log(program.log_file);

  log.start("in opposite order");
  auto alice = program.spawn(take_both, "alice", pen.ref(), paper.ref(), std::optional(between.ref()));
  auto bob = program.spawn(take_both, "bob", paper.ref(), pen.ref(), std::optional(between.ref()));
  const int stuck = alice.get() + bob.get();
  log.step("in the same order");
  alice = program.spawn(take_both, "alice", pen.ref(), paper.ref(), std::nullopt);
  bob = program.spawn(take_both, "bob", pen.ref(), paper.ref(), std::nullopt);
  const int cured = alice.get() + bob.get();
  log.stop("end");
  return program.end(stuck < 2 && cured == 2);
}
