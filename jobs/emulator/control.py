"""The emulator's own paths, below /_emulator/: its ledger, counts, faults and quotas."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from aiohttp import web

from jobs.emulator.quotas import QuotaRules
from jobs.emulator.settings import faults_from_json, from_json

if TYPE_CHECKING:
    from jobs.emulator.server import Emulator

PREFIX = "/_emulator/"


def answer(emulator: "Emulator", method: str, path: str, body: bytes) -> web.Response:
    """Read or change what the path names.

    GET ledger (one JSON object a line), stats, faults, quotas; PUT faults (a list), quotas (an object); DELETE ledger.
    """
    match method, path.removeprefix(PREFIX).partition("?")[0]:
        case "GET", "ledger":
            return web.Response(text=emulator.ledger.lines(), content_type="application/jsonl")
        case "DELETE", "ledger":
            emulator.ledger.entries.clear()
            return web.Response(status=204)
        case "GET", "stats":
            return _json({**emulator.ledger.stats(), "in_flight": emulator.in_flight})
        case "GET", "faults":
            return _json([asdict(fault) for fault in emulator.plan.faults])
        case "GET", "quotas":
            return _json(asdict(emulator.quotas.rules))
        case "PUT", ("faults" | "quotas") as name:
            return _put(emulator, name, body)
    return _json({"message": f"{method} {path} is not one of the emulator's paths"}, 404)


def _put(emulator: "Emulator", name: str, body: bytes) -> web.Response:
    try:
        values = json.loads(body)
        if name == "faults":
            emulator.set_faults(faults_from_json(values))
        else:
            emulator.set_quotas(from_json(QuotaRules, values))
    except ValueError as error:
        return _json({"message": str(error)}, 400)
    return web.Response(status=204)


def _json(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)
