// millpond/remote.hpp: calls that go to worker processes.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_REMOTE_HPP
#define MILLPOND_REMOTE_HPP

#include <millpond/submit.hpp>

#include <cstring>
#include <unistd.h>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// Whether a call can go to another process, as it is.
template <class B> struct call_travels;
template <class F, class... Args> struct call_travels<bound<F, Args...>> {
  static constexpr bool whole = travels<F> && (travels<Args> && ...) && travels<typename bound<F, Args...>::result>;
  static constexpr bool by_value =
      fits_by_value<bound<F, Args...>> && fits_by_value<typename bound<F, Args...>::result>;
};

/// Says at compile time why a call cannot go to another process.
template <class F, class R, class... Args> constexpr void must_travel() {
  static_assert(travels<F>,
                "millpond: this function cannot go to another process. It must be a function, a lambda that captures "
                "only numbers and trivially copyable structs, by value, or have a millpond::serialize<>. Pass strings, "
                "vectors and the like as arguments instead of capturing them");
  static_assert(
      (travels<Args> && ...),
      "millpond: an argument cannot go to another process. Its type must be trivially copyable and no view of "
      "something else (string_view, reference_wrapper), or have a millpond::serialize<>, as strings, vectors, "
      "pairs, tuples, optionals, maps and sets have");
  static_assert(
      travels<R>,
      "millpond: the result cannot come back from another process. Its type must be trivially copyable and no "
      "view of something else, or have a millpond::serialize<>");
}

[[noreturn]] inline void cannot_travel() {
  raise(POOL_ERR_UNSUPPORTED, "this call cannot go to another process: the function, an argument or the result is "
                              "neither trivially copyable nor has it a millpond::serialize<>. millpond::process_pool "
                              "says at compile time which it is");
}

/// A result that is more than its bytes.
template <class R> void write_result(pool_task_t *raw, const R &value) {
  writer out;
  out << value;
  const std::string bytes = with_size(out);
  check(pool_task_set_result(raw, bytes.data(), bytes.size()));
}

/// A task whose call is in its argument, written out: a size, the function, its arguments. So is its result.
template <class B> struct written_call;
template <class F, class... Args> struct written_call<bound<F, Args...>> {
  using B = bound<F, Args...>;
  using R = typename B::result;

  static std::string write(const B &call) {
    writer out;
    out << call.f;
    write_pack(out, call.args);
    return with_size(out);
  }
  static std::int32_t run(const void *arg, void *result, pool_task_t *raw) {
    MILLPOND_TRY {
      task self(raw);
      reader in = reader_with_size(arg);
      F f = in.read<F>();
      B call{std::move(f), read_pack_of<Args...>::from(in)};
      if constexpr (fits_by_value<R>) {
        run_into<R>(result, [&]() -> decltype(auto) { return call(self); });
      } else {
        write_result<R>(raw, call(self));
      }
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return tell_current(raw);
    }
  }
};

template <class B> void fill_remote(pool_call_t &raw, const B &bound, std::string &bytes) {
  using R = typename B::result;
  raw.result_size = fits_by_value<R> ? size_by_value<R> : 0;
  if constexpr (call_travels<B>::by_value) {
    (void)bytes;
    raw.fn = run_value<B, tell_current>;
    raw.arg = &bound;
    raw.arg_size = sizeof bound;
  } else {
    bytes = written_call<B>::write(bound);
    raw.fn = written_call<B>::run;
    raw.arg = bytes.data();
    raw.arg_size = bytes.size();
  }
}

/// Submits a call to processes.
template <class B, class How>
std::int32_t submit_remote(pool_t *host, const How *attributes, const B &bound, future<typename B::result> &into) {
  using R = typename B::result;
  using Callback = typename How::callback_type;
  if constexpr (!call_travels<B>::whole) {
    cannot_travel();
  } else {
    pool_call_t raw = attributes != nullptr ? attributes->c_call() : pool_call_t(POOL_CALL_INIT);
    std::string bytes;
    fill_remote(raw, bound, bytes);
    if constexpr (std::is_same_v<Callback, no_callback>) {
      pool_future_t *handle = nullptr;
      const std::int32_t status = submit_raw(host, attributes == nullptr, raw, &handle);
      if (status == POOL_OK) {
        into = future_maker::make<R>(host, handle, nullptr, nullptr, true);
      }
      return status;
    } else {
      auto *const block = new callback_cell<R, Callback>(attributes->callback());
      return submit_cell<R, Callback>(host, attributes == nullptr, raw, block, nullptr, into);
    }
  }
}

/// Submits a call to processes that nobody waits for.
template <class B, class How> std::int32_t post_remote(pool_t *host, const How *attributes, const B &bound) {
  if constexpr (!call_travels<B>::whole) {
    cannot_travel();
  } else {
    pool_call_t raw = attributes != nullptr ? attributes->c_call() : pool_call_t(POOL_CALL_INIT);
    std::string bytes;
    fill_remote(raw, bound, bytes);
    cell *block = nullptr;
    if constexpr (How::has_callback) {
      using C = callback_cell<typename B::result, typename How::callback_type>;
      auto *const made = new C(attributes->callback());
      raw.callback = call_back<typename B::result, C>;
      raw.user_data = block = made;
    }
    const std::int32_t status = submit_raw(host, attributes == nullptr, raw, nullptr);
    if (status != POOL_OK) {
      cell::let_go(block);
    }
    return status;
  }
}

/// Whether a pool's tasks run in other processes, whatever it was asked for: MILLPOND_MODE may have said otherwise.
inline bool is_remote(pool_t *host) noexcept {
  const std::int32_t worker = pool_worker_pid(host, 0);
  return worker >= 0 && worker != static_cast<std::int32_t>(::getpid());
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
