// A daemon works in the background and does not keep the program alive; what is joinable does, until it has ended.
#include "course.hpp"

#include <sys/wait.h>

using namespace std::chrono_literals;

// Works for a while, then says so through a pipe.
static void work(int to, std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
  if (write(to, "done", 4) != 4) throw std::runtime_error("cannot write");
}

// A program within this one: starts the work, has nothing else to do, and ends. Returns whether the work was done.
static bool run_program(const course::Program &program, millpond::lifetime until, std::chrono::milliseconds time) {
  int ends[2];
  char text[8];
  if (pipe(ends) != 0) throw std::runtime_error("cannot make a pipe");
  std::fflush(nullptr); // What is buffered would be written by the child as well.
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    static_cast<void>(millpond::spawn(program.options(), until, work, ends[1], time)); // The future is of no interest.
    std::exit(EXIT_SUCCESS);                                                           // As a return from main().
  }
  close(ends[1]);
  const bool done = read(ends[0], text, sizeof text) == 4; // Nothing: nobody is left that could write.
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return done;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 1);
  const auto time = program.size(100ms, 700ms, 5000ms);
  Log log(program.log_file);
  log.start("a program with a joinable worker");
  const bool joined = run_program(program, millpond::lifetime::joinable, time);
  const double first = log.stop(joined ? "ended after its work" : "ended before its work");
  log.start("a program with a daemon");
  const bool outlived = run_program(program, millpond::lifetime::daemon, 100 * time);
  const double second = log.stop(outlived ? "ended after its work" : "ended before its work");
  const double seconds = course::seconds(time).count();
  return program.end(joined && first >= seconds && !outlived && second < 100 * seconds);
}
