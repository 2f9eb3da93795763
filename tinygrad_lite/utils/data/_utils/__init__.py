"""The machinery behind the DataLoader: collating, fetching, worker processes."""

from . import collate as collate
from . import fetch as fetch
from . import info as info
