"""A loop that keeps a CPU busy, once per CPU: one after the other, on threads, in processes; and the load of each
CPU meanwhile, drawn as a picture."""

import sys
import threading
import time
from html import escape
from typing import Dict, List, NamedTuple, Tuple

from course import PROCESSES, THREADS, Course, cpus
from picture import BOTTOM, LEFT, RIGHT, TOP, Picture, step_for

GAP = 0.15  # seconds between two phases, to be seen in the picture


class Phase(NamedTuple):
    name: str
    begin: float
    end: float


def busy(n: int) -> int:
    steps = 0
    for _ in range(1, n):
        for _ in range(1, n):
            steps += 1
    return steps


class Monitor(threading.Thread):
    """Takes samples of every CPU's load, from 0 to 1, as the system counts it: that of other programs, too."""

    def __init__(self, pause: float) -> None:
        super().__init__(daemon=True)
        self._pause, self._ended, self._start = pause, threading.Event(), time.perf_counter()
        self.samples: List[Tuple[float, Dict[str, float]]] = []

    def now(self) -> float:
        return time.perf_counter() - self._start

    def run(self) -> None:
        before = self._ticks()
        while not self._ended.wait(self._pause):
            after = self._ticks()
            loads = {cpu: self._load(before[cpu], after[cpu]) for cpu in after if cpu in before}
            self.samples.append((self.now(), loads))
            before = after

    def stop(self) -> None:
        self._ended.set()
        self.join()

    @staticmethod
    def _ticks() -> Dict[str, Tuple[int, int]]:
        """Of each CPU, those that were busy and all: user, nice, system, idle, waiting for a disk, and more."""
        with open("/proc/stat", encoding="ascii") as stat:
            rows = [line.split() for line in stat if line.startswith("cpu") and line[3].isdigit()]
        parts = {row[0]: [int(word) for word in row[1:9]] for row in rows}
        return {cpu: (sum(ticks) - ticks[3] - ticks[4], sum(ticks)) for cpu, ticks in parts.items()}

    @staticmethod
    def _load(before: Tuple[int, int], after: Tuple[int, int]) -> float:
        return (after[0] - before[0]) / max(1, after[1] - before[1])

    def mean(self, cpu: str, phase: Phase) -> float:
        loads = [its[cpu] for at, its in self.samples if phase.begin + self._pause <= at <= phase.end]
        return sum(loads) / max(1, len(loads))


def draw(file_name: str, monitor: Monitor, phases: List[Phase]) -> None:
    end = monitor.samples[-1][0]
    names = sorted(monitor.samples[-1][1], key=lambda name: int(name[3:]))
    picture = Picture("The load of each CPU over time", "", (0, end), 1.0)
    for phase in phases:
        x, width = picture.x(phase.begin), picture.x(phase.end) - picture.x(phase.begin)
        picture.add(f"<rect x='{x:.1f}' y='{TOP}' width='{width:.1f}' height='{BOTTOM - TOP}' fill='#f1f1f1'/>")
        picture.add(f"<text class='tick mid' x='{x + width / 2:.1f}' y='{TOP - 6}'>{escape(phase.name)}</text>")
    row = (BOTTOM - TOP) / len(names)
    for number, name in enumerate(names):
        base, height, before = TOP + (number + 1) * row, row * 0.85, 0.0
        steps = []
        for at, loads in monitor.samples:
            y = base - min(1.0, loads.get(name, 0.0)) * height
            steps.append(f"L{picture.x(before):.1f} {y:.1f}L{picture.x(at):.1f} {y:.1f}")
            before = at
        area = f"M{LEFT} {base:.1f}{''.join(steps)}L{picture.x(before):.1f} {base:.1f}Z"
        picture.add(f"<path style='fill:#1f77b4' d='{area}'/>")
        picture.add(f"<text class='tick end' x='{LEFT - 8}' y='{base - height / 2 + 4:.1f}'>{name}</text>")
    step = step_for(end)
    for k in range(int(end / step) + 1):
        x = picture.x(k * step)
        picture.add(f"<text class='tick mid' x='{x:.1f}' y='{BOTTOM + 20}'>{k * step:g}</text>")
    picture.add(f"<text class='mid' x='{(LEFT + RIGHT) // 2}' y='{BOTTOM + 44}'>seconds</text>")
    picture.write(file_name)


def main() -> int:
    course = Course("cpu_load", workers=cpus(), modes=(THREADS, PROCESSES), svg="cpu_load.svg")
    n = course.size(150, 1_500, 6_000)
    pools = [(kind, kind.Pool(course.workers)) for kind in course.kinds()]  # before there is a second thread
    log = course.log()
    log.start("start")
    monitor = Monitor(course.size(0.02, 0.05, 0.1))
    monitor.start()
    time.sleep(GAP)
    begin = monitor.now()
    right = [busy(n) for _ in range(cpus())] == [(n - 1) ** 2] * cpus()
    phases = [Phase("sequential", begin, monitor.now())]
    sequential = phases[0].end - begin
    log.step("sequential")
    for kind, pool in pools:
        with pool:
            time.sleep(GAP)
            begin = monitor.now()
            right &= pool.map(busy, [n] * cpus(), chunksize=1) == [(n - 1) ** 2] * cpus()
            phases.append(Phase(f"{kind.mode}, {kind.by}", begin, monitor.now()))
        log.step(f"{kind}")
        course.check_timed(kind, right, sequential, phases[-1].end - begin, course.at_once(kind.mode, cpus()))
    time.sleep(GAP)
    monitor.stop()
    log.stop("end")

    for phase in phases:
        loads = (f"{name} {100 * monitor.mean(name, phase):3.0f} %" for name in monitor.samples[-1][1])
        print(f"{phase.name:<22}{', '.join(loads)}")
    draw(course.options.svg, monitor, phases)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
