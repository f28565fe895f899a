"""The project's own files agree with each other."""

from __future__ import annotations

import re
import stat
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]

HOST = re.compile(r"https?://|--(?:extra-)?index-url|--find-links|(?<!-)-[if]\s")
REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*)")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def environment() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((ROOT / "environment.yml").read_text("utf-8"))
    return loaded


def bounds(requirements: list[str]) -> dict[str, str]:
    """Return each package's version bound, by its name in one spelling."""
    return {
        re.sub(r"[-_.]+", "-", name).lower(): bound
        for name, bound in (REQUIREMENT.match(each).groups() for each in requirements)  # type: ignore[union-attr]
    }


def locked() -> dict[str, int]:
    """Return how many hashes stand behind each pinned package."""
    text = (ROOT / "requirements.txt").read_text("utf-8").replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line.strip()]
    assert all(re.match(r"[a-z0-9][a-z0-9._-]*==\S+ ", pin) for pin in pins)
    return {pin.split("==")[0]: pin.count("--hash=sha256:") for pin in pins}


def test_the_conda_environment_names_the_packages_of_the_project() -> None:
    entries = environment()["dependencies"]
    by_pip = next(each["pip"] for each in entries if isinstance(each, dict))
    named = [each for each in (*entries, *by_pip) if isinstance(each, str)]
    wanted = bounds([each for each in named if each not in {"pip", "--editable ."}])
    python = wanted.pop("python")

    assert wanted == bounds(pyproject()["project"]["dependencies"])
    assert re.fullmatch(r"=3\.\d+", python)
    assert "--editable ." in by_pip


def test_direct_dependencies_stay_few() -> None:
    assert len(pyproject()["project"]["dependencies"]) <= 20


def test_every_pinned_package_has_a_hash() -> None:
    assert [name for name, hashes in locked().items() if hashes == 0] == []


def test_the_lock_holds_every_package_that_the_project_names() -> None:
    project = pyproject()["project"]
    named = bounds([*project["dependencies"], *project["optional-dependencies"]["test"]])

    assert set(named) - set(locked()) == set()


@pytest.mark.parametrize("name", ["requirements.txt", "environment.yml", "pyproject.toml"])
def test_no_registry_is_named(name: str) -> None:
    assert HOST.findall((ROOT / name).read_text("utf-8")) == []


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in (ROOT / "runbook_lib").rglob("*.py")
        if (lines := path.read_text("utf-8").count("\n")) > 400
    }

    assert long == {}


def test_every_ignored_rule_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    rules = [line for line in text.splitlines() if re.match(r' +"[A-Z]+[0-9]*",', line)]

    assert rules
    assert [rule for rule in rules if not re.search(r'",\s+# \S', rule)] == []


def test_hooks_are_local() -> None:
    config = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))

    assert [each["repo"] for each in config["repos"]] == ["local"]


def test_the_door_of_continuous_integration_is_a_strict_script() -> None:
    path = ROOT / ".ci" / "run"

    assert path.read_text("utf-8").startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in path.read_text("utf-8")
    assert path.stat().st_mode & stat.S_IXUSR


def test_the_command_and_the_engine_are_entry_points() -> None:
    project = pyproject()["project"]
    installed = {
        (each.group, each.name): each.value
        for group in ("console_scripts", "papermill.engine")
        for each in entry_points(group=group)
        if each.dist is not None and each.dist.name == project["name"]
    }

    assert installed == {
        ("console_scripts", "scc-runbook"): project["scripts"]["scc-runbook"],
        ("papermill.engine", "runbook"): project["entry-points"]["papermill.engine"]["runbook"],
    }


def test_the_wheel_carries_notebooks_parameters_scripts_and_templates(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert carried == {
        *(
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "runbook_lib").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        ),
        *(
            f"runbook_lib/{path.relative_to(ROOT).as_posix()}"
            for folder in ("notebooks", "parameters")
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and ".ipynb_checkpoints" not in path.parts
        ),
    }


def test_every_folder_of_tests_is_part_of_make_test() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    parts = re.findall(r"^PARTS := (.*)$", text, re.MULTILINE)[0].split()
    recipes = [text.partition(f"\n{part}: ")[2].partition("\n\n")[0] for part in parts]
    run = set(re.findall(r"tests/(\w+)", " ".join(recipes)))
    holding_tests = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}

    assert holding_tests - {"benchmarks"} <= run
