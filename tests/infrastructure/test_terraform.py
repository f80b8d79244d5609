"""The configuration is well formed, its own tests pass, and its lock serves every platform."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infrastructure.configuration import ENVIRONMENTS, ROOT, TERRAFORM, Configuration

pytestmark = pytest.mark.xdist_group("terraform")

# hashicorp/aws 5.100.0: what its registry publishes for every platform, and the unpacked linux_amd64 provider.
PUBLISHED = 15
UNPACKED = "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0="


def test_everything_is_formatted(root_module: Configuration) -> None:
    done = root_module.run("fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, f"run `terraform fmt -recursive terraform`:\n{done.stdout}"


@pytest.mark.parametrize("name", ["root", "bootstrap"])
def test_it_is_valid(name: str, configuration: Callable[[str], Configuration]) -> None:
    done = configuration(name).run("validate", "-no-color")
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stdout


@pytest.mark.parametrize("name", ["root", "bootstrap"])
def test_its_own_tests_pass(name: str, configuration: Callable[[str], Configuration]) -> None:
    done = configuration(name).run("test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    # Then they were run: a folder that Terraform does not look into would pass as well.
    [passed] = re.findall(r"Success! (\d+) passed", done.stdout)
    assert int(passed) >= {"root": 48, "bootstrap": 7}[name]


@pytest.mark.parametrize("lock", [TERRAFORM, TERRAFORM / "bootstrap"], ids=["root", "bootstrap"])
def test_the_lock_serves_every_platform(lock: Path) -> None:
    text = (lock / ".terraform.lock.hcl").read_text()
    assert re.findall(r'provider "([^"]+)"', text) == ["registry.terraform.io/hashicorp/aws"]
    assert 'version     = "5.100.0"' in text
    assert 'constraints = "~> 5.100"' in text
    assert UNPACKED in text
    assert len(set(re.findall(r'"zh:([0-9a-f]{64})"', text))) == PUBLISHED


def test_no_provider_but_aws_and_no_account_or_region_is_written_down() -> None:
    for file in TERRAFORM.rglob("*.tf"):
        if ".terraform" in file.parts:
            continue
        text = file.read_text()
        assert not re.findall(r'source\s*=\s*"hashicorp/(?!aws")', text), file
        # Then only messages and descriptions give examples of a region.
        code = "\n".join(line for line in text.splitlines() if not re.search(r"error_message|description|#", line))
        assert not re.search(r"\b[a-z]{2}-[a-z]+-[0-9]\b", code), f"{file} names a region"
        assert not re.search(r"\b\d{12}\b", code), f"{file} names an account"
        assert "arn:aws:" not in code, f"{file} names a partition; China and GovCloud have others"


def test_every_switch_of_the_laptop_is_explained() -> None:
    def names(environment: str) -> set[str]:
        values = (TERRAFORM / "environments" / f"{environment}.tfvars").read_text()
        return set(re.findall(r"^(\w+)\s*=", values, re.MULTILINE))

    switches = names("local") - names("dev") - names("prod")
    assert switches == {"emulator", "plaintext_from", "extra_web_origins", "emulator_origin"}
    limits = (ROOT / "docs" / "limits.md").read_text()
    assert [name for name in sorted(switches) if f"`{name}`" not in limits] == []


def test_each_environment_has_its_values_and_those_on_aws_their_state() -> None:
    folder = TERRAFORM / "environments"
    assert {file.name for file in folder.iterdir()} == {f"{name}.tfvars" for name in ENVIRONMENTS} | {
        "dev.s3.tfbackend",
        "prod.s3.tfbackend",
    }
    keys = [re.findall(r'key = "(.+)"', (folder / f"{name}.s3.tfbackend").read_text()) for name in ("dev", "prod")]
    assert keys == [["tonearm/dev/terraform.tfstate"], ["tonearm/prod/terraform.tfstate"]], (
        "each has a state of its own"
    )
    assert "use_lockfile = true" in (TERRAFORM / "backend.tf").read_text()


def test_the_readme_names_every_module() -> None:
    text = (TERRAFORM / "README.md").read_text()
    assert [folder.name for folder in (TERRAFORM / "modules").iterdir() if f"| `{folder.name}` |" not in text] == []


def test_a_module_has_the_files_that_its_neighbours_have() -> None:
    for folder in (TERRAFORM / "modules").iterdir():
        assert {"main.tf", "outputs.tf", "variables.tf", "versions.tf"} <= {f.name for f in folder.iterdir()}, folder


def test_every_variable_and_output_is_described() -> None:
    for file in [*TERRAFORM.rglob("variables.tf"), *TERRAFORM.rglob("outputs.tf")]:
        blocks = re.findall(r'^(?:variable|output) "(\w+)" \{\n(.*?)^\}', file.read_text(), re.MULTILINE | re.DOTALL)
        assert blocks, file
        assert [name for name, body in blocks if not re.search(r"^  description\s+=", body, re.MULTILINE)] == [], file


def test_a_variable_may_be_null_only_where_null_is_its_default() -> None:
    for file in TERRAFORM.rglob("variables.tf"):
        blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', file.read_text(), re.MULTILINE | re.DOTALL)
        loose = [
            name
            for name, body in blocks
            if not re.search(r"^  nullable\s+= false$", body, re.MULTILINE)
            and not re.search(r"^  default\s+= null$", body, re.MULTILINE)
        ]
        assert loose == [], file
