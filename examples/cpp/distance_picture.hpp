// The picture of distance_sweep.cpp: milliseconds over the size of the pool.
#ifndef DISTANCE_PICTURE_HPP
#define DISTANCE_PICTURE_HPP

#include "course.hpp"
#include "picture.hpp"

/// What was measured for each size of the pool: 1, 2, 4 and so on.
struct Sweep {
  struct Size {
    std::uint32_t workers;
    double there, made; // seconds on a pool that is there, and with making and closing it
  };
  std::string mode;
  double alone; // seconds without a pool
  std::vector<Size> sizes;
};

inline void draw_sweep(const std::string &file_name, const Sweep &sweep) {
  double most = sweep.alone;
  for (const auto &size : sweep.sizes) {
    most = std::max({most, size.there, size.made});
  }
  const double step = round_step(most, 8);
  most = step * (std::floor(most * 1.05 / step) + 1);
  const Axes axes{80, 770, 80, 420, -0.5, static_cast<double>(sweep.sizes.size()) - 0.5, most};
  Picture picture(file_name, 800, 510,
                  ".alone{stroke:#777;stroke-dasharray:6 4}.there{stroke:#1f77b4}.made{stroke:#d95f02}"
                  "circle.there{fill:#1f77b4}circle.made{fill:#d95f02}");
  picture.text("title", axes.left, 34, "The distance matrix on pools of " + sweep.mode);
  picture.text("", axes.left, 58,
               "milliseconds by the size of the pool, on " + std::to_string(course::cpus()) + " CPUs");
  for (int k = 0; k * step < most * 1.001; k++) {
    picture.line("grid", axes.left, axes.y(k * step), axes.right, axes.y(k * step));
    picture.text("tick end", axes.left - 8, axes.y(k * step) + 4, short_number(1000 * k * step));
  }
  std::vector<std::pair<double, double>> there;
  std::vector<std::pair<double, double>> made;
  for (const auto &size : sweep.sizes) {
    const double x = axes.x(static_cast<double>(there.size()));
    there.emplace_back(x, axes.y(size.there));
    made.emplace_back(x, axes.y(size.made));
    picture.text("tick mid", x, axes.bottom + 20, std::to_string(size.workers));
    picture.circle("there", there.back().first, there.back().second);
    picture.circle("made", made.back().first, made.back().second);
  }
  picture.path("axis", {{axes.left, axes.top}, {axes.left, axes.bottom}, {axes.right, axes.bottom}});
  picture.text("mid", (axes.left + axes.right) / 2, axes.bottom + 44, "workers");
  picture.line("alone", axes.left, axes.y(sweep.alone), axes.right, axes.y(sweep.alone));
  picture.path("made", made);
  picture.path("there", there);
  picture.line("alone", 80, 490, 110, 490);
  picture.text("", 118, 495, "without a pool");
  picture.line("there", 260, 490, 290, 490);
  picture.text("", 298, 495, "on a pool that is there");
  picture.line("made", 480, 490, 510, 490);
  picture.text("", 518, 495, "with making and closing the pool");
  picture.close();
}

#endif
