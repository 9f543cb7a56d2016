"""The installed package: command, data files, no name clashes."""

import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions, version
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = {"cli", "jobs", "ratelimit"}


def test_no_dependency_has_a_package_named_like_ours():
    owners = packages_distributions()
    assert {owner for name in OURS for owner in owners.get(name, [])} <= {"bedrock-batch"}


def test_data_files_are_installed():
    import cli
    import jobs
    import jobs.bedrock

    assert (Path(jobs.__path__[0]) / "record/schema.sql").is_file()
    for name in ("render/html/page.html.jinja", "render/html/page.css", "config/scenarios/nightly-batch.toml"):
        assert (Path(cli.__path__[0]) / name).is_file()
    assert (Path(jobs.bedrock.__path__[0]) / "models.toml").is_file()


def test_the_command_prints_its_version():
    command = str(Path(sys.executable).with_name("bedrock-batch"))
    told = subprocess.run([command, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert version("bedrock-batch") in told.stdout


def test_the_changelog_has_the_version():
    assert f"## {version('bedrock-batch')}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_dependency_has_a_reason():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("dependencies = [")
    end = lines.index("]", start)
    assert all("# " in line for line in lines[start + 1 : end])


def test_the_top_level_has_only_the_agreed_entries():
    known = {"cli", "ratelimit", "jobs", "tests", "sample_docs"}
    known |= {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "uv.lock"}
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if tracked.returncode:  # not a checkout: what the archive holds
        tracked.stdout = "\0".join(path.name for path in ROOT.iterdir())
    roots = {name.partition("/")[0] for name in tracked.stdout.split("\0") if name}
    assert {name for name in roots if not name.startswith(".")} - {"dist", "build", "bedrock-batch-out"} <= known


def test_the_licence_is_declared_and_present():
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["license"] == "MIT"
    assert distribution("bedrock-batch").metadata["License-Expression"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
