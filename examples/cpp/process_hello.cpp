// One function in one new process, joined.
#include "course.hpp"

#include <cerrno>

#include <signal.h>

// What it writes to its memory stays in its process; its result is copied back.
static pid_t hello(const std::string &name) {
  std::cout << "hello " << name << ", this is process " << getpid() << std::endl;
  return getpid();
}

int main(int argc, char **argv) {
  const auto program = course::Program(argc, argv, 1).in_processes();
  Log log(program.log_file);

  log.start("start");
  auto future = program.spawn(hello, std::string("bob"));
  const pid_t other = future.get();
  millpond::join_spawned(); // Now the process is gone, too.
  log.stop("joined");

  const bool gone = kill(other, 0) != 0 && errno == ESRCH; // Signal 0 only asks whether there is such a process.
  std::cout << "the program is process " << getpid() << ", the function ran in process " << other << ", which "
            << (gone ? "is gone" : "is there") << "\n";
  // A thread would have run in this very process.
  const bool processes = program.mode == millpond::mode::processes;
  return program.end(processes ? other != getpid() && gone : other == getpid());
}
