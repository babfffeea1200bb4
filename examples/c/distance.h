/* Reads the places of the distance matrix, computes a row of it, and writes it; for distance*.c. */
#ifndef DISTANCE_H
#define DISTANCE_H

#include "course.h"

#include <math.h>

enum { MOST_PLACES = 1000 };

typedef struct Place {
  char name[40];
  double latitude, longitude; /* degrees, north and east positive */
} Place;

typedef struct Places {
  Place *list;
  size_t count;
} Places;

static inline FILE *open_file(const char *name, const char *mode) {
  FILE *file = fopen(name, mode);
  if (file == NULL) {
    perror(name);
    exit(EXIT_FAILURE);
  }
  return file;
}

/* Zeroed memory; ends the program if there is none. */
static inline void *allocate(size_t size) {
  void *memory = calloc(size + 1, 1);
  if (memory == NULL) {
    perror("calloc");
    exit(EXIT_FAILURE);
  }
  return memory;
}

/* The folder of the example's data: beside that of this source. */
static inline const char *data_folder(void) {
  static char folder[1024];
  const char *slash = strrchr(__FILE__, '/');
  snprintf(folder, sizeof folder, "%.*s../data", slash == NULL ? 0 : (int)(slash + 1 - __FILE__), __FILE__);
  return folder;
}

/* Reads locations_SIZE.csv, which has a line of headings; ends the program if it cannot. */
static inline Places read_places(const char *folder, const char *size) {
  char line[1100];
  Places places = {allocate(MOST_PLACES * sizeof(Place)), 0};
  snprintf(line, sizeof line, "%s/locations_%s.csv", folder, size);
  FILE *file = open_file(line, "r");
  for (size_t number = 0; places.count < MOST_PLACES && fgets(line, sizeof line, file) != NULL; number++) {
    Place *place = &places.list[places.count];
    char *comma = strchr(line, ',');
    if (number == 0 || comma == NULL) continue;
    snprintf(place->name, sizeof place->name, "%.*s", (int)(comma - line), line);
    place->latitude = strtod(comma + 1, &comma);
    place->longitude = strtod(comma + 1, NULL);
    places.count++;
  }
  fclose(file);
  return places;
}

/* The way from one place to another on a sphere, in kilometres, by the haversine formula. */
static inline double distance(const Place *a, const Place *b) {
  const double radius = 6371.0088; /* the Earth's, in the mean */
  const double degree = 3.14159265358979323846 / 180;
  const double north = sin((b->latitude - a->latitude) * degree / 2);
  const double east = sin((b->longitude - a->longitude) * degree / 2);
  const double h = north * north + cos(a->latitude * degree) * cos(b->latitude * degree) * east * east;
  return 2 * radius * asin(sqrt(h < 1 ? h : 1));
}

/* One calculation: from one place to each. */
static inline void distances_from(const Places *places, size_t from, double *row) {
  for (size_t i = 0; i < places->count; i++) {
    row[i] = distance(&places->list[from], &places->list[i]);
  }
}

static inline void write_headings(FILE *file, const Places *places) {
  for (size_t i = 0; i < places->count; i++) {
    fprintf(file, ",%s", places->list[i].name);
  }
  fputc('\n', file);
}

static inline void write_row(FILE *file, const Places *places, size_t from, const double *row) {
  fputs(places->list[from].name, file);
  for (size_t i = 0; i < places->count; i++) {
    /* NOLINTNEXTLINE(clang-analyzer-security.ArrayBound): a row is as long as the list of places */
    fprintf(file, ",%.3f", row[i]);
  }
  fputc('\n', file);
}

static inline void close_written(FILE *file, const char *name) {
  if (fclose(file) != 0) {
    perror(name);
    exit(EXIT_FAILURE);
  }
}

/* Whether two files are the same, byte for byte. */
static inline bool same_files(const char *a, const char *b) {
  FILE *one = open_file(a, "r");
  FILE *other = open_file(b, "r");
  int c = 0;
  bool same = true;
  while (same && c != EOF) {
    c = fgetc(one);
    same = c == fgetc(other);
  }
  fclose(one);
  fclose(other);
  return same;
}

#endif
