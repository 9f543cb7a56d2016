"""The transport to the simulated Bedrock, in virtual time."""

import asyncio
import json
from functools import cached_property

from jobs.bedrock.classification import classify
from jobs.emulator.service_errors import ERRORS, TYPE_HEADER
from jobs.requests.answer import Answer, Usage
from jobs.requests.reply import Reply
from jobs.simulation.rng import Rng
from jobs.simulation.scenario import Scenario
from jobs.simulation.server import Admitted, SimulatedBedrock
from jobs.simulation.workload import Workload, section_number
from ratelimit.outcome import Outcome


class SimulatedTransport:
    """Carries the calls of a workload; a jobs.pipeline.transport.Transport.

    An admitted call runs to its end on the server even if the client cancels it, as on Bedrock.
    """

    def __init__(self, scenario: Scenario, workload: Workload, server: SimulatedBedrock) -> None:
        self._timing, self._workload, self._server = scenario.timing, workload, server
        # The stream names are part of every seeded result: renaming one changes the numbers.
        self._uplinks = Rng(scenario.seed, "ways")
        self._error_latencies = Rng(scenario.seed, "refusals")
        self._latencies = Rng(scenario.seed, "latencies")

    async def send(self, model: str, body: bytes, timeout: float) -> Reply:
        """Send one call; `body` is that of a request of the workload."""
        loop = self._loop
        now = loop.time()
        reply: asyncio.Future[Reply] = loop.create_future()
        arrival = now + self._uplinks.between(*self._timing.uplink)
        loop.call_at(arrival, self._deliver, section_number(body), now, timeout, reply)
        return await reply

    def _deliver(self, unit: int, sent: float, timeout: float, reply: "asyncio.Future[Reply]") -> None:
        loop, workload = self._loop, self._workload
        now = loop.time()
        call = self._server.admit(now, unit, sent, workload.inputs[unit], workload.max_tokens)
        if isinstance(call, Admitted):
            ends = now + self._latencies.lognormal(self._timing.latency, self._timing.sigma)
            loop.call_at(ends, self._end, call, unit, sent, reply)
            if ends > sent + timeout:
                text = f"no complete reply within {timeout:g} s"
                timed_out = Reply(Outcome.UNKNOWN, timeout, code="TimeoutError", message=text)
                loop.call_at(sent + timeout, _reply, reply, timed_out)
        else:
            received = max(now, sent + self._error_latencies.between(*self._timing.error))
            loop.call_at(received, _reply, reply, _error(call, received - sent))

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def _end(self, call: Admitted, unit: int, sent: float, reply: "asyncio.Future[Reply]") -> None:
        now, workload = self._loop.time(), self._workload
        usage = Usage(workload.inputs[unit], workload.outputs[unit])
        self._server.settle(now, call, usage.input_tokens, usage.output_tokens)
        answer = Answer(b"", "An answer.", usage, "end_turn")
        _reply(reply, Reply(Outcome.OK, now - sent, answer))


def _error(name: str, latency: float) -> Reply:
    """The reply to an error response, classified as a real one."""
    error = ERRORS[name]
    body = json.dumps({"message": error.message}).encode()
    return classify(error.status, {TYPE_HEADER: error.code}, body, latency)


def _reply(reply: "asyncio.Future[Reply]", content: Reply) -> None:
    if not reply.done():
        reply.set_result(content)
