"""What the programs on queues, locks and their like print; and that each example notices a wrong answer."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from runs import SOURCES, in_both_modes, leaving_nothing, pictured, results, tiny

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Compile, Run


@pytest.fixture(name="run", scope="module")
def run_leaving_nothing(run: Run) -> Run:
    return leaving_nothing(run)


BROKEN = (
    ("distance", "distances_from(&places, task->index, result);", "distances_from(&places, 0, result);"),
    ("distance", "distances_from(&places, row.from, row.km);", "distances_from(&places, 0, row.km);"),
    ("distance_sweep", "distances_from(&places, task->index, result);", "distances_from(&places, 0, result);"),
    ("distance_async", "write_row(file, &places, row.from, row.km);", "write_row(file, &places, 0, row.km);"),
    ("gil", "*(uint64_t *)result = sum_all_values(", "*(uint64_t *)result = 1 + sum_all_values("),
    ("gil", "course_sleep(*(const double *)arg);", ""),
    ("norms", "*(double *)result = sqrt(squares);", "*(double *)result = squares;"),
    ("bad_luck", '"Bad luck!");', '"Bad luck!") - 1;'),
    ("fetch_all", "strlen(body + 4) + 1);", "1);"),
    ("round_robin", "queue_step(loop, step);", "if (step->value != 4) queue_step(loop, step);"),
    ("background", "if (pool_task_cancelled(task) != 0) return", "if (pool_task_cancelled(task) != 0) return 0 *"),
    ("coroutines", "resume_after(&coroutines[i], 0);", "resume_after(&coroutines[i], i);"),
    ("cpu_load", "*(uint64_t *)result = steps;", "*(uint64_t *)result = steps + 1;"),
    ("queue", "tally->sum += item.as.number;", "tally->sum += 1;"),
    ("lock", "count_together(&course, pool, lock, rounds)", "count_together(&course, pool, NULL, rounds)"),
    ("local", "static _Thread_local uint64_t own;", "static uint64_t own;"),
    ("event", "course_sleep(job->seconds);", ""),
    ("condition", "*taken += 1;", "*taken += 2;"),
    ("daemon", "POOL_SPAWN_JOINABLE, seconds", "POOL_SPAWN_DAEMON, seconds"),
    ("daemon", "POOL_SPAWN_DAEMON, 100 * seconds", "POOL_SPAWN_JOINABLE, seconds"),
    ("thread_subclass", "countdown->counted++;", ""),
    ("queue_objects", "return 10 * self->times;", "return self->times;"),
    ("deadlock", "took += status == POOL_OK;", "took++;"),
    ("interleave", "print_together(&course, lock, lines)", "print_together(&course, NULL, lines)"),
    ("process_queue", "i == count / 2 ? POISON : 10000 + i", "10000 + i"),
)


@pytest.mark.parametrize(("program", "right", "wrong"), BROKEN)
def test_what_is_broken_fails(cc: Compile, run: Run, tmp_path: Path, program: str, right: str, wrong: str) -> None:
    folder = tmp_path / "c"
    shutil.copytree(SOURCES, folder)
    shutil.copytree(SOURCES.parent / "data", tmp_path / "data")
    source = folder / f"{program}.c"
    text = source.read_text(encoding="utf-8")
    assert right in text
    source.write_text(text.replace(right, wrong), encoding="utf-8")
    done = run(cc([source], f"examples/broken/{program}"), "--tiny", *pictured(program, tmp_path))
    assert done.returncode == 1
    assert "wrong answer" in done.stderr
    assert "0" in {result["checked"] for result in results(done.stdout)}


@in_both_modes
def test_five_workers_share_what_is_in_the_queue(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "queue", "--mode", mode)
    had = re.findall(r"^a worker had (\d+) numbers and (\d+) words$", output, re.MULTILINE)
    assert len(had) == 5
    assert [sum(map(int, column)) for column in zip(*had)] == [40, 40]


@in_both_modes
def test_a_record_is_whole_under_a_lock(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "lock", "--mode", mode)
    assert "with a lock: 400, 400, 400 of 400" in output
    assert re.search(r"^without a lock: \d+, \d+, \d+ of 400$", output, re.MULTILINE)


@in_both_modes
def test_each_worker_has_a_number_of_its_own(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "local", "--mode", mode)
    found = re.findall(r"^worker (\d) has run (\d+) tasks, its own number is (\d+)$", output, re.MULTILINE)
    assert all(int(own) == 500 + int(worker) + 1000 * int(tasks) for worker, tasks, own in found)
    assert sum(int(tasks) for _, tasks, _ in found) == 40


@in_both_modes
def test_who_waits_for_an_event_goes_on_when_it_is_set(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "event", "--mode", mode)
    assert output.index("| the event is set = ") < output.index("| nobody waits any more = ")


@in_both_modes
def test_goods_are_taken_once(cc: Compile, run: Run, mode: str) -> None:
    taken = re.findall(r"^consumer \d has taken (\d+)$", tiny(cc, run, "condition", "--mode", mode), re.MULTILINE)
    assert len(taken) == 2
    assert sum(map(int, taken)) == 20


@in_both_modes
def test_a_daemon_does_not_keep_its_program_alive(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "daemon", "--mode", mode)
    assert re.findall(r"\| ended (after|before) its work = ", output) == ["after", "before"]


@in_both_modes
def test_countdowns_end_at_one(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "thread_subclass", "--mode", mode)
    for number, start in enumerate((2, 3, 4)):
        steps = re.findall(rf"^countdown {number}: (\d)$", output, re.MULTILINE)
        assert [int(step) for step in steps] == list(range(start, 0, -1))


@in_both_modes
def test_objects_greet_where_they_arrive(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "queue_objects", "--mode", mode)
    greetings = re.findall(r"^process (\d+): (.*)$", output, re.MULTILINE)
    assert [words for _, words in greetings] == ["good morning, Ada", "HELLO, Grace!", "good morning, Barbara"]
    assert len({process for process, _ in greetings}) == 1


@in_both_modes
def test_a_deadlock_is_told_and_cured(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "deadlock", "--mode", mode)
    opposite, ordered = output.split("in the same order")
    assert "gives up: " in opposite
    assert sorted(re.findall(r"^(\w+) has both locks$", ordered, re.MULTILINE)) == ["alice", "bob"]


@in_both_modes
def test_lines_are_whole_under_a_lock(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "interleave", "--mode", mode)
    assert re.search(r"^without a lock: \d+ of 40 lines are whole$", output, re.MULTILINE)
    assert "\nwith a lock: 40 of 40 lines are whole\n" in output


@in_both_modes
def test_a_worker_that_is_lost_holds_up_nobody(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "process_queue", "--mode", mode)
    why = "poisoned" if mode == "threads" else r"the worker, process \d+, died by SIGABRT \(signal 6\).*"
    assert re.search(rf"^a worker is lost, and another one takes over: {why}$", output, re.MULTILINE)
    assert "50 jobs, 49 results, 1 workers lost" in output


@in_both_modes
def test_stages_write_what_one_after_the_other_does(cc: Compile, run: Run, tmp_path: Path, mode: str) -> None:
    tiny(cc, run, "distance_async", "--mode", mode, "--out", str(tmp_path))
    tiny(cc, run, "distance", "--executor", "basic", "--out", str(tmp_path))
    files = [tmp_path / f"distances_few_{how}.csv" for how in ("synchronous", "async", "basic")]
    assert len({file.read_bytes() for file in files}) == 1
