"""`torch.signal`: window functions under `signal.windows`."""

from . import windows as windows
