"""Which PyTorch this package's functions are those of, for programs that ask before they run."""

from __future__ import annotations

import re
from typing import Any


class TorchVersion(str):
    """A version as a string that compares by its numbers, with strings and tuples too."""

    def _numbers(self, other: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        mine, theirs = [
            tuple(map(int, v))
            if isinstance(v, (tuple, list))
            else tuple(map(int, re.findall(r"\d+", str(v).partition("+")[0])))
            for v in (self, other)
        ]
        longest = max(len(mine), len(theirs))
        zeros = (0,) * longest
        return (mine + zeros)[:longest], (theirs + zeros)[:longest]

    def __lt__(self, other: Any) -> bool:
        mine, theirs = self._numbers(other)
        return mine < theirs

    def __le__(self, other: Any) -> bool:
        mine, theirs = self._numbers(other)
        return mine <= theirs

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __eq__(self, other: object) -> bool:
        mine, theirs = self._numbers(other)
        return mine == theirs

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


#: the PyTorch that the tests hold this package to
__version__ = TorchVersion("2.13.0")
