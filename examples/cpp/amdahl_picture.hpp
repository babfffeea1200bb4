// The picture of amdahl.cpp: speed-up over workers as measured, as the law predicts it and as fitted.
#ifndef AMDAHL_PICTURE_HPP
#define AMDAHL_PICTURE_HPP

#include "course.hpp"
#include "picture.hpp"

inline void draw_law(Picture &picture, const Axes &axes, const char *name, double p) {
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i <= 200; i++) {
    const double s = 1 + (axes.most_x - 1) * i / 200;
    points.emplace_back(axes.x(s), axes.y(course::amdahl(p, s)));
  }
  picture.path(name, points);
}

/// speedups[s - 1] was measured on s workers.
inline void draw_amdahl(const std::string &file_name, const char *workers, double p, double fitted,
                        const std::vector<double> &speedups) {
  const double right = static_cast<double>(std::max<std::size_t>(speedups.size(), 16));
  const double highest =
      std::max(course::amdahl(std::max(p, fitted), right), *std::max_element(speedups.begin(), speedups.end()));
  const double y_step = std::max(1.0, round_step(highest, 10));
  const double x_step = std::max(1.0, round_step(right, 16));
  // The axes end above what there is to see; the ideal line is cut off there.
  const Axes axes{70, 770, 80, 440, 1, right, y_step * (std::floor(highest * 1.1 / y_step) + 1)};
  Picture picture(
      file_name, 800, 540,
      ".ideal{stroke:#999;stroke-dasharray:2 5}.law{stroke:#1f77b4}.fit{stroke:#d95f02;stroke-dasharray:9 5}"
      "circle{fill:#d95f02;stroke:#fff}.over{fill:#fff;stroke:#d95f02}");
  picture.text("title", axes.left, 34,
               std::string("Amdahl&#8217;s law on ") + workers + ": " + short_number(100 * (1 - p)) +
                   " % of the job is serial");
  picture.text("", axes.left, 58,
               (p < 1 ? "on any number of workers at most " + short_number(1 / (1 - p)) + " times as fast"
                      : std::string("all of it can be divided")) +
                   (speedups.size() > course::cpus() ? " (hollow points: more workers than CPUs)" : ""));
  for (double y = 0; y <= axes.most_y; y += y_step) {
    picture.line("grid", axes.left, axes.y(y), axes.right, axes.y(y));
    picture.text("tick end", axes.left - 8, axes.y(y) + 4, short_number(y));
  }
  for (double x = 1; x <= right; x += x == 1 && x_step > 1 ? x_step - 1 : x_step) {
    picture.line("axis", axes.x(x), axes.bottom, axes.x(x), axes.bottom + 5);
    picture.text("tick mid", axes.x(x), axes.bottom + 20, short_number(x));
  }
  picture.path("axis", {{axes.left, axes.top}, {axes.left, axes.bottom}, {axes.right, axes.bottom}});
  picture.text("mid", (axes.left + axes.right) / 2, axes.bottom + 44, "workers");
  picture.text("mid", 0, 0, "speed-up", "transform='translate(26 260) rotate(-90)'");
  const double ideal = std::min(right, axes.most_y);
  picture.path("ideal", {{axes.x(1), axes.y(1)}, {axes.x(ideal), axes.y(ideal)}});
  draw_law(picture, axes, "law", p);
  draw_law(picture, axes, "fit", fitted);
  for (std::size_t s = 1; s <= speedups.size(); s++) {
    picture.circle(s > course::cpus() ? "over" : "", axes.x(static_cast<double>(s)), axes.y(speedups[s - 1]),
                   std::to_string(s) + " workers: " + short_number(speedups[s - 1]));
  }
  picture.line("ideal", 70, 515, 106, 515);
  picture.text("", 114, 520, "ideal");
  picture.line("law", 190, 515, 226, 515);
  picture.text("", 234, 520, "predicted, p = " + short_number(p));
  picture.line("fit", 400, 515, 436, 515);
  picture.text("", 444, 520, "fitted, p = " + short_number(fitted));
  picture.circle("", 610, 515);
  picture.text("", 624, 520, "measured");
  picture.close();
}

#endif
