MIN_RATE_SECONDS = 10.0
"""Of a run before a rate per minute is shown: in less time, five answers look like 300 calls a minute."""


def duration(seconds: float) -> str:
    """`<1s`, `5s`, `1m 20s`, `2h 05m`, `3d 04h`."""
    if 0 < seconds < 1:
        return "<1s"
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02}h"
    if hours:
        return f"{hours}h {minute:02}m"
    return f"{minutes}m {second:02}s" if minutes else f"{second}s"


def short_duration(seconds: float) -> str:
    """As `duration`, but `2.5s` under ten seconds."""
    return f"{seconds:.1f}s" if 0 < seconds < 10 else duration(seconds)


def count(number: float) -> str:
    """`12,345`."""
    return f"{number:,.0f}"


def counted(number: int, noun: str) -> str:
    """`1 section`, `12,345 sections`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(fraction: float) -> str:
    """`42%`, rounded down: only what is complete is 100%."""
    # The nudge: 0.29 * 100 is 28.999999999999996.
    return f"{int(fraction * 100 + 1e-9)}%"


def money(usd: float) -> str:
    """`$12.30`; below a dollar `$0.0123`, below a hundredth of a cent `<$0.0001`."""
    if usd >= 1 or usd == 0:
        return f"${usd:,.2f}"
    return f"${usd:.4f}" if usd >= 0.0001 else "<$0.0001"


def cost(usd: float | None, *, emulated: bool) -> str:
    """The cost so far; of an emulated run, what it would have been."""
    if usd is None:
        return "unknown price"
    return f"{money(usd)} at list price, nothing is paid" if emulated else money(usd)
