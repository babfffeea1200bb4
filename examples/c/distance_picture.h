/* The picture of distance_sweep.c: milliseconds over the size of the pool, in SVG. */
#ifndef DISTANCE_PICTURE_H
#define DISTANCE_PICTURE_H

#include "course.h"

enum { MOST_SIZES = 12 };

/* What was measured for each size of the pool: 1, 2, 4 and so on. */
typedef struct Sweep {
  const char *mode;
  double alone;             /* seconds without a pool */
  double there[MOST_SIZES]; /* on a pool that is there */
  double made[MOST_SIZES];  /* with making and closing the pool */
  size_t count;
} Sweep;

static const char sweep_style[] =
    "<style>text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#333}.title{font-size:19px}"
    ".tick{font-size:12px}.mid{text-anchor:middle}.end{text-anchor:end}"
    "path,line{fill:none;stroke-width:2}.grid{stroke:#e4e4e4;stroke-width:1}.axis{stroke:#333;stroke-width:1}"
    ".alone{stroke:#777;stroke-dasharray:6 4}.there{stroke:#1f77b4}.made{stroke:#d95f02}"
    "circle.there{fill:#1f77b4}circle.made{fill:#d95f02}</style>\n";

enum { SWEEP_LEFT = 80, SWEEP_RIGHT = 770, SWEEP_TOP = 80, SWEEP_BOTTOM = 420 };

static inline double sweep_x(const Sweep *sweep, size_t i) {
  return SWEEP_LEFT + 20 +
         (double)i * (SWEEP_RIGHT - SWEEP_LEFT - 40) / (double)(sweep->count > 1 ? sweep->count - 1 : 1);
}

static inline double sweep_y(double seconds, double most) {
  return SWEEP_BOTTOM - seconds / most * (SWEEP_BOTTOM - SWEEP_TOP);
}

static inline void draw_curve(FILE *svg, const Sweep *sweep, const double *seconds, const char *class_name,
                              double most) {
  fprintf(svg, "<path class='%s' d='", class_name);
  for (size_t i = 0; i < sweep->count; i++) {
    fprintf(svg, "%c%.1f %.1f", i == 0 ? 'M' : 'L', sweep_x(sweep, i), sweep_y(seconds[i], most));
  }
  fprintf(svg, "'/>\n");
  for (size_t i = 0; i < sweep->count; i++) {
    fprintf(svg, "<circle class='%s' cx='%.1f' cy='%.1f' r='5'/>", class_name, sweep_x(sweep, i),
            sweep_y(seconds[i], most));
  }
  fputc('\n', svg);
}

static inline void draw_sweep(const char *file_name, const Sweep *sweep, uint32_t cpus) {
  double most = sweep->alone;
  for (size_t i = 0; i < sweep->count; i++) {
    most = sweep->made[i] > most ? sweep->made[i] : most;
    most = sweep->there[i] > most ? sweep->there[i] : most;
  }
  double step = 1e-6; /* seconds between two lines of the grid: 1, 2 or 5 of some power of ten */
  for (int k = 0; most / step > 8; k++) {
    step *= k % 3 == 1 ? 2.5 : 2;
  }
  most = step * (double)((int)(most * 1.05 / step) + 1);
  FILE *svg = fopen(file_name, "w");
  if (svg == NULL) {
    perror(file_name);
    exit(EXIT_FAILURE);
  }
  fprintf(svg, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 800 510' width='800' height='510'>\n%s",
          sweep_style);
  fprintf(svg, "<rect width='100%%' height='100%%' fill='#fff'/>\n");
  fprintf(svg, "<text class='title' x='%d' y='34'>The distance matrix on pools of %s</text>\n", SWEEP_LEFT,
          sweep->mode);
  fprintf(svg, "<text x='%d' y='58'>milliseconds by the size of the pool, on %" PRIu32 " CPUs</text>\n", SWEEP_LEFT,
          cpus);
  for (int k = 0; k * step < most * 1.001; k++) {
    const double y = sweep_y(k * step, most);
    fprintf(svg, "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>", SWEEP_LEFT, SWEEP_RIGHT, y, y);
    fprintf(svg, "<text class='tick end' x='%d' y='%.1f'>%g</text>\n", SWEEP_LEFT - 8, y + 4, 1000 * k * step);
  }
  for (size_t i = 0; i < sweep->count; i++) {
    fprintf(svg, "<text class='tick mid' x='%.1f' y='%d'>%u</text>\n", sweep_x(sweep, i), SWEEP_BOTTOM + 20, 1u << i);
  }
  fprintf(svg, "<path class='axis' d='M%d %dV%dH%d'/>\n", SWEEP_LEFT, SWEEP_TOP, SWEEP_BOTTOM, SWEEP_RIGHT);
  fprintf(svg, "<text class='mid' x='%d' y='%d'>workers</text>\n", (SWEEP_LEFT + SWEEP_RIGHT) / 2, SWEEP_BOTTOM + 44);
  fprintf(svg, "<line class='alone' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>\n", SWEEP_LEFT, SWEEP_RIGHT,
          sweep_y(sweep->alone, most), sweep_y(sweep->alone, most));
  draw_curve(svg, sweep, sweep->made, "made", most);
  draw_curve(svg, sweep, sweep->there, "there", most);
  const char *classes[] = {"alone", "there", "made"};
  const char *labels[] = {"without a pool", "on a pool that is there", "with making and closing the pool"};
  const int places[] = {SWEEP_LEFT, SWEEP_LEFT + 180, SWEEP_LEFT + 400};
  for (int i = 0; i < 3; i++) {
    fprintf(svg, "<line class='%s' x1='%d' x2='%d' y1='490' y2='490'/>", classes[i], places[i], places[i] + 30);
    fprintf(svg, "<text x='%d' y='495'>%s</text>\n", places[i] + 38, labels[i]);
  }
  fprintf(svg, "</svg>\n");
  if (fclose(svg) != 0) {
    perror(file_name);
    exit(EXIT_FAILURE);
  }
}

#endif
