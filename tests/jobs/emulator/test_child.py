"""The emulator as a child process."""

import asyncio
import os
import signal
import subprocess
import sys

import aiohttp
import pytest
from emulator_fixtures import MODEL, ask

from jobs.emulator.child import spawn
from jobs.emulator.faults import Fault
from jobs.emulator.settings import EmulatorSettings
from jobs.errors import ProcessError


async def status(url: str, path: str = f"/model/{MODEL}/converse") -> int:
    async with aiohttp.ClientSession() as session, session.post(url + path, json=ask("Hello.")) as response:
        return response.status


async def test_a_child_serves_with_its_settings_until_stopped():
    child = await spawn(EmulatorSettings(faults=(Fault("unavailable", count=1),)))
    assert [await status(child.url) for _ in range(2)] == [503, 200]
    await child.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await status(child.url)


async def test_sigint_does_not_stop_the_child():
    child = await spawn(EmulatorSettings())
    assert os.getpgid(child._process.pid) != os.getpgid(0)
    os.kill(child._process.pid, signal.SIGINT)
    assert await status(child.url) == 200
    await child.stop()


async def test_the_reset_fault_works_on_uvloop():
    child = await spawn(EmulatorSettings(faults=(Fault("reset"),)))
    with pytest.raises(aiohttp.ClientOSError):
        await status(child.url)
    await child.stop()


async def test_calls_in_flight_do_not_delay_stopping():
    child = await spawn(EmulatorSettings(latency=60))
    call = asyncio.create_task(status(child.url))
    await asyncio.sleep(0.2)
    await asyncio.wait_for(child.stop(), 4)
    with pytest.raises(aiohttp.ClientError):
        await call


async def test_a_port_in_use_raises_emulator_error():
    child = await spawn(EmulatorSettings())
    port = int(child.url.rsplit(":", 1)[1])
    with pytest.raises(ProcessError, match="address already in use"):
        await spawn(EmulatorSettings(port=port))
    await child.stop()


async def test_a_folder_named_jobs_in_the_working_directory_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__init__.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    child = await spawn(EmulatorSettings())
    assert await status(child.url) == 200
    await child.stop()


async def test_the_child_exits_when_its_parent_is_killed():
    program = (
        "import asyncio, os\n"
        "from jobs.emulator.child import spawn\n"
        "from jobs.emulator.settings import EmulatorSettings\n"
        "async def main():\n"
        "    child = await spawn(EmulatorSettings())\n"
        "    print(child.url, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    url = (await parent.stdout.readline()).decode().strip()
    await parent.stdout.read()  # until the parent is gone
    await parent.wait()
    for _ in range(100):
        try:
            await status(url)
        except aiohttp.ClientConnectionError:
            return
        await asyncio.sleep(0.05)
    pytest.fail("the child outlived its parent")


def test_a_child_whose_parent_has_ended_exits_silently():
    """As after two signals at the start of a run."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-P", "-m", "jobs.emulator"]
    done = subprocess.run(command, input=b"{}\n", stdout=writing, stderr=subprocess.PIPE, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
