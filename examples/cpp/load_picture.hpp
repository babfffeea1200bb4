// The picture of cpu_load.cpp: the load of each CPU over time, under a strip for each phase.
#ifndef LOAD_PICTURE_HPP
#define LOAD_PICTURE_HPP

#include "cpu_load.hpp"
#include "picture.hpp"

struct Phase {
  std::string name;
  double begin, end; // seconds
};

inline void draw_load(const std::string &file_name, const Monitor &monitor, const std::vector<Phase> &phases) {
  const double left = 90, right = 770, top = 90, gap = 14;
  const double end = monitor.samples.empty() ? 1 : monitor.samples.back().time;
  const double height = monitor.cpus.size() <= 8 ? 70 : 24;
  const double bottom = top + static_cast<double>(monitor.cpus.size()) * (height + gap) - gap;
  const auto x = [&](double time) { return left + time / end * (right - left); };
  Picture picture(file_name, 800, static_cast<int>(bottom) + 90,
                  ".phase{fill:#f1f1f1}.frame{fill:none;stroke:#bbb}.load{fill:#c9d6e2}.own{fill:#1f77b4}");
  picture.text("title", left, 34, "The load of each CPU over time");
  for (const Phase &phase : phases) {
    picture.rect("phase", x(phase.begin), top - 12, x(phase.end) - x(phase.begin), bottom - top + 12);
    picture.text("mid", x((phase.begin + phase.end) / 2), top - 20, phase.name);
  }
  for (std::size_t cpu = 0; cpu < monitor.cpus.size(); cpu++) {
    const double base = top + static_cast<double>(cpu) * (height + gap) + height;
    for (const auto &[name, loads] : {std::pair{"load", &Sample::all}, std::pair{"own", &Sample::own}}) {
      std::vector<std::pair<double, double>> steps{{left, base}};
      for (const Sample &sample : monitor.samples) {
        const double y = base - (sample.*loads)[cpu] * height;
        steps.emplace_back(steps.back().first, y);
        steps.emplace_back(x(sample.time), y);
      }
      steps.emplace_back(steps.back().first, base);
      picture.path(name, steps, "Z");
    }
    picture.rect("frame", left, base - height, right - left, height);
    picture.text("end", left - 12, base - height / 2 + 5, "CPU " + std::to_string(monitor.cpus[cpu]));
  }
  const double step = round_step(end, 10);
  for (int tick = 0; tick * step <= end; tick++) {
    picture.text("tick mid", x(tick * step), bottom + 20, short_number(tick * step));
  }
  picture.text("mid", (left + right) / 2, bottom + 44, "seconds");
  picture.rect("own", left, bottom + 64, 30, 12);
  picture.text("", left + 38, bottom + 75, "by this program");
  picture.rect("load", left + 200, bottom + 64, 30, 12);
  picture.text("", left + 238, bottom + 75, "by others");
  picture.close();
}

#endif
