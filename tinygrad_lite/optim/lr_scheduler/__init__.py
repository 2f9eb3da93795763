"""Learning-rate schedulers: `torch.optim.lr_scheduler`, and the lectures' schedules by name."""

from __future__ import annotations

from .base import EPOCH_DEPRECATION_WARNING as EPOCH_DEPRECATION_WARNING
from .base import LRScheduler as LRScheduler
from .composed import ChainedScheduler as ChainedScheduler
from .composed import SequentialLR as SequentialLR
from .cyclic import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .cyclic import CyclicLR as CyclicLR
from .cyclic import OneCycleLR as OneCycleLR
from .decay import ConstantLR as ConstantLR
from .decay import CosineAnnealingLR as CosineAnnealingLR
from .decay import ExponentialLR as ExponentialLR
from .decay import LambdaLR as LambdaLR
from .decay import LinearLR as LinearLR
from .decay import MultiplicativeLR as MultiplicativeLR
from .decay import MultiStepLR as MultiStepLR
from .decay import PolynomialLR as PolynomialLR
from .decay import StepLR as StepLR
from .lectures import NaturalExponentialLR as NaturalExponentialLR
from .lectures import PerformanceLR as PerformanceLR
from .lectures import PiecewiseConstantLR as PiecewiseConstantLR
from .lectures import PowerLR as PowerLR
from .lectures import TenthsLR as TenthsLR
from .lectures import WarmUpLR as WarmUpLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
from .preview import plot as plot
from .preview import upcoming as upcoming

_LRScheduler = LRScheduler  # PyTorch's older name, which scripts still subclass
