// Which process and thread runs a task: threads are all of the program's process, processes each their own.
#include "course.hpp"

#include <sys/syscall.h>

using namespace std::chrono_literals;

struct Who {
  long process, thread;
  std::uint32_t worker;
};

static Who who_am_i(std::uint32_t worker) {
  return {getpid(), syscall(SYS_gettid), worker};
}

static int run(const course::Program &program) {
  const auto nap = program.size(10ms, 50ms, 50ms);
  const bool threads = program.mode == millpond::mode::threads;
  const Who host = who_am_i(POOL_NO_WORKER);
  std::vector<millpond::future<Who>> futures;
  std::vector<Who> all;
  millpond::pool pool(program.options());
  for (int i = 0; i < 8; i++) {
    futures.push_back(pool.submit([nap](millpond::task &task) {
      std::this_thread::sleep_for(nap); // Leaves the other tasks to other workers.
      return who_am_i(task.worker());
    }));
  }
  for (auto &future : futures) {
    all.push_back(future.get_for(1min)); // A wait with a time limit runs no task itself: all of them run on workers.
  }

  std::printf("%s: the main thread is %ld of process %ld\n", course::name_of(program.mode), host.thread, host.process);
  bool right = true;
  for (std::size_t i = 0; i < all.size(); i++) {
    const Who &one = all[i];
    std::printf("task %zu: worker %u, process %ld, thread %ld\n", i, one.worker, one.process, one.thread);
    right = right && one.thread != host.thread && (one.process == host.process) == threads;
    for (const Who &other : all) {
      const bool same_worker = one.worker == other.worker;
      right = right && (one.thread == other.thread) == same_worker;
      right = right && (one.process == other.process) == (threads || same_worker);
    }
  }
  return program.end(right);
}

int main(int argc, char **argv) {
  course::Program program(argc, argv, 4);
  Log log(program.log_file);
  int status = EXIT_SUCCESS;
  for (const auto mode : program.modes()) {
    program.mode = mode;
    log.start("start");
    status |= run(program);
    log.stop("end");
  }
  return status;
}
