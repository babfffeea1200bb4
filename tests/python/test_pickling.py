"""Messages between processes: buffers beside the pickle, closures, and functions that the workers do not know."""

from __future__ import annotations

import array
import functools
import pickle
import socket
import subprocess
import sys
import types
import weakref
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

import pytest

from millpond import Pool, _blocks, _names, _pickling


class Buffers:
    """Pickles its buffers out of band, as arrays of numpy do."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        return Buffers, tuple(pickle.PickleBuffer(part) for part in self.parts)


def there_and_back(obj: object, **options: bool) -> Any:
    return _pickling.loads(memoryview(_pickling.dumps(obj)), **options)


@pytest.mark.parametrize("obj", [None, 1, "text", b"bytes", [1, {"a": (2, 3.5)}], there_and_back, len])
def test_what_pickle_takes_comes_back(obj: object) -> None:
    back = there_and_back(obj)
    assert type(back) is type(obj)
    assert back == obj


def test_a_partial_comes_back() -> None:
    assert there_and_back(functools.partial(int, base=2))("11") == 3


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("sizes", [[0], [1], [15, 16, 17], [100_000, 0, 3]])
def test_buffers_lie_beside_the_pickle(sizes: list[int], copy: bool) -> None:
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    message = _pickling.dumps(Buffers(*map(bytearray, parts)))
    assert message[0] == 0 and all(part in message for part in parts)
    back = _pickling.loads(message, copy=copy)
    assert [bytes(part) for part in back.parts] == parts


def test_a_copy_can_be_written_to_and_what_was_read_only_stays_so() -> None:
    back = there_and_back(Buffers(bytearray(b"abc"), b"def"))
    back.parts[0][0] = ord("x")
    assert bytes(back.parts[0]) == b"xbc"
    assert memoryview(back.parts[1]).readonly


def test_a_huge_buffer_lies_outside_its_message() -> None:
    given = bytearray(b"x") * _pickling.HUGE
    message = _pickling.dumps(Buffers(given, bytearray(b"small"), bytes(given)))
    assert len(message) < 10_000
    one, other = (_pickling.loads(memoryview(message)).parts for _ in range(2))
    assert one[0][:] == given and bytes(one[1]) == b"small" and bytes(one[2]) == given
    one[0][0] = 0
    assert other[0][0] == given[0] == ord("x") and memoryview(one[2]).readonly
    copy = bytes(message)
    del message
    with pytest.raises(FileNotFoundError):
        _pickling.loads(copy)


def test_only_so_many_lie_outside_at_once() -> None:
    messages = [_pickling.dumps(Buffers(bytearray(_pickling.HUGE))) for _ in range(_pickling.OUTSIDE_AT_ONCE + 3)]
    assert sum(len(message) > _pickling.HUGE for message in messages) >= 3
    assert all(len(_pickling.loads(message).parts[0]) == _pickling.HUGE for message in messages)
    del messages
    assert len(_pickling.dumps(Buffers(bytearray(_pickling.HUGE)))) < 10_000


def test_where_there_is_no_memory_outside_the_message_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(size: int) -> None:
        raise OSError(size)

    monkeypatch.setattr(_blocks, "create", refuse)
    message = _pickling.dumps(Buffers(bytearray(_pickling.HUGE)))
    assert type(message) is bytes and len(_pickling.loads(message).parts[0]) == _pickling.HUGE


def test_without_a_copy_the_buffers_are_the_messages() -> None:
    memory = bytearray(_pickling.dumps(Buffers(bytearray(b"a" * 1000))))
    back = _pickling.loads(memoryview(memory), copy=False)
    memory[-1] = ord("z")
    assert bytes(back.parts[0]).endswith(b"az")


def test_buffers_in_pieces() -> None:
    with pytest.raises(pickle.PicklingError, match="non-contiguous"):
        _pickling.dumps(Buffers(memoryview(bytes(100))[::7]))
    numpy = pytest.importorskip("numpy")
    assert there_and_back(numpy.arange(100)[::7]).tolist() == list(range(0, 100, 7))


def test_arrays_of_numpy_come_back_as_they_were() -> None:
    numpy = pytest.importorskip("numpy")
    for given in (numpy.arange(12.0).reshape(3, 4), numpy.asfortranarray(numpy.ones((50, 60))), numpy.zeros(0)):
        back = there_and_back(given)
        assert (back == given).all() and back.shape == given.shape and back.dtype == given.dtype
        assert back.flags.f_contiguous == given.flags.f_contiguous and back.flags.writeable


@pytest.mark.parametrize("cut", [1, 9, 100])
def test_half_a_message_is_an_error(cut: int) -> None:
    message = _pickling.dumps(Buffers(bytearray(1000)))
    with pytest.raises((pickle.UnpicklingError, EOFError, ValueError)):
        _pickling.loads(memoryview(message)[:-cut])


def test_an_array_module_array_is_no_different() -> None:
    assert there_and_back(array.array("d", [1, 2])) == array.array("d", [1, 2])


def test_the_reducers_of_multiprocessing_and_copyreg_hold() -> None:
    with socket.socket() as given, there_and_back(given) as back:
        assert back.fileno() not in {-1, given.fileno()} and back.family == given.family
    here, there = connection.Pipe()
    with here, there, there_and_back(there) as back:
        assert back.fileno() != there.fileno()
        here.send("word")
        assert back.recv() == "word"


def closure(step: int) -> Callable[[int], int]:
    return lambda number: number + step


def test_closures_cross_when_cloudpickle_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setattr(_pickling, "cloudpickle", lambda: None)
        with pytest.raises((pickle.PicklingError, AttributeError), match="closure"):
            _pickling.dumps(closure(1))
    if _pickling.cloudpickle() is None:
        pytest.skip("cloudpickle is not installed")
    assert there_and_back(closure(2))(40) == 42
    assert there_and_back((closure(2), Buffers(bytearray(9))))[1].parts == (bytearray(9),)


def test_a_failure_leaves_nothing_to_the_next_message() -> None:
    for _ in range(3):
        with pytest.raises(TypeError):
            _pickling.dumps([["word"] * 10, Buffers(bytearray(9)), (number for number in [1])])
        assert there_and_back([1, Buffers(bytearray(2))])[1].parts == (bytearray(2),)
        assert there_and_back(["word", "word"]) == ["word", "word"]


def test_what_was_pickled_is_not_kept() -> None:
    thing = Buffers()
    seen = weakref.ref(thing)
    _pickling.dumps([thing, thing])
    del thing
    assert seen() is None


def test_what_nobody_can_pickle_fails_as_pickle_says() -> None:
    with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
        _pickling.dumps(number for number in [1])


def test_workers_lack_functions_that_main_has_defined_since(monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec("def old(): return 1\ndef changed(): return 1", vars(main))
    known = _names.MainFunctions()
    exec("def changed(): return 2\ndef new():\n    def inner(): return 4\n    return inner", vars(main))
    assert not known.lack(main.old)
    assert known.lack(main.changed) and known.lack(main.new)
    assert not known.lack(len) and not known.lack(closure) and not known.lack(main.new())
    known.refresh()
    assert not known.lack(main.changed) and not known.lack(main.new)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("millpond_tests_module")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec("def once(): return 1\ndef outer():\n    def inner(): return 2\n    return inner", vars(module))
    return module


def test_functions_of_modules_go_by_name(module: types.ModuleType) -> None:
    name = _names.reference(module.once)
    assert name == _names.reference(module.once) != _names.reference(module.outer)
    assert _names.find(name) is module.once
    # A worker in which something has put another in its place calls that, as it would with pickle.
    monkey = module.once = lambda: 3  # type: ignore[attr-defined]
    assert _names.find(name) is monkey
    del module.once
    with pytest.raises(AttributeError):
        _names.find(name)


def test_what_an_initializer_has_put_in_its_place_is_called(module: types.ModuleType) -> None:
    name = _names.reference(module.once)
    for other in ({1: 2}.get, len, str.upper, Buffers(), functools.partial(int, 3)):
        module.once = other  # type: ignore[attr-defined]
        assert _names.find(name) is other


def test_a_module_that_was_loaded_anew_is_asked(module: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    name = _names.reference(module.once)
    assert _names.find(name) is module.once
    anew = types.ModuleType(module.__name__)
    exec("def once(): return 5", vars(anew))
    monkeypatch.setitem(sys.modules, module.__name__, anew)
    assert _names.find(name) is anew.once


def test_a_function_that_goes_by_another_name_now(module: types.ModuleType) -> None:
    once = module.once
    old = _names.reference(once)
    module.twice, once.__qualname__ = once, "twice"  # type: ignore[attr-defined]
    assert _names.reference(once) not in ("", old)
    monkey = module.once = lambda: 3  # type: ignore[attr-defined]
    assert _names.find(_names.reference(once)) is once and _names.find(old) is monkey


class Appending:
    """Appends to a buffer that was pickled before it."""

    def __init__(self, buffer: bytearray) -> None:
        self.buffer = buffer

    def __reduce__(self) -> tuple[Any, ...]:
        self.buffer.extend(b"N." * 100)
        return int, ()


def test_a_buffer_that_grows_while_it_is_pickled() -> None:
    buffer = bytearray(1 << 17)
    assert there_and_back([buffer, Appending(buffer), 7]) == [bytes(1 << 17), 0, 7]


def test_what_its_module_does_not_have_under_its_name_has_no_name(module: types.ModuleType) -> None:
    once = module.once
    assert _names.reference(once)
    module.once = lambda: 3  # type: ignore[attr-defined]
    assert not _names.reference(once) and not _names.reference(module.once)
    assert not _names.reference(module.outer()) and not _names.reference(len) and not _names.reference(str.upper)
    del sys.modules[module.__name__]
    assert not _names.reference(module.outer)


def test_a_function_of_main_goes_by_value_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cloudpickle")
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec("factor = 6\ndef times(number): return number * factor", vars(main))
    message = _pickling.dumps(main.times, by_value=True)
    del main.times
    assert _pickling.loads(message)(7) == 42


class Lender:
    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        _pickling.lend(self)
        return Lender, (self.name,)


class Nested:
    """Makes a message of its own while it is pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        inner = _pickling.dumps(Lender("inner"))
        assert isinstance(inner, _pickling.Message) and len(inner.lent) == 1
        return Nested, ()


def test_a_message_keeps_what_it_lends() -> None:
    outer = Lender("outer")
    message = _pickling.dumps([outer, Nested()])
    assert isinstance(message, _pickling.Message) and message.lent == [outer]
    assert not isinstance(_pickling.dumps([1]), _pickling.Message)
    pickle.dumps(outer)
    assert message.lent == [outer]


NOTEBOOK = """
import millpond

def before(number):
    return number + 1

with millpond.Pool(1) as pool:
    print(pool.map(before, [1, 2]))

    def after(number):
        return before(number) * 10

    print(pool.map(after, [1, 2]), pool.apply(after, (3,)))

    def after(number):
        return "anew"

    print(pool.map(after, [1, 2]), pool.map(lambda number: -number, [1]))
"""


def first_and_last(buffers: Buffers) -> tuple[int, int]:
    part = buffers.parts[0]
    ends = part[0], part[-1]
    part[0] = 0
    return ends


def test_huge_arguments_reach_their_tasks() -> None:
    given = bytearray(b"a" + bytes(3 * _pickling.HUGE) + b"z")
    with Pool(2) as pool:
        assert pool.map(first_and_last, [Buffers(given)] * 6, 1) == [(97, 122)] * 6
        assert pool.apply(type, (Buffers(given),)) is Buffers
    assert given[0] == ord("a")


def test_a_pool_runs_functions_that_are_newer_than_it() -> None:
    pytest.importorskip("cloudpickle")
    done = subprocess.run([sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["[2, 3]", "[20, 30] 40", "['anew', 'anew'] [-1]"]
