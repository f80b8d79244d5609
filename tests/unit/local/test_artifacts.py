"""What is deployed depends on the sources and on nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tonearm_local import artifacts
from tonearm_local.artifacts import ZIP_FUNCTIONS, LocalArtifacts, build_artifacts, build_local, find_uv
from tonearm_local.errors import StackError
from tonearm_local.paths import repository_root

ROOT = repository_root()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the artifacts are made from, to be edited at will; its path has a space."""
    root = tmp_path_factory.mktemp("check out")
    for name in ("functions", "layers", "web"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".[!n]*", "node_modules", "dist")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("scripts/tonearm_cli", "scripts/tonearm_local"):
        (root / name).mkdir(parents=True)
        shutil.copy(ROOT / name / "pyproject.toml", root / name)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def built(checkout: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalArtifacts:
    return build_local(checkout, cache, tmp_path_factory.mktemp("zips"))


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("*.zip"))}


def names(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        return archive.namelist()


def test_every_zip_is_there(built: LocalArtifacts) -> None:
    expected = {"layer-core.zip", *(f"functions-{name}.zip" for name in ZIP_FUNCTIONS)}
    assert {file.name for file in built.zips.glob("*.zip")} == expected


@pytest.mark.parametrize("function", ZIP_FUNCTIONS)
def test_a_function_zip_holds_its_own_folder_only(built: LocalArtifacts, function: str) -> None:
    found = names(built.zips / f"functions-{function}.zip")
    assert f"functions/{function}/handler.py" in found
    assert {Path(name).parts[1] for name in found} <= {"__init__.py", function}
    assert not [name for name in found if "__pycache__" in name]


def test_the_layer_holds_tonearm_and_what_the_runtime_lacks(built: LocalArtifacts) -> None:
    packages = {Path(name).parts[1] for name in names(built.zips / "layer-core.zip")}
    assert {"tonearm", "pydantic", "aws_lambda_powertools", "aws_xray_sdk"} <= packages
    assert not packages & {"boto3", "botocore", "s3transfer", "bin", "numpy", "tonearm_audio"}


def test_the_layers_modules_import_in_the_managed_runtime(built: LocalArtifacts, tmp_path: Path) -> None:
    # Given the layer as Lambda unpacks it, and nothing but the managed runtime
    with zipfile.ZipFile(built.zips / "layer-core.zip") as archive:
        archive.extractall(tmp_path)
    # When the adapters, which need everything, are imported
    code = "import tonearm.adapters.dynamodb, aws_lambda_powertools.tracing"
    environment = {"PYTHONPATH": str(tmp_path / "python"), "PATH": os.environ["PATH"], "AWS_REGION": "eu-west-1"}
    done = subprocess.run(
        [built.managed_python, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    # Then they are complete
    assert done.returncode == 0, done.stderr


def test_a_second_build_does_nothing(
    built: LocalArtifacts, checkout: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given what was built, and a uv that may only read the lock
    run = artifacts._Builder.uv
    calls: list[Any] = []

    def counted(builder: Any, *arguments: Any, **named: Any) -> str:
        calls.append(arguments[0])
        return run(builder, *arguments, **named)

    monkeypatch.setattr(artifacts._Builder, "uv", counted)
    before = {file: file.stat().st_mtime_ns for file in built.zips.glob("layer*.zip")}
    # When it is built again
    again = build_local(checkout, cache, built.zips)
    # Then nothing was made, and all is the same
    assert set(calls) == {"export"}
    assert again == built
    assert {file: file.stat().st_mtime_ns for file in built.zips.glob("layer*.zip")} == before


def test_another_checkout_at_another_time_gives_the_same_bytes(
    built: LocalArtifacts, checkout: Path, tmp_path: Path
) -> None:
    # Given a copy of the checkout elsewhere, with other times, and an empty cache
    copy = tmp_path / "elsewhere"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file in copy.rglob("*"):
        os.utime(file, (1, 1))
    # When it is built there
    again = build_local(copy, tmp_path / "cache", tmp_path / "zips")
    # Then zips and digests are equal
    assert digests(tmp_path / "zips") == digests(built.zips)
    assert again.images == built.images


def test_an_edit_changes_what_it_concerns_and_nothing_else(
    built: LocalArtifacts, checkout: Path, cache: Path, tmp_path: Path
) -> None:
    # Given edits of an API handler and the engine, and then of the core; each is put back
    concerned = {
        ("functions/api/handler.py", "layers/audio/tonearm_audio/__init__.py"): {"functions-api.zip", "audio"},
        ("layers/core/tonearm/__init__.py",): {"layer-core.zip", "light", "audio"},
    }
    before = digests(built.zips) | built.images
    for edited, expected in concerned.items():
        original = {name: (checkout / name).read_text() for name in edited}
        for name, text in original.items():
            (checkout / name).write_text(f"{text}\n# edited\n")
        # When they are built
        after = build_local(checkout, cache, tmp_path / "zips")
        for name, text in original.items():
            (checkout / name).write_text(text)
        # Then only what they are part of has changed
        found = digests(tmp_path / "zips") | after.images
        assert {part for part in before if before[part] != found[part]} == expected


def test_an_image_runs_its_own_copy_of_the_sources(built: LocalArtifacts, checkout: Path) -> None:
    # Given an image as it was built
    image = built.registry / "tonearm" / "audio" / built.images["audio"]
    manifest = json.loads((image / "image.json").read_text())
    code = "import functions.transform, tonearm, tonearm_audio; print(functions.__file__, tonearm.__file__)"
    environment = {"PYTHONPATH": str(image / manifest["task"]), "PATH": os.environ["PATH"]}
    command = [image / manifest["python"], "-c", code]
    found = subprocess.run(command, env=environment, cwd=image, capture_output=True, text=True, check=True).stdout
    # Then all of it comes from the image, and nothing from the checkout that may be edited meanwhile
    assert found.count(str(image)) == 2
    assert str(checkout) not in found


def test_the_light_image_carries_no_audio(built: LocalArtifacts) -> None:
    image = built.registry / "tonearm" / "light" / built.images["light"]
    done = subprocess.run([image / "venv" / "bin" / "python", "-c", "import numpy"], capture_output=True, check=False)
    assert done.returncode != 0


def test_a_build_that_was_interrupted_is_done_again(
    built: LocalArtifacts, checkout: Path, cache: Path, tmp_path: Path
) -> None:
    image = built.registry / "tonearm" / "light" / built.images["light"]
    (image / "image.json").unlink()
    shutil.rmtree(image / "venv" / "lib")
    build_local(checkout, cache, tmp_path / "zips")
    subprocess.run([image / "venv" / "bin" / "python", "-c", "import tonearm"], check=True)


def test_images_are_named_by_digest(built: LocalArtifacts) -> None:
    uris = built.image_uris()
    assert set(uris) == {"light", "audio"}
    assert uris["audio"].endswith(f"/tonearm/audio@sha256:{built.images['audio']}")


def test_the_zips_for_aws_are_for_its_interpreter_and_platform(checkout: Path, tmp_path: Path) -> None:
    # When the zips are built for Lambda's Python 3.13 on x86_64, whatever runs here
    zips = build_artifacts(checkout, tmp_path)
    # Then every compiled module is for that
    assert [file.name for file in zips] == sorted(file.name for file in tmp_path.glob("*.zip"))
    compiled = [name for name in names(tmp_path / "layer-core.zip") if name.endswith(".so")]
    assert compiled
    assert all("cpython-313-x86_64-linux-gnu" in name for name in compiled)


def test_a_missing_handler_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"functions/api/handler\.py is missing"):
        build_artifacts(tmp_path, tmp_path / "zips")


def test_uv_is_found_beside_the_interpreter_and_where_make_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given no uv on PATH
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    # Then its absence is told with the mend
    with pytest.raises(StackError, match="uv is not installed"):
        find_uv(tmp_path)
    # And it is found in either place, the interpreter's first
    for folder in (tmp_path / ".uv" / "bin", tmp_path / "bin"):
        folder.mkdir(parents=True)
        (folder / "uv").touch(mode=0o755)
        assert find_uv(tmp_path) == folder / "uv"


def test_a_build_that_uv_refuses_says_what_uv_said(checkout: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(checkout, broken, ignore=shutil.ignore_patterns("__pycache__"))
    (broken / "uv.lock").unlink()
    with pytest.raises(StackError, match=r"(?s)uv export.*Unable to find lockfile"):
        build_local(broken, tmp_path / "cache", tmp_path / "zips")
