"""How often the laws are tried: a little in every run, and `make laws N=10000` for a night."""

import os
from typing import Final

from hypothesis import HealthCheck, settings

N: Final = int(os.environ.get("N") or 100)

LAWS = settings(max_examples=N, deadline=None, suppress_health_check=[HealthCheck.too_slow])
