"""The way to the simulated Bedrock and back, in virtual time."""

import asyncio
import json
from functools import cached_property

from jobs.bedrock.classification import classify
from jobs.emulator.service_errors import ERRORS, TYPE_HEADER
from jobs.pipeline.transport import Reply
from jobs.requests.answer import Answer, Usage
from jobs.simulation.rng import Rng
from jobs.simulation.scenario import Scenario
from jobs.simulation.server import Admitted, SimulatedBedrock
from jobs.simulation.workload import Work, number_of
from ratelimit.outcome import Outcome


class SimulatedTransport:
    """Carries the calls for a piece of work; a jobs.pipeline.transport.Transport.

    Cancelled or not, a call that was admitted runs to its end on the server, as on Bedrock.
    """

    def __init__(self, scenario: Scenario, work: Work, server: SimulatedBedrock) -> None:
        self._world, self._work, self._server = scenario.world, work, server
        self._ways = Rng(scenario.seed, "ways")
        self._refusals = Rng(scenario.seed, "refusals")
        self._latencies = Rng(scenario.seed, "latencies")

    async def send(self, model: str, body: bytes, timeout: float) -> Reply:
        """Carry one call; `body` is one of the work's requests."""
        loop = self._loop
        now = loop.time()
        reply: asyncio.Future[Reply] = loop.create_future()
        loop.call_at(now + self._ways.between(*self._world.uplink), self._arrive, number_of(body), now, timeout, reply)
        return await reply

    def _arrive(self, unit: int, sent: float, timeout: float, reply: "asyncio.Future[Reply]") -> None:
        loop, work = self._loop, self._work
        now = loop.time()
        call = self._server.arrive(now, unit, sent, work.inputs[unit], work.max_tokens)
        if isinstance(call, Admitted):
            ends = now + self._latencies.lognormal(self._world.latency, self._world.sigma)
            loop.call_at(ends, self._end, call, unit, sent, reply)
            if ends > sent + timeout:
                loop.call_at(sent + timeout, _deliver, reply, _timed_out(timeout))
        else:
            heard = max(now, sent + self._refusals.between(*self._world.refusal))
            loop.call_at(heard, _deliver, reply, self._refusal(call, heard - sent))

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def close(self) -> None:
        """Nothing is open."""

    def _end(self, call: Admitted, unit: int, sent: float, reply: "asyncio.Future[Reply]") -> None:
        now, work = self._loop.time(), self._work
        usage = Usage(work.inputs[unit], work.outputs[unit])
        self._server.settle(now, call, usage.input_tokens, usage.output_tokens)
        answer = Answer(b"", "An answer.", usage, "end_turn")
        _deliver(reply, Reply(Outcome.OK, now - sent, answer))

    def _refusal(self, name: str, latency: float) -> Reply:
        """What the client makes of an error, by the rules for real ones."""
        error = ERRORS[name]
        body = json.dumps({"message": error.message}).encode()
        verdict = classify(error.status, {TYPE_HEADER: error.code}, body)
        return Reply(verdict.outcome, latency, code=verdict.code, message=verdict.message, quota=verdict.quota)


def _timed_out(seconds: float) -> Reply:
    message = f"no whole reply within {seconds:g} s"
    return Reply(Outcome.UNKNOWN, seconds, code="TimeoutError", message=message)


def _deliver(reply: "asyncio.Future[Reply]", content: Reply) -> None:
    if not reply.done():
        reply.set_result(content)
