"""Optimizers, learning-rate schedules and weight averaging, under PyTorch's names."""

from __future__ import annotations

from . import lr_scheduler as lr_scheduler
from . import schedules as schedules
from . import swa_utils as swa_utils
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
from .groups import decay_groups as decay_groups
from .groups import groups as groups
from .lbfgs import LBFGS as LBFGS
from .lookahead import Lookahead as Lookahead
from .lookahead import NesterovLookahead as NesterovLookahead
from .lookahead import SparseAdam as SparseAdam
from .lr_finder import find_lr as find_lr
from .matrix import LAMB as LAMB
from .matrix import Adafactor as Adafactor
from .matrix import Muon as Muon
from .optimizer import Optimizer as Optimizer
from .optimizer import register_optimizer_step_post_hook as register_optimizer_step_post_hook
from .optimizer import register_optimizer_step_pre_hook as register_optimizer_step_pre_hook
from .penalties import add_elastic_net as add_elastic_net
from .penalties import add_l1 as add_l1
from .penalties import add_l2 as add_l2
from .penalties import proximal_l1 as proximal_l1
from .penalties import soft_threshold as soft_threshold
from .sgd import ASGD as ASGD
from .sgd import SGD as SGD
