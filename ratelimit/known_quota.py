"""A configured quota: mirrors the server's bucket and allows for what the mirror cannot see (pure)."""

import math
from collections import deque

from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.discovery.controller import Controller
from ratelimit.discovery.knowledge import Kind, Knowledge
from ratelimit.discovery.state import Throttle
from ratelimit.random_throttles import RandomThrottles

MIN_TRAVEL, MAX_TRAVEL = 0.005, 0.025
"""Seconds that a call takes to reach the server; the margin learns any difference from this."""
LATENESS = 0.1
"""Seconds by which this process may be late to send a call."""
CREDIT_ROOM = 1.35
"""Room for what ended calls give back and for what is on its way, as a factor on their means: they vary."""
WEIGHT = 0.02
"""Weight of one correction in the mean credit."""
MAX_AHEAD = 1.0
"""Seconds' worth by which the server's bucket is kept ahead of what a call needs; a larger burst is used."""
STEP = 0.02
"""Seconds' worth by which a throttle raises the margin."""
TIGHT, STEP_IF_TIGHT = 0.5, 0.05
"""A call that takes more than this share of the burst is throttled whenever its size, or that of the call before, was
estimated a little too low; and the seconds' worth by which that raises the margin."""
CALLS_PER_STEP = 1000
"""Calls that lower the margin by one STEP: about so many pass for each throttled one where the burst is tight."""
MAX_MARGIN = 0.25
"""Seconds' worth."""
DRAIN = 0.2
"""Seconds' worth that a throttle takes from the mirror, at least."""
SHARED_THROTTLES, SHARED_CALLS = 5, 400
"""This many throttles within this many calls are no accident: others use the quota too."""
UNBOUND = 60.0
"""Seconds without a call held back by the controller, after which no other client uses the quota."""
TERM, MAX_TERM = 60.0, 3600.0
"""Seconds until we try without the controller; doubles each time that this is too soon. A try costs a few throttles,
and a controller whose estimate is too low may take long to notice."""


class KnownQuota:
    """A Learner for a server's bucket of known rate and burst, which others may use as well.

    A token bucket that charges as the server does would be exact if calls took no time to travel. When a call arrives,
    the server's bucket can be emptier than the mirror, because:

    - travel times vary: a late call, followed by an early one;
    - the server charges an ended call for more than it reserved, while the next is on its way;
    - a full bucket loses what refills while calls are on their way, but the mirror, which has already charged them,
      does not. So the mirror's limit is the burst less what is on its way;
    - sizes are estimates; and other clients use the quota.

    Against the first four the server's bucket is kept as full as it can be without losing anything: a call waits until
    there is only `room` left, for what ended calls give back and for our own lateness. The rest of the burst is then
    ahead of what the call needs, and costs nothing, as a bucket refills at the same rate full or empty. Where the burst
    is too small for that (a call takes most of it, or more), the margin decides, and each throttle raises it.

    A throttle proves that the server held less than the call needs: the mirror is lowered, or the server would throttle
    for ever what the mirror allows. If throttles go on, others use the quota: then a Controller measures what they
    leave, until it holds nothing back any more, or for a term. Throttles of calls sent before the last such step are no
    news, nor are throttles that have nothing to do with the rate (ratelimit.random_throttles).

    Weakness: it cannot allow for a debit that meets a call on its way and is larger than the burst less the call (1M
    tokens a minute at a burndown of 15: 0.2% of the calls). And where maxTokens alone is half of the burst, every
    credit that comes while a call is on its way overflows the server's bucket, whatever the client does.
    """

    def __init__(self, rate: float, burst: float) -> None:
        """`rate` per second; `burst` is the capacity of the server's bucket, which starts full."""
        self.limit = burst
        self.controller: Controller | None = None
        """Measures what others leave; None: nobody else uses the quota."""
        self.margin = 0.0
        """How far the server is to be ahead of the mirror where the burst is tight; learned."""
        self._bucket = TokenBucket(rate, burst)
        self._random = RandomThrottles(rate)
        self._known = Knowledge()
        """Has the calls of the last minute for a controller."""
        self._travelling: deque[tuple[float, float]] = deque()
        """When each call will have arrived, and its cost; the bucket's limit is lower by their sum."""
        self._arrived_at = -math.inf
        """Time of the mirror."""
        self._credit = self._flight = 0.0
        """Means: what an ended call gives back, and what is on its way when a call starts."""
        self._calls = 0
        self._throttles: deque[int] = deque(maxlen=SHARED_THROTTLES)
        """Number of calls at each of the last throttles."""
        self._news_since = -math.inf
        """Throttles of calls sent before are no news."""
        self._held_until = -math.inf
        """Until when the controller, and not the mirror, holds the next call back."""
        self._bound_at = self._term_ends = -math.inf
        """When the controller last held a call back, and when its term ends or ended."""
        self._term = TERM

    def wait(self, now: float, cost: float = 1.0) -> float:
        if cost > self.limit:
            return math.inf
        if not cost:
            return 0.0
        wait = self._wait(now, cost)
        return wait if self.controller is None else max(wait, self.controller.wait(now, cost))

    def take(self, now: float, cost: float = 1.0) -> None:
        if not cost:
            return
        self._arrive(now)
        bucket, rate = self._bucket, self._bucket.rate
        late = max(0.0, min(cost, self.limit) + self.margin - self.limit)  # the margin that no burst had room for
        bucket.level = min(bucket.level, bucket.limit - late) - cost
        self._flight += WEIGHT * (self.limit - bucket.limit - self._flight)
        bucket.limit -= cost
        self._travelling.append((now + MAX_TRAVEL, cost))
        self._calls += 1
        self._random.sent(cost)
        self.margin = max(0.0, self.margin - STEP / CALLS_PER_STEP * rate)
        if self.controller is None:
            self._known.sent(now, cost)
        else:
            self._take_from_controller(self.controller, now, cost)

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        self._charge(now, taken_at, delta)
        self._credit += WEIGHT * (max(0.0, -delta) - self._credit)
        if self.controller is None or taken_at < self._news_since:
            self._known.log.credit(now, taken_at, delta)
        else:
            self.controller.correct(now, taken_at, delta)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        if self._random.ignores(now):
            if self.controller is not None:
                self._end_term(now)
            return  # without a refund, or a service that throttles all would get calls without end
        self._charge(now, taken_at, -cost)
        if self.controller is not None and taken_at >= self._news_since:
            self.controller.throttled(now, taken_at, cost)
            return
        self._known.log.throttle(taken_at, cost)
        if taken_at < self._news_since:
            return
        self._news_since = now
        rate = self._bucket.rate
        self._bucket.level -= max(self._least(cost) - cost, DRAIN * rate)
        # Sizes estimated too low explain it, until the margin cannot grow any more.
        explained = cost > TIGHT * self.limit and self.margin + STEP_IF_TIGHT * rate <= MAX_MARGIN * rate
        self.margin = min(MAX_MARGIN * rate, self.margin + (STEP_IF_TIGHT if explained else STEP) * rate)
        if explained:
            return
        self._throttles.append(self._calls)
        if len(self._throttles) == SHARED_THROTTLES and self._calls - self._throttles[0] <= SHARED_CALLS:
            self._share(now, Throttle(taken_at, cost))

    def resume(self, now: float, since: float) -> None:
        """Start with an empty bucket, or with the debt there is."""
        self._arrive(now)
        self._bucket.resume(now, since)
        if self.controller is not None:
            self.controller.resume(now, since)

    def _least(self, cost: float) -> float:
        """What the mirror must hold for a call; the bucket goes on refilling while the call travels."""
        rate = self._bucket.rate
        room = LATENESS * rate + CREDIT_ROOM * (self._credit + self._flight)
        least = max(cost + self.margin, min(self.limit - room, cost + MAX_AHEAD * rate))
        return min(least, self.limit) - MIN_TRAVEL * rate

    def _wait(self, now: float, cost: float) -> float:
        self._arrive(now)
        bucket, least = self._bucket, self._least(cost)
        missing = least - bucket.level
        if missing <= 1e-9 * self.limit:
            return 0.0
        wait = missing / bucket.rate
        if least > bucket.limit and self._travelling:  # as full as this only once those have arrived
            return max(wait, self._travelling[0][0] - now)
        return wait

    def _arrive(self, now: float) -> None:
        """Bring the mirror up to `now`: a call that has arrived no longer lowers the limit."""
        if now <= self._arrived_at:
            return
        self._arrived_at = now
        bucket, travelling = self._bucket, self._travelling
        while travelling and travelling[0][0] <= now:
            at, cost = travelling.popleft()
            bucket.take(at, 0.0)  # refills up to the limit until then
            bucket.limit = bucket.limit + cost if travelling else self.limit  # without a sum's rounding errors
        bucket.take(now, 0.0)

    def _charge(self, now: float, taken_at: float, delta: float) -> None:
        self._arrive(now)
        if taken_at + MAX_TRAVEL > now:  # it arrived earlier, or was never sent
            for call in self._travelling:
                if call[0] == taken_at + MAX_TRAVEL:
                    self._travelling.remove(call)
                    self._bucket.limit += call[1]
                    break
        self._bucket.correct(now, taken_at, delta)

    def _share(self, now: float, throttle: Throttle) -> None:
        """Others use the quota: from now on a controller measures what they leave, starting with this throttle."""
        self._throttles.clear()
        rate = self._bucket.rate
        self.margin = max(0.0, self.margin - SHARED_THROTTLES * STEP * rate)  # travel did not cause these throttles
        too_soon = now - self._term_ends < self._term
        self._term = min(2 * self._term, MAX_TERM) if too_soon else TERM
        self._bound_at, self._term_ends = now, now + self._term
        self._known.kind = Kind.BUCKET  # so a single call that passes is proof enough
        self.controller = Controller.after_throttle(self._known, throttle, rate, now)

    def _take_from_controller(self, controller: Controller, now: float, cost: float) -> None:
        if now <= self._held_until:
            self._bound_at = now
        controller.take(now, cost)
        if now > min(self._term_ends, self._bound_at + UNBOUND):
            self._end_term(now)
            return
        held = controller.wait(now, cost)
        self._held_until = now + held + LATENESS if held > self._wait(now, cost) else -math.inf

    def _end_term(self, now: float) -> None:
        self.controller, self._term_ends = None, now
        self._known = Knowledge(self._known.log, self._known.mean)
