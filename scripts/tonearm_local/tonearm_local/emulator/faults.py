"""Faults on demand: lost replies, refusals, delays, repeated batches and killed workers, armed by a file.

Tests use `Faults`; the emulator installs the other half only when it was started with `--faults FILE`. As long as
the file is absent nothing is touched.

    faults = Faults(stack.faults_file)
    faults.arm(Fault("lost_reply", action="dynamodb:PutItem", function="tonearm-start-job", nth=2))
    ...
    assert [hit.action for hit in faults.fired()] == ["dynamodb:PutItem"]
    faults.disarm()

A `lost_reply` lets the service do its work and answers 500: the SDK then repeats a write that was already done. An
`observe` changes nothing and is listed like the others: a first, sound run tells which writes there are to lose.
"""

from __future__ import annotations

import fnmatch
import json
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["observe", "lost_reply", "refused", "late", "repeated_batch", "killed"]


@dataclass(frozen=True)
class Fault:
    """One fault to inject.

    Attributes:
        kind: `observe`, `lost_reply`, `refused` (the service is not reached) and `late` concern calls of the AWS API;
            `repeated_batch` hands an SQS batch to the function twice; `killed` sends SIGKILL to its process.
        action: IAM action, shell pattern: `dynamodb:PutItem`, `s3:PutObject`, `sqs:SendMessage`, `sns:Publish`,
            `states:StartExecution`, `dynamodb:*`. `repeated_batch` and `killed` ignore it.
        function: name of the calling function (for `killed` and `repeated_batch`: the called one), shell pattern. A
            call that no function's role made never matches.
        nth: the first matching call that is hit, from 1.
        times: how many matching calls are hit from there on.
        status: HTTP status of the answer of `lost_reply` and `refused`; the SDKs repeat 500 and 503.
        seconds: wait of `late`; for `killed` the time from the moment when the process took the event.
    """

    kind: Kind
    action: str = "*"
    function: str = "*"
    nth: int = 1
    times: int = 1
    status: int = 500
    seconds: float = 0.05


@dataclass(frozen=True)
class Hit:
    """One fault that fired: which, on what call, by which function, the how manyeth match it was."""

    kind: Kind
    action: str
    function: str
    ordinal: int


class Faults:
    """Arms faults by writing the file that the emulator reads, and lists what fired."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._fired = fired_file(file)

    def arm(self, *faults: Fault) -> None:
        """Replace what was armed, and forget what fired."""
        self._fired.unlink(missing_ok=True)
        # The token makes two equal plans differ, so that counting starts anew.
        plan = {"token": secrets.token_hex(8), "faults": [asdict(fault) for fault in faults]}
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(plan))
        partial.replace(self._file)

    def disarm(self) -> None:
        """Inject nothing more; `fired()` still answers."""
        self._file.unlink(missing_ok=True)

    def fired(self) -> list[Hit]:
        """Return what fired since `arm`, in order."""
        if not self._fired.exists():
            return []
        return [Hit(**json.loads(line)) for line in self._fired.read_text().splitlines()]


def fired_file(file: Path) -> Path:
    """Return where the emulator notes what fired, one JSON object a line."""
    return file.with_suffix(".fired")


class Plan:
    """The emulator's side: reads the file when it changed, counts matches, notes hits. Not thread-safe by itself."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._faults: list[Fault] = []
        self._matches: list[int] = []

    def armed(self) -> bool:
        """Tell whether any fault is armed, at the price of one stat."""
        return self._file.exists()

    def take(self, kinds: tuple[Kind, ...], *, action: str, function: str) -> Fault | None:
        """Return the first fault that hits this call, and note it. Every fault counts the calls that match it."""
        self._read()
        hit: Fault | None = None
        for index, fault in enumerate(self._faults):
            if fault.kind not in kinds or not _matches(fault, action=action, function=function):
                continue
            self._matches[index] += 1
            ordinal = self._matches[index]
            if hit is None and fault.nth <= ordinal < fault.nth + fault.times:
                hit = fault
                self._note(Hit(fault.kind, action, function, ordinal))
        return hit

    def _read(self) -> None:
        try:
            state = self._file.stat()
        except FileNotFoundError:
            self._faults, self._matches, self._seen = [], [], None
            return
        if (state.st_mtime_ns, state.st_ino) == self._seen:
            return
        self._faults = [Fault(**fault) for fault in json.loads(self._file.read_text())["faults"]]
        self._matches = [0] * len(self._faults)
        self._seen = (state.st_mtime_ns, state.st_ino)

    def _note(self, hit: Hit) -> None:
        with fired_file(self._file).open("a") as notes:
            notes.write(json.dumps(asdict(hit)) + "\n")


def _matches(fault: Fault, *, action: str, function: str) -> bool:
    return fnmatch.fnmatchcase(action, fault.action) and fnmatch.fnmatchcase(function, fault.function)


def install(file: Path) -> None:
    """Put the faults armed in `file` between the gateway and the services, and around the functions."""
    # Whoever only arms faults needs no emulator in its process.
    from tonearm_local.emulator import fault_injection  # noqa: PLC0415 - imports ministack

    fault_injection.install(Plan(file))


def answer(service: str, status: int) -> tuple[int, dict[str, str], bytes]:
    """Return an error answer in the protocol of a service."""
    if service in ("s3", "sns"):
        text = "<Code>InternalError</Code><Message>Injected by a test</Message>"
        body = f"<Error>{text}</Error>" if service == "s3" else f"<ErrorResponse><Error>{text}</Error></ErrorResponse>"
        return status, {"Content-Type": "application/xml"}, body.encode()
    body = json.dumps({"__type": "InternalServerError", "message": "Injected by a test"})
    return status, {"Content-Type": "application/x-amz-json-1.0"}, body.encode()
