"""Conditions on the results of a finished run: what must not be, against its reference or an earlier run."""

from geometry.gate.checks import Check, check
from geometry.gate.junit import junit
from geometry.gate.policy import Policy, read_policy

__all__ = ["Check", "Policy", "check", "junit", "read_policy"]
