"""PyTorch's own database of operators (`OpInfo`), run against this package.

PyTorch's test suite describes each operator by an OpInfo: its name, valid inputs for a dtype,
invalid inputs with the error they raise, its method, its in-place form and its aliases. Here every
call of an entry is made twice, with Tensors of PyTorch and with Tensors of this package that hold
the same numbers in the same strides, and the outcomes are compared: an error on one side must be
an error of the same type on the other, a value the same value, dtype, shape and gradient.

`hold(entry)` returns the differences of one entry as a list of lines, empty if there are none.
Where a result is defined up to a gauge (the signs of singular vectors), the entry itself says what
of it is defined (`output_process_fn_grad`), and that is compared.
"""

from __future__ import annotations

import functools
import re
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's operator database imports it")

from torch.testing._internal import common_methods_invocations as database  # noqa: E402

ENTRIES = {
    f"{op.name}[{op.variant_test_name}]" if op.variant_test_name else op.name: op
    for op in database.op_db
}
#: The dtypes compared besides float64. complex128 has gradients too.
DTYPES = ("float32", "int64", "int32", "uint8", "bool", "complex128")
CLAIMED = frozenset(
    [
        *("float16", "float32", "float64", "complex64", "complex128"),
        *("int8", "int16", "int32", "int64", "uint8", "bool"),
    ]
)
#: torch.testing.assert_close's own tolerances, for the dtypes that have one.
TOLERANCE = {
    "float16": (1e-3, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


#: what this package says where it has no derivative through complex numbers
_REFUSAL = "no gradient flows through complex numbers here"


class Inapplicable(Exception):
    """The sample holds something that this package does not claim: bfloat16, a sparse tensor."""


# -- the same inputs on both sides -----------------------------------------------------------------


class Twins:
    """Copies of a sample's arguments, for PyTorch or for this package; one for one tensor."""

    def __init__(self, ours: bool, grad: bool = True) -> None:
        self.ours = ours
        self.grad = grad
        self.seen: dict[int, Any] = {}

    def __call__(self, value: Any) -> Any:
        """`value` with every tensor, dtype and layout in it replaced by its twin."""
        if isinstance(value, torch.Tensor):
            if id(value) not in self.seen:
                self.seen[id(value)] = self.tensor(value)
            return self.seen[id(value)]
        if isinstance(value, torch.Size):
            return tl.Size(value) if self.ours else value
        if isinstance(value, (list, tuple)):
            parts = [self(v) for v in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, dict):
            return {k: self(v) for k, v in value.items()}
        if isinstance(value, slice):
            return slice(self(value.start), self(value.stop), self(value.step))
        if self.ours and isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
            return getattr(tl, str(value).removeprefix("torch."), value)
        if self.ours and isinstance(value, torch.device):
            return tl.device(str(value))
        if self.ours and isinstance(value, torch.nn.Module):  # one without parameters
            return getattr(tl.nn, type(value).__name__)()
        if self.ours and isinstance(value, torch.Generator):
            return tl.Generator().manual_seed(value.initial_seed())
        return value

    def tensor(self, t: Any) -> Any:
        """A leaf with the numbers, strides and `requires_grad` of `t`, in memory of its own."""
        if t.layout is not torch.strided or t.is_quantized or t.is_nested or t.device.type != "cpu":
            raise Inapplicable(f"a {t.layout} tensor on {t.device}")
        if str(t.dtype).removeprefix("torch.") not in CLAIMED:
            raise Inapplicable(str(t.dtype))
        if t.ndim > 64:
            raise Inapplicable("more axes than NumPy's arrays have")
        plain = t.detach().resolve_conj().resolve_neg()
        size = plain.untyped_storage().nbytes() // plain.element_size()
        memory = torch.as_strided(plain, (size,), (1,), 0).numpy().copy()
        offset = plain.storage_offset()
        if self.ours and not plain.numel():
            twin = tl.from_numpy(np.empty(tuple(plain.shape), memory.dtype))
        elif self.ours:
            strides = [s * plain.element_size() for s in plain.stride()]
            a = np.ndarray(
                tuple(plain.shape), memory.dtype, memory, offset * plain.element_size(), strides
            )
            twin = tl.from_numpy(a)
        else:
            twin = torch.as_strided(
                torch.from_numpy(memory), plain.shape, plain.stride(), plain.storage_offset()
            ).detach()
        return twin.requires_grad_() if t.requires_grad and self.grad else twin

    def leaves(self) -> list[Any]:
        """The tensors that want a gradient, in the order in which they were met."""
        return [t for t in self.seen.values() if t.requires_grad]


# -- the same function on both sides ---------------------------------------------------------------


def _unseeded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    tl.manual_seed(42)
    return function(*args, **kwargs)


def named(name: str) -> Callable[..., Any] | None:
    """What this package has under a dotted name; a Tensor's method if there is no function."""
    for root in (tl, tl.Tensor):
        place: Any = root
        for part in name.removeprefix("torch.").split("."):
            try:
                place = getattr(place, part, None)
            except NotImplementedError:
                place = None
        if callable(place):
            return place
    return None


def twin_of(function: Any, name: str) -> Callable[..., Any] | None:
    """Our function for an entry's. An entry's lambda is run with our package as its `torch`."""
    if isinstance(function, functools.partial):
        inner = twin_of(function.func, name)
        return inner and functools.partial(inner, *function.args, **function.keywords)
    if isinstance(function, types.FunctionType) and function.__name__ == "<lambda>":
        return _with_our_names(function)
    return named(name)


def _with_our_names(function: Any) -> Callable[..., Any]:
    names = {**function.__globals__, "torch": tl, "wrapper_set_seed": _unseeded}
    code, defaults, closure = function.__code__, function.__defaults__, function.__closure__
    twin = types.FunctionType(code, names, "twin", defaults, closure)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


# -- outcomes --------------------------------------------------------------------------------------


def parts(value: Any) -> list[Any]:
    """The tensors and plain values in nested tuples, lists and dicts, in order."""
    if isinstance(value, (torch.Size, tl.Size)):
        return [tuple(value)]
    if isinstance(value, (tuple, list)):
        return [p for v in value for p in parts(v)]
    if isinstance(value, dict):
        return [p for v in value.values() for p in parts(v)]
    return [value]


def outcome(
    call: Callable[[], Any], seen: Callable[[Any], Any] = lambda value: value
) -> tuple[list[Any], Exception | None]:
    """The parts of the value of a call as `seen` shows it, or its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return parts(seen(call())), None
        except Exception as error:
            return [], error


def tolerance(op: Any, dtype: str, test: str = "") -> tuple[float, float]:
    """PyTorch's tolerance for a dtype: assert_close's, or what the entry asks for if wider."""
    rtol, atol = TOLERANCE.get(dtype, (0.0, 0.0))
    for decorator in op.decorators:
        for inner in getattr(decorator, "decorators", [decorator]):
            known = getattr(inner, "d", None)
            if isinstance(known, dict) and getattr(torch, dtype) in known:
                wider = known[getattr(torch, dtype)]
                if hasattr(wider, "rtol"):
                    rtol, atol = max(rtol, wider.rtol), max(atol, wider.atol)
    return rtol, atol


def array(t: Any) -> np.ndarray:
    """The numbers of a tensor of either side."""
    if isinstance(t, tl.Tensor):
        return np.asarray(t.detach().numpy())
    return t.detach().resolve_conj().resolve_neg().numpy(force=True)


def is_tensor(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, tl.Tensor))


def difference(op: Any, got: Any, want: Any, values: bool = True) -> str | None:
    """How two parts of a result differ, in a line; None if they agree."""
    if not is_tensor(want):
        if is_tensor(got):
            return f"a Tensor instead of {want!r}"
        if isinstance(want, (torch.dtype, torch.layout, torch.device)):
            return None if str(got) == str(want) else f"{got}, not {want}"
        if isinstance(want, (float, complex)):
            same = type(got) is type(want) and np.allclose(got, want, 1e-7, 1e-7, equal_nan=True)
            return None if same or not values else f"{got!r}, not {want!r}"
        same = got == want and type(got) is type(want)
        return None if same or not values else f"{got!r}, not {want!r}"
    if not is_tensor(got):
        return f"{type(got).__name__} instead of a Tensor"
    if str(got.dtype) != str(want.dtype):
        return f"{got.dtype}, not {want.dtype}"
    if tuple(got.shape) != tuple(want.shape):
        return f"shape {tuple(got.shape)}, not {tuple(want.shape)}"
    if not values:
        return None
    a, b = array(got), array(want)
    close = _close(a, b, *tolerance(op, a.dtype.name))
    if close.all():
        return None
    where = tuple(int(i) for i in np.argwhere(~np.atleast_1d(close))[0])
    left, right = np.atleast_1d(a)[where], np.atleast_1d(b)[where]
    return f"{np.sum(~close)} of {close.size} differ: {left!r}, not {right!r} at {where}"


@np.errstate(all="ignore")
def _close(a: np.ndarray, b: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    if a.dtype.kind == "b":
        return a == b
    close = np.isclose(a, b, rtol, atol, equal_nan=True)
    if a.dtype.kind == "c" and not close.all():  # an infinite part beside a NaN: part by part
        real, imag = (_close(f(a), f(b), rtol, atol) for f in (np.real, np.imag))
        close |= (real & imag) | (np.isnan(a) & np.isnan(b))
    return close


def kind(error: Exception) -> str:
    """The name of an error's type; what PyTorch hides behind an underscore is meant as public."""
    name = type(error).__name__
    return name.removeprefix("_")


def of_kind(error: Exception, wanted: Exception) -> bool:
    """Whether `error` is of the type of `wanted`, or of a narrower one."""
    return any(k.__name__ == kind(wanted) for k in type(error).__mro__)


class Hold:
    """One entry under comparison: what was compared, and what differed."""

    def __init__(self, op: Any, random: bool = False, ties: int | None = None) -> None:
        self.op = op
        self.random = random
        self.ties = ties
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.ours = twin_of(op.op, op.name)

    def fail(self, what: str, sample: Any, text: str) -> None:
        """Keep a difference."""
        shown = re.sub(r"\s+", " ", sample.summary())[:300]
        self.failures.append(f"{what}: {text} | {shown}")

    def both(
        self, what: str, theirs: Callable[..., Any], ours: Callable[..., Any], sample: Any,
        grad: bool = False,
    ) -> None:  # fmt: skip
        """Make a call on both sides and compare the outcomes."""
        sides = []
        try:
            for function, mine in ((theirs, False), (ours, True)):
                twins = Twins(mine, grad)
                given, args, kwargs = (
                    twins(sample.input), twins(tuple(sample.args)), twins(dict(sample.kwargs)),
                )  # fmt: skip
                call = functools.partial(function, given, *args, **kwargs)
                sides.append((twins, *outcome(call, sample.output_process_fn_grad)))
        except Inapplicable:
            self.counts["inapplicable"] += 1
            return
        (their_twins, want, raised), (our_twins, got, mine) = sides
        self.counts[what.split(" ")[0]] += 1
        if grad and raised is None and mine is not None and _REFUSAL in str(mine):
            self.counts["refused"] += 1  # the value without the gradient, then
            self.both(what, theirs, ours, sample)
            return
        if raised is not None or mine is not None:
            if raised is None:
                self.fail(what, sample, f"raised {type(mine).__name__}: {str(mine)[:200]}")
            elif mine is None:
                self.fail(what, sample, f"did not raise {kind(raised)}: {str(raised)[:120]}")
            elif not of_kind(mine, raised):
                self.fail(what, sample, f"{mine!r:.160}, not {raised!r:.160}")
            return
        if len(got) != len(want):
            self.fail(what, sample, f"{len(got)} values, not {len(want)}")
            return
        for i, (a, b) in enumerate(zip(got, want, strict=True)):
            compare = not self.random and (self.ties is None or i < self.ties or not _tied(given))
            text = difference(self.op, a, b, compare)
            if text is not None:
                self.fail(what, sample, f"value {i}: {text}")
                return
            if grad and is_tensor(b) and a.requires_grad and not b.requires_grad:
                self.fail(what, sample, f"value {i}: requires_grad {a.requires_grad}")
                return
        if grad and not self.random:
            self.gradients(what, sample, their_twins, want, our_twins, got)

    def gradients(
        self, what: str, sample: Any, theirs: Twins, want: list[Any], ours: Twins, got: list[Any]
    ) -> None:
        """Compare the gradients of the results along random cotangents."""
        places = [i for i, t in enumerate(want) if is_tensor(t) and t.requires_grad]
        leaves = theirs.leaves()
        if not places or not leaves:
            return
        constant = [i for i in places if not got[i].requires_grad]
        places = [i for i in places if i not in constant]
        if constant:  # without history here: then its derivative must be nothing or nought
            nought = [torch.ones_like(want[i]) for i in constant]
            call = lambda: torch.autograd.grad(
                [want[i] for i in constant], leaves, nought, retain_graph=True, allow_unused=True
            )
            found, raised = outcome(call)
            if raised is None and any(g is not None and np.any(array(g)) for g in found):
                self.fail(what, sample, f"value {constant[0]}: requires_grad False")
                return
        if not places:
            return
        rng = np.random.default_rng(len(what))
        cotangents = [_cotangent(rng, array(want[i])) for i in places]
        found = []
        for package, twins, outs in ((torch, theirs, want), (tl, ours, got)):

            def call(package: Any = package, twins: Any = twins, outs: Any = outs) -> Any:
                return package.autograd.grad(
                    [outs[i] for i in places],
                    twins.leaves(),
                    [package.from_numpy(c.copy()) for c in cotangents],
                    allow_unused=True,
                )

            found.append(outcome(call))
        (wanted, raised), (had, mine) = found
        if raised is not None:  # PyTorch has no derivative here; ours is nobody's loss
            self.counts["no-gradient"] += 1
            return
        self.counts["gradients"] += 1
        if mine is not None and _REFUSAL in str(mine):
            self.counts["refused"] += 1
            return
        if mine is not None:
            self.fail(what, sample, f"gradient raised {type(mine).__name__}: {str(mine)[:200]}")
            return
        for i, (a, b, leaf) in enumerate(zip(had, wanted, leaves, strict=True)):
            if a is None or b is None:  # an input that does not matter: the other side may say 0
                other = b if a is None else a
                if other is not None and np.any(array(other)):
                    self.fail(what, sample, f"gradient {i}: {a}, not {b}")
                continue
            text = difference(self.op, a, b)
            if text is not None:
                self.fail(what, sample, f"gradient {i} of shape {tuple(leaf.shape)}: {text}")
                return

    # -- the parts of an entry ---------------------------------------------------------------------

    def samples(self, dtype: str, limit: int, grad: bool = False) -> list[Any]:
        """At most `limit` sample inputs of the entry, spread evenly over what it has."""
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # not by op.sample_inputs, which formats a traceback for every sample
            every = list(self.op.sample_inputs_func(self.op, "cpu", getattr(torch, dtype), grad))
        step = max(1, -(-len(every) // limit))
        return every[::step]

    def references(self, dtype: str, limit: int) -> list[Any]:
        """At most `limit` of the entry's reference inputs: more shapes, extreme values, NaN."""
        if self.op.reference_inputs_func is None:
            return []
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            every = list(
                self.op.reference_inputs_func(self.op, "cpu", getattr(torch, dtype), False)
            )
        return every[:: max(1, -(-len(every) // limit))]

    def has(self, dtype: str) -> bool:
        """Whether PyTorch's operator takes the dtype on a CPU."""
        return getattr(torch, dtype) in self.op.supported_dtypes("cpu")

    def function(
        self, limits: tuple[int, int, int] = (12, 4, 0), dtypes: Iterable[str] = DTYPES
    ) -> None:
        """The function: float64 with gradients, then the values in other dtypes."""
        if self.ours is None:
            self.failures.append("absent: no such name")
            return
        if self.has("float64"):
            grad = self.op.supports_autograd
            for sample in self.samples("float64", limits[0], grad):
                self.both(
                    "float64",
                    self._wrapped(self.op.op),
                    self._wrapped(self.ours, ours=True),
                    sample,
                    grad,
                )
        for dtype in dtypes:
            if not self.has(dtype):
                continue
            grad = dtype == "complex128" and self.op.supports_autograd
            pair = (self.op.op, self.ours)
            if grad:
                pair = (self._wrapped(self.op.op), self._wrapped(self.ours, ours=True))
            for sample in self.samples(dtype, limits[1], grad):
                self.both(dtype, *pair, sample, grad)
        for dtype in ("float64", *dtypes):
            if self.has(dtype):
                for sample in self.references(dtype, limits[2]):
                    if not _beside_the_point(self.op.name, sample):
                        self.both("reference " + dtype, self.op.op, self.ours, sample)

    def _wrapped(self, function: Callable[..., Any], ours: bool = False) -> Callable[..., Any]:
        """The function on inputs made valid (symmetric, say), whose gradient is well defined."""
        wrapper = self.op.gradcheck_wrapper
        if ours:
            wrapper = _with_our_names(wrapper)
        return lambda *args, **kwargs: wrapper(function, *args, **kwargs)

    def variants(self, limit: int = 4, dtypes: Iterable[str] = ("float64", "int64")) -> None:
        """The method, the in-place form, the aliases and what the operator symbols call."""
        forms = [("method", self.op.method_variant), ("in-place", self.op.inplace_variant)]
        for alias in self.op.aliases:
            forms.append(("alias", alias.op))
            forms.append(("alias-method", alias.method_variant))
            forms.append(("alias-in-place", alias.inplace_variant))
        for what, theirs in forms:
            if theirs is None:
                continue
            lambda_ = isinstance(theirs, types.FunctionType) and theirs.__name__ == "<lambda>"
            name = getattr(theirs, "__name__", "?")
            if lambda_ or isinstance(theirs, functools.partial):
                ours = twin_of(theirs, self.op.name)
            elif what == "alias":
                alias = next(a for a in self.op.aliases if a.op is theirs)
                name = alias.name
                ours = named(name)
            else:
                ours = getattr(tl.Tensor, name, None)
            if ours is None:
                self.failures.append(f"{what}: no name {name}")
                continue
            for dtype in dtypes:
                if not self.has(dtype):
                    continue
                grad = dtype == "float64" and self.op.supports_autograd
                for sample in self.samples(dtype, limit, grad):
                    if what == "alias":
                        self.both(f"{what} {name}", theirs, ours, sample, False)
                    elif isinstance(sample.input, torch.Tensor):
                        pair = (
                            (_cloned(theirs), _cloned(ours))
                            if "in-place" in what
                            else (self._wrapped(theirs), self._wrapped(ours, ours=True))
                        )
                        self.both(f"{what} {name} {dtype}", *pair, sample, grad)

    def errors(self) -> None:
        """The invalid inputs: an error of the same type."""
        if self.ours is None or self.op.error_inputs_func is None:
            return
        if self.op.name.startswith("__"):  # Tensor.__radd__(2, 3): what Python does with that
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            every = list(self.op.error_inputs_func(self.op, "cpu"))
        for error in every:
            if "out" in error.sample_input.kwargs:  # not supported by intention, and says so
                continue
            self.both("error", self.op.op, self.ours, error.sample_input)


_BETWEEN = frozenset({"add", "sub", "mul", "div", "true_divide", "floor_divide"})


def _beside_the_point(name: str, sample: Any) -> bool:
    """Infinite complex numbers, whose arithmetic is the compiler's; Tensor.__radd__(2, t); and
    add(2, 3), of which PyTorch makes a Tensor: here one operand must be one."""
    given = parts([sample.input, sample.args, sample.kwargs])
    if name in _BETWEEN and not any(is_tensor(v) for v in given):
        return True
    imaginary = [t for t in given if is_tensor(t) and t.is_complex()]
    if any(not torch.isfinite(torch.view_as_real(t.resolve_conj())).all() for t in imaginary):
        return True
    return name.startswith("__") and not is_tensor(sample.input)


def _tied(x: Any) -> bool:
    """Whether x has equal elements."""
    a = array(x) if is_tensor(x) else np.asarray(0)
    return bool(np.unique(a).size < a.size)


def _cloned(function: Callable[..., Any]) -> Callable[..., Any]:
    """An in-place form on a copy of its first argument; its value is that copy."""

    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        copy = x.clone()
        out = function(copy, *args, **kwargs)
        if out is not copy:
            raise AssertionError("an in-place method returns its Tensor")
        return out

    return call


def _cotangent(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    g = rng.normal(size=like.shape)
    if like.dtype.kind == "c":
        g = g + 1j * rng.normal(size=like.shape)
    return np.asarray(g, like.dtype)


def hold(
    name: str,
    random: bool = False,
    ties: int | None = None,
    limits: tuple[int, int, int, int] = (12, 4, 3, 3),
    dtypes: Iterable[str] = DTYPES,
) -> Hold:
    """Compare everything of the entry called `name`: see `Hold.counts` and `Hold.failures`.

    `random`: values are drawn, so only dtypes and shapes are compared. `ties`: the part of the
    result from which on PyTorch's choice among equal elements shows, which is nobody's to know:
    where the input has equal elements, dtypes and shapes are compared from there on. `limits`: how
    many samples in float64 (with gradients), in each other dtype, for each variant, and how many
    reference inputs in each dtype.
    """
    compared = Hold(ENTRIES[name], random, ties)
    compared.function((limits[0], limits[1], limits[3]), dtypes)
    if compared.ours is not None:
        compared.variants(limits[2])
        compared.errors()
    return compared
