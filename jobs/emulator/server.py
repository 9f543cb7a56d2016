"""Turns each HTTP request into a ledger entry and a response."""

import asyncio
import hashlib
import math
import time
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import web

from jobs.emulator import control_api, fault_responses, request_parsing, service_errors
from jobs.emulator.emulated_model import answer
from jobs.emulator.faults import Fault
from jobs.emulator.json_checks import InvalidRequestError
from jobs.emulator.ledger import LedgerEntry
from jobs.emulator.listener import Listener
from jobs.emulator.responses import EmulatedCall, respond, respond_error
from jobs.emulator.schema_instance import UnsatisfiableError
from jobs.emulator.service_errors import ERRORS, ServiceError
from jobs.emulator.settings import EmulatorSettings
from jobs.emulator.state import EmulatorState


class _RejectedError(Exception):
    """The call gets an error response, and the model does not run."""

    def __init__(self, error: ServiceError) -> None:
        self.error = error


class Emulator(EmulatorState):
    """A Bedrock Runtime over HTTP, on the running event loop."""

    def __init__(self, settings: EmulatorSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self._listener = Listener(self._handle)

    async def start(self) -> str:
        """Listen, and return the URL; a port in use or an unreadable certificate raises OSError."""
        return await self._listener.start(self.settings.port, self.settings.certificate)

    async def stop(self) -> None:
        """Close the port and all connections, and drop the calls in flight."""
        await self._listener.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        path = request.raw_path
        if path.startswith(control_api.PREFIX):
            return control_api.respond(self, request.method, path, body)
        routed = request_parsing.route(request.method, path)
        call = EmulatedCall(request, body, *(routed or ("", "")), request_id=str(uuid4()))
        if routed is None:
            return respond_error(call, service_errors.UNKNOWN_OPERATION)
        self.in_flight += 1
        try:
            return await self._respond(call)
        finally:
            self.in_flight -= 1

    async def _respond(self, call: EmulatedCall) -> web.StreamResponse:
        try:
            self._authenticate(call)
            self._parse(call)
            if call.operation == "CountTokens":
                self._record(call, 200)
                return web.json_response({"inputTokens": call.prompt.input_tokens}, headers=call.headers)
            fault = self.plan.pick(time.monotonic())
            if fault is not None and not fault.model_ran:
                call.fault = fault
                return self._respond_before_model(call, fault)
            self._run_model(call)
        except InvalidRequestError as error:
            return self._reject(call, ServiceError(400, "ValidationException", str(error)))
        except _RejectedError as rejected:
            return self._reject(call, rejected.error)
        call.fault = fault
        self._record(call, fault_responses.status(fault, call.operation) if fault else 200)
        if call.latency:
            await asyncio.sleep(call.latency)
        if fault is None:
            return respond(call, call.response_body())
        return respond_error(call, fault.error) if fault.error else await fault_responses.after_model(fault, call)

    def _respond_before_model(self, call: EmulatedCall, fault: Fault) -> web.Response:
        if fault.error:
            return self._reject(call, fault.error)
        response = fault_responses.before_model(fault, call.request)
        self._record(call, response.status)
        return response

    def _reject(self, call: EmulatedCall, error: ServiceError) -> web.Response:
        self._record(call, error.status)
        return respond_error(call, error)

    def _authenticate(self, call: EmulatedCall) -> None:
        settings, request = self.settings, call.request
        if not settings.access_key and not settings.bearer_token:
            return
        from jobs.emulator.authentication import authentication_error  # late: botocore is slow to import

        now = datetime.now(UTC)
        error = authentication_error(
            settings, request.method, request.raw_path, request.headers, call.request_body, now
        )
        if error is not None:
            raise _RejectedError(error)

    def _parse(self, call: EmulatedCall) -> None:
        call.prompt = request_parsing.parse(call.operation, call.model, call.request_body)
        limit = self.quotas.rules.max_output_tokens
        if call.prompt.max_tokens is not None and call.prompt.max_tokens > limit:
            raise InvalidRequestError(
                f"The maximum tokens you requested exceeds the model limit of {limit}. Try again with a maximum tokens "
                f"value that is lower than {limit}."
            )

    def _run_model(self, call: EmulatedCall) -> None:
        """Reserve quota, run the model, and settle the quota after the call's latency."""
        model, quotas, prompt = call.model, self.quotas, call.prompt
        limit = quotas.rules.max_output_tokens if prompt.max_tokens is None else prompt.max_tokens
        try:
            model_answer = answer(prompt, limit)
        except UnsatisfiableError as error:
            raise InvalidRequestError(f"The emulator cannot satisfy the schema: {error}") from None
        reservation = quotas.reserve(time.monotonic(), model, prompt.input_tokens, prompt.max_tokens)
        if isinstance(reservation, str):
            raise _RejectedError(ERRORS[reservation])
        call.answer, call.charged, call.latency = model_answer, True, self.settings.latency
        if self.settings.jitter:
            call.latency *= math.exp(self.random.gauss(0.0, self.settings.jitter))

        def settle() -> None:
            quotas.settle(time.monotonic(), model, reservation, prompt.input_tokens, model_answer.output_tokens)

        # A timer, because the model runs to its end even if the client disconnects.
        if call.latency:
            asyncio.get_running_loop().call_later(call.latency, settle)
        else:
            settle()

    def _record(self, call: EmulatedCall, status: int) -> None:
        self.ledger.entries.append(
            LedgerEntry(
                time.time(),
                call.operation,
                call.model,
                status,
                call.charged,
                hashlib.sha256(call.request_body).hexdigest(),
                call.prompt.metadata,
                call.prompt.input_tokens,
                call.answer.output_tokens,
                call.fault.kind if call.fault else "",
            )
        )
