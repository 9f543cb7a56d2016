"""The protocol of a call: one attempt is one POST and one Reply, without retries."""

from typing import Protocol

from jobs.requests.reply import Reply


class Transport(Protocol):
    """Carries calls to a Bedrock Runtime."""

    async def send(self, model: str, body: bytes, timeout: float) -> Reply:
        """POST `body` to Converse of `model` exactly once; any end except cancellation is a Reply.

        `timeout` (seconds) bounds the whole call, from connecting to the last byte. A cancelled call closes its
        connection at once.
        """
        ...
