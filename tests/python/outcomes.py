"""What became of each test of somebody's suite: a program runs it and prints a line for each, which another reads."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import unittest
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any


def lines(command: Sequence[str], limit: float) -> list[str]:
    """What the program prints; a last line of its own tells of one that fails, or has not ended in so many seconds."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        return [*output.splitlines(), json.dumps(["after that", "failed", "hung"])]
    if done.returncode != 0:
        return [*done.stdout.splitlines(), json.dumps(["after that", "failed", done.stderr[-4000:]])]
    return done.stdout.splitlines()


class Lines(unittest.TestResult):
    """Tells each outcome as soon as it is known."""

    def say(self, test: unittest.TestCase, outcome: str, details: str = "") -> None:
        name = name_of(test) if isinstance(test, unittest.TestCase) else str(test)
        print(json.dumps([name, outcome, details]), file=sys.__stdout__, flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.say(test, "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.say(test, "skipped", reason)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self.say(test, "failed", self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self.say(test, "failed", self.errors[-1][1])

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.say(test, "failed", (self.failures + self.errors)[-1][1])


def name_of(test: unittest.TestCase) -> str:
    """CLASS.TEST"""
    return ".".join(test.id().split(".")[-2:])


def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", action="store_true", help="names the tests and runs none")
    parser.add_argument("--only", nargs="+", help="these tests, as CLASS.TEST")
    parser.add_argument("--without", nargs="+", default=[], help="all but these")


def run_chosen(module: ModuleType, options: argparse.Namespace) -> None:
    """Runs those of a module's tests that were chosen, or names them."""
    chosen = unittest.TestSuite()
    for test in cases(unittest.defaultTestLoader.loadTestsFromModule(module)):
        name = name_of(test)
        if name in options.without or (options.only and name not in options.only):
            continue
        if options.list:
            print(name)
        else:
            chosen.addTest(test)
    chosen.run(Lines())
