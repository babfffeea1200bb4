"""Ctrl-C where it could be lost, or come too late: in initializers, in what is let go of, in chunks of threads."""

from __future__ import annotations

import signal
import threading

import pytest
from processes import alive
from test_exit import run, start

import millpond

# One after the other, for as long as it takes.
LOOPS = {
    "what makes pools": "with millpond.ThreadPool(1): pass",
    "what forks": "with millpond.Pool(1): pass",
}


@pytest.mark.parametrize("loop", LOOPS)
def test_it_ends_a_loop(loop: str) -> None:
    for _ in range(2):
        with start(f"""
            pool = millpond.Pool(1)
            say("begun")
            while True:
                {LOOPS[loop]}
            """) as process:
            try:
                assert process.stdout is not None
                process.stdout.readline()
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=100)
            finally:
                process.kill()
        assert process.returncode == -signal.SIGINT
        assert err.splitlines()[-1] == "KeyboardInterrupt"


def test_none_is_lost_where_tasks_are_let_go_of() -> None:
    # The timer's handler raises what Ctrl-C's does.
    run("""
        pool = millpond.Pool(1)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        for shot in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.001 + shot / 10000)
                end = time.monotonic() + 10
                while time.monotonic() < end:
                    [result.get() for result in [pool.apply_async(int) for _ in range(100)]]
            except KeyboardInterrupt:
                continue
            os._exit(1)
        """)


@pytest.mark.parametrize("pool", ["Pool", "ProcessPoolExecutor"])
def test_it_ends_a_pool_whose_initializer_hangs(pool: str) -> None:
    with start(f"""
        def hang():
            os.write(1, b"%d\\n" % os.getpid())
            time.sleep(1000)
        try:
            pool = millpond.{pool}(1, initializer=hang)
            pool.submit(int)
        except KeyboardInterrupt:
            say("interrupted")
        """) as process:
        try:
            assert process.stdout is not None
            worker = int(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=100)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "interrupted\n", "")
    assert not alive(worker)


def test_a_terminated_thread_ends_behind_the_item_that_it_is_at() -> None:
    begun, go_on = threading.Event(), threading.Event()
    items: list[int] = []

    def wait(item: int) -> None:
        items.append(item)
        begun.set()
        go_on.wait()

    pool = millpond.ThreadPool(1)
    result = pool.map_async(wait, range(1000), chunksize=1000)
    begun.wait()
    pool.terminate()
    go_on.set()
    pool.join()
    assert items == [0]
    with pytest.raises(millpond.errors.PoolTerminated):
        result.get()
