/* The picture of amdahl.c: speed-up over workers as measured, as the law predicts it and as fitted, in SVG. */
#ifndef AMDAHL_PICTURE_H
#define AMDAHL_PICTURE_H

#include "course.h"

enum { WIDTH = 800, HEIGHT = 540, LEFT = 70, RIGHT = 770, TOP = 80, BOTTOM = 440, LEGEND = 520 };

static const char picture_style[] =
    "<style>text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#333}.title{font-size:19px}"
    ".tick{font-size:12px}.mid{text-anchor:middle}.end{text-anchor:end}"
    "path,line{fill:none;stroke-width:2}.grid{stroke:#e4e4e4;stroke-width:1}"
    ".axis{stroke:#333;stroke-width:1}.ideal{stroke:#999;stroke-dasharray:2 5}"
    ".law{stroke:#1f77b4}.fit{stroke:#d95f02;stroke-dasharray:9 5}"
    "circle{fill:#d95f02;stroke:#fff;stroke-width:1.5}.over{fill:#fff;stroke:#d95f02}</style>\n";

static inline double x_of(double workers, double most) {
  return LEFT + (workers - 1) / (most - 1) * (RIGHT - LEFT);
}

static inline double y_of(double speedup, double most) {
  return BOTTOM - speedup / most * (BOTTOM - TOP);
}

static inline void draw_law(FILE *svg, const char *class_name, double p, double right, double top) {
  fprintf(svg, "<path class='%s' d='", class_name);
  for (int i = 0; i <= 200; i++) {
    const double s = 1.0 + (right - 1.0) * i / 200.0;
    fprintf(svg, "%c%.1f %.1f", i == 0 ? 'M' : 'L', x_of(s, right), y_of(amdahl(p, s), top));
  }
  fprintf(svg, "'/>\n");
}

/* speedups[s - 1] was measured on s workers. */
static inline void draw_amdahl(const char *file_name, const char *workers, double p, double fitted,
                               const double *speedups, uint32_t count, uint32_t cpus) {
  FILE *svg = fopen(file_name, "w");
  if (svg == NULL) {
    perror(file_name);
    exit(EXIT_FAILURE);
  }
  const uint32_t right = count > 16 ? count : 16;
  const uint32_t x_step = (right + 15) / 16;
  double highest = amdahl(p > fitted ? p : fitted, right);
  for (uint32_t s = 1; s <= count; s++) {
    highest = speedups[s - 1] > highest ? speedups[s - 1] : highest;
  }
  const uint32_t y_step = highest > 80 ? 20 : highest > 40 ? 10 : highest > 20 ? 5 : highest > 8 ? 2 : 1;
  /* The axes end above what there is to see; the ideal line is cut off there. */
  const uint32_t top = ((uint32_t)(highest * 1.1) / y_step + 1) * y_step;
  fprintf(svg, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d'>\n%s", WIDTH, HEIGHT,
          WIDTH, HEIGHT, picture_style);
  fprintf(svg, "<rect width='100%%' height='100%%' fill='#fff'/>\n<text class='title' x='%d' y='34'>", LEFT);
  fprintf(svg, "Amdahl&#8217;s law on %s: %.3g %% of the job is serial</text>\n", workers, 100 * (1 - p));
  fprintf(svg, "<text x='%d' y='58'>", LEFT);
  if (p < 1) {
    fprintf(svg, "on any number of workers at most %.3g times as fast", 1 / (1 - p));
  } else {
    fprintf(svg, "all of it can be divided");
  }
  fprintf(svg, "%s</text>\n", count > cpus ? " (hollow points: more workers than CPUs)" : "");
  for (uint32_t y = 0; y <= top; y += y_step) {
    fprintf(svg, "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>", LEFT, RIGHT, y_of(y, top), y_of(y, top));
    fprintf(svg, "<text class='tick end' x='%d' y='%.1f'>%" PRIu32 "</text>\n", LEFT - 8, y_of(y, top) + 4, y);
  }
  for (uint32_t x = 1; x <= right; x = x == 1 && x_step > 1 ? x_step : x + x_step) {
    fprintf(svg, "<line class='axis' x1='%.1f' x2='%.1f' y1='%d' y2='%d'/>", x_of(x, right), x_of(x, right), BOTTOM,
            BOTTOM + 5);
    fprintf(svg, "<text class='tick mid' x='%.1f' y='%d'>%" PRIu32 "</text>\n", x_of(x, right), BOTTOM + 20, x);
  }
  fprintf(svg, "<path class='axis' d='M%d %dV%dH%d'/>\n", LEFT, TOP, BOTTOM, RIGHT);
  fprintf(svg, "<text class='mid' x='%d' y='%d'>workers</text>\n", (LEFT + RIGHT) / 2, BOTTOM + 44);
  fprintf(svg, "<text class='mid' transform='translate(26 %d) rotate(-90)'>speed-up</text>\n", (TOP + BOTTOM) / 2);
  const double ideal_end = right < top ? right : top;
  fprintf(svg, "<path class='ideal' d='M%.1f %.1fL%.1f %.1f'/>\n", x_of(1, right), y_of(1, top), x_of(ideal_end, right),
          y_of(ideal_end, top));
  draw_law(svg, "law", p, right, top);
  draw_law(svg, "fit", fitted, right, top);
  for (uint32_t s = 1; s <= count; s++) {
    fprintf(svg, "<circle class='%s' cx='%.1f' cy='%.1f' r='5.5'><title>%" PRIu32 " workers: %.2f</title></circle>\n",
            s > cpus ? "over" : "", x_of(s, right), y_of(speedups[s - 1], top), s, speedups[s - 1]);
  }
  const char *classes[] = {"ideal", "law", "fit"};
  const char *labels[] = {"ideal", "predicted, p = ", "fitted, p = "};
  const double values[] = {1, p, fitted};
  const int places[] = {LEFT, LEFT + 120, LEFT + 330};
  for (int i = 0; i < 3; i++) {
    fprintf(svg, "<line class='%s' x1='%d' x2='%d' y1='%d' y2='%d'/>", classes[i], places[i], places[i] + 36,
            LEGEND - 5, LEGEND - 5);
    fprintf(svg, "<text x='%d' y='%d'>%s", places[i] + 44, LEGEND, labels[i]);
    fprintf(svg, i == 0 ? "</text>\n" : "%.3f</text>\n", values[i]);
  }
  fprintf(svg, "<circle cx='%d' cy='%d' r='5.5'/><text x='%d' y='%d'>measured</text>\n</svg>\n", LEFT + 540, LEGEND - 5,
          LEFT + 554, LEGEND);
  if (fclose(svg) != 0) {
    perror(file_name);
    exit(EXIT_FAILURE);
  }
}

#endif
