"""`torch.futures`: values that come later.

A `Future` is one of Python's `concurrent.futures`, under PyTorch's names: whoever makes it gives it
its value, those who wait may do so in any thread.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Future(Generic[T]):
    """A value, or an exception, that `set_result` or `set_exception` gives once."""

    def __init__(self, *, devices: Any = None) -> None:
        self._inner: concurrent.futures.Future[T] = concurrent.futures.Future()

    def done(self) -> bool:
        """Whether it has its value or its exception."""
        return self._inner.done()

    def wait(self) -> T:
        """The value, waited for; raises the exception if it has one."""
        return self._inner.result()

    def value(self) -> T:
        """The value, or its exception raised. RuntimeError if it has none yet."""
        if not self.done():
            raise RuntimeError("the Future has no value yet: wait() for it")
        return self._inner.result()

    def set_result(self, result: T) -> None:
        """Give it its value. RuntimeError if it has one."""
        self._first()
        self._inner.set_result(result)

    def set_exception(self, result: BaseException) -> None:
        """Give it an exception, which `wait` and `value` raise. AssertionError for what is none."""
        assert isinstance(result, Exception), (
            f"{result} is of type {type(result)}, not an Exception."
        )
        self._first()
        self._inner.set_exception(result)

    def _first(self) -> None:
        if self.done():
            raise RuntimeError(
                "Attempting to mark a completed Future as complete again. Note that a Future can "
                "only be marked completed once."
            )

    def then(self, callback: Callable[[Future[T]], Any]) -> Future[Any]:
        """The Future of `callback(self)`, called as soon as this one is done."""
        following: Future[Any] = Future()

        def call(_: Any) -> None:
            try:
                following.set_result(callback(self))
            except Exception as error:
                following.set_exception(error)

        self._inner.add_done_callback(call)
        return following

    def add_done_callback(self, callback: Callable[[Future[T]], Any]) -> None:
        """Call `callback(self)` as soon as this one is done."""
        self._inner.add_done_callback(lambda _: callback(self))


def collect_all(futures: Iterable[Future[Any]]) -> Future[list[Future[Any]]]:
    """The Future of the list of these, done when all are; it has the first exception of theirs."""
    waited = list(futures)
    found: Future[list[Future[Any]]] = Future()
    if not waited:
        found.set_result(waited)
    missing = len(waited)

    def count(_: Any) -> None:
        nonlocal missing
        missing -= 1
        if missing:
            return
        failed = [error for f in waited if (error := f._inner.exception()) is not None]
        if failed:
            found._inner.set_exception(failed[0])
        else:
            found.set_result(waited)

    for future in waited:
        future.add_done_callback(count)
    return found


def wait_all(futures: Iterable[Future[Any]]) -> list[Any]:
    """The values of all, waited for; raises the first exception."""
    return [future.wait() for future in collect_all(futures).wait()]
