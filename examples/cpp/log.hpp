// The course's Log: lines `HH:MM:SS| message = seconds`, seconds since the start, on the terminal and in a file.
#ifndef LOG_HPP
#define LOG_HPP

#include <chrono>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>

class Log {
public:
  using clock = std::chrono::steady_clock;

  /// file_name: empty for the terminal only.
  explicit Log(const std::string &file_name = {}) {
    if (!file_name.empty()) {
      file_.open(file_name);
      if (!file_) {
        throw std::runtime_error("cannot write " + file_name);
      }
    }
  }
  void start(const std::string &message) {
    start_ = clock::now();
    step(message);
  }
  /// One line, flushed: the reader watches it happen, also through a pipe. From any thread.
  void step(const std::string &message) {
    line(message, elapsed());
  }
  /// The last line of a measurement; returns the seconds since its start.
  double stop(const std::string &message) {
    const double seconds = elapsed();
    line(message, seconds);
    return seconds;
  }
  double elapsed() const {
    return std::chrono::duration<double>(clock::now() - start_).count();
  }

private:
  void line(const std::string &message, double seconds) {
    const std::lock_guard<std::mutex> guard(lock_);
    const std::time_t wall = std::time(nullptr);
    std::tm local{};
    localtime_r(&wall, &local);
    std::ostringstream text;
    text << std::put_time(&local, "%H:%M:%S") << "| " << message << " = " << std::fixed << std::setprecision(8)
         << seconds;
    std::cout << text.str() << std::endl;
    file_ << text.str() << '\n';
  }
  std::ofstream file_;
  std::mutex lock_;
  clock::time_point start_ = clock::now();
};

#endif
