"""Quotas that a run discovers: controllers start from remembered quotas, and what they learn is remembered."""

from datetime import UTC, datetime

from jobs.errors import StorageError
from jobs.pipeline import events
from jobs.record.quota_memory import QuotaMemory, QuotaScope
from jobs.requests.cost import QUOTAS
from ratelimit.discovery.controller import Controller, QuotaUpdate
from ratelimit.discovery.learned import Remembered

_NAMES = {dimension: name for name, dimension in QUOTAS.items()}
"""From the name of a quota in the book to its short name, as events and the memory have it."""


class QuotaLearning:
    """Makes the controllers of a run's unconfigured quotas."""

    def __init__(self, memory: QuotaMemory | None, scope: QuotaScope, emit: events.Emit) -> None:
        """`memory` None: nothing is remembered, before or after."""
        self._memory, self._scope, self._emit = memory, scope, emit
        self._controllers: dict[str, Controller] = {}
        self._remembered: dict[str, Remembered] | None = None

    def controller(self, quota: str, *, unlimited: bool = False) -> Controller:
        """A controller for a quota of the book; its updates become events.

        `unlimited`: the quota is configured as `none`, so its remembered value does not count.
        """
        name = _NAMES[quota]
        remembered = self._recall().get(name)
        controller = self._controllers[name] = Controller.unlimited() if unlimited else Controller(remembered)

        def changed(update: QuotaUpdate) -> None:
            self._emit(events.RateChanged(name, update.new, update.kind or "", update.reason))

        controller.on_change = changed
        return controller

    def close(self) -> None:
        """Remember what was learned, and when each quota was last used; a failed write is only a notice."""
        used = {
            name: controller.learned
            for name, controller in self._controllers.items()
            if controller.learned and controller.known.log.calls
        }
        remembered = self._recall()
        learned = {
            name: quota
            for name, quota in used.items()
            if name not in remembered or quota is not remembered[name].learned
        }
        if not used or self._memory is None:
            return
        try:
            self._memory.remember(self._scope, learned, datetime.now(UTC), used=used)
        except OSError as error:
            text = f"learned quotas cannot be written to {self._memory.path}: {error.strerror or error}"
            self._emit(events.Notice(text, "the next run measures them again; --rpm and --tpm configure them"))

    def _recall(self) -> dict[str, Remembered]:
        if self._remembered is None:
            self._remembered = {}
            if self._memory is not None:
                try:
                    self._remembered = self._memory.recall(self._scope, datetime.now(UTC))
                except StorageError as error:
                    self._emit(events.Notice(str(error), "the file is replaced when this run learns a quota"))
        return self._remembered
