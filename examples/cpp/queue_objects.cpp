// Objects, not only numbers, from one process to another through a queue: with virtual functions, as their
// millpond::serialize<> writes them.
#include "course.hpp"

#include <memory>

struct Greeter {
  std::string name;
  int times;

  Greeter(std::string whom, int count) : name(std::move(whom)), times(count) {}
  virtual ~Greeter() = default;
  virtual bool is_loud() const = 0;
  virtual int greet() const = 0;
};

struct Polite : Greeter {
  using Greeter::Greeter;
  bool is_loud() const override {
    return false;
  }
  int greet() const override {
    std::cout << "process " << getpid() << ": good morning, " << name << std::endl;
    return times;
  }
};

struct Loud : Greeter {
  using Greeter::Greeter;
  bool is_loud() const override {
    return true;
  }
  int greet() const override {
    std::cout << "process " << getpid() << ": HELLO, " << name << "!" << std::endl;
    return 10 * times;
  }
};

using Object = std::unique_ptr<Greeter>;

// How an object goes from one process to another.
template <> struct millpond::serialize<Object> {
  static void write(writer &out, const Object &object) {
    out << object->is_loud() << object->name << object->times;
  }
  static Object read(reader &in) {
    const bool loud = in.read<bool>();
    auto name = in.read<std::string>();
    const int times = in.read<int>();
    if (loud) return std::make_unique<Loud>(std::move(name), times);
    return std::make_unique<Polite>(std::move(name), times);
  }
};

static void produce(millpond::queue_ref<Object> queue) {
  queue.put(std::make_unique<Polite>("Ada", 1));
  queue.put(std::make_unique<Loud>("Grace", 2));
  queue.put(std::make_unique<Polite>("Barbara", 3));
  queue.close(); // Nothing more comes: the consumer's loop ends after the last object.
}

static int consume(millpond::queue_ref<Object> queue) {
  int sum = 0;
  for (const Object &object : queue) {
    sum += object->greet();
  }
  return sum;
}

int main(int argc, char **argv) {
  const auto program = course::Program(argc, argv, 2).in_processes();
  Log log(program.log_file);
  log.start("start");
  const millpond::queue<Object> queue(2);
  auto consumer = program.spawn(consume, queue.ref());
  auto producer = program.spawn(produce, queue.ref());
  producer.get();
  const int sum = consumer.get();
  log.stop("end");
  return program.end(sum == 1 + 20 + 3);
}
