// A small harness: named cases, and checks that end the process at the first failure. As that of tests/c.
//
// `./binary` runs every case, one after the other; `./binary NAME...` runs those; a case prints `ok NAME` or
// `FAILED NAME: file:line: ...`.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

namespace check {

struct one {
  const char *name;
  void (*body)();
};

inline std::vector<one> &cases() {
  static std::vector<one> all;
  return all;
}

inline const char *running = "?";

struct add {
  add(const char *name, void (*body)()) {
    cases().push_back({name, body});
  }
};

/// By _exit: a check may fail in a worker or a callback, from which nothing can unwind.
[[noreturn]] inline void fail(const char *file, int line, const std::string &what) {
  std::printf("FAILED %s: %s:%d: %s\n", running, file, line, what.c_str());
  std::fflush(stdout);
  ::_exit(1);
}

inline int main(int count, char **names) {
  for (const one &each : cases()) {
    bool wanted = count < 2;
    for (int i = 1; i < count; i++) {
      wanted = wanted || std::strcmp(names[i], each.name) == 0;
    }
    if (wanted) {
      running = each.name;
      each.body();
      std::printf("ok %s\n", each.name);
      std::fflush(stdout);
    }
  }
  return 0;
}

} // namespace check

#define CASE(name)                                                                                                     \
  static void name();                                                                                                  \
  static const check::add add_##name(#name, name);                                                                     \
  static void name()

#define CHECK(...) ((__VA_ARGS__) ? (void)0 : check::fail(__FILE__, __LINE__, #__VA_ARGS__))

/// The expression throws that type, and the condition about `e` holds.
#define CHECK_THROWS(expression, type, condition)                                                                      \
  do {                                                                                                                 \
    bool thrown = false;                                                                                               \
    try {                                                                                                              \
      (void)(expression);                                                                                              \
    } catch (const type &e) {                                                                                          \
      thrown = true;                                                                                                   \
      (void)e;                                                                                                         \
      CHECK(condition);                                                                                                \
    }                                                                                                                  \
    if (!thrown) {                                                                                                     \
      check::fail(__FILE__, __LINE__, #expression " throws no " #type);                                                \
    }                                                                                                                  \
  } while (0)

#endif
