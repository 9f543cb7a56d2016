"""Turns each HTTP request into a ledger entry and a response."""

import asyncio
import hashlib
import math
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import web

from jobs.emulator import control_api, fault_responses, request_parsing, responses, service_errors
from jobs.emulator.emulated_model import EmulatedAnswer, answer
from jobs.emulator.faults import BEFORE_MODEL, Fault, FaultPlan
from jobs.emulator.json_checks import InvalidRequestError
from jobs.emulator.ledger import CallLedger, LedgerEntry
from jobs.emulator.listener import Listener
from jobs.emulator.prompt import Prompt
from jobs.emulator.quotas import QuotaRules, Quotas, QuotaUsage
from jobs.emulator.responses import EmulatedCall
from jobs.emulator.schema_instance import UnsatisfiableError
from jobs.emulator.service_errors import ERRORS, ServiceError
from jobs.emulator.settings import EmulatorSettings


@dataclass(frozen=True, slots=True)
class _Call:
    """A routed request."""

    request: web.BaseRequest
    body: bytes
    operation: str
    model: str
    request_id: str


class _RejectedError(Exception):
    """The call gets an error response, and the model does not run."""

    def __init__(self, error: ServiceError, fault: Fault | None = None) -> None:
        self.error = error
        self.fault = fault


class Emulator:
    """A Bedrock Runtime over HTTP, on the running event loop."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self.settings = settings
        self.ledger = CallLedger()
        self.in_flight = 0
        """Calls accepted and not yet responded to."""
        self._random = random.Random(settings.seed)  # noqa: S311 (repeatable, no secret)
        self._listener = Listener(self._handle)
        self.set_faults(settings.faults)
        self.set_quotas(settings)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return self._plan.faults

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the faults; their times and counts start now."""
        self._plan = FaultPlan(faults, time.monotonic(), self._random.random)

    @property
    def quota_rules(self) -> QuotaRules:
        return self._quotas.rules

    def set_quotas(self, rules: QuotaRules) -> None:
        """Replace the quotas of all models; the new ones are full."""
        self._quotas = Quotas(rules)

    async def start(self) -> str:
        """Listen, and return the URL.

        Raises:
            OSError: the port is taken, or the certificate cannot be read.
        """
        settings = self.settings
        return await self._listener.start(settings.port, settings.certificate, settings.private_key)

    async def stop(self) -> None:
        """Close the port and all connections, and drop the calls in flight."""
        await self._listener.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        path = request.raw_path
        if path.startswith(control_api.PREFIX):
            return control_api.respond(self, request.method, path, body)
        request_id = str(uuid4())
        routed = request_parsing.route(request.method, path)
        if routed is None:
            return service_errors.error_response(service_errors.UNKNOWN_OPERATION, request_id)
        self.in_flight += 1
        try:
            return await self._respond(_Call(request, body, *routed, request_id))
        finally:
            self.in_flight -= 1

    async def _respond(self, call: _Call) -> web.StreamResponse:
        prompt: Prompt | None = None
        try:
            self._authenticate(call)
            prompt = self._parse(call)
            if call.operation == "CountTokens":
                self._record(call, 200, prompt)
                headers = {"x-amzn-requestid": call.request_id}
                return web.json_response({"inputTokens": prompt.input_tokens}, headers=headers)
            fault = self._pick_fault()
            if fault is not None and fault.kind in BEFORE_MODEL:
                response = fault_responses.before_model(fault, call.request)
                self._record(call, response.status, prompt, fault)
                return response
            answered = self._run_model(call, prompt)
        except _RejectedError as rejected:
            self._record(call, rejected.error.status, prompt, rejected.fault)
            return _error_response(rejected.error, call, rejected.fault)
        self._record(call, _status(fault, call.operation), prompt, fault, answered.answer)
        if answered.latency:
            await asyncio.sleep(answered.latency)
        if fault is None:
            return responses.respond(answered, answered.body())
        if fault.kind in ERRORS:
            return _error_response(_error_of(fault), call, fault)
        return await fault_responses.after_model(fault, call.request, answered)

    def _authenticate(self, call: _Call) -> None:
        settings, request = self.settings, call.request
        if not settings.access_key and not settings.bearer_token:
            return
        from jobs.emulator.authentication import authentication_error  # late: botocore is slow to import

        now = datetime.now(UTC)
        error = authentication_error(settings, request.method, request.raw_path, request.headers, call.body, now)
        if error is not None:
            raise _RejectedError(error)

    def _parse(self, call: _Call) -> Prompt:
        try:
            prompt = request_parsing.parse(call.operation, call.model, call.body)
        except InvalidRequestError as error:
            raise _RejectedError(service_errors.invalid(str(error))) from None
        limit = self.quota_rules.max_output_tokens
        if prompt.max_tokens is not None and prompt.max_tokens > limit:
            raise _RejectedError(service_errors.max_tokens_too_high(limit))
        return prompt

    def _pick_fault(self) -> Fault | None:
        """The call's fault; raised if it is an error before the model runs."""
        fault = self._plan.pick(time.monotonic())
        if fault is not None and fault.kind in ERRORS and not fault.model_ran:
            raise _RejectedError(_error_of(fault), fault)
        return fault

    def _run_model(self, call: _Call, prompt: Prompt) -> EmulatedCall:
        """Reserve quota, run the model, and settle the quota after the call's latency."""
        model, quotas = call.model, self._quotas
        limit = quotas.rules.max_output_tokens if prompt.max_tokens is None else prompt.max_tokens
        try:
            model_answer = answer(prompt, limit)
        except UnsatisfiableError as error:
            raise _RejectedError(service_errors.invalid(f"The emulator cannot satisfy the schema: {error}")) from None
        reservation = quotas.reserve(time.monotonic(), model, prompt.input_tokens, prompt.max_tokens)
        if isinstance(reservation, str):
            raise _RejectedError(ERRORS[reservation])
        latency = self.settings.latency
        if self.settings.jitter:
            latency *= math.exp(self._random.gauss(0.0, self.settings.jitter))
        usage = QuotaUsage(prompt.input_tokens, model_answer.output_tokens)

        def settle() -> None:
            quotas.settle(time.monotonic(), model, reservation, usage)

        # A timer, because the model runs to its end even if the client disconnects.
        if latency:
            asyncio.get_running_loop().call_later(latency, settle)
        else:
            settle()
        return EmulatedCall(call.operation, model, prompt, model_answer, call.request_id, latency)

    def _record(
        self,
        call: _Call,
        status: int,
        prompt: Prompt | None,
        fault: Fault | None = None,
        model_answer: EmulatedAnswer | None = None,
    ) -> None:
        self.ledger.entries.append(
            LedgerEntry(
                time.time(),
                call.operation,
                call.model,
                status,
                model_answer is not None,
                hashlib.sha256(call.body).hexdigest(),
                prompt.metadata if prompt else None,
                prompt.input_tokens if prompt else 0,
                model_answer.output_tokens if model_answer else 0,
                fault.kind if fault else "",
            )
        )


def _error_of(fault: Fault) -> ServiceError:
    error = ERRORS[fault.kind]
    return replace(error, message=fault.argument) if fault.argument else error


def _error_response(error: ServiceError, call: _Call, fault: Fault | None) -> web.Response:
    retry_after = fault.retry_after if fault else None
    return service_errors.error_response(error, call.request_id, call.model, retry_after)


def _status(fault: Fault | None, operation: str) -> int:
    if fault is None:
        return 200
    return ERRORS[fault.kind].status if fault.kind in ERRORS else fault_responses.status(fault, operation)
