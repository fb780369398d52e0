"""How often the laws are tried: the same little in every run, and `make laws N=10000` for what nobody thought of."""

import os
from typing import Final

from hypothesis import HealthCheck, settings

N: Final = int(os.environ.get("N") or 0)

LAWS = settings(max_examples=N or 100, derandomize=not N, deadline=None, suppress_health_check=[HealthCheck.too_slow])
