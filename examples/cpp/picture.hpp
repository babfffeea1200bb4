// Pictures in SVG: what the drawing programs share.
#ifndef PICTURE_HPP
#define PICTURE_HPP

#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

class Picture {
public:
  Picture(std::string file_name, int width, int height, const std::string &style)
      : file_name_(std::move(file_name)), svg_(file_name_) {
    svg_ << "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 " << width << " " << height << "' width='" << width
         << "' height='" << height << "'>\n<style>text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#333}"
         << ".title{font-size:19px}.tick{font-size:12px}.mid{text-anchor:middle}.end{text-anchor:end}"
         << "path,line{fill:none;stroke-width:2}.grid{stroke:#e4e4e4;stroke-width:1}.axis{stroke:#333;stroke-width:1}"
         << style << "</style>\n<rect width='100%' height='100%' fill='#fff'/>\n";
  }
  /// Ends the picture; throws if it could not be written.
  void close() {
    svg_ << "</svg>\n";
    svg_.close();
    if (!svg_) {
      throw std::runtime_error("cannot write " + file_name_);
    }
  }

  void text(const std::string &name, double x, double y, const std::string &words, const std::string &more = {}) {
    svg_ << "<text class='" << name << "' x='" << x << "' y='" << y << "' " << more << ">" << words << "</text>\n";
  }
  void line(const std::string &name, double x1, double y1, double x2, double y2) {
    svg_ << "<line class='" << name << "' x1='" << x1 << "' y1='" << y1 << "' x2='" << x2 << "' y2='" << y2 << "'/>\n";
  }
  void circle(const std::string &name, double x, double y, const std::string &title = {}) {
    svg_ << "<circle class='" << name << "' cx='" << x << "' cy='" << y << "' r='5'><title>" << title
         << "</title></circle>\n";
  }
  void rect(const std::string &name, double x, double y, double width, double height) {
    svg_ << "<rect class='" << name << "' x='" << x << "' y='" << y << "' width='" << width << "' height='" << height
         << "'/>\n";
  }
  void path(const std::string &name, const std::vector<std::pair<double, double>> &points, const char *end = "") {
    svg_ << "<path class='" << name << "' d='";
    char command = 'M';
    for (const auto &[x, y] : points) {
      svg_ << std::exchange(command, 'L') << x << " " << y;
    }
    svg_ << end << "'/>\n";
  }

private:
  std::string file_name_;
  std::ofstream svg_;
};

/// Where a picture's curves are, and what they show: x and y run from 0, or from `first_x`, to what they are at most.
struct Axes {
  double left, right, top, bottom; // on the page
  double first_x, most_x, most_y;

  double x(double value) const {
    return left + (value - first_x) / (most_x - first_x) * (right - left);
  }
  double y(double value) const {
    return bottom - value / most_y * (bottom - top);
  }
};

/// A number in as few digits as it needs.
inline std::string short_number(double value, int digits = 3) {
  std::ostringstream text;
  text.precision(digits);
  text << value;
  return text.str();
}

/// 1, 2 or 5 times a power of ten: so that at most `lines` of them reach `most`.
inline double round_step(double most, int lines) {
  const double power = std::pow(10.0, std::floor(std::log10(most / lines)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * power * lines >= most) {
      return digit * power;
    }
  }
  return 10 * power;
}

#endif
