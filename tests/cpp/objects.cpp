// Locks, queues and their like; spawned functions; values of each worker's own; the log.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <mutex>
#include <string>

namespace {

template <class F> void in_both(F &&f) {
  for (const auto where : {millpond::mode::threads, millpond::mode::processes}) {
    millpond::pool pool(millpond::options().mode(where).workers(2));
    f(pool);
  }
}

struct record {
  int a;
  int b;
};

CASE(locks) {
  in_both([](millpond::pool &pool) {
    millpond::mutex mutex(pool);
    const millpond::shared<record> shared(pool);
    pool.for_each(0, 200, [l = mutex.ref(), at = shared.get()](int) mutable {
      const std::lock_guard<millpond::mutex_ref> guard(l);
      at->a++;
      at->b++;
    });
    CHECK(shared->a == 200 && shared->b == 200);
    CHECK(mutex.lock() == millpond::acquired::well);
    CHECK_THROWS(mutex.lock(), millpond::deadlock, true);
    mutex.unlock();
    CHECK(mutex.try_lock_for(std::chrono::milliseconds(1)));
    CHECK(!pool.submit([l = mutex.ref()]() mutable { return l.try_lock(); }).get_for(std::chrono::seconds(60)));
    mutex.unlock();
  });
  auto twice = millpond::mutex::recursive();
  twice.lock();
  CHECK(twice.try_lock());
  twice.unlock();
  twice.unlock();
  millpond::mutex moved(std::move(twice));
  const std::unique_lock<millpond::mutex> guard(moved);
}

CASE(a_lock_that_a_dead_process_has_left) {
  millpond::process_pool pool(1);
  millpond::mutex mutex(pool);
  CHECK_THROWS(pool.apply([l = mutex.ref()]() mutable {
    l.lock();
    ::_exit(1);
  }),
               millpond::worker_died, true);
  CHECK(mutex.lock() == millpond::acquired::after_a_death);
  mutex.unlock();
}

CASE(conditions) {
  in_both([](millpond::pool &pool) {
    millpond::mutex mutex(pool);
    millpond::condition changed(pool);
    const millpond::shared<record> shared(pool);
    auto told = pool.submit([l = mutex.ref(), c = changed.ref(), at = shared.get()]() mutable {
      const std::lock_guard<millpond::mutex_ref> guard(l);
      at->a = 1;
      c.notify_all();
    });
    {
      const std::unique_lock<millpond::mutex> guard(mutex);
      changed.wait(guard, [&] { return shared->a == 1; });
      CHECK(!changed.wait_for(guard, std::chrono::milliseconds(5), [&] { return shared->b == 1; }));
    }
    told.get();
  });
}

CASE(events_semaphores_barriers_counters) {
  in_both([](millpond::pool &pool) {
    millpond::event event(pool);
    auto waits = pool.submit([e = event.ref()]() mutable { e.wait(); });
    CHECK(!event.is_set() && !event.wait_for(std::chrono::milliseconds(5)));
    event.set();
    waits.get();
    event.clear();

    millpond::semaphore two(pool, 2);
    two.acquire();
    CHECK(two.try_acquire() && !two.try_acquire());
    pool.apply([s = two.ref()]() mutable { s.release(2); });
    two.acquire();

    millpond::barrier barrier(pool, 2);
    auto other = pool.submit([b = barrier.ref()]() mutable { return b.wait(); });
    CHECK(barrier.wait() + other.get() == 1);
    CHECK_THROWS(barrier.wait_for(std::chrono::milliseconds(1)), millpond::timeout, true);
    CHECK_THROWS(barrier.wait(), millpond::broken, true);
    barrier.reset();
    CHECK(barrier.waiting() == 0);

    millpond::counter counter(pool, 1);
    pool.for_each(0, 100, [c = counter.ref()](int) mutable { c += 2; });
    CHECK(counter.get() == 201 && counter.exchange(5) == 201);
    std::int64_t expected = 4;
    CHECK(!counter.compare_exchange(expected, 6) && expected == 5);
    CHECK(counter.compare_exchange(expected, 6) && ++counter == 7);
  });
}

CASE(queues) {
  in_both([](millpond::pool &pool) {
    millpond::queue<int> in(pool, 5);
    millpond::queue<std::string> out(pool, 5, 100);
    std::vector<millpond::future<void>> workers;
    for (int i = 0; i < 2; i++) {
      workers.push_back(pool.submit([i = in.ref(), o = out.ref()]() mutable {
        for (const int item : i) {
          o.put(std::to_string(item * item));
          i.task_done();
        }
      }));
    }
    for (int i = 0; i < 5; i++) in.put(i);
    in.join();
    CHECK(out.size() == 5);
    int sum = 0;
    while (auto text = out.get_for(std::chrono::milliseconds(0))) sum += std::stoi(*text);
    CHECK(sum == 30);
    in.close();
    for (auto &worker : workers) worker.get();
    CHECK(!in.get().has_value());
    CHECK_THROWS(in.put(1), millpond::closed, true);
    CHECK(out.try_get(std::chrono::milliseconds(0)).status() == POOL_ERR_TIMEOUT);
    CHECK_THROWS(out.put(std::string(1000, 'x')), millpond::error, e.status() == POOL_ERR_SIZE);
  });
}

CASE(spawned) {
  auto process =
      millpond::spawn([](std::string who) { return who + std::to_string(::getpid() > 0); }, std::string("you"));
  CHECK(process.get() == "you1");
  const int here = ::getpid();
  CHECK(millpond::spawn([] { return ::getpid(); }).get() != here);
  auto thread = millpond::spawn(
      millpond::options().name("own"), [](std::unique_ptr<int> p) { return *p; }, std::make_unique<int>(5));
  CHECK(thread.get() == 5);
  auto fails =
      millpond::spawn(millpond::options(), millpond::lifetime::daemon, [] { throw std::out_of_range("thread"); });
  CHECK_THROWS(fails.get(), std::out_of_range, true);
  auto hangs = millpond::spawn(millpond::lifetime::daemon, [] { ::pause(); });
  CHECK(hangs.kill());
  CHECK_THROWS(hangs.get(), millpond::cancelled, true);
  CHECK(millpond::join_spawned());
}

CASE(values_of_each_worker) {
  std::atomic<int> made{0};
  const millpond::local<int> counts([&made] {
    ++made;
    return 0;
  });
  millpond::pool pool(2);
  pool.for_each(0, 1000, [&counts](int) { ++*counts; });
  CHECK(made >= 1 && made <= 3);
  const millpond::local<int> fails([]() -> int { throw std::out_of_range("none"); });
  CHECK_THROWS(*fails, std::out_of_range, true);
}

CASE(the_log) {
  std::atomic<int> told{0};
  millpond::set_log(millpond::log_level::info,
                    [&told](millpond::log_level level, std::string_view, std::string_view text) {
                      told += level == millpond::log_level::info && !text.empty() ? 1 : 0;
                    });
  {
    millpond::pool pool(1);
    pool.submit([] {}).get();
  }
  millpond::set_log(millpond::log_level::none, nullptr);
  CHECK(told > 0);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
