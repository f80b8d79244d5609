"""What names an image, and what its build is told of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tonearm_local.images import build
from tonearm_local.images.base import Base
from tonearm_local.images.container import Limits
from tonearm_local.images.engine import Engine
from tonearm_local.images.table import Measured, table_file, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = Base("python:3.13-slim-trixie", "official", "sha256:1")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Given a checkout with a file of each kind."""
    for name in (
        *("functions/Dockerfile", "functions/Dockerfile.dockerignore", "pyproject.toml", "uv.lock"),
        *("layers/core/tonearm/domain.py", "functions/notify/handler.py", "functions/api/handler.py"),
        *("functions/notify/__pycache__/handler.pyc", "scripts/tonearm_cli/pyproject.toml", "README.md"),
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        *("functions/Dockerfile", "functions/Dockerfile.dockerignore", "pyproject.toml", "uv.lock"),
        *("layers/core/tonearm/domain.py", "functions/notify/handler.py", "scripts/tonearm_cli/pyproject.toml"),
    ],
)
def test_what_goes_into_an_image_is_in_its_name(checkout: Path, name: str) -> None:
    before = build.inputs_digest(checkout, BASE)
    (checkout / name).write_text("2")
    assert build.inputs_digest(checkout, BASE) != before


@pytest.mark.parametrize("name", ["functions/api/handler.py", "functions/notify/__pycache__/handler.pyc", "README.md"])
def test_what_does_not_go_into_an_image_is_not(checkout: Path, name: str) -> None:
    before = build.inputs_digest(checkout, BASE)
    (checkout / name).write_text("2")
    assert build.inputs_digest(checkout, BASE) == before


def test_another_base_makes_another_image(checkout: Path) -> None:
    other = Base(BASE.name, BASE.kind, "sha256:2")
    assert build.inputs_digest(checkout, other) != build.inputs_digest(checkout, BASE)


class Shelf(Engine):
    """An engine that has the base, and builds of a target from before; it notes what is deleted."""

    def __init__(self, builds: list[str], *, listed: slice) -> None:
        super().__init__(Path("docker"), "unix:///none.sock")
        self.builds, self.deleted, self._listed = builds, list[str](), listed

    def run(
        self, *arguments: str | Path, environment: Mapping[str, str] | None = None, limit_s: float | None = None
    ) -> str:
        match [str(argument) for argument in arguments]:
            case ["images", "--quiet", "--no-trunc", _]:
                return BASE.image_id
            case ["build", *options]:
                self.builds[self._listed] = [options[options.index("--tag") + 1]]
            case ["images", "--format", _, repository]:
                return "\n".join(tag for tag in self.builds if tag.startswith(f"{repository}:"))
            case ["rmi", *_, tag]:
                self.deleted.append(tag)
            case ["image", "inspect", *_]:
                return "sha256:2 1000000"
        return ""


# A build whose layers were all there is listed where the image that has had them first stands.
@pytest.mark.parametrize("listed", [slice(0, 0), slice(99, 99)], ids=["as-the-newest", "as-an-old-one"])
def test_of_old_builds_the_last_few_are_kept_and_the_new_one(checkout: Path, listed: slice) -> None:
    # Given three builds of each image, the newest first
    engine = Shelf([f"tonearm/{target}:{age}" for age in (1, 2, 3) for target in build.TARGETS], listed=listed)
    # When each is built anew
    build.build_images(checkout, engine)
    # Then the oldest are gone, so that the disk does not fill
    assert engine.deleted == [f"tonearm/{target}:3" for target in build.TARGETS]


def test_a_build_is_told_how_to_reach_the_index_and_not_where_files_lie_here(tmp_path: Path) -> None:
    # Given pip's configuration in two places and the environment
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("[global]\nindex-url = https://old.example/simple\ncert = /here/ca.pem\ntimeout = 5\n")
    second.write_text(
        "[global]\nindex-url = https://new.example/simple\nfind-links = /wheels\n"
        "extra-index-url = file:///here/simple https://more.example/simple\n[install]\nuser = true\n"
    )
    # When it is gathered, the later winning, the environment last
    told = build.pip_settings([first, second, tmp_path / "none"], {"PIP_TIMEOUT": "60", "PIP_USER": "1"})
    # Then nothing of it is a path
    assert told == {
        "index-url": "https://new.example/simple",
        "extra-index-url": "https://more.example/simple",
        "timeout": "60",
    }


def test_an_index_of_folders_only_is_none(tmp_path: Path) -> None:
    assert build.pip_settings([], {"PIP_INDEX_URL": "file:///here/simple"}) == {}


@pytest.mark.parametrize(
    ("memory_mb", "processors"), [(1769, 1.0), (256, 256 / 1769), (10_240, 10_240 / 1769), (128, 128 / 1769)]
)
def test_processors_come_with_memory_as_far_as_there_are_any(
    memory_mb: int, processors: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert Limits(memory_mb, 512).processors == pytest.approx(min(4, processors))


def test_limits_are_read_from_a_functions_configuration() -> None:
    assert Limits.of({"MemorySize": 256, "EphemeralStorage": {"Size": 2048}}) == Limits(256, 2048)
    assert Limits.of({"MemorySize": 256}) == Limits(256, 512)


def test_the_table_has_a_row_a_function(tmp_path: Path) -> None:
    image = build.Image("light", "tonearm/light:1", "sha256:1", 161.9, None, "official")
    write_table(tmp_path, [Measured("notify", image, Limits(1769, 512), 0.5, 0.25, 0.125, None)])
    rows = [line.strip("| ").split(" | ") for line in table_file(tmp_path).read_text().splitlines()]
    assert dict(zip(rows[0], rows[2], strict=True)) == {
        "function": "notify",
        "image": "light",
        "size MB": "162",
        "build s": "kept",
        "memory MB": "1769",
        "processors": "1.00",
        "disk MB": "512",
        "init s": "0.50",
        "first call s": "0.25",
        "warm call s": "0.12",
        "peak MB": "-",
        "base": "official",
    }
