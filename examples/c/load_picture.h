/* The picture of cpu_load.c: the load of each CPU over time, under a strip for each phase, in SVG. */
#ifndef LOAD_PICTURE_H
#define LOAD_PICTURE_H

#include "course.h"

typedef struct LoadPhase {
  const char *name;
  double begin, end; /* seconds */
} LoadPhase;

/* loads[k * cpus + i]: the load of CPU i, from 0 to 1, in the time that ended at times[k]; own: by this program alone. */
typedef struct LoadChart {
  const double *times, *loads, *own;
  size_t count, cpus;
  const int *names; /* the system's numbers of the CPUs */
  const LoadPhase *phases;
  size_t phase_count;
} LoadChart;

static const char load_style[] =
    "<style>text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#333}.title{font-size:19px}"
    ".tick{font-size:12px}.mid{text-anchor:middle}.end{text-anchor:end}"
    ".phase{fill:#f1f1f1}.frame{fill:none;stroke:#bbb}.load{fill:#c9d6e2}.own{fill:#1f77b4}</style>\n";

/* An area of steps, one for each sample. */
static inline void draw_area(FILE *svg, const LoadChart *chart, const double *loads, const char *class_name, size_t cpu,
                             double left, double scale, int base, int height) {
  double before = 0;
  fprintf(svg, "<path class='%s' d='M%.1f %d", class_name, left, base);
  for (size_t k = 0; k < chart->count; k++) {
    const double y = base - loads[k * chart->cpus + cpu] * height;
    fprintf(svg, "L%.1f %.1fL%.1f %.1f", left + before * scale, y, left + chart->times[k] * scale, y);
    before = chart->times[k];
  }
  fprintf(svg, "L%.1f %dZ'/>\n", left + before * scale, base);
}

static inline void draw_load(const char *file_name, const LoadChart *chart) {
  enum { LEFT = 90, RIGHT = 770, TOP = 90, GAP = 14 };
  const double end = chart->count > 0 ? chart->times[chart->count - 1] : 1;
  const int row = chart->cpus <= 8 ? 70 : 24;
  const int bottom = TOP + (int)chart->cpus * (row + GAP) - GAP;
  const double scale = (RIGHT - LEFT) / end;
  FILE *svg = fopen(file_name, "w");
  if (svg == NULL) {
    perror(file_name);
    exit(EXIT_FAILURE);
  }
  fprintf(svg, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 800 %d' width='800' height='%d'>\n%s", bottom + 90,
          bottom + 90, load_style);
  fprintf(svg, "<rect width='100%%' height='100%%' fill='#fff'/>\n");
  fprintf(svg, "<text class='title' x='%d' y='34'>The load of each CPU over time</text>\n", LEFT);
  for (size_t i = 0; i < chart->phase_count; i++) {
    const LoadPhase *phase = &chart->phases[i];
    const double x = LEFT + phase->begin * scale;
    const double width = (phase->end - phase->begin) * scale;
    fprintf(svg, "<rect class='phase' x='%.1f' y='%d' width='%.1f' height='%d'/>", x, TOP - 12, width,
            bottom - TOP + 12);
    fprintf(svg, "<text class='mid' x='%.1f' y='%d'>%s</text>\n", x + width / 2, TOP - 20, phase->name);
  }
  for (size_t cpu = 0; cpu < chart->cpus; cpu++) {
    const int base = TOP + (int)cpu * (row + GAP) + row;
    draw_area(svg, chart, chart->loads, "load", cpu, LEFT, scale, base, row);
    draw_area(svg, chart, chart->own, "own", cpu, LEFT, scale, base, row);
    fprintf(svg, "<rect class='frame' x='%d' y='%d' width='%d' height='%d'/>", LEFT, base - row, RIGHT - LEFT, row);
    fprintf(svg, "<text class='end' x='%d' y='%d'>CPU %d</text>\n", LEFT - 12, base - row / 2 + 5, chart->names[cpu]);
  }
  const double step = end > 40 ? 10 : end > 20 ? 5 : end > 8 ? 2 : end > 3 ? 1 : end > 1 ? 0.5 : 0.1;
  for (int tick = 0; tick * step <= end; tick++) {
    const double x = LEFT + tick * step * scale;
    fprintf(svg, "<text class='tick mid' x='%.1f' y='%d'>%g</text>\n", x, bottom + 20, tick * step);
  }
  fprintf(svg, "<text class='mid' x='%d' y='%d'>seconds</text>\n", (LEFT + RIGHT) / 2, bottom + 44);
  fprintf(svg, "<rect class='own' x='%d' y='%d' width='30' height='12'/>", LEFT, bottom + 64);
  fprintf(svg, "<text x='%d' y='%d'>by this program</text>", LEFT + 38, bottom + 75);
  fprintf(svg, "<rect class='load' x='%d' y='%d' width='30' height='12'/>", LEFT + 200, bottom + 64);
  fprintf(svg, "<text x='%d' y='%d'>by others</text>\n</svg>\n", LEFT + 238, bottom + 75);
  if (fclose(svg) != 0) {
    perror(file_name);
    exit(EXIT_FAILURE);
  }
}

#endif
