"""Certificates: one that came from a deployment is read, or refused in words; a broken one is told whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from tonearm.domain.certificate import Certificate
from tonearm_cli.errors import CliError

if TYPE_CHECKING:
    from pathlib import Path

    from tonearm.ports import Certified
    from tonearm_cli.errors import Refused
    from tonearm_cli.output import Output


@dataclass(frozen=True)
class Read:
    """What a certificate says, and its own words, which programs get whole."""

    certificate: Certificate
    document: dict[str, Any]


def read_certificate(path: Path, job_id: str) -> Read:
    """Read the certificate of a job. Raises CliError for anything else, and for one that promises nothing."""
    try:
        document = from_json(path.read_bytes(), allow_inf_nan=False)
        # A newer engine may say more than an older client knows.
        certificate = Certificate.model_validate(document, extra="ignore")
    except ValidationError as error:
        said = error.errors()[0]
        raise _unreadable(job_id, ": ".join([*map(str, said["loc"]), said["msg"]])) from error
    except ValueError as error:
        raise _unreadable(job_id, str(error)) from error
    if not certificate.promises:
        raise _unreadable(job_id, "it promises nothing")
    return Read(certificate, document)


def tell_broken(broken: Refused, measured: Certified | Read, output: Output) -> None:
    """Show every promise of a render that broke one: with the problem in its document, or as a table."""
    broken.document = {"certificate": measured.document}
    if not output.json:
        from tonearm_cli.summary import promises_table

        output.console.print(promises_table(measured.certificate))


def _unreadable(job_id: str, why: str) -> CliError:
    mend = "Use a `tonearm` of the system's own version, or report this with the job id."
    message = f"The certificate of job {job_id} cannot be read ({why})."
    return CliError(message, code="certificate.unreadable", value=job_id, mend=mend)
