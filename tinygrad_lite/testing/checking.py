"""`check_op`: every law over drawn inputs, in one line; the smallest input that fails.

check_op(logcosh)                                   # elementwise, any shapes
check_op(my_matmul, "n k", "k m")                   # shape words share sizes
check_op(my_loss, "n c", labels(3, (2,)), reduction=st.sampled_from(["sum", "mean"]))
check_op(MyFunction, "n")                           # autograd.Function
check_op(nn.Linear(3, 2), "n 3")                    # towards inputs and parameters
check_op((value, vjp), "n")                         # two NumPy functions
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.random import fork_rng
from ..core.samples import Boolean, Integer, Real, Sample
from . import laws
from .calls import Case
from .report import LawError, Skip
from .strategies import Strategy, from_sample, from_samples, st
from .subjects import Subject, as_array, subject_of

#: Inputs drawn by default, by profile (environment variable TINYGRAD_LITE_PROFILE).
EXAMPLES = {"ci": 40, "dev": 100, "thorough": 2000}
_WORDS = (str, Real, Integer, Boolean)


def profile() -> str:
    """Which profile is in force: ci (default), dev or thorough."""
    chosen = os.environ.get("TINYGRAD_LITE_PROFILE", "ci")
    if chosen not in EXAMPLES:
        raise ValueError(f"TINYGRAD_LITE_PROFILE={chosen!r}: choose among {sorted(EXAMPLES)}")
    return chosen


@dataclass
class Checked:
    """What `check_op` found: true if every law held."""

    name: str
    laws: tuple[str, ...]
    examples: int = 0
    kinks: list[str] = field(default_factory=list)
    failure: LawError | None = None

    def __bool__(self) -> bool:
        return self.failure is None

    def __str__(self) -> str:
        if self.failure is not None:
            return str(self.failure)
        text = f"{self.name}: {len(self.laws)} laws hold over {self.examples} drawn inputs"
        if self.kinks:
            text += f"; {len(self.kinks)} of them prove less, e.g. {self.kinks[0]}"
        return text

    __repr__ = __str__


def check_op(
    fn: Any,
    *inputs: Any,
    vjp: Callable[..., Any] | None = None,
    order: int = 2,
    oracle: Callable[..., Any] | None = None,
    wrt: Sequence[int | str] | None = None,
    smooth: bool = True,
    examples: int | None = None,
    skip: str | Sequence[str] = (),
    name: str | None = None,
    seed: int = 0,
    raise_exception: bool = True,
    **meta: Any,
) -> Checked:
    """Hold `fn` to every law over drawn inputs, and report the smallest input that breaks one.

    fn        a function of Tensors, an autograd.Function subclass, a Module (checked towards its
              parameters too), a @primitive, or a pair (value, vjp) of NumPy functions, where
              vjp(g, *arrays) returns one gradient for each array
    inputs    for each positional argument: shape words ("b c h w", "... n"; equal words are equal
              sizes), a tuple of sizes, a Hypothesis strategy of Tensors, arrays or numbers (or of
              tuples of them, for several arguments), a samples.Real or Integer, or a fixed value.
              Default: the op's own samples, or floats that broadcast, one for each parameter
    order     highest order of derivatives to check; 1 for a backward that is not differentiable
    oracle    a NumPy function that computes the same value
    wrt       the inputs, by number or name, to differentiate towards (default: all floats)
    smooth    False: skip second derivatives (a function with many kinks)
    examples  number of inputs drawn (default by profile: ci 40, dev 100, thorough 2000)
    skip      names of laws to leave out
    meta      keyword arguments of `fn`: fixed values, or strategies

    Inputs are drawn in float64, whatever dtype `fn` is used with; a law holds float32 to it.
    Returns a Checked (true if all is well, printable). Raises LawError at the first broken law, or
    returns it in the Checked without `raise_exception`.
    """
    subject = subject_of(fn, vjp, name)
    left_out = {skip} if isinstance(skip, str) else set(skip)
    everything = dict(laws.LAWS)
    everything |= laws.FUNCTION_LAWS if subject.function is not None else {}
    everything |= laws.OP_LAWS if subject.op is not None else {}
    known = laws.LAWS | laws.FUNCTION_LAWS | laws.OP_LAWS
    if left_out - known.keys():
        raise ValueError(f"skip={sorted(left_out - known.keys())}: the laws are {sorted(known)}")
    chosen = {n: law for n, law in everything.items() if n not in left_out}
    options: dict[str, Any] = {"wrt": wrt, "smooth": smooth, "oracle": oracle}
    strategy = _drawing(subject, inputs, meta).map(
        lambda drawn: subject.case(drawn[0], drawn[1], **options)
    )
    run = _Run(subject, chosen, min(order, subject.order))
    with fork_rng():
        run.over(strategy, examples or EXAMPLES[profile()], seed)
    if run.checked.failure is not None and raise_exception:
        raise run.checked.failure from None
    return run.checked


class _Run:
    """The search for a failing input, and its shrinking."""

    def __init__(self, subject: Subject, chosen: dict[str, laws.Law], order: int) -> None:
        self.laws = chosen
        self.order = order
        self.broken: str | None = None
        self.smallest: LawError | None = None
        self.checked = Checked(subject.name, tuple(chosen))

    def over(self, strategy: Strategy, examples: int, seed: int) -> None:
        import hypothesis

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
            suppress_health_check=list(hypothesis.HealthCheck),
            verbosity=hypothesis.Verbosity.quiet,
        )
        @hypothesis.given(strategy)
        def every_law(case: Case) -> None:
            self.check(case)

        try:
            every_law()
        except LawError:
            pass
        except hypothesis.errors.Flaky:  # broken at one time and not at another: reported as met
            pass
        if self.smallest is not None:
            self.smallest.__notes__ = []  # Hypothesis's own ways to reproduce
        self.checked.failure = self.smallest

    def check(self, case: Case) -> None:
        """One drawn call; after a law has failed, only that one, on smaller and smaller calls."""
        subjects = self.laws if self.broken is None else {self.broken: self.laws[self.broken]}
        self.checked.examples += self.broken is None
        for name, law in subjects.items():
            rng = np.random.default_rng(0)
            try:
                laws.hold(case, rng, name, law, self.order)
            except Skip as reason:
                if self.broken is None:
                    self.checked.kinks.append(f"{reason} at {_values(case)}")
            except LawError as error:
                self.keep(name, error)
                raise
            except Exception as error:
                raised = f"{type(error).__name__}: {error}"
                failure = LawError(name, f"{case.name}: checking {name} raised {raised}", case)
                self.keep(name, failure)
                raise failure from error

    def keep(self, name: str, error: LawError) -> None:
        self.broken = name
        if self.smallest is None or _size(error) <= _size(self.smallest):
            self.smallest = error


def _size(error: LawError) -> tuple[float, ...]:
    if error.case is None:
        return (0.0,)
    arrays = error.case.arrays
    return (
        float(sum(a.size for a in arrays)),
        float(sum(a.ndim for a in arrays)),
        float(sum(len(repr(v)) for a in arrays for v in a.reshape(-1).tolist())),
    )


def _values(case: Case) -> str:
    pairs = zip(range(len(case.arrays)), case.arrays, strict=True)
    return ", ".join(f"{case.name_of(i)} = {a.tolist()}" for i, a in pairs if a.size <= 4)


def _drawing(subject: Subject, inputs: Sequence[Any], meta: dict[str, Any]) -> Strategy:
    """A strategy of (arguments, metadata)."""
    if not inputs and subject.op is not None and subject.op.samples:
        return from_samples(subject.op).map(lambda drawn: (drawn[1], {**drawn[2], **meta}))
    if not inputs:
        if not subject.names:
            raise TypeError(
                f"check_op({subject.name}): how many inputs it takes is not in its signature; "
                'give their shapes, e.g. check_op(fn, "n", "n m")'
            )
        inputs = [Real("...", broadcast=len(subject.names) > 1)] * len(subject.names)
    specs = [_spec(x) for x in inputs]
    words = [x for x in specs if isinstance(x, (Real, Integer, Boolean))]
    fixed = {k: v for k, v in meta.items() if not isinstance(v, st.SearchStrategy)}
    drawn = {k: v for k, v in meta.items() if isinstance(v, st.SearchStrategy)}
    together = from_sample(Sample(tuple(words), fixed))
    others = st.tuples(*[x for x in specs if isinstance(x, st.SearchStrategy)])

    def join(parts: Any) -> tuple[list[Any], dict[str, Any]]:
        (arrays, constants), free, chosen = parts
        from_words, from_strategies = iter(arrays), iter(free)
        args: list[Any] = []
        for x in specs:
            if isinstance(x, (Real, Integer, Boolean)):
                args.append(next(from_words))
            elif isinstance(x, st.SearchStrategy):
                value = next(from_strategies)
                args += value if isinstance(value, (tuple, list)) else [value]
            else:
                args.append(x)
        return [as_array(a) for a in args], {**constants, **chosen}

    return st.tuples(together, others, st.fixed_dictionaries(drawn)).map(join)


def _spec(x: Any) -> Any:
    if isinstance(x, str):
        return Real(x)
    if isinstance(x, tuple) and all(isinstance(n, int) for n in x):
        return Real(" ".join(map(str, x)))
    return x


def op_test(*inputs: Any, **options: Any) -> Callable[[Any], Any]:
    """Decorate an op (a function of Tensors, a Function class) so that pytest checks it.

        @op_test("n k", "k m")
        def my_matmul(x, y): ...

    The arguments are those of `check_op`; the op itself is unchanged. The plugin that collects it
    is switched on by `pytest_plugins = ["tinygrad_lite.testing.plugin"]` in conftest.py; its
    option --op-profile chooses ci, dev or thorough.
    """

    def mark(op: Any) -> Any:
        op.__op_test__ = (inputs, options)
        return op

    return mark
