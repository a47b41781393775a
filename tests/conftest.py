"""Idle OpenMP threads sleep, as the command line has them do; set before torch is loaded."""

import os

from geometry.cli import WAIT

os.environ.setdefault("OMP_WAIT_POLICY", WAIT)
