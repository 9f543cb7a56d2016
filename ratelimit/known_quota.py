"""A quota that was told: the server's bucket mirrored, with what the mirror cannot see allowed for (pure)."""

import math
from collections import deque

from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.discovery.controller import Controller
from ratelimit.discovery.knowledge import Kind
from ratelimit.discovery.ramp import Ramp

SOONEST, LATEST = 0.005, 0.025
"""Seconds that a call travels to the server, at least and at most; what differs from this the margin learns."""
PUNCTUAL = 0.1
"""Seconds by which this process may be late to send what has room."""
OF_CREDIT = 1.35
"""How much room there is for what ended calls give back and for what is under way, of their means: they differ."""
WEIGHT = 0.02
"""Of one correction in the mean credit."""
AHEAD = 1.0
"""Seconds' worth that the server is kept ahead of what a call needs, at most; what a larger burst holds is used."""
STEP = 0.02
"""Seconds' worth by which a throttle raises the margin."""
TIGHT, STEP_IF_TIGHT = 0.5, 0.05
"""Of the burst: a call that takes more is throttled whenever its size was estimated a little too low, or that of one
before it; and the seconds' worth by which that raises the margin. Others are suspected where it is at its widest."""
ONE_IN = 1000
"""Calls that take the margin down by one step: so many pass for each that is throttled where the bucket is tight."""
WIDEST = 0.25
"""Seconds' worth: the widest margin."""
DRAIN = 0.2
"""Seconds' worth that a throttle takes from the mirror, at least."""
CROWD, AMONG = 5, 400
"""So many throttles among so many calls are no accident: others use the quota too."""
UNBOUND = 60.0
"""Seconds for which the controller's pace did not hold anything back: there is nobody else any more."""
TERM, LONGEST_TERM = 60.0, 3600.0
"""Seconds until we try without the controller; twice as long each time that this comes too soon. What a try costs is a
few throttles, and a controller that has found too little may take long to see it."""


class KnownQuota:
    """A Learner for a server's bucket of known rate and burst, that others may use as well.

    A token bucket that charges as the server does is never ahead of it only if nothing travels. What can make the
    server's bucket emptier than the mirror, when a call arrives:

    - calls travel unevenly: a late one, followed by an early one;
    - the server charges an ended call for more than it reserved, while the next is under way;
    - a full bucket: what it is given while calls are under way is lost to it, and in the mirror, which has charged
      them already, it is not. So the mirror holds no more than the burst less what is under way;
    - sizes are estimates; and other clients.

    Against the first four the server's bucket is kept as full as it can be without losing anything: a call is held
    back until there is only `room` left, for what ended calls give back and for our own lateness. All the rest of the
    burst is then ahead of what the call needs, and costs nothing, as a bucket gives the same per second full or empty.
    Where the burst is too small for that (a call takes most of it, or more), the margin decides how far, and each
    throttle raises it.

    A throttle proves that the server held less than the call needs: the mirror gives way, or the server would throttle
    for ever what the mirror allows. If throttles go on all the same, others use the quota: then a Controller finds
    what they leave, until its pace holds nothing back any more, or for a term. Calls that were sent before the last
    of such steps tell nothing new when they are throttled.

    Weakness: a debit that meets a call under way and is larger than the burst less the call cannot be allowed for
    (1M tokens a minute at a burndown of 15: 0.2% of the calls); and where maxTokens alone is half of the burst, every
    credit that comes while a call is under way overflows the server's bucket, whatever the client does.
    """

    def __init__(self, rate: float, burst: float) -> None:
        """`rate` a second; `burst` is what the server's bucket holds. It starts full."""
        self.limit = burst
        self.controller: Controller | None = None
        """Finds what others leave; None: there is nobody else."""
        self.margin = 0.0
        """What the server is to be ahead of the mirror where the burst is tight; learned."""
        self._bucket = TokenBucket(rate, burst)
        self._under_way: deque[tuple[float, float]] = deque()
        """When each call will have arrived, and its cost; the bucket's limit is less by their sum."""
        self._arrived_at = -math.inf
        """Up to when the mirror is brought up."""
        self._credit = self._flight = 0.0
        """Means: what an ended call gives back, and what is under way when a call starts."""
        self._calls = 0
        self._refusals: deque[int] = deque(maxlen=CROWD)
        """After how many calls each came."""
        self._known_since = -math.inf
        """What was sent before is no news if it is throttled."""
        self._bound_at = self._shared_until = -math.inf
        """When the controller held a call back last, and when its term ends or it went."""
        self._term = TERM

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Seconds until a call may start, 0.0 now; a call under way or a credit may make it longer or shorter."""
        if cost > self.limit:
            return math.inf
        if not cost:
            return 0.0
        wait = self._wait(now, cost)
        if self.controller is None:
            return wait
        held = self.controller.wait(now, cost)
        if held > wait:
            self._bound_at = now
        return max(wait, held)

    def take(self, now: float, cost: float = 1.0) -> None:
        """A call starts."""
        if not cost:
            return
        self._arrive(now)
        bucket, rate = self._bucket, self._bucket.rate
        late = max(0.0, min(cost, self.limit) + self.margin - self.limit)  # the margin that no burst had room for
        bucket.level = min(bucket.level, bucket.limit - late) - cost
        self._flight += WEIGHT * (self.limit - bucket.limit - self._flight)
        bucket.limit -= cost
        self._under_way.append((now + LATEST, cost))
        self._calls += 1
        self.margin = max(0.0, self.margin - STEP / ONE_IN * rate)
        if self.controller is not None:
            self.controller.take(now, cost)
            if now > min(self._shared_until, self._bound_at + UNBOUND):
                self.controller, self._shared_until = None, now

    def correct(self, now: float, taken_at: float, delta: float) -> None:
        """A call that started then took `delta` more (mostly less) than was reserved."""
        self._charge(now, taken_at, delta)
        self._credit += WEIGHT * (max(0.0, -delta) - self._credit)
        if self.controller is not None and taken_at >= self._known_since:
            self.controller.correct(now, taken_at, delta)

    def throttled(self, now: float, taken_at: float, cost: float) -> None:
        """The server throttled a call that started then: it took nothing, and there was less than it needed."""
        self._charge(now, taken_at, -cost)
        if taken_at < self._known_since:
            return
        if self.controller is not None:
            self.controller.throttled(now, taken_at, cost)
            return
        self._known_since = now
        rate = self._bucket.rate
        self._bucket.level -= max(self._least(cost) - cost, DRAIN * rate)
        explained = cost > TIGHT * self.limit and self.margin < WIDEST * rate  # by sizes that were estimated
        self.margin = min(WIDEST * rate, self.margin + (STEP_IF_TIGHT if explained else STEP) * rate)
        if explained:
            return
        self._refusals.append(self._calls)
        if len(self._refusals) == CROWD and self._calls - self._refusals[0] <= AMONG:
            self._share(now, taken_at, cost)

    def resume(self, now: float, since: float) -> None:
        """Nobody could call from `since` until now: what gathered meanwhile is not spent at once."""
        self._arrive(now)
        self._bucket.resume(now, since)
        if self.controller is not None:
            self.controller.resume(now, since)

    def _least(self, cost: float) -> float:
        """What the mirror must hold for a call: the quota goes on filling while it travels."""
        rate = self._bucket.rate
        room = PUNCTUAL * rate + OF_CREDIT * (self._credit + self._flight)
        least = max(cost + self.margin, min(self.limit - room, cost + AHEAD * rate))
        return min(least, self.limit) - SOONEST * rate

    def _wait(self, now: float, cost: float) -> float:
        self._arrive(now)
        bucket, least = self._bucket, self._least(cost)
        missing = least - bucket.level
        if missing <= 1e-9 * self.limit:
            return 0.0
        wait = missing / bucket.rate
        if least > bucket.limit and self._under_way:  # so full it is only once those have been charged
            return max(wait, self._under_way[0][0] - now)
        return wait

    def _arrive(self, now: float) -> None:
        """Bring the mirror up to `now`: who has arrived by then takes no room besides its charge."""
        if now <= self._arrived_at:
            return
        self._arrived_at = now
        bucket, under_way = self._bucket, self._under_way
        while under_way and under_way[0][0] <= now:
            at, cost = under_way.popleft()
            bucket.take(at, 0.0)  # up to then it was full the sooner
            bucket.limit = bucket.limit + cost if under_way else self.limit  # without the rounding errors of a sum
        bucket.take(now, 0.0)

    def _charge(self, now: float, taken_at: float, delta: float) -> None:
        self._arrive(now)
        if taken_at + LATEST > now:  # its way was shorter, or it was never sent
            for call in self._under_way:
                if call[0] == taken_at + LATEST:
                    self._under_way.remove(call)
                    self._bucket.limit += call[1]
                    break
        self._bucket.correct(now, taken_at, delta)

    def _share(self, now: float, taken_at: float, cost: float) -> None:
        """Others use the quota: from here on a controller looks for what they leave, beginning with its own stop."""
        self._refusals.clear()
        self.margin = max(0.0, self.margin - CROWD * STEP * self._bucket.rate)  # it was not the way that throttled them
        soon = now - self._shared_until < self._term
        self._term = min(2 * self._term, LONGEST_TERM) if soon else TERM
        self._bound_at, self._shared_until = now, now + self._term
        self.controller = Controller()
        self.controller.known.kind = Kind.BUCKET  # so a single call that passes proves what it seems to
        self.controller.state = Ramp(self.controller.known, pace=self._bucket.rate)
        self.controller.take(taken_at, cost)
        self.controller.throttled(now, taken_at, cost)
