"""Tables of calls that must be refused, as tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

Refusal = tuple[Callable[[], Any], type[Exception], str]


def refusals(table: Sequence[Refusal]) -> Callable[..., None]:
    """A test that each call of the table raises exactly this class, with exactly this text."""

    @pytest.mark.parametrize(("call", "kind", "message"), table, ids=range(len(table)))
    def refused(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
        with pytest.raises(kind) as raised:
            call()
        assert (type(raised.value), str(raised.value)) == (kind, message)

    return refused
