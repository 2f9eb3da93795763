"""Optimizers, learning-rate schedules and weight averaging, under PyTorch's names."""

from __future__ import annotations

from . import lr_scheduler as lr_scheduler
from . import schedules as schedules
from .adam import Adam as Adam
from .adam import Adamax as Adamax
from .adam import AdamW as AdamW
from .adam import Lion as Lion
from .adam import NAdam as NAdam
from .adam import RAdam as RAdam
from .adaptive import FTRL as FTRL
from .adaptive import Adadelta as Adadelta
from .adaptive import Adagrad as Adagrad
from .adaptive import RMSprop as RMSprop
from .adaptive import Rprop as Rprop
from .lbfgs import LBFGS as LBFGS
from .lookahead import Lookahead as Lookahead
from .lookahead import NesterovLookahead as NesterovLookahead
from .lookahead import SparseAdam as SparseAdam
from .matrix import LAMB as LAMB
from .matrix import Adafactor as Adafactor
from .matrix import Muon as Muon
from .optimizer import Optimizer as Optimizer
from .sgd import ASGD as ASGD
from .sgd import SGD as SGD
