"""What the options of `tonearm render` come to: a recipe as people type it, and the other files that it names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tonearm_cli.errors import WrongUse
from tonearm_cli.files import require_file
from tonearm_cli.ids import require_id

if TYPE_CHECKING:
    from tonearm.domain.ids import TrackId

# A file's name may hold colons; what is a setting of a mix ends it.
_MIXED = re.compile(r"(?P<file>.+?)(?P<settings>:(gain|gain_db|pan|start|start_s|equalize|compress|reverb)[=(].*)?")


class Others(Protocol):
    """What else a recipe may name."""

    def named(self, name: str) -> TrackId:
        """The id that stands for it. Raises WrongUse."""


class OtherTracks:
    """The other tracks that a recipe names, by their ids: a deployment knows no files."""

    def named(self, name: str) -> TrackId:
        """The id itself. Raises WrongUse when it is none."""
        return require_id(name, "trk")


@dataclass
class OtherFiles:
    """The other files that a recipe names, by the ids that stand for them."""

    by_id: dict[TrackId, Path] = field(default_factory=dict)

    def named(self, name: str) -> TrackId:
        """The id that stands for a file: made of its content, so that the same sound is the same recipe.

        Raises:
            WrongUse: there is no such file.
        """
        from ulid import ULID

        path = Path(name)
        require_file(path)
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        track_id = f"trk_{str(ULID(content[:16])).lower()}"
        self.by_id[track_id] = path
        return track_id


@dataclass(frozen=True)
class Asked:
    """What was asked for by options, each named like its option; None, False and empty where nothing was said."""

    trim: str | None
    tempo: float | None
    pitch: float | None
    keep_formants: bool
    equalize: str | None
    compress: str | None
    reverb: str | None
    spatial: bool
    spatial_path: str | None
    spatial_speed: float | None
    spatial_depth: float | None
    spatial_room: float | None
    spatial_mix: float | None
    seed: int | None
    headphones: bool
    mix: tuple[str, ...]
    fade_in: float | None
    fade_out: float | None
    rate: int | None
    channels: int | None
    loudness: float | None
    master: str | None
    reference: str | None
    ceiling: float | None

    @property
    def nothing(self) -> bool:
        """Whether no option was used."""
        return all(getattr(self, each.name) in (None, False, ()) for each in fields(self))

    def text(self, others: Others) -> str:
        """The recipe, in the order in which the operations are heard; without any, only the format is changed.

        Raises:
            WrongUse: a setting of something that was not asked for, or a file that is not there.
        """
        parts = [
            _part("trim", self.trim),
            _part("tempo", self.tempo),
            self._pitch(),
            *(_after_colon(name, getattr(self, name)) for name in ("equalize", "compress", "reverb")),
            self._spatial(),
            *(_mixed(each, others) for each in self.mix),
            _set("fade", {"in": self.fade_in, "out": self.fade_out}),
            _set("convert", {"rate": self.rate, "channels": self.channels}),
            self._finish(others),
        ]
        return ",".join(part for part in parts if part) or "convert"

    def _pitch(self) -> str | None:
        if self.pitch is None and self.keep_formants:
            raise _setting_of("--keep-formants", "--pitch")
        return _part("pitch", self.pitch, "formants=keep" if self.keep_formants else None)

    def _spatial(self) -> str | None:
        settings: dict[str, object] = {
            "path": self.spatial_path,
            "speed": self.spatial_speed,
            "depth": self.spatial_depth,
            "room": self.spatial_room,
            "mix": self.spatial_mix,
            "seed": self.seed,
            "listening": "headphones" if self.headphones else None,
        }
        if self.spatial:
            return _set("spatial", settings) or "spatial"
        given = [name for name, value in settings.items() if value is not None]
        if given:
            option = {"seed": "--seed", "listening": "--headphones"}.get(given[0], f"--spatial-{given[0]}")
            raise _setting_of(option, "--spatial")
        return None

    def _finish(self, others: Others) -> str | None:
        ceiling = None if self.ceiling is None else f"ceiling={self.ceiling}"
        if self.master is None and self.reference is None:
            if self.loudness is None and ceiling:
                raise _setting_of("--ceiling", "--loudness or --master")
            return _part("loudness", self.loudness, ceiling)
        head = "master" if self.master is None else f"master={self.master}"
        reference = None if self.reference is None else f"reference={others.named(self.reference)}"
        target = None if self.loudness is None else f"target={self.loudness}"
        return ":".join(part for part in (head, reference, target, ceiling) if part)


def _part(name: str, value: object, setting: str | None = None) -> str | None:
    if value is None:
        return None
    return f"{name}={value}" if setting is None else f"{name}={value}:{setting}"


def _after_colon(name: str, value: str | None) -> str | None:
    return None if value is None else f"{name}:{value}"


def _set(name: str, settings: dict[str, object]) -> str | None:
    given = [f"{setting}={value}" for setting, value in settings.items() if value is not None]
    return ":".join([name, *given]) if given else None


def _mixed(said: str, others: Others) -> str:
    found = _MIXED.fullmatch(said)
    name, settings = (found["file"], found["settings"] or "") if found else (said, "")
    return f"mix={others.named(name)}{settings}"


def _setting_of(option: str, of: str) -> WrongUse:
    return WrongUse(f"{option} is a setting of {of}.", code="usage", value=option, mend=f"Add {of}.")
