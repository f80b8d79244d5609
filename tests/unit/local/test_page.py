"""The page is built once for what goes into it, without npm where that can be, and never half."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tonearm_local import page
from tonearm_local.errors import StackError
from tonearm_local.page import Page, build_page, build_page_for_aws, npm, publish
from tonearm_local.paths import repository_root


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the page's sources, to be edited at will; its path has a space."""
    root = tmp_path_factory.mktemp("check out")
    shutil.copytree(repository_root() / "web", root / "web", ignore=shutil.ignore_patterns("node_modules", "dist"))
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def built(checkout: Path, cache: Path) -> Page:
    return build_page(checkout, cache)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Given a machine that reaches no registry and has nothing of it in npm's own cache."""
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))


@pytest.fixture
def edited(checkout: Path) -> Path:
    """Given a checkout whose page has changed since, and whose packages have not."""
    source = checkout / "web" / "src" / "config.ts"
    source.write_text(source.read_text() + f"\nexport const edited = {len(source.read_text())};\n")
    return checkout


def test_what_is_built_is_a_page_with_hashed_names(built: Page) -> None:
    assert built.stale is None
    assert (built.files / "favicon.svg").is_file()
    text = (built.files / "index.html").read_text()
    named = [file.relative_to(built.files).as_posix() for file in (built.files / "assets").iterdir()]
    assert [name for name in named if name.endswith(".js") and f"/{name}" in text]
    licences = (built.files / "licences.txt").read_text()
    assert [
        name for name in ("react-dom", "@aws-amplify/auth", "wavesurfer.js") if f"{name}\n===" not in licences
    ] == []
    # The distribution's policy forbids scripts in the page itself.
    assert "<script>" not in text


def test_the_same_sources_are_not_built_again(
    built: Page, checkout: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("something was run")

    monkeypatch.setattr(page, "_run", refused)
    assert build_page(checkout, cache) == built


@pytest.mark.usefixtures("offline")
def test_an_edit_is_built_without_npm(built: Page, edited: Path, cache: Path) -> None:
    after = build_page(edited, cache)
    assert after.stale is None
    assert after.files != built.files


def test_a_test_of_the_page_is_no_part_of_it(built: Page, checkout: Path, cache: Path) -> None:
    before = build_page(checkout, cache)
    test = checkout / "web" / "src" / "config.test.ts"
    test.write_text("never run")
    assert build_page(checkout, cache) == before
    test.unlink()


@pytest.mark.usefixtures("offline")
def test_without_npm_the_last_page_serves_the_laptop_and_not_aws(
    built: Page, checkout: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given packages that have changed as well
    changed = tmp_path / "changed"
    shutil.copytree(checkout, changed)
    manifest = changed / "web" / "package.json"
    manifest.write_text(manifest.read_text().replace("tonearm-web", "tonearm-web-changed"))
    # Then
    last = build_page(changed, cache)
    assert last.stale == "npm's registry cannot be reached"
    assert (last.files / "index.html").is_file()
    monkeypatch.setattr(page, "page_cache", lambda _: cache)
    with pytest.raises(StackError, match="npm's registry cannot be reached"):
        build_page_for_aws(changed, tmp_path / "build")
    assert not (tmp_path / "build").exists()


@pytest.mark.usefixtures("offline")
def test_a_first_build_without_npm_says_what_it_needs(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="its first build needs npm's registry"):
        build_page(checkout, tmp_path / "empty")


def test_what_vite_says_of_a_mistake_is_told(built: Page, checkout: Path, cache: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(checkout, broken)
    (broken / "web" / "src" / "main.tsx").write_text("const = 1;")
    with pytest.raises(StackError, match=r"main\.tsx"):
        build_page(broken, cache)
    assert not [left for left in cache.glob("packages/*/build-*") if left.is_dir()]


def test_what_an_earlier_page_had_is_gone_once_another_is_published(built: Page, tmp_path: Path) -> None:
    (tmp_path / "web" / "assets").mkdir(parents=True)
    (tmp_path / "web" / "assets" / "old.js").touch()
    publish(built, tmp_path / "web")
    published = {file.relative_to(tmp_path / "web") for file in (tmp_path / "web").rglob("*") if file.is_file()}
    assert published == {file.relative_to(built.files) for file in built.files.rglob("*") if file.is_file()}


def test_node_is_the_locked_one() -> None:
    assert npm("--version", folder=repository_root()).stdout.startswith("11.")
