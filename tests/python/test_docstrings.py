"""The examples in the package's docstrings are run, and a module without its own is no failure."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import millpond

# What an example may use without importing it.
PUBLIC = {name: getattr(millpond, name) for name in dir(millpond)}
NAMES = sorted(module.name for module in pkgutil.iter_modules(millpond.__path__))


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_do_what_they_say(name: str) -> None:
    try:
        module = importlib.import_module(f"millpond.{name}")
    except ImportError as missing:
        pytest.skip(f"{missing}")
    assert module.__doc__, "what is it?"
    assert doctest.testmod(module, extraglobs=PUBLIC).failed == 0


def test_there_are_examples() -> None:
    modules = [importlib.import_module(f"millpond.{name}") for name in ("pool", "shared", "futures")]
    finder = doctest.DocTestFinder()
    assert all(any(test.examples for test in finder.find(module)) for module in modules)


def test_every_public_name_is_there_and_has_a_docstring() -> None:
    assert "Pool" in dir(millpond)
    for name in set(dir(millpond)) - {"__version__"}:
        assert getattr(millpond, name).__doc__
    with pytest.raises(AttributeError, match="module 'millpond' has no attribute 'Pond'"):
        millpond.Pond  # noqa: B018
