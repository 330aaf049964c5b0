"""The wheel holds all that the package needs, away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
SHOW = """
import clacks_events
from clacks_events import Catalog, EventMaker, connect
e = EventMaker()
with connect("memory://") as bus, bus.subscribe("./e:Event/e:NodeLeave") as left:
    bus.publish(e.NodeLeave(e.Id("n")))
    print(clacks_events.__file__, len(Catalog().types), left.get(5.0).name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--wheel-dir", str(directory), str(ROOT)], check=True
    )
    return next(directory.glob("*.whl"))


@pytest.mark.timeout(300)
def test_the_wheel_holds_schemas_and_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    schemas = {name.rpartition("/")[2] for name in names if name.endswith(".xsd")}
    assert schemas == {path.name for path in (ROOT / "schemas").glob("*.xsd")}
    assert "clacks_events/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "examples"))]


@pytest.mark.timeout(300)
def test_an_installed_wheel_finds_its_schemas(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    subprocess.run([*PIP, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    shown = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    file, types, name = shown.stdout.split()
    assert Path(file).is_relative_to(target)
    assert (int(types), name) == (36, "NodeLeave")
