"""Functions of functions: `grad`, `vjp`, `jvp`, Jacobians, `vmap`, stateless module calls."""

from .batching import vmap as vmap
from .derivatives import grad as grad
from .derivatives import grad_and_value as grad_and_value
from .derivatives import hessian as hessian
from .derivatives import jacfwd as jacfwd
from .derivatives import jacrev as jacrev
from .derivatives import jvp as jvp
from .derivatives import value_and_grad as value_and_grad
from .derivatives import vjp as vjp
from .linear import functionalize as functionalize
from .linear import linearize as linearize
from .linear import replace_all_batch_norm_modules_ as replace_all_batch_norm_modules_
from .stateless import functional_call as functional_call
from .stateless import stack_module_state as stack_module_state
