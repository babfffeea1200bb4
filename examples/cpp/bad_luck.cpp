// Ten tasks, each of which throws with probability 0.3: results and errors as they complete, first by asking the
// futures again and again whether they are ready, then one after the other as they become so.
#include "course.hpp"

#include <random>

using namespace std::chrono_literals;

struct Job {
  unsigned number, seed;
  std::chrono::milliseconds nap; // so that they do not end in order
};

struct Done {
  long pid;
  unsigned square;
};

// What the dice say: the same in the task and in the check.
static bool is_unlucky(const Job &job) {
  std::minstd_rand dice(job.seed * 10 + job.number + 1);
  dice.discard(2);
  return dice() % 10 < 3;
}

static Done try_it(const Job &job) {
  std::this_thread::sleep_for(job.nap);
  if (is_unlucky(job)) {
    throw std::runtime_error("Bad luck!");
  }
  return {getpid(), job.number * job.number};
}

// Prints how a task ended; returns whether that is what the dice said.
static bool show(const course::Program &program, const Job &job, millpond::future<Done> &future) {
  std::string why;
  try {
    const Done done = future.get();
    std::printf("%u squared is %u, says process %ld\n", job.number, done.square, done.pid);
    return !is_unlucky(job) && done.square == job.number * job.number &&
           (done.pid == getpid()) == (program.mode == millpond::mode::threads);
  } catch (const millpond::task_error &error) { // From another process come the type's name and the message.
    why = error.message();
  } catch (const std::runtime_error &error) { // From a thread comes the exception itself.
    why = error.what();
  }
  std::printf("%u failed: %s\n", job.number, why.c_str());
  return is_unlucky(job) && why == "Bad luck!";
}

static std::vector<millpond::future<Done>> submit(millpond::pool &pool, const std::vector<Job> &jobs) {
  std::vector<millpond::future<Done>> futures;
  for (const Job &job : jobs) {
    futures.push_back(pool.submit(try_it, job));
  }
  return futures;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4, {{"--seed", "1"}});
  const auto seed = static_cast<unsigned>(std::strtoul(program.own("--seed").c_str(), nullptr, 10));
  const auto nap = program.size(5ms, 50ms, 500ms);
  std::vector<Job> jobs;
  for (unsigned i = 0; i < 10; i++) {
    jobs.push_back({i, seed, nap * (1 + i * 7 % 10)});
  }
  bool right = true;
  Log log(program.log_file);
  millpond::pool pool(program.options());

  log.start("polling, start");
  auto futures = submit(pool, jobs);
  for (std::size_t left = jobs.size(); left > 0;) {
    for (std::size_t i = 0; i < jobs.size(); i++) {
      if (futures[i].valid() && futures[i].ready()) {
        right = show(program, jobs[i], futures[i]) && right;
        left--;
      }
    }
    std::this_thread::sleep_for(5ms); // The main thread is free for other things between two rounds.
  }

  log.step("as completed, start");
  futures = submit(pool, jobs);
  for (auto &future : millpond::as_completed(futures)) { // The next one that is ready, whichever it is.
    right = show(program, jobs[static_cast<std::size_t>(&future - futures.data())], future) && right;
  }
  log.stop("end");
  return program.end(right);
}
