"""`tonearm build`: the zips that Terraform uploads to AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonearm_local.told import told


def build(
    out: Annotated[Path | None, typer.Option(help="Folder for them; build/ of the checkout by default.")] = None,
) -> None:
    """Build the zips and the page that `terraform apply` uploads to AWS."""
    from rich.console import Console
    from rich.filesize import decimal

    from tonearm_local.artifacts import build_artifacts
    from tonearm_local.page import build_page_for_aws
    from tonearm_local.paths import repository_root

    console = Console(highlight=False)
    with told():
        root = repository_root()
        for artifact in build_artifacts(root, out or root / "build"):
            console.print(f"{artifact}  {decimal(artifact.stat().st_size)}", soft_wrap=True)
        console.print(str(build_page_for_aws(root, out or root / "build")), soft_wrap=True)
