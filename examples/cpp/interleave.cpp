// Two print lines letter by letter. What they print is mixed up, unless each locks the page for a whole line.
#include "course.hpp"

#include <optional>

using namespace std::chrono_literals;

// page: a pipe to the main thread.
static void print_lines(char letter, int page, std::size_t lines, std::optional<millpond::mutex_ref> lock) {
  for (std::size_t line = 0; line < lines; line++) {
    std::unique_lock<millpond::mutex_ref> guard;
    if (lock) guard = std::unique_lock(*lock);
    for (int i = 0; i <= 10; i++) {
      const char next = i < 10 ? letter : '\n';
      if (write(page, &next, 1) != 1) throw std::runtime_error("cannot write");
      std::this_thread::sleep_for(10us);
    }
  }
}

// Shows the first lines of what was printed; returns how many lines are whole: ten times the same letter.
static std::size_t print_together(const course::Program &program, std::optional<millpond::mutex_ref> lock,
                                  std::size_t lines) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("cannot make a pipe");
  // Spawned, not in a pool made before: so they know the pipe.
  auto a = program.spawn(print_lines, 'a', ends[1], lines, lock);
  auto b = program.spawn(print_lines, 'b', ends[1], lines, lock);
  std::size_t whole = 0;
  std::string line;
  for (std::size_t read_lines = 0; read_lines < 2 * lines;) {
    char next = 0;
    if (read(ends[0], &next, 1) != 1) break;
    line += next;
    if (next != '\n') continue;
    if (read_lines++ < 4) std::cout << line;
    whole += line == "aaaaaaaaaa\n" || line == "bbbbbbbbbb\n" ? 1 : 0;
    line.clear();
  }
  a.get();
  b.get();
  close(ends[0]);
  close(ends[1]);
  std::cout << (lock ? "with a" : "without a") << " lock: " << whole << " of " << 2 * lines << " lines are whole\n";
  return whole;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 2);
  const auto lines = program.size<std::size_t>(20, 500, 5000);
  const millpond::mutex lock;
  Log log(program.log_file);
  log.start("without a lock");
  print_together(program, std::nullopt, lines);
  log.step("with a lock");
  const auto whole = print_together(program, lock.ref(), lines);
  log.stop("end");
  return program.end(whole == 2 * lines);
}
