"""The workers of an executor, as those expect them who look at the standard executors' `_threads` and `_processes`."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from typing import Any, Callable, List, Optional, Set


class WorkerThread:
    """A worker thread: what of threading.Thread makes sense for one that Python has not started."""

    daemon = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.ident = threading.get_ident()
        self.native_id = threading.get_native_id()
        self._ended = threading.Event()

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return not self._ended.is_set()

    def join(self, timeout: Optional[float] = None) -> None:
        """Waits until it has ended."""
        self._ended.wait(timeout)

    def __repr__(self) -> str:
        return f"<WorkerThread({self.name}, {'started' if self.is_alive() else 'stopped'})>"


class _Farewell:
    """Lives among the values of a thread, and goes when the thread ends."""

    def __init__(self, thread: WorkerThread) -> None:
        self._thread = thread

    def __del__(self) -> None:
        # Before version 3.13 nothing else takes a thread that Python has not started from its list.
        active: Any = threading._active  # type: ignore[attr-defined]
        known = active.get(self._thread.ident)
        if type(known).__name__ == "_DummyThread" and known.name == self._thread.name:
            active.pop(self._thread.ident, None)
        self._thread._ended.set()


_values = threading.local()


def introduce(name: str, threads: Set[WorkerThread]) -> None:
    """Called first on each worker thread: names it, for tasks and logs, and adds it to `threads`."""
    threading.current_thread().name = name
    thread = WorkerThread(name)
    threads.add(thread)
    _values.farewell = _Farewell(thread)


class WorkerProcess:
    """A worker process: what of multiprocessing.Process makes sense for one that has another parent."""

    daemon = True

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ident = pid

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def terminate(self) -> None:
        """Ends it by SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        self._send(signal.SIGKILL)

    def join(self, timeout: Optional[float] = None) -> None:
        """Waits until it has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.is_alive() and (end is None or time.monotonic() < end):
            time.sleep(0.01)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def __repr__(self) -> str:
        return f"<WorkerProcess({self.pid}, {'started' if self.is_alive() else 'stopped'})>"


class Ending:
    """The end of an executor, for those who join what the standard one has running beside its workers."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def join(self, timeout: Optional[float] = None) -> None:
        """Waits until all has ended that was submitted, after the executor was shut down."""
        self._engine.join(timeout)

    def join_thread(self) -> None:
        """As join()."""
        self.join()


class DeathWatch(threading.Thread):
    """Tells when the first worker has ended, busy or idle."""

    def __init__(self, pids: List[int], ended: Callable[[], object]) -> None:
        super().__init__(name="millpond-watch", daemon=True)
        self._ended = ended
        self._pids = pids

    def run(self) -> None:
        """Waits for that."""
        if 0 in self._pids:
            pass  # one has ended already, and was forgotten
        elif hasattr(os, "pidfd_open"):
            self._wait()
        else:
            while all(WorkerProcess(pid).is_alive() for pid in self._pids):
                time.sleep(0.1)
        self._ended()

    def _wait(self) -> None:
        poll = select.poll()
        descriptors: List[int] = []
        try:
            for pid in self._pids:
                descriptors.append(os.pidfd_open(pid))
                poll.register(descriptors[-1], select.POLLIN)
            poll.poll()
        except ProcessLookupError:
            pass  # it has ended already
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
