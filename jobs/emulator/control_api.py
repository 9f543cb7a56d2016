"""The emulator's own HTTP API below /_emulator/: ledger, stats, faults and quotas."""

import json
from dataclasses import asdict, fields

from aiohttp import web

from jobs.emulator.quotas import QuotaRules
from jobs.emulator.settings import faults_from_json, from_json
from jobs.emulator.state import EmulatorState

PREFIX = "/_emulator/"


def respond(emulator: EmulatorState, method: str, path: str, body: bytes) -> web.Response:
    """Handle GET and DELETE ledger (JSON Lines), GET stats, GET and PUT faults (a list) and quotas (an object)."""
    match method, path.removeprefix(PREFIX).partition("?")[0]:
        case "GET", "ledger":
            return web.Response(text=emulator.ledger.to_jsonl(), content_type="application/jsonl")
        case "DELETE", "ledger":
            emulator.ledger.entries.clear()
            return web.Response(status=204)
        case "GET", "stats":
            return web.json_response({**emulator.ledger.stats(), "in_flight": emulator.in_flight})
        case "GET", "faults":
            return web.json_response([asdict(fault) for fault in emulator.plan.faults])
        case "GET", "quotas":
            rules = emulator.quotas.rules  # may be an EmulatorSettings, which has secrets
            return web.json_response({field.name: getattr(rules, field.name) for field in fields(QuotaRules)})
        case "PUT", ("faults" | "quotas") as name:
            return _replace(emulator, name, body)
    return web.json_response({"message": f"{method} {path} is not part of the emulator's API"}, status=404)


def _replace(emulator: EmulatorState, name: str, body: bytes) -> web.Response:
    try:
        values = json.loads(body)
        if name == "faults":
            emulator.set_faults(faults_from_json(values))
        else:
            emulator.set_quotas(from_json(QuotaRules, values))
    except ValueError as error:
        return web.json_response({"message": str(error)}, status=400)
    return web.Response(status=204)
