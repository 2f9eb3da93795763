"""Side by side with PyTorch eager: `python -m tests.benchmarks`. Not collected by pytest.

A file here is a family of workloads. It exposes

    def workloads() -> dict[str, tuple[Callable, Callable]]:   # name: (ours, PyTorch's)

where both callables take no argument, do one step of the same work, and return a number or an
array to compare (or None); and, where they apply,

    TARGETS: dict[str, float]      # the ratio to PyTorch's time that is wanted, at most
    TOLERANCES: dict[str, float]   # how far results may differ, relatively (default 1e-4)
    PROCESSES: dict[str, Callable] # name: function of the namespace, for the process measurements

As both libraries have one API, a workload is best written once, as a function of the namespace:
`def step(torch): ...`, and instantiated with each.
"""
