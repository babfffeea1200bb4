// Several pages from a web server, which this program runs itself: one after the other, and at once.
#include "course.hpp"
#include "http_server.hpp"

using namespace std::chrono_literals;

// The text behind the headers, as long as it turns out to be; also from another process.
static std::string fetch(std::uint16_t port, const std::string &path) {
  const Socket connection = connect_to(port);
  connection.send("GET " + path + " HTTP/1.0\r\n\r\n");
  const std::string text = connection.read_until("");
  const auto body = text.find("\r\n\r\n");
  if (text.compare(0, 13, "HTTP/1.0 200 ") != 0 || body == std::string::npos) {
    throw std::runtime_error("no such page");
  }
  return text.substr(body + 4);
}

// Waits for a page and checks it: page /7 has seven lines.
static bool show(const std::string &path, millpond::future<std::string> &future) {
  const auto expected = std::atoi(path.c_str() + 1);
  try {
    const std::string text = future.get();
    const auto lines = std::count(text.begin(), text.end(), '\n');
    std::cout << path << ": " << lines << " lines, " << text.size() << " bytes\n";
    return lines == expected;
  } catch (const std::exception &error) {
    std::cout << path << ": " << error.what() << "\n";
    return expected == 0;
  }
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 8);
  const std::vector<std::string> pages{"/1", "/2", "/3", "/4", "/missing", "/6", "/7", "/8"};
  bool right = true;
  Log log(program.log_file);
  millpond::pool pool(program.options()); // Before the server's threads, as it may fork.
  const Server server(program.size(20ms, 250ms, 1000ms));

  log.start("one after the other, start");
  for (const auto &page : pages) {
    auto future = pool.submit(fetch, server.port(), page);
    right = show(page, future) && right;
  }
  const double sequential = log.stop("one after the other, end");

  log.start("at once, start");
  std::vector<millpond::future<std::string>> futures;
  for (const auto &page : pages) {
    futures.push_back(pool.submit(fetch, server.port(), page));
  }
  for (std::size_t i = 0; i < pages.size(); i++) {
    right = show(pages[i], futures[i]) && right;
  }
  const double parallel = log.stop("at once, end");
  return program.end_timed("fetch_all", sequential, parallel, 1.0, std::min(program.workers, 8U), right);
}
