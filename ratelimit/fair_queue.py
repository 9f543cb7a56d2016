"""A fair queue: deficit round-robin over flows, by cost."""

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
    """Items of several flows; busy flows get equal shares of cost, whatever the sizes of their items.

    Deficit round-robin (M. Shreedhar and G. Varghese, Efficient Fair Queuing Using Deficit Round-Robin, IEEE/ACM
    Transactions on Networking 4(3), 1996): each turn gives a flow a quantum of cost times its weight, serves it while
    that lasts, and carries the rest over to its next turn; an empty flow carries nothing over. Within a flow the order
    is FIFO. While two flows of weight 1 both have items queued, their service differs by at most one quantum and two
    of the largest items.

    The quantum grows to the largest cost ever queued, so every turn serves an item and a pick takes O(1).

    Weakness: it is fair over rounds, not within one. A new flow waits for one turn of every other flow, and with a
    large quantum small items come in bursts.
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        """`weights` (1 or more) by flow; the default is 1."""
        self._quantum = 0.0
        self._weights = weights or {}
        self._flows: dict[str, _Flow[T]] = {}
        self._waiting: deque[_Flow[T]] = deque()
        """Flows waiting for their turn, in order."""
        self._served: _Flow[T] | None = None
        self._items = 0

    def __len__(self) -> int:
        return self._items

    @property
    def flows(self) -> int:
        """The number of flows with items queued."""
        return len(self._flows)

    def queued(self, flow: str) -> int:
        """The number of items that a flow has queued."""
        return len(self._flows[flow].items) if flow in self._flows else 0

    def put(self, flow: str, item: T, cost: float) -> None:
        """Add an item at the end of its flow.

        Raises:
            ValueError: the cost is not above 0; free items would keep the turn for ever.
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
        """Remove and return the next item.

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
