"""A few examples in every test run, the same ones each time; `make machine` for thousands of others."""

from hypothesis.stateful import run_state_machine_as_test

from tests.machine.machine import Machine
from tests.machine.profile import profile


def test_whatever_happens_in_whatever_order_the_invariants_hold() -> None:
    run_state_machine_as_test(Machine, settings=profile(6, 20, derandomize=True))
