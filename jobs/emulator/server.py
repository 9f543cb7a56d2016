"""The server: one handler, from a request to its answer."""

import asyncio
import hashlib
import math
import random
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from aiohttp import web

from jobs.emulator import control, errors, operations, replies
from jobs.emulator.answers import EmulatedAnswer, answer
from jobs.emulator.errors import ERRORS, WireError
from jobs.emulator.faults import FRONT, Fault, FaultPlan
from jobs.emulator.instances import UnsatisfiableError
from jobs.emulator.ledger import Ledger, LedgerEntry
from jobs.emulator.operations import EmulatedCall
from jobs.emulator.prompt import InvalidError, Prompt
from jobs.emulator.quotas import QuotaRules, Quotas, QuotaUsage
from jobs.emulator.settings import EmulatorSettings

_LARGEST_BODY = 32 << 20
"""Bytes; InvokeModel takes 25 MB."""
_BACKLOG = 4096
"""Connections that may wait to be accepted: a client opens thousands at once."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A call as it came in."""

    request: web.BaseRequest
    body: bytes
    operation: str
    model: str
    request_id: str


class _RefusedError(Exception):
    """The call is answered with an error before the model runs."""

    def __init__(self, error: WireError, fault: Fault | None = None) -> None:
        self.error = error
        self.fault = fault


class Emulator:
    """A Bedrock Runtime over HTTP, on the running event loop."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self.in_flight = 0
        """Calls accepted and not yet answered."""
        self._random = random.Random(settings.seed)  # noqa: S311 (repeatable, no secret)
        self._runner: web.ServerRunner | None = None
        self.set_faults(settings.faults)
        self.set_quotas(settings)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the faults; their windows and counts begin now."""
        self.plan = FaultPlan(faults, time.monotonic(), self._random.random)

    def set_quotas(self, rules: QuotaRules) -> None:
        """Replace the quotas of all models, unused."""
        self.quotas = Quotas(rules)

    async def start(self) -> str:
        """Listen; the URL to call.

        Raises:
            OSError: the port is taken, or the certificate cannot be read.
        """
        settings = self.settings
        context = None
        if settings.certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(settings.certificate, settings.private_key or None)

        loop = asyncio.get_running_loop()
        request = partial(web.BaseRequest, loop=loop, client_max_size=_LARGEST_BODY)
        server = web.Server(self._handle, request_factory=request, handler_cancellation=True, access_log=None)
        # Calls in flight are dropped when it stops: AWS does not wait for anybody either.
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, settings.host, settings.port, ssl_context=context, backlog=_BACKLOG)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"{'https' if context else 'http'}://{settings.host}:{port}"

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._runner is None:
            return
        server = self._runner.server
        transports = [connection.transport for connection in server.connections] if server else []
        await self._runner.cleanup()
        for transport in transports:
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)  # lets the sockets close, even if the loop ends now

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        path = request.raw_path
        if path.startswith(control.PREFIX):
            return control.answer(self, request.method, path, body)
        request_id = str(uuid4())
        routed = operations.route(request.method, path)
        if routed is None:
            return errors.respond(errors.UNKNOWN_OPERATION, request_id)
        self.in_flight += 1
        try:
            return await self._answer(_Arrival(request, body, *routed, request_id))
        finally:
            self.in_flight -= 1

    async def _answer(self, arrival: _Arrival) -> web.StreamResponse:
        prompt: Prompt | None = None
        try:
            prompt = self._admit(arrival)
            if arrival.operation == "CountTokens":
                self._record(arrival, 200, prompt)
                return web.json_response(
                    {"inputTokens": prompt.input_tokens}, headers={"x-amzn-requestid": arrival.request_id}
                )
            fault = self._strike()
            if fault is not None and fault.kind in FRONT:
                response = replies.at_the_front(fault, arrival.request)
                self._record(arrival, response.status, prompt, fault)
                return response
            call = self._dispatch(arrival, prompt)
        except _RefusedError as refused:
            self._record(arrival, refused.error.status, prompt, refused.fault)
            return _error(refused.error, arrival, refused.fault)
        self._record(arrival, _status(fault, call), prompt, fault, call.answer)
        if call.latency:
            await asyncio.sleep(call.latency)
        if fault is None:
            return replies.whole(call)
        if fault.kind in ERRORS:
            return _error(_worded(fault), arrival, fault)
        return await replies.spoiled(fault, arrival.request, call)

    def _admit(self, arrival: _Arrival) -> Prompt:
        """What the call asks, if it may and makes sense."""
        request, settings = arrival.request, self.settings
        if settings.access_key or settings.bearer_token:
            from jobs.emulator.signatures import refusal  # late: botocore takes its time to import

            now = datetime.now(UTC)
            error = refusal(settings, request.method, request.raw_path, request.headers, arrival.body, now)
            if error is not None:
                raise _RefusedError(error)
        try:
            prompt = operations.read(arrival.operation, arrival.model, arrival.body)
        except InvalidError as error:
            raise _RefusedError(errors.invalid(str(error))) from None
        limit = self.quotas.rules.max_output_tokens
        if prompt.max_tokens is not None and prompt.max_tokens > limit:
            raise _RefusedError(errors.too_many_tokens(limit))
        return prompt

    def _strike(self) -> Fault | None:
        """The fault that the call meets, raised if it is an error before the model runs."""
        fault = self.plan.pick(time.monotonic())
        if fault is not None and fault.kind in ERRORS and not fault.dispatched:
            raise _RefusedError(_worded(fault), fault)
        return fault

    def _dispatch(self, arrival: _Arrival, prompt: Prompt) -> EmulatedCall:
        """Take the quotas, run the model, and settle them when its time is over."""
        model, quotas, now = arrival.model, self.quotas, time.monotonic()
        limit = quotas.rules.max_output_tokens if prompt.max_tokens is None else prompt.max_tokens
        try:
            said = answer(prompt, limit)
        except UnsatisfiableError as error:
            raise _RefusedError(errors.invalid(f"The emulator cannot satisfy the schema: {error}")) from None
        reservation = quotas.reserve(now, model, prompt.input_tokens, prompt.max_tokens)
        if isinstance(reservation, str):
            raise _RefusedError(ERRORS[reservation])
        latency = self.settings.latency
        if self.settings.jitter:
            latency *= math.exp(self._random.gauss(0.0, self.settings.jitter))
        usage = QuotaUsage(prompt.input_tokens, said.output_tokens)

        def settle() -> None:
            quotas.settle(time.monotonic(), model, reservation, usage)

        # On a timer of its own: the model runs to its end, whether or not the client still listens.
        if latency:
            asyncio.get_running_loop().call_later(latency, settle)
        else:
            settle()
        return EmulatedCall(arrival.operation, model, prompt, said, arrival.request_id, latency)

    def _record(
        self,
        arrival: _Arrival,
        status: int,
        prompt: Prompt | None,
        fault: Fault | None = None,
        said: EmulatedAnswer | None = None,
    ) -> None:
        """Write the call down; it is charged if the model said something."""
        self.ledger.entries.append(
            LedgerEntry(
                time.time(),
                arrival.operation,
                arrival.model,
                status,
                said is not None,
                hashlib.sha256(arrival.body).hexdigest(),
                prompt.metadata if prompt else None,
                prompt.input_tokens if prompt else 0,
                said.output_tokens if said else 0,
                fault.kind if fault else "",
            )
        )


def _worded(fault: Fault) -> WireError:
    error = ERRORS[fault.kind]
    return replace(error, message=fault.argument) if fault.argument else error


def _error(error: WireError, arrival: _Arrival, fault: Fault | None) -> web.Response:
    return errors.respond(error, arrival.request_id, arrival.model, fault.retry_after if fault else None)


def _status(fault: Fault | None, call: EmulatedCall) -> int:
    if fault is None:
        return 200
    return ERRORS[fault.kind].status if fault.kind in ERRORS else replies.status(fault, call.operation)
