// Watches the load of the CPUs that this program may use, in a thread of its own, for cpu_load.cpp.
#ifndef CPU_LOAD_HPP
#define CPU_LOAD_HPP

#include "course.hpp"

#include <atomic>
#include <fstream>
#include <sstream>

#include <dirent.h>

/// The load of each CPU in the time that ended then, from 0 to 1: by all, and by this program's processes alone.
struct Sample {
  double time;
  std::vector<double> all, own;
};

class Monitor {
public:
  Monitor(Log::clock::time_point start, course::seconds pause, std::vector<int> processes)
      : start_(start), pause_(pause), processes_(std::move(processes)) {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
    }
    thread_ = std::thread([this] { run(); });
  }
  ~Monitor() {
    stop();
  }
  Monitor(const Monitor &) = delete;
  Monitor &operator=(const Monitor &) = delete;
  /// From now on the samples may be looked at.
  void stop() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::vector<int> cpus; // the system's numbers of them
  std::vector<Sample> samples;

private:
  struct Ticks {
    double busy, all; // since the system was started
  };
  /// The lines of /proc/stat: cpu0, then the ticks as user, nice, system, idle, waiting for a disk, and more.
  std::vector<Ticks> read_all() const {
    std::vector<Ticks> ticks(cpus.size(), Ticks{0, 0});
    std::ifstream stat("/proc/stat");
    for (std::string line; std::getline(stat, line);) {
      std::istringstream words(line);
      std::string name;
      double part[8] = {};
      words >> name;
      for (double &one : part) words >> one;
      for (std::size_t i = 0; i < cpus.size(); i++) {
        if (name != "cpu" + std::to_string(cpus[i])) continue;
        const double busy = part[0] + part[1] + part[2] + part[5] + part[6] + part[7];
        ticks[i] = {busy, busy + part[3] + part[4]};
      }
    }
    return ticks;
  }
  /// What this program's threads have used since the last time, added to the CPUs that they ran on last.
  std::vector<double> read_own() {
    std::vector<double> own(cpus.size(), 0);
    for (const int process : processes_) {
      const std::string folder = "/proc/" + std::to_string(process) + "/task";
      DIR *const entries = opendir(folder.c_str());
      while (const dirent *const entry = entries != nullptr ? readdir(entries) : nullptr) {
        if (entry->d_name[0] != '.') read_thread(folder + "/" + entry->d_name + "/stat", own);
      }
      if (entries != nullptr) closedir(entries);
    }
    return own;
  }
  void read_thread(const std::string &name, std::vector<double> &own) {
    std::ifstream stat(name);
    std::string line;
    std::getline(stat, line);
    std::istringstream words(line.substr(line.rfind(')') + 1)); // From the third field on.
    std::string word;
    double used = 0;
    int cpu = -1;
    for (int field = 3; words >> word; field++) {
      if (field == 14 || field == 15) used += std::stod(word); // By itself, and by the system for it.
      if (field == 39) cpu = std::stoi(word);
    }
    double &before = threads_[name];
    const auto at = std::find(cpus.begin(), cpus.end(), cpu);
    if (at != cpus.end()) own[static_cast<std::size_t>(at - cpus.begin())] += used - before;
    before = used;
  }
  void run() {
    auto before = read_all();
    read_own();
    while (!ended_) {
      std::this_thread::sleep_for(pause_);
      const auto after = read_all();
      const auto own = read_own();
      Sample sample{course::since(start_).count(), {}, {}};
      for (std::size_t i = 0; i < cpus.size(); i++) {
        const double ticks = after[i].all - before[i].all;
        const double load = ticks > 0 ? (after[i].busy - before[i].busy) / ticks : 0;
        sample.all.push_back(load);
        sample.own.push_back(ticks > 0 ? std::min(own[i] / ticks, load) : 0); // Both are rounded.
      }
      samples.push_back(std::move(sample));
      before = after;
    }
  }
  Log::clock::time_point start_;
  course::seconds pause_;
  std::vector<int> processes_;
  std::map<std::string, double> threads_; // what each of them had used when it was seen last
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

#endif
