"""Recipe: an ordered list of operations and the output format, with one canonical form and a content hash."""

import hashlib
import json
import math
from collections.abc import Callable
from itertools import groupby
from typing import Annotated, Self

from pydantic import Field, model_validator

from tonearm.domain import recipe_text
from tonearm.domain.ids import TrackId
from tonearm.domain.operations import (
    PITCH_SEMITONES_MAX,
    TEMPO_FACTOR_MAX,
    TEMPO_FACTOR_MIN,
    Loudness,
    Master,
    Mix,
    Operation,
    Pitch,
    Spatial,
    Tempo,
)
from tonearm.domain.output_format import OutputFormat
from tonearm.domain.values import Value, at_most

MAX_OPERATIONS = 16
_FINISHING = frozenset({"loudness", "master"})


class Recipe(Value):
    """What to do to a Track, in order, and the format of the result.

    At every step the operations stay within what each may do alone: sixteen fourfold slowdowns would fill any disk,
    though as many speed-ups come after them. A sound can be in one place only, so at most one operation is spatial; one
    mix can hold whatever is mixed in; and what brings a track to a loudness is last, or nothing could be promised of
    it.
    """

    operations: Annotated[tuple[Operation, ...], at_most(MAX_OPERATIONS)] = Field(
        min_length=1, max_length=MAX_OPERATIONS
    )
    output: OutputFormat = OutputFormat()

    @model_validator(mode="after")
    def _as_the_engine_can_do_it(self) -> Self:
        self._require_once(Spatial)
        self._require_once(Mix)
        self._require_once(Loudness, Master)
        finishing = next((operation for operation in self.operations if operation.type in _FINISHING), None)
        if finishing is not None and finishing is not self.operations[-1]:
            raise ValueError(f"{finishing.type} is followed by other operations; it must be the last.")
        self._require_within_at_each_step()
        return self

    @property
    def other_track_ids(self) -> tuple[TrackId, ...]:
        """The other Tracks that it names, each once, in the order in which it names them."""
        named: dict[TrackId, None] = {}
        for operation in self.operations:
            if isinstance(operation, Mix):
                named.update(dict.fromkeys(track.track_id for track in operation.tracks))
            elif isinstance(operation, Master) and operation.reference_track_id is not None:
                named[operation.reference_track_id] = None
        return tuple(named)

    def canonical_json(self) -> str:
        """The one text of this recipe: keys sorted, no spaces, every default written out, nothing without effect.

        Other Tracks stand in it by their ids, and that says which sound is meant: what a Track holds is the upload
        that came first, in the version that is kept with it, and never changes. The same id is the same samples.
        """
        document = self.model_dump(mode="json", exclude_none=True)
        document["output"] = self.output.effective
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @property
    def content_hash(self) -> str:
        """The first 16 hex digits of the SHA-256 of the canonical JSON: equal recipes have equal hashes."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]

    @classmethod
    def parse_text(cls, text: str, *, track_named: Callable[[str], TrackId] | None = None) -> "Recipe":
        """Read the short form that people type: ``tempo=1.1,pitch=2,spatial:seed=7:speed_hz=0.2,format=flac``.

        docs/recipes.md has all of it.

        Args:
            text: the short form.
            track_named: the id of another Track by what it is called in the text; without it, that is its id.

        Raises:
            InvalidRequest: ``recipe.invalid``, naming the part that could not be read.
        """
        return recipe_text.read(cls, text, track_named=track_named)

    @property
    def text(self) -> str:
        """The short form: without defaults, and without what has no effect."""
        return recipe_text.write(self.operations, self.output)

    def _require_within_at_each_step(self) -> None:
        # Changes that stand side by side are one step. What is between two steps is as long as all before it make it.
        factors, semitones, heard = [1.0], [0.0], 0
        for changes, side_by_side in groupby(self.operations, lambda operation: isinstance(operation, Tempo | Pitch)):
            step = list(side_by_side)
            heard += len(step)
            if not changes:
                continue
            own_factors = [operation.factor for operation in step if isinstance(operation, Tempo)]
            own_semitones = [operation.semitones for operation in step if isinstance(operation, Pitch)]
            factors += own_factors
            semitones += own_semitones
            so_far = "all operations" if heard == len(self.operations) else f"the first {heard} operations"
            _require_within(so_far, factors, semitones)
            _require_within(f"operations {heard - len(step) + 1} to {heard}", own_factors, own_semitones)

    def _require_once(self, *kinds: type[Operation]) -> None:
        count = sum(isinstance(operation, kinds) for operation in self.operations)
        if count > 1:
            name = " or ".join(kind.__name__.lower() for kind in kinds)
            raise ValueError(f"The recipe has {count} {name} operations; it may have 1.")


def _require_within(which: str, factors: list[float], semitones: list[float]) -> None:
    for name, value, least, most in (
        # To a millionth, so that the order of a sum makes no difference.
        ("tempo factor", round(math.prod(factors), 6), TEMPO_FACTOR_MIN, TEMPO_FACTOR_MAX),
        ("pitch shift", round(math.fsum(semitones), 6), -PITCH_SEMITONES_MAX, PITCH_SEMITONES_MAX),
    ):
        if not least <= value <= most:
            raise ValueError(f"{name} of {which} together is {value:g}; it must lie between {least:g} and {most:g}.")
