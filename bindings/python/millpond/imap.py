"""The iterators of imap and imap_unordered, and who reads their input: a thread, no further ahead than a window."""

from __future__ import annotations

import collections
import functools
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Deque, Iterator, Optional

from millpond import errors
from millpond._engine import Call
from millpond._task import Task
from millpond.results import said

if TYPE_CHECKING:
    from millpond.pool import Pool


class Feed:
    """What an iterator and the thread that reads its input have in common.

    The thread knows when the iterator is gone. If somebody had begun to take results, the rest of the input is left
    alone; if nobody had, all of it is still run, as by multiprocessing, and the results are thrown away.
    """

    def __init__(self, pool: Pool, calls: Iterator[Call], window: int, chunks: bool, ordered: bool) -> None:
        self.chunks = chunks
        self.ordered = ordered
        self.pid = os.getpid()
        # Guards all that follows. `room` tells the thread that reads, `more` those who take results.
        lock = threading.RLock()
        self.room = threading.Condition(lock)
        self.more = threading.Condition(lock)
        # 0 for none: everything is read.
        self.window = window
        # Tasks whose results have not been taken: in the order of the input, or in that in which they have ended.
        self.tasks: Deque[Task] = collections.deque()
        # How many there are, those included that have not ended.
        self.under_way = 0
        self.exhausted = False
        self.begun = False
        self._wanted = True
        self._stopped = False
        self._waiting = False
        self._calls = calls
        self._thread = threading.Thread(target=self._run, args=(pool,), name="millpond-imap", daemon=True)

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def stop(self) -> None:
        """Reads no more."""
        with self.room:
            self._stopped = True
            self.room.notify()

    def finish(self) -> None:
        """Reads the rest, however much it is, and waits for that: whoever joins a pool takes no results meanwhile."""
        with self.room:
            self.window = 0
            self.room.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def abandon(self) -> None:
        """The iterator is gone."""
        with self.room:
            self._wanted = False
            self._stopped = self._stopped or self.begun
            if not self.ordered:
                self.under_way -= len(self.tasks)
                self.tasks.clear()
            self.room.notify()

    def taken(self) -> None:
        """A result was taken. Reading goes on when half of the window is free: not for each, which would cost more."""
        self.under_way -= 1
        if self.under_way <= self.window // 2:
            self.room.notify()
            self.more.notify_all()

    def _has_room(self) -> bool:
        """Waits until the window has room. Whether there is more to read."""
        while True:
            with self.room:
                if self._stopped:
                    return False
                if not self.window or self.under_way <= (self.window // 2 if self._waiting else self.window - 1):
                    self._waiting = False
                    return True
                self._waiting = True
                if self._wanted or not self.ordered:
                    self.room.wait()
                    continue
                # Nobody will take the results.
                oldest = self.tasks.popleft()
                self.under_way -= 1
            oldest.wait()

    def _run(self, pool: Pool) -> None:
        """The thread. What the input raises is delivered in its place, and so is why the pool takes no more."""
        reason: Optional[Exception] = None
        try:
            while self._has_room():
                try:
                    call = next(self._calls)
                except StopIteration:
                    return
                except Exception as raised:
                    self._add(functools.partial(pool._fail, raised))
                    return
                if not self._stopped:
                    self._add(functools.partial(pool._submit, call))
                del call
            reason = errors.PoolTerminated("the pool was terminated before the end of the input")
        except errors.MillpondError as raised:
            reason = raised
        finally:
            self._calls = iter(())
            with self.room:
                if reason is not None:
                    self.tasks.append(Task.ended(False, reason))
                    self.under_way += 1
                self.exhausted = True
                self.more.notify_all()
            pool._fed(self)

    def _add(self, submit: Callable[[Optional[Callable[[Task], object]]], Task]) -> None:
        """Submits a call. It counts before it can end."""
        with self.room:
            self.under_way += 1
        try:
            task = submit(None if self.ordered else self._ended)
        except BaseException:
            with self.room:
                self.under_way -= 1
            raise
        if self.ordered:
            with self.room:
                self.tasks.append(task)
                self.more.notify()

    def _ended(self, task: Task) -> None:
        """Not ordered: a task has ended, and is there to be taken."""
        with self.room:
            if self._wanted:
                self.tasks.append(task)
                self.more.notify()
            else:
                self.taken()


class IMapIterator:
    """The results of imap, in order. next(timeout) waits for so many seconds at most."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._values: Deque[Any] = collections.deque()

    def __iter__(self) -> IMapIterator:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self, timeout: Optional[float] = None) -> Any:
        """The next result; what the call has raised is raised here, and the one after it comes next."""
        feed = self._feed
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            with feed.more:
                feed.begun = True
                if self._values:
                    return self._values.popleft()
                task = self._first(feed, end)
            if not task.wait(None if end is None else max(end - time.monotonic(), 0)):
                raise _timeout()
            with feed.more:
                if not feed.tasks or feed.tasks[0] is not task:
                    continue  # another thread was faster
                feed.tasks.popleft()
                feed.taken()
            well, value = said(task.outcome())
            if not well:
                try:
                    raise value
                finally:
                    del value, task
            if not feed.chunks:
                return value
            with feed.more:
                self._values.extend(value)

    def _first(self, feed: Feed, end: Optional[float]) -> Task:
        """The task whose result comes next; waits until there is one."""
        while not feed.tasks:
            if feed.exhausted and not feed.under_way:
                raise StopIteration
            if feed.pid != os.getpid():
                raise errors.PoolForked("the pool was made before this process was forked")
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise _timeout()
            feed.more.wait(left)
        return feed.tasks[0]

    def __del__(self) -> None:
        feed = getattr(self, "_feed", None)
        if feed is not None and feed.pid == os.getpid():
            feed.abandon()


class IMapUnorderedIterator(IMapIterator):
    """The results of imap_unordered, in the order in which the calls end."""


def _timeout() -> Exception:
    from multiprocessing import TimeoutError as TookTooLong

    return TookTooLong()
