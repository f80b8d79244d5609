"""make, its bootstrap, and what the pages say about them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.repository.checkout import ROOT

TOOLS = ("sh", "dirname", "grep", "touch", "printf", "make", "awk", "date")
RULE = re.compile(r"^([a-z0-9-]+):.*## (.+)$", re.MULTILINE)


def targets() -> dict[str, str]:
    return dict(RULE.findall((ROOT / "Makefile").read_text()))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Given a machine's PATH with a shell's own tools and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found:
            (folder / tool).symlink_to(found)
    return folder


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def run(*command: str, path: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), "HOME": str(path)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60)


def copy_of_the_bootstrap(folder: Path) -> Path:
    """A checkout, in a folder with spaces, that has no environment yet."""
    checkout = folder / "a check out"
    (checkout / "scripts").mkdir(parents=True)
    for name in ("Makefile", "uv.lock", "pyproject.toml", "scripts/setup.sh"):
        shutil.copy(ROOT / name, checkout / name)
    return checkout


def test_make_alone_lists_every_target_with_what_it_does(bare: Path) -> None:
    listed = run("make", path=bare)
    assert listed.returncode == 0
    for target, what in targets().items():
        assert re.search(rf"^  {target} +{re.escape(what)}$", listed.stdout, re.MULTILINE), target


def test_every_phony_target_is_explained_or_a_step_of_another() -> None:
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert set(phony.group(1).replace("\\", "").split()) == set(targets()) | {"has-terraform"}


def test_without_terraform_one_line_says_so_before_anything_is_made(bare: Path, tmp_path: Path) -> None:
    checkout = copy_of_the_bootstrap(tmp_path)
    for target in ("demo", "test", "up"):
        said = run("make", target, path=bare, cwd=checkout)
        assert said.returncode != 0
        assert [line for line in said.stderr.splitlines() if line.startswith("tonearm:")] == [
            "tonearm: Terraform is not installed; get 1.11 or newer from https://developer.hashicorp.com/terraform/install."
        ]
        assert not (checkout / ".uv").exists()


def test_an_old_python_is_named_in_one_line(bare: Path, tmp_path: Path) -> None:
    # Given python3 of another age, and a python3.12 that is only a version manager's name for nothing
    program(bare, "python3", 'case "$2" in *exit*) exit 1;; *) echo 3.9.18;; esac')
    program(bare, "python3.12", "exit 127")
    said = run("sh", "scripts/setup.sh", path=bare, cwd=copy_of_the_bootstrap(tmp_path))
    assert said.returncode == 1
    assert said.stdout == ""
    assert len(said.stderr.splitlines()) == 1
    assert "Python 3.11 or newer is needed; python3 is 3.9.18," in said.stderr


def test_no_python_is_told_in_one_line(bare: Path, tmp_path: Path) -> None:
    said = run("sh", "scripts/setup.sh", path=bare, cwd=copy_of_the_bootstrap(tmp_path))
    assert said.returncode == 1
    assert "none was found" in said.stderr
    assert len(said.stderr.splitlines()) == 1


def test_the_first_python_that_is_new_enough_makes_the_environment_and_the_next_run_does_nothing(
    bare: Path, tmp_path: Path
) -> None:
    # Given an old python3, a newer python3.11, and a uv that notes what it is asked
    checkout = copy_of_the_bootstrap(tmp_path)
    program(bare, "python3", 'case "$2" in *exit*) exit 1;; *) echo 3.8.1;; esac')
    (bare / "python3.11").symlink_to(sys.executable)
    program(bare, "mkdir", f'exec {shutil.which("mkdir")} "$@"')
    program(bare, "uv", 'printf "%s|" "$@" >> uv-was-asked; mkdir -p .venv')
    # When setup runs twice
    first = run("make", "setup", path=bare, cwd=checkout)
    second = run("make", "setup", path=bare, cwd=checkout)
    # Then uv was asked once, for the lock as it is and that interpreter
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    asked = (checkout / "uv-was-asked").read_text()
    assert asked.startswith("sync|--frozen|--quiet|--python|")
    assert asked.count("sync") == 1
    assert not (checkout / ".uv").exists()
    # And a changed lock is installed again
    (checkout / "uv.lock").write_text("changed")
    run("make", "setup", path=bare, cwd=checkout)
    assert (checkout / "uv-was-asked").read_text().count("sync") == 2


def test_an_uv_of_ours_that_is_not_the_pinned_one_is_replaced(bare: Path, tmp_path: Path) -> None:
    # Given what an earlier version of the checkout installed, at the end of PATH, where make puts it
    checkout = copy_of_the_bootstrap(tmp_path)
    (checkout / ".uv" / "bin").mkdir(parents=True)
    program(checkout / ".uv" / "bin", "uv", "echo uv 0.1.0")
    program(
        bare, "python3", 'case "$*" in *--clear*) echo "$@" >> asked;; *executable*) echo "$0";; *) echo 3.12.0;; esac'
    )
    program(checkout / ".uv" / "bin", "python", 'echo "$@" >> asked; exit 1')
    # When
    said = run("make", "setup", path=bare, cwd=checkout)
    # Then it is installed anew (and here pip refuses, which is told)
    assert "--clear .uv" in (checkout / "asked").read_text()
    assert "tonearm: uv could not be installed" in said.stderr


def test_options_count_on_the_command_line_only_and_arrive_as_they_are(bare: Path, tmp_path: Path) -> None:
    # Given a command that says what it was asked
    checkout = copy_of_the_bootstrap(tmp_path)
    commands = checkout / ".venv" / "bin"
    commands.mkdir(parents=True)
    program(commands, "tonearm", 'printf "%s|" "${TONEARM_STACK-}" "${TONEARM_PORT-}" "$@"; echo')
    (checkout / ".venv" / "tonearm-is-set-up").touch()
    program(bare, "terraform", "exit 0")
    song = 'the "best" song\'s `take`.mp3'
    # When
    typed = run("make", "demo", f"SONG={song}", "RECIPE=tempo=1.1,pitch=2", "STACK=b", path=bare, cwd=checkout)
    program(bare, "env-make", 'PORT=3000 SONG=x exec make "$@"')
    inherited = run("env-make", "demo", path=bare, cwd=checkout)
    # Then
    assert typed.stdout.strip() == f"b||demo|--song|{song}|--recipe|tempo=1.1,pitch=2|"
    assert inherited.stdout.strip() == "||demo|"


def test_ci_runs_what_everybody_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert script.rstrip().endswith("exec make test")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_commands_of_the_pages_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {target for page in pages for target in re.findall(r"\bmake ([a-z0-9]+)\b", _code(page.read_text()))}
    assert {"demo", "test"} <= named
    assert named <= set(targets())


def test_the_links_of_the_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    missing = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert missing == []


def _code(page: str) -> str:
    """What stands in code blocks and between backticks."""
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", page, re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`(make [^`]+)`", page)])
