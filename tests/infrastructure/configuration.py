"""A configuration of Terraform to run, and a plan to look at."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
BOUNDARY = "arn:aws:iam::000000000000:policy/tonearm-ci-boundary"
ENVIRONMENTS = ("local", "dev", "prod")


@dataclass(frozen=True)
class Configuration:
    """One initialised configuration: the root module or bootstrap."""

    folder: Path
    executable: str
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@dataclass(frozen=True)
class Resource:
    """One planned resource: its address, its type, and what it will be."""

    address: str
    type: str
    after: dict[str, Any]

    @property
    def module(self) -> str:
        """Address of the module that it stands in."""
        return self.address.rsplit(f"{self.type}.", 1)[0].rstrip(".")


class Plan:
    """Every resource of one environment."""

    def __init__(self, changes: list[dict[str, Any]]) -> None:
        self.resources = [
            Resource(change["address"], change["type"], change["change"]["after"])
            for change in changes
            if change["mode"] == "managed"
        ]

    def of(self, kind: str) -> list[Resource]:
        found = [resource for resource in self.resources if resource.type == kind]
        assert found, f"the plan holds no {kind}: this check would look at nothing"
        return found

    def beside(self, resource: Resource, kind: str) -> Resource:
        """The one resource of a type that stands in the same module."""
        found = [other for other in self.of(kind) if other.module == resource.module]
        assert len(found) == 1, f"{resource.address} has {len(found)} {kind} beside it"
        return found[0]
