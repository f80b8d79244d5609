"""Render and Certificate: the file that a job made, and what was measured on it after encoding."""

from tonearm.domain.errors import PromiseBroken
from tonearm.domain.values import Value


class Promise(Value):
    """One thing that an operation promises, and what was measured.

    Certificates of before there was `at_most` lack it.
    """

    name: str
    operation: str
    unit: str
    expected: float | None = None
    measured: float | None = None
    tolerance: float | None = None
    kept: bool
    note: str = ""
    at_most: bool = False

    @property
    def limit(self) -> float | None:
        """What was promised: where it is an upper limit, with the tolerance."""
        return (self.expected or 0.0) + (self.tolerance or 0.0) if self.at_most else self.expected

    @property
    def asked(self) -> str:
        """What was promised, in words."""
        figure = f"at most {self.limit:g}" if self.at_most else f"{self.expected} ± {self.tolerance}"
        return f"{self.operation} promises {self.name} {figure} {self.unit}"


class Certificate(Value):
    """All promises of a recipe, measured on the encoded file."""

    engine_version: str
    kept: bool
    promises: tuple[Promise, ...]

    def require_kept(self) -> None:
        """Raise `PromiseBroken`, naming every broken promise with its figures, unless all are kept."""
        broken = [promise for promise in self.promises if not promise.kept]
        if self.kept and not broken:
            return
        first = broken[0] if broken else None
        said = "; ".join(
            f"{promise.asked}, measured {promise.note if promise.measured is None else promise.measured}"
            for promise in broken
        )
        raise PromiseBroken(
            f"certificate.{first.name if first else 'not_kept'}",
            f"The render breaks its promise: {said or 'the certificate is not kept'}.",
            value=first.measured if first else None,
            limit=first.limit if first else None,
            mend="The source is untouched. Try a gentler recipe, or report this with the job id.",
        )


class Render(Value):
    """The file that a job made; one of before there were peaks has none."""

    key: str
    certificate_key: str
    peaks_key: str | None = None
    codec: str
    content_type: str
    size_bytes: int
    duration_s: float
    pcm_sha256: str
    recipe_hash: str
    engine_version: str
