"""Who is next: deficit round-robin over flows, by cost."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Flow(Generic[T]):
    name: str
    weight: float
    items: deque[tuple[float, T]] = field(default_factory=deque)
    deficit: float = 0.0


class FairQueue(Generic[T]):
    """Items of several flows; those that always have some queued get equal cost through, however their items differ.

    Deficit round-robin (M. Shreedhar and G. Varghese, Efficient Fair Queuing Using Deficit Round-Robin, IEEE/ACM
    Transactions on Networking 4(3), 1996): in its turn a flow is given a quantum of cost times its weight, is served
    as long as that lasts, and keeps the rest for its next turn; a flow with nothing queued keeps nothing. Inside of a
    flow the order is FIFO. Over any time in which two flows of weight 1 both had items queued, what they got differs
    by at most one quantum and two of the largest items.

    The quantum grows to the largest cost that was ever queued: then no turn is in vain, and a pick takes O(1).

    Weakness: it is fair over rounds, not within one. A flow that comes waits for a turn of every other one, and with
    a large quantum small items come in bursts.
    """

    def __init__(self, quantum: float = 0.0, weights: Mapping[str, float] | None = None) -> None:
        """`quantum` is the least one; a flow that `weights` (1 or more) does not name has weight 1."""
        self._quantum = quantum
        self._weights = weights or {}
        self._flows: dict[str, _Flow[T]] = {}
        self._waiting: deque[_Flow[T]] = deque()
        """The flows whose turn is still to come, in order."""
        self._served: _Flow[T] | None = None
        """The flow whose turn it is."""
        self._items = 0

    def __len__(self) -> int:
        """Items queued."""
        return self._items

    @property
    def flows(self) -> int:
        """Flows that have items queued."""
        return len(self._flows)

    def queued(self, flow: str) -> int:
        """Items that a flow has queued."""
        return len(self._flows[flow].items) if flow in self._flows else 0

    def put(self, flow: str, item: T, cost: float) -> None:
        """Queue an item at the end of its flow.

        Raises:
            ValueError: the cost is not above 0: items that cost nothing would be served for ever.
        """
        if not cost > 0:
            raise ValueError(f"an item must cost more than 0, not {cost}")
        self._quantum = max(self._quantum, cost)
        if flow not in self._flows:
            self._flows[flow] = _Flow(flow, self._weights.get(flow, 1.0))
            self._waiting.append(self._flows[flow])
        self._flows[flow].items.append((cost, item))
        self._items += 1

    def pick(self) -> T:
        """Take the item that is next.

        Raises:
            IndexError: nothing is queued.
        """
        while True:
            flow = self._served
            if flow is None:
                flow = self._served = self._waiting.popleft()
                flow.deficit += self._quantum * flow.weight
            cost, item = flow.items[0]
            if cost <= flow.deficit:
                break
            self._waiting.append(flow)
            self._served = None
        flow.items.popleft()
        flow.deficit -= cost
        self._items -= 1
        if not flow.items:
            del self._flows[flow.name]
            self._served = None
        return item
