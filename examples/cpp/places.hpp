// Reads the places of the distance matrix, computes a row of it, and writes it; for distance*.cpp.
#ifndef PLACES_HPP
#define PLACES_HPP

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Place {
  std::string name;
  double latitude, longitude; // degrees, north and east positive
};

using Row = std::vector<double>; // kilometres to each of the places

/// The folder of the example's data: beside that of this source.
inline std::string data_folder() {
  const std::string here = __FILE__;
  return here.substr(0, here.rfind('/') + 1) + "../data";
}

/// Reads locations_SIZE.csv, which has a line of headings.
inline std::vector<Place> read_places(const std::string &folder, const std::string &size) {
  const std::string name = folder + "/locations_" + size + ".csv";
  std::ifstream file(name);
  std::string line;
  if (!std::getline(file, line)) {
    throw std::runtime_error("cannot read " + name);
  }
  std::vector<Place> places;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    Place place;
    char comma = 0;
    std::getline(fields, place.name, ',');
    if (fields >> place.latitude >> comma >> place.longitude) {
      places.push_back(place);
    }
  }
  return places;
}

/// The way from one place to another on a sphere, in kilometres, by the haversine formula.
inline double distance(const Place &a, const Place &b) {
  const double radius = 6371.0088; // The Earth's, in the mean.
  const double degree = std::acos(-1.0) / 180;
  const double north = std::sin((b.latitude - a.latitude) * degree / 2);
  const double east = std::sin((b.longitude - a.longitude) * degree / 2);
  const double h = north * north + std::cos(a.latitude * degree) * std::cos(b.latitude * degree) * east * east;
  return 2 * radius * std::asin(std::sqrt(std::min(h, 1.0)));
}

/// One calculation: from one place to each.
inline Row distances_from(const std::vector<Place> &places, std::size_t from) {
  Row row;
  row.reserve(places.size());
  for (const Place &place : places) {
    row.push_back(distance(places[from], place));
  }
  return row;
}

/// Writes the matrix as a file, row by row.
class MatrixFile {
public:
  MatrixFile(const std::string &name, const std::vector<Place> &places) : places_(places), file_(name) {
    if (!file_) {
      throw std::runtime_error("cannot write " + name);
    }
    for (const Place &place : places) {
      file_ << ',' << place.name;
    }
    file_ << '\n';
  }
  void write(std::size_t from, const Row &row) {
    char number[32];
    file_ << places_[from].name;
    for (const double km : row) {
      std::snprintf(number, sizeof number, ",%.3f", km);
      file_ << number;
    }
    file_ << '\n';
  }

private:
  const std::vector<Place> &places_;
  std::ofstream file_;
};

inline void write_matrix(const std::string &name, const std::vector<Place> &places, const std::vector<Row> &rows) {
  MatrixFile file(name, places);
  for (std::size_t from = 0; from < rows.size(); from++) {
    file.write(from, rows[from]);
  }
}

/// Whether two files are the same, byte for byte.
inline bool same_files(const std::string &a, const std::string &b) {
  std::ifstream one(a, std::ios::binary);
  std::ifstream other(b, std::ios::binary);
  using bytes = std::istreambuf_iterator<char>;
  return one && other && std::equal(bytes(one), bytes(), bytes(other), bytes());
}

#endif
