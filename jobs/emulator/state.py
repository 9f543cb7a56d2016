"""What an emulator knows: its ledger, its faults and its quotas; the control API reads and replaces them."""

import random
import time
from collections.abc import Iterable

from jobs.emulator.faults import Fault, FaultPlan
from jobs.emulator.ledger import CallLedger
from jobs.emulator.quotas import QuotaRules, Quotas
from jobs.emulator.settings import EmulatorSettings


class EmulatorState:
    def __init__(self, settings: EmulatorSettings) -> None:
        self.ledger = CallLedger()
        self.in_flight = 0
        """Calls accepted and not yet responded to."""
        self.random = random.Random(settings.seed)  # noqa: S311 (repeatable, no secret)
        self.set_faults(settings.faults)
        self.set_quotas(settings)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the faults; their times and counts start now."""
        self.plan = FaultPlan(faults, time.monotonic(), self.random.random)

    def set_quotas(self, rules: QuotaRules) -> None:
        """Replace the quotas of all models; the new ones are full."""
        self.quotas = Quotas(rules)
