"""Several pages from a web server, which this program runs itself: one after the other, and at once."""

import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from course import THREADS, Course

PAGES = range(1, 9)


def page(number: int) -> str:
    """Page 7 has seven lines."""
    return "".join(f"line {line} of page {number}\n" for line in range(1, number + 1))


class Handler(BaseHTTPRequestHandler):
    pause = 0.0  # seconds before each answer, as from far away

    def do_GET(self) -> None:
        time.sleep(self.pause)
        body = page(int(self.path[1:])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A line for each page is not what is to be shown."""


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # of the five that are usual some clients would have to try again, a second later


def fetch(url: str) -> str:
    with urllib.request.urlopen(url) as response:
        return str(response.read(), "ascii")


def main() -> int:
    course = Course("fetch_all", workers=len(PAGES), modes=(THREADS,))
    Handler.pause = course.size(0.01, 0.08, 0.5)
    server = Server(("127.0.0.1", 0), Handler)
    urls = [f"http://127.0.0.1:{server.server_port}/{number}" for number in PAGES]
    executors = [(kind, kind.Executor(course.workers)) for kind in course.kinds()]
    for _, executor in executors:
        list(executor.map(abs, PAGES))  # processes are made here, before there is a second thread
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log = course.log()

    log.start("one after the other, start")
    alone = [fetch(url) for url in urls]
    sequential = log.stop("one after the other, end")

    for kind, executor in executors:
        with executor:
            log.start(f"at once on an executor of {kind.mode}, {kind.by}, start")
            pages = list(executor.map(fetch, urls))
            parallel = log.stop("at once, end")
        print("pages of", *(page.count("\n") for page in pages), "lines")
        right = pages == alone == [page(number) for number in PAGES]
        course.check_timed(kind, right, sequential, parallel, min(course.workers, len(PAGES)))
    server.shutdown()
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
