// The web server of fetch_all.cpp: on a port of this machine only, each page after a pause, as from far away.
#ifndef HTTP_SERVER_HPP
#define HTTP_SERVER_HPP

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/// A socket of this process.
class Socket {
public:
  explicit Socket(int number) : number_(number) {
    if (number < 0) {
      throw std::system_error(errno, std::generic_category(), "socket");
    }
  }
  Socket(Socket &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Socket &operator=(Socket &&) = delete;
  ~Socket() {
    if (number_ >= 0) {
      close(number_);
    }
  }
  /// Sends all of it; a client that has gone is the client's affair.
  void send(const std::string &text) const {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t more = ::send(number_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (more <= 0) return;
      sent += static_cast<std::size_t>(more);
    }
  }
  /// Reads until the other side closes the connection, or until `end` was read.
  std::string read_until(const std::string &end) const {
    std::string text;
    char bytes[512];
    while (end.empty() || text.find(end) == std::string::npos) {
      const ssize_t got = read(number_, bytes, sizeof bytes);
      if (got <= 0) break;
      text.append(bytes, static_cast<std::size_t>(got));
    }
    return text;
  }
  int number() const {
    return number_;
  }

private:
  int number_;
};

inline sockaddr_in local_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline Socket connect_to(std::uint16_t port) {
  Socket connection(socket(AF_INET, SOCK_STREAM, 0));
  const auto address = local_address(port);
  if (connect(connection.number(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), "connect");
  }
  return connection;
}

/// Serves from its making to its end.
class Server {
public:
  explicit Server(std::chrono::milliseconds pause) : listener_(socket(AF_INET, SOCK_STREAM, 0)), pause_(pause) {
    auto address = local_address(0);
    socklen_t size = sizeof address;
    auto *const at = reinterpret_cast<sockaddr *>(&address);
    if (bind(listener_.number(), at, size) != 0 || listen(listener_.number(), 64) != 0 ||
        getsockname(listener_.number(), at, &size) != 0) {
      throw std::system_error(errno, std::generic_category(), "HTTP server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    shutdown(listener_.number(), SHUT_RDWR); // accept() returns
    thread_.join();
  }
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;
  std::uint16_t port() const {
    return port_;
  }

private:
  /// A thread for each connection, until the listener is shut down.
  void serve() {
    std::vector<std::thread> threads;
    for (int client = 0; (client = accept(listener_.number(), nullptr, nullptr)) >= 0;) {
      threads.emplace_back([this, connection = Socket(client)] { answer(connection); });
    }
    for (auto &thread : threads) {
      thread.join();
    }
  }
  /// The page of `/5` has five lines, what is no number is not found.
  void answer(const Socket &connection) const {
    const std::string request = connection.read_until("\r\n\r\n");
    std::this_thread::sleep_for(pause_);
    const int lines = request.compare(0, 5, "GET /") == 0 ? std::atoi(request.c_str() + 5) : 0;
    std::string page = lines > 0 ? "HTTP/1.0 200 OK\r\n\r\n" : "HTTP/1.0 404 Not Found\r\n\r\n";
    for (int i = 1; i <= lines; i++) {
      page += "line " + std::to_string(i) + " of page " + std::to_string(lines) + "\n";
    }
    connection.send(page);
  }
  Socket listener_;
  std::chrono::milliseconds pause_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

#endif
