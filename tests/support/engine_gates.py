"""The real engine for a case: told its quota, blind, or knowing everything. All that depends on how gates are made."""

import math
from typing import TYPE_CHECKING, Any, cast

from cli import wiring
from jobs.emulator.quotas import QuotaRules, Quotas
from jobs.requests.cost import REQUESTS, TOKENS
from jobs.simulation.server import MODEL
from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.discovery.controller import Controller
from ratelimit.gate import Gate
from ratelimit.quota import Dimension, QuotaBook

if TYPE_CHECKING:
    from cli.config.analyze_settings import AnalyzeSettings

PLACES = 1000
"""Most calls in flight, as `analyze` has it where a quota is told."""


class _Settings:
    """The options of `analyze` that a gate is made from, at their defaults."""

    burst = 1.0
    concurrency = PLACES
    budget = None
    pacing = "burst"
    on_outage = "wait"
    emulate = False

    def __init__(self, rules: QuotaRules, max_tokens: int) -> None:
        self.rpm, self.tpm, self.max_tokens = rules.rpm or math.inf, rules.tpm or math.inf, max_tokens


def told(rules: QuotaRules, max_tokens: int) -> Gate:
    """The gate of `analyze --rpm --tpm`."""
    return wiring.gate(cast("AnalyzeSettings", cast("Any", _Settings(rules, max_tokens))))


def blind(_rules: QuotaRules, _max_tokens: int, max_in_flight: int = PLACES) -> Gate:
    """The gate of `analyze` where nobody told a quota."""
    return Gate(QuotaBook({name: Dimension(Controller(), float("inf")) for name in (REQUESTS, TOKENS)}), max_in_flight)


def knowing(rules: QuotaRules, phase: float) -> Gate:
    """A gate that has the server's own books; the server's clock is `phase` into its minute."""
    quotas = Quotas(rules).book(MODEL).dimensions
    for quota in quotas.values():
        if isinstance(quota.limiter, FixedWindow):
            quota.limiter.phase = -phase
    names = {"requests": REQUESTS, "tokens": TOKENS}
    return Gate(QuotaBook({names[name]: quota for name, quota in quotas.items()}), PLACES)
