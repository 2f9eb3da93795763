"""Transforms of random variables: of numbers, and onto simplices and matrices."""

from __future__ import annotations

from .elementary_transforms import AbsTransform as AbsTransform
from .elementary_transforms import AffineTransform as AffineTransform
from .elementary_transforms import ExpTransform as ExpTransform
from .elementary_transforms import LowerCholeskyTransform as LowerCholeskyTransform
from .elementary_transforms import PowerTransform as PowerTransform
from .elementary_transforms import SigmoidTransform as SigmoidTransform
from .elementary_transforms import SoftmaxTransform as SoftmaxTransform
from .elementary_transforms import SoftplusTransform as SoftplusTransform
from .elementary_transforms import TanhTransform as TanhTransform
from .simplex_transforms import CatTransform as CatTransform
from .simplex_transforms import CorrCholeskyTransform as CorrCholeskyTransform
from .simplex_transforms import CumulativeDistributionTransform as CumulativeDistributionTransform
from .simplex_transforms import PositiveDefiniteTransform as PositiveDefiniteTransform
from .simplex_transforms import StackTransform as StackTransform
from .simplex_transforms import StickBreakingTransform as StickBreakingTransform
from .transform import ComposeTransform as ComposeTransform
from .transform import IndependentTransform as IndependentTransform
from .transform import InverseTransform as InverseTransform
from .transform import ReshapeTransform as ReshapeTransform
from .transform import Transform as Transform
from .transform import identity_transform as identity_transform
