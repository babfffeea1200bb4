"""How programs with pools end: by themselves, by Ctrl-C, by SIGKILL, with pools open, closed, forgotten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from processes import alive

PACKAGE = Path(__file__).resolve().parent.parent.parent / "bindings" / "python"
BEGIN = f"""
import os, signal, sys, threading, time
sys.path.insert(0, {str(PACKAGE)!r})
import millpond
def say(*words): print(*words, flush=True)
"""


def start(program: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *options, "-c", BEGIN + textwrap.dedent(program)],
        # What is printed is to stay in a buffer as long as it can.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: str, *options: str) -> tuple[str, str]:
    """What a program that ends well has written."""
    with start(program, *options) as process:
        try:
            out, err = process.communicate(timeout=100)
        finally:
            process.kill()
    assert process.returncode == 0, (process.returncode, out, err)
    return out, err


@pytest.mark.parametrize("kind", ["Pool", "ThreadPool"])
def test_an_open_pool_is_terminated_at_exit(kind: str) -> None:
    # In a global, in a cycle, with work queued: none of that is waited for.
    _, err = run(f"""
        pool = millpond.{kind}(2)
        pool.map(float, range(10))
        class Cycle: pass
        cycle = Cycle()
        cycle.me, cycle.pool = cycle, pool
        results = pool.imap(float, iter(int, 1))
        next(results)
        result = pool.map_async(time.sleep, [0.2] * 10000, chunksize=1)
        """)
    assert err == ""


@pytest.mark.parametrize("kind", ["Pool", "ThreadPool"])
def test_callbacks_of_what_is_terminated_at_exit_are_called(kind: str) -> None:
    out, _ = run(f"""
        pool = millpond.{kind}(1)
        for i in range(3):
            pool.apply_async(time.sleep, (0.3,), error_callback=lambda error: say(type(error).__name__))
        time.sleep(0.1)
        """)
    assert set(out.split()) == {"PoolTerminated"}


def test_a_pool_that_is_forgotten_warns_and_ends() -> None:
    out, err = run(
        """
        pool = millpond.Pool(1)
        pid = pool.apply(os.getpid)
        del pool
        while True:
            try:
                state = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                break
            if state in "ZX":
                break
            time.sleep(0.001)
        say("gone")
        """,
        "-W",
        "always",
    )
    assert out == "gone\n" and "ResourceWarning: unclosed running multiprocessing pool <millpond" in err


def test_a_result_keeps_its_pool() -> None:
    out, _ = run("say(millpond.Pool(1).apply_async(abs, (-1,)).get())", "-W", "error::ResourceWarning")
    assert out == "1\n"


def test_a_thread_goes_on_with_a_pool_after_the_main_thread_has_ended() -> None:
    out, _ = run("""
        pool = millpond.Pool(1)
        def later():
            time.sleep(0.2)
            say(pool.apply(abs, (-5,)))
        threading.Thread(target=later).start()
        """)
    assert out == "5\n"


def test_ctrl_c_ends_a_wait_at_the_first_press() -> None:
    for wait in (
        "pool.map(time.sleep, [1000] * 4)",
        "result.get()",
        "result.wait(1000)",
        "next(results)",
        "pool.join()",
    ):
        process = start(f"""
            pool = millpond.Pool(2)
            pids = [worker.pid for worker in pool._pool]
            try:
                with pool:
                    result = pool.apply_async(time.sleep, (1000,))
                    results = pool.imap(time.sleep, [1000])
                    if "join" in {wait!r}: pool.close()
                    say(*pids)
                    {wait}
            except KeyboardInterrupt:
                say("interrupted")
            """)
        with process:
            try:
                assert process.stdout is not None
                pids = [int(word) for word in process.stdout.readline().split()]
                time.sleep(0.1)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=100)
            finally:
                process.kill()
        assert (process.returncode, out, err) == (0, "interrupted\n", "")
        assert len(pids) == 2
        while any(map(alive, pids)):
            time.sleep(0.01)


def test_no_worker_outlives_a_program_that_is_killed() -> None:
    process = start("""
        pool = millpond.Pool(2)
        results = [pool.apply_async(time.sleep, (1000,)) for _ in range(4)]
        say(*[worker.pid for worker in pool._pool])
        signal.pause()
        """)
    with process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        process.kill()
    assert len(pids) == 2
    while any(map(alive, pids)):
        time.sleep(0.01)


def test_a_child_that_is_forked_ends_without_harm() -> None:
    out, _ = run("""
        pool = millpond.Pool(1)
        threads = millpond.ThreadPool(1)
        result, other = pool.apply_async(time.sleep, (0.2,)), threads.apply_async(time.sleep, (0.2,))
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            for waits in (result.get, other.get, lambda: pool.map(abs, [1]), pool.close, threads.terminate):
                try:
                    waits()
                except millpond.MillpondError as error:
                    say(type(error).__name__)
            sys.exit(3)  # with all that Python does at exit
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if hasattr(os, "waitstatus_to_exitcode") else 3)
        say(result.get(), other.get(), pool.apply(abs, (-1,)))
        """)
    assert out == "PoolForked\n" * 5 + "3\nNone None 1\n"


def test_pools_of_threads_and_processes_that_end_in_any_order() -> None:
    out, err = run("""
        import random
        for round in range(20):
            pools = [millpond.Pool(1), millpond.ThreadPool(2), millpond.ThreadPool(1)]
            results = [pool.apply_async(abs, (-1,)) for pool in pools]
            random.shuffle(pools)
            for pool in pools:
                pool.close() if random.random() < 0.5 else pool.terminate()
            for pool in pools:
                pool.join()
        say("done", threading.active_count())
        """)
    assert (out, err) == ("done 1\n", "")


def test_the_environment_of_a_pool_is_that_of_the_program() -> None:
    out, _ = run("""
        os.environ["COLOUR"] = "red"
        with millpond.Pool(1) as pool:
            say(pool.apply(os.getenv, ("COLOUR",)), pool.apply(os.getcwd) == os.getcwd())
        """)
    assert out == "red True\n"
    assert "COLOUR" not in os.environ


def test_what_a_task_has_printed_is_not_lost_with_its_worker() -> None:
    out, _ = run("""
        pool = millpond.Pool(1)
        pool.apply(print, ("printed",))
        os.kill(pool._pool[0].pid, signal.SIGKILL)
        pool.terminate()
        """)
    assert out == "printed\n"
