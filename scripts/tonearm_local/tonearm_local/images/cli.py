"""`tonearm images`: build the steps' images, and try them under Lambda's conditions."""

from __future__ import annotations

import subprocess
import sys

import typer

from tonearm_local.errors import StackError
from tonearm_local.images.table import table_file
from tonearm_local.paths import repository_root
from tonearm_local.told import told

app = typer.Typer(help="The container images of the workflow's steps.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def build() -> None:
    """Build the images light and audio, unless they are there already."""
    from tonearm_local.images.build import build_images  # noqa: PLC0415 - `--help` does without
    from tonearm_local.images.engine import borrowed_engine  # noqa: PLC0415 - `--help` does without

    with told():
        root = repository_root()
        with borrowed_engine(root) as engine:
            for image in build_images(root, engine, lambda step: typer.echo(str(step))).values():
                took = "was there" if image.build_s is None else f"built in {image.build_s:.0f} s"
                typer.echo(f"{image.tag}  {image.size_mb:.0f} MB, base {image.base}, {took}")


@app.command()
def test() -> None:
    """Run every function's image under Lambda's conditions, against process mode; print what was measured."""
    from tonearm_local.images.engine import NoEngine, borrowed_engine  # noqa: PLC0415 - `--help` does without

    with told():
        root = repository_root()
        try:
            with borrowed_engine(root):
                table_file(root).unlink(missing_ok=True)
                command = [sys.executable, "-m", "pytest", "-p", "tests.parts", "tests/images"]
                status = subprocess.run(command, cwd=root, check=False).returncode
        except NoEngine as missing:
            typer.echo(f"SKIPPED: {missing}")
            return
        if status != 0:
            raise StackError("The images did not pass; see what pytest says above.")
        typer.echo(table_file(root).read_text())
