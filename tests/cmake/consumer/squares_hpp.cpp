#include <millpond.hpp>

#include <iostream>
#include <vector>

int main() {
  millpond::pool pool(2);
  const std::vector<int> numbers{1, 2, 3, 4, 5};
  const char *gap = "";
  for (const int value : pool.map(numbers, [](int n) { return n * n; })) {
    std::cout << gap << value;
    gap = " ";
  }
  std::cout << "\n";
}
