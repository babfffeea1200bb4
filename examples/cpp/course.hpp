// What the course's programs share: arguments, the job that they run, and the report at the end.
#ifndef COURSE_HPP
#define COURSE_HPP

#include "log.hpp"

#include <millpond.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sched.h>
#include <unistd.h>

namespace course {

/// Seconds that may be a fraction.
using seconds = std::chrono::duration<double>;

inline seconds since(Log::clock::time_point start) {
  return Log::clock::now() - start;
}

inline const char *name_of(millpond::mode mode) {
  return mode == millpond::mode::threads ? "threads" : "processes";
}

/// The CPUs that this process may use.
inline std::uint32_t cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return static_cast<std::uint32_t>(CPU_COUNT(&set));
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

/// Amdahl's law: how many times faster work is of which the share p can be divided among s.
inline double amdahl(double p, double s) {
  return 1 / ((1 - p) + p / s);
}

/// Adds 1..x. Reading the volatile step keeps the compiler from turning the loop into x * (x + 1) / 2.
inline std::uint64_t sum_all_values(std::uint64_t x) {
  const volatile std::uint64_t step = 1;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 1; i <= x; i += step) {
    sum += i;
  }
  return sum;
}

/// The same by formula: what every answer is checked against.
inline std::uint64_t sum_by_formula(std::uint64_t x) {
  return x % 2 == 0 ? x / 2 * (x + 1) : (x + 1) / 2 * x;
}

/// A function of each element, in this thread: what pool.map() is held against.
template <class Range, class F> auto each(const Range &range, F &&f) {
  std::vector<std::decay_t<decltype(f(*std::begin(range)))>> results;
  for (const auto &one : range) {
    results.push_back(f(one));
  }
  return results;
}

/// So many numbers from the first on.
inline std::vector<std::uint64_t> numbers_from(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

template <class Range> void print_list(const Range &values) {
  const char *before = "[";
  for (const auto &value : values) {
    std::cout << std::exchange(before, ", ") << value;
  }
  std::cout << "]\n";
}

/// A course's program: its arguments, and the verdict at its end.
class Program {
public:
  /// Reads the arguments; anything unknown ends the program with a usage line and 2. `own` are options that only this
  /// program has, with their defaults.
  Program(int argc, char **argv, std::uint32_t wanted, std::map<std::string, std::string> own = {})
      : workers(wanted), own_(std::move(own)) {
    std::set_terminate(fail);
    const std::vector<std::string> words(argv, argv + argc);
    name_ = words.empty() ? "example" : words[0].substr(words[0].rfind('/') + 1);
    for (std::size_t i = 1; i < words.size(); i++) {
      if (words[i] == "--help") {
        usage(std::cout);
        std::exit(EXIT_SUCCESS);
      } else if (words[i] == "--tiny" || words[i] == "--full") {
        size_ = words[i] == "--tiny" ? 0 : 2;
      } else if (i + 1 == words.size() || !take(words[i], words[i + 1])) {
        refuse();
      } else {
        i++;
      }
    }
  }

  std::uint32_t workers;
  millpond::mode mode = millpond::mode::threads;
  bool mode_given = false; // the user chose it; else a program may show both
  std::string log_file;    // empty: only the terminal

  /// One of the program's own options.
  const std::string &own(const std::string &option) const {
    return own_.at(option);
  }
  template <class T> T size(T tiny, T quick, T full) const {
    return size_ == 0 ? tiny : size_ == 1 ? quick : full;
  }
  /// The only place that knows the mode: whatever a program then does with its pool is the same in both.
  millpond::options options() const {
    return millpond::options().mode(mode).workers(workers);
  }
  /// One function in a thread or process of its own, as the mode says.
  template <class F, class... Args> auto spawn(F &&f, Args &&...args) const {
    return millpond::spawn(millpond::options().mode(mode), millpond::lifetime::joinable, std::forward<F>(f),
                           std::forward<Args>(args)...);
  }
  /// Those modes that a program which compares them shall run: both, unless the user chose.
  std::vector<millpond::mode> modes() const {
    if (mode_given) {
      return {mode};
    }
    return {millpond::mode::threads, millpond::mode::processes};
  }
  /// How many of `tasks` can compute at the same time.
  std::uint32_t at_once(std::size_t tasks) const {
    return std::min({workers, cpus(), static_cast<std::uint32_t>(tasks)});
  }
  /// The program with what it was not given: processes, where those are the point.
  Program in_processes() const {
    Program other = *this;
    if (!mode_given) {
      other.mode = millpond::mode::processes;
    }
    return other;
  }
  /// Ends the program with a usage line: an option of its own makes no sense.
  [[noreturn]] void refuse() const {
    usage(std::cerr);
    std::exit(2);
  }

  /// Prints the answer's verdict and the line that tools/demo.py reads; returns the program's exit status.
  int end(bool right) const {
    std::printf("RESULT name=%s mode=%s workers=%u cpus=%u checked=%d\n", name_.c_str(), name_of(mode), workers, cpus(),
                right ? 1 : 0);
    return verdict(name_, right);
  }
  /// As end(), for a program that is timed: the share p of its work was divided among at most at_once at a time.
  int end_timed(const std::string &name, double sequential, double pool, double p, std::uint32_t at_once,
                bool right) const {
    const double speedup = sequential / pool;
    std::printf("sequential %.4f s, %s %.4f s: %.2f times as fast with %u workers on %u CPUs\n", sequential,
                name_of(mode), pool, speedup, workers, cpus());
    std::printf("Amdahl's law for p = %.3f, %u at once: %.2f times\n", p, at_once, amdahl(p, at_once));
    if (speedup > 1.1 * at_once) {
      std::printf("more than %u at once can give: the machine was slower during the sequential run\n", at_once);
    }
    std::printf(
        "RESULT name=%s mode=%s sequential=%.6f pool=%.6f speedup=%.3f predicted=%.3f workers=%u cpus=%u checked=%d\n",
        name.c_str(), name_of(mode), sequential, pool, speedup, amdahl(p, at_once), workers, cpus(), right ? 1 : 0);
    return verdict(name, right);
  }

private:
  bool take(const std::string &option, const std::string &value) {
    if (option == "--workers") {
      const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
      const unsigned long count = digits ? std::strtoul(value.c_str(), nullptr, 10) : 0;
      workers = static_cast<std::uint32_t>(std::min<unsigned long>(count, POOL_MAX_WORKERS));
      return count >= 1 && count <= POOL_MAX_WORKERS;
    }
    if (option == "--mode") {
      mode = value == "threads" ? millpond::mode::threads : millpond::mode::processes;
      mode_given = true;
      return value == "threads" || value == "processes";
    }
    if (option == "--log") {
      log_file = value;
      return true;
    }
    const auto found = own_.find(option);
    if (found != own_.end()) {
      found->second = value;
    }
    return found != own_.end();
  }
  void usage(std::ostream &to) const {
    to << "usage: " << name_ << " [--tiny | --full] [--mode threads|processes] [--workers N] [--log FILE]";
    for (const auto &[option, value] : own_) {
      to << " [" << option << " " << (value.empty() ? "VALUE" : value) << "]";
    }
    to << "\n";
  }
  static int verdict(const std::string &name, bool right) {
    std::fflush(stdout);
    if (!right) {
      std::cerr << name << ": wrong answer\n";
    }
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  /// What nobody catches is a failure like any other: a sentence, and 1.
  [[noreturn]] static void fail() {
    try {
      if (const auto thrown = std::current_exception()) {
        std::rethrow_exception(thrown);
      }
    } catch (const std::exception &error) {
      std::cerr << error.what() << "\n";
    } catch (...) {
      std::cerr << "something was thrown that is no exception\n";
    }
    std::_Exit(EXIT_FAILURE);
  }

  std::string name_;
  int size_ = 1; // 0 tiny, 1 quick, 2 full
  std::map<std::string, std::string> own_;
};

} // namespace course

#endif
