"""The version, in one place: pyproject.toml reads it from here."""

__version__ = "0.1.0"
debug = False
cuda = hip = rocm = xpu = git_version = None  # what scripts print of PyTorch's build
