"""The controllers of a run's quotas: they begin with what is remembered, and what they find is told and remembered."""

from datetime import UTC, datetime

from jobs.errors import StorageError
from jobs.pipeline import events
from jobs.record.quota_memory import QuotaMemory, QuotaScope
from jobs.requests.cost import QUOTAS
from ratelimit.discovery.controller import Controller, QuotaUpdate
from ratelimit.discovery.learned import Remembered

_NAMES = {dimension: name for name, dimension in QUOTAS.items()}
"""As events and the memory call a quota, by its name in the book."""


class QuotaLearning:
    """Makes a controller for each quota that nobody told."""

    def __init__(self, memory: QuotaMemory | None, scope: QuotaScope, emit: events.Emit) -> None:
        """`memory` may be None: nothing is remembered, before or after."""
        self._memory, self._scope, self._emit = memory, scope, emit
        self._controllers: dict[str, Controller] = {}
        self._remembered: dict[str, Remembered] | None = None

    def controller(self, quota: str, *, unlimited: bool = False) -> Controller:
        """The controller of a quota of the book, from now on listened to.

        `unlimited`: it is said not to exist, and what is remembered of it does not count.
        """
        name = _NAMES[quota]
        remembered = self._recalled().get(name)
        made = self._controllers[name] = Controller.unlimited() if unlimited else Controller(remembered)

        def changed(change: QuotaUpdate) -> None:
            self._emit(events.RateChanged(name, change.new, change.kind or "", change.reason))

        made.on_change = changed
        return made

    def close(self) -> None:
        """Remember what was learned in this run, and when it was used; where that fails, the run is none the worse."""
        known = {
            name: made.learned for name, made in self._controllers.items() if made.learned and made.known.log.calls
        }
        remembered = self._recalled()
        learned = {
            name: one for name, one in known.items() if name not in remembered or one is not remembered[name].learned
        }
        if not known or self._memory is None:
            return
        try:
            self._memory.remember(self._scope, learned, datetime.now(UTC), used=known)
        except OSError as error:
            text = f"what was learned about quotas is not remembered in {self._memory.path}: {error.strerror or error}"
            self._emit(events.Notice(text, "the next run learns it again; --rpm and --tpm tell it"))

    def _recalled(self) -> dict[str, Remembered]:
        if self._remembered is None:
            self._remembered = {}
            if self._memory is not None:
                try:
                    self._remembered = self._memory.recall(self._scope, datetime.now(UTC))
                except StorageError as error:
                    self._emit(events.Notice(str(error), "it is written anew as soon as something is learned"))
        return self._remembered
