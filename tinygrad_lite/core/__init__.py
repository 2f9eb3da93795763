"""The engine: what a Tensor is, and how it remembers and differentiates."""

from . import pickling as pickling  # binds Tensor's methods, which nothing calls by name
