"""How much of the quotas a run used (pure)."""

from typing import NamedTuple

from jobs.progress.snapshot import Quota


class Utilisation(NamedTuple):
    """Used shares of the two quotas; None without such a quota or before the first call."""

    requests: float | None
    tokens: float | None

    @property
    def highest(self) -> float | None:
        return max((share for share in self if share is not None), default=None)

    def source(self, quota: Quota) -> str | None:
        """Where the quota with the higher utilisation comes from: `configured` or `learned`; None without a quota."""
        if quota.rpm is None and quota.tpm is None:
            return None
        by_tokens = quota.rpm is None or (quota.tpm is not None and (self.tokens or 0.0) > (self.requests or 0.0))
        return "learned" if (quota.tpm_kind if by_tokens else quota.rpm_kind) else "configured"


def utilisation(quota: Quota, calls: int, tokens: float, seconds: float | None) -> Utilisation:
    """Used amount / (burst + quota x time) for `calls` and quota `tokens`.

    `seconds` are those from the first to the last call, None before the first. A learned quota counts without burst, as
    it is unknown what a bucket held at the start; its share is therefore limited to 1.
    """

    def share(used: float, per_minute: float | None, kind: str | None) -> float | None:
        if not per_minute or seconds is None:
            return None
        available = per_minute / 60 * (seconds + (0.0 if kind else quota.burst_s))
        if not available:
            return None
        return min(1.0, used / available) if kind else used / available

    return Utilisation(share(calls, quota.rpm, quota.rpm_kind), share(tokens, quota.tpm, quota.tpm_kind))
