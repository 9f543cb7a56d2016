"""Gates for a simulated case: with the configured quota, with an unknown one, or with the server's own limiters."""

import math
from typing import TYPE_CHECKING, cast

from cli import wiring
from jobs.emulator.quotas import QuotaRules, Quotas
from jobs.pipeline.quota_learning import QuotaLearning
from jobs.record.quota_memory import QuotaScope
from jobs.requests.cost import REQUESTS, TOKENS
from jobs.simulation.server import MODEL
from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.discovery.controller import Controller
from ratelimit.gate import Gate
from ratelimit.quota_book import Dimension, QuotaBook

if TYPE_CHECKING:
    from cli.config.analyze_settings import AnalyzeSettings

MAX_IN_FLIGHT = 1000
"""Calls in flight, as `analyze` has it with a configured quota."""


class _Settings:
    """The options of `analyze` that determine a gate, at their defaults."""

    burst = 1.0
    concurrency = MAX_IN_FLIGHT
    budget = None
    pacing = "burst"
    on_outage = "wait"
    emulate = False

    def __init__(self, rules: QuotaRules, max_tokens: int) -> None:
        self.rpm, self.tpm, self.max_tokens = rules.rpm or math.inf, rules.tpm or math.inf, max_tokens


def analyze_gate(settings: object) -> Gate:
    """The gate of `analyze` with these settings and no remembered quota."""
    learning = QuotaLearning(None, QuotaScope("", "", "", ""), lambda _: None)
    return wiring.gate(cast("AnalyzeSettings", settings), None, learning)


def configured(rules: QuotaRules, max_tokens: int) -> Gate:
    """The gate of `analyze --rpm --tpm`."""
    return analyze_gate(_Settings(rules, max_tokens))


def unknown(_rules: QuotaRules, _max_tokens: int, max_in_flight: int = MAX_IN_FLIGHT) -> Gate:
    """The gate of `analyze` with an unknown quota."""
    return Gate(QuotaBook({name: Dimension(Controller(), float("inf")) for name in (REQUESTS, TOKENS)}), max_in_flight)


def ideal(rules: QuotaRules, phase: float) -> Gate:
    """A gate with the server's own limiters; the server's clock is `phase` seconds into its minute."""
    quotas = Quotas(rules).book(MODEL).dimensions
    for quota in quotas.values():
        if isinstance(quota.limiter, FixedWindow):
            quota.limiter.phase = -phase
    names = {"requests": REQUESTS, "tokens": TOKENS}
    return Gate(QuotaBook({names[name]: quota for name, quota in quotas.items()}), MAX_IN_FLIGHT)
