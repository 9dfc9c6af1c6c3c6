"""Long work in a thread: the garbage collector is off meanwhile, and other threads get turns."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator

import pytest
from cart_mock.state.turns import WITHOUT_COLLECTION, Repeatable, in_slices, in_turns


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    """Begin with the garbage collector on, which a test of a command may have left off."""
    was_enabled = gc.isenabled()
    gc.enable()
    yield
    if not was_enabled:
        gc.disable()


def test_without_collection_of_several_threads_ends_with_the_last() -> None:
    is_in, may_go = threading.Event(), threading.Event()

    def work() -> None:
        with WITHOUT_COLLECTION:
            is_in.set()
            may_go.wait(10)

    assert gc.isenabled()
    thread = threading.Thread(target=work)
    with WITHOUT_COLLECTION:
        thread.start()
        assert is_in.wait(10)
        assert not gc.isenabled()
    assert not gc.isenabled()
    may_go.set()
    thread.join()
    assert gc.isenabled()


def test_without_collection_that_fails_ends() -> None:
    with pytest.raises(KeyError), WITHOUT_COLLECTION:
        raise KeyError
    assert gc.isenabled()


def test_without_collection_leaves_it_off_if_it_was() -> None:
    gc.disable()
    with WITHOUT_COLLECTION:
        pass
    assert not gc.isenabled()
    gc.enable()


def test_turns_are_taken_in_a_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    monkeypatch.setattr(time, "sleep", lambda _: turns.append(threading.current_thread().name))

    def work() -> None:
        assert list(in_turns(range(1000))) == list(range(1000))
        assert [*in_slices([1, 2, 3], 2)] == [[1, 2], [3]]

    work()
    thread = threading.Thread(target=work, name="work")
    thread.start()
    thread.join()
    assert turns == ["work"] * 5


def test_repeatable_makes_its_items_again() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    numbers = Repeatable(items)
    assert (list(numbers), list(numbers), made) == ([0, 1, 2], [0, 1, 2], [0, 1, 2] * 2)
