"""The two corpora, rendered once into build/bench/corpus and found there by later runs.

`held_out` gives every reported figure. `development` has other seeds, and styles of its own besides; whoever works on
the engine may look at it as much as they like.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import lameenc
import numpy as np
import numpy.typing as npt
import soundfile

from tests.performance.bench.compose import Mode, Motion, Piece, Score, compose
from tests.performance.bench.instruments import RATE_HZ
from tests.performance.bench.mixdown import Stereo, render
from tests.performance.bench.speech import speak

CorpusName = Literal["development", "held_out"]

# style, tempo, tonic, mode, motion of the tempo, last tempo
_Row = tuple[str, float, int, Mode, Motion, float]

_HELD_OUT: tuple[_Row, ...] = (
    ("rock", 134.0, 6, "minor", "steady", 0),
    ("swing", 124.0, 1, "major", "steady", 0),
    ("swing", 188.0, 7, "minor", "steady", 0),
    ("waltz", 138.0, 10, "major", "steady", 0),
    ("bossa", 132.5, 2, "minor", "steady", 0),
    ("ambient", 78.0, 8, "major", "steady", 0),
    ("drum_and_bass", 172.5, 3, "minor", "steady", 0),
    ("ballad", 64.5, 11, "major", "steady", 0),
    ("shuffle", 91.0, 5, "major", "steady", 0),
    ("house", 127.5, 9, "minor", "steady", 0),
    ("rubato", 81.0, 0, "minor", "rubato", 0),
    ("funk", 99.0, 4, "minor", "steady", 0),
    ("funk", 110.5, 10, "major", "steady", 0),
    ("tango", 118.0, 2, "minor", "steady", 0),
    ("tango", 125.0, 9, "major", "steady", 0),
    ("habanera", 66.0, 7, "minor", "steady", 0),
    ("gospel", 61.0, 8, "major", "steady", 0),
    ("gospel", 69.0, 0, "minor", "steady", 0),
    ("samba", 98.0, 7, "major", "steady", 0),
    ("samba", 104.5, 2, "minor", "steady", 0),
    ("picking", 94.0, 4, "major", "steady", 0),
    ("picking", 113.0, 11, "minor", "steady", 0),
    ("strings", 76.5, 5, "minor", "steady", 0),
    ("strings", 92.0, 3, "major", "steady", 0),
    ("metal", 148.5, 4, "minor", "steady", 0),
    ("metal", 163.0, 1, "minor", "steady", 0),
    ("hip_hop", 86.5, 10, "minor", "steady", 0),
    ("hip_hop", 93.0, 5, "major", "steady", 0),
    ("funk", 94.0, 9, "minor", "step", 114.0),
    ("rock", 138.0, 0, "major", "step", 112.0),
    ("hip_hop", 96.0, 6, "minor", "drift", 84.0),
    ("tango", 112.0, 0, "minor", "drift", 128.0),
)

_DEVELOPMENT: tuple[_Row, ...] = (
    ("rock", 126.0, 7, "major", "steady", 0),
    ("rock", 108.0, 1, "minor", "steady", 0),
    ("reggae", 76.0, 9, "minor", "steady", 0),
    ("reggae", 84.0, 0, "major", "steady", 0),
    ("march", 112.0, 10, "major", "steady", 0),
    ("folk", 98.0, 7, "major", "steady", 0),
    ("folk", 116.0, 4, "minor", "steady", 0),
    ("trip_hop", 82.0, 2, "minor", "steady", 0),
    ("swing", 148.0, 8, "major", "steady", 0),
    ("waltz", 172.0, 0, "major", "steady", 0),
    ("ambient", 66.0, 9, "minor", "steady", 0),
    ("drum_and_bass", 168.0, 5, "minor", "steady", 0),
    ("ballad", 74.0, 3, "major", "steady", 0),
    ("folk", 92.0, 2, "major", "step", 112.0),
    ("rubato", 82.0, 6, "major", "rubato", 0),
    ("march", 104.0, 5, "major", "drift", 120.0),
)

_ROWS: dict[CorpusName, tuple[tuple[_Row, ...], int]] = {
    "development": (_DEVELOPMENT, 100),
    "held_out": (_HELD_OUT, 41_000),
}
_SONGS: tuple[tuple[str, float, int, Mode], ...] = (
    ("rock", 121.0, 2, "minor"),
    ("bossa", 130.0, 7, "major"),
    ("drum_and_bass", 173.0, 9, "minor"),
)


@dataclass(frozen=True)
class Clip:
    """A minute of music whose beats, tempo and key are known."""

    name: str
    piece: Piece
    folder: Path

    @property
    def path(self) -> Path:
        """The rendered file, 16-bit WAV."""
        return self.folder / f"{_stem(self.name, self.piece.score)}.wav"

    def rendered(self) -> Path:
        """The file, rendered now unless it exists."""
        if not self.path.exists():
            _write(self.path, render(self.piece))
        return self.path

    def samples(self, *, tempo: float = 1.0, semitones: float = 0.0) -> Stereo:
        """The clip played anew, truly faster or higher."""
        return render(self.piece, tempo=tempo, semitones=semitones)


def clips(corpus: CorpusName, folder: Path, *, seconds: float = 60.0) -> list[Clip]:
    """The clips of a corpus; nothing is rendered yet."""
    rows, seed = _ROWS[corpus]
    found = []
    for index, (style, tempo, tonic, mode, motion, to_bpm) in enumerate(rows):
        score = Score(style, tempo, tonic, mode, motion, to_bpm, seconds, seed + index)
        name = f"{index + 1:02d}-{style}-{motion}"
        found.append(Clip(name, compose(score), _home(folder / corpus / f"{seconds:g}s")))
    return found


@dataclass(frozen=True)
class Song:
    """A song of some minutes, as WAV and as MP3, for CPU and memory."""

    name: str
    seconds: float
    folder: Path
    score: Score

    @property
    def is_made(self) -> bool:
        """Whether an earlier run has left both files."""
        return all(self._file(suffix).exists() for suffix in ("wav", "mp3"))

    @cached_property
    def wav(self) -> Path:
        """16-bit WAV."""
        path = self._file("wav")
        if not path.exists():
            _write(path, render(compose(self.score)))
        return path

    @cached_property
    def mp3(self) -> Path:
        """MP3 of 320 kbit/s."""
        path = self._file("mp3")
        if not path.exists():
            samples, rate_hz = soundfile.read(self.wav, dtype="int16")
            whole = path.with_name(f".{path.name}.new")
            whole.write_bytes(encode_mp3(samples, rate_hz))
            whole.replace(path)
        return path

    def _file(self, suffix: str) -> Path:
        return self.folder / f"{_stem(self.name, self.score)}.{suffix}"


def songs(folder: Path, *, seconds: float = 300.0) -> list[Song]:
    """Three songs of different density; nothing is rendered yet."""
    home = _home(folder / "songs" / f"{seconds:g}s")
    return [
        Song(style, seconds, home, Score(style, tempo, tonic, mode, seconds=seconds, seed=9000 + index))
        for index, (style, tempo, tonic, mode) in enumerate(_SONGS)
    ]


def speech(folder: Path, *, semitones: float = 0.0, seconds: float = 20.0) -> Path:
    """A speaking voice in mono, 16-bit WAV; the same sentence at another pitch with the same formants."""
    path = _home(folder / "speech") / f"voice-{seconds:g}s-{semitones:+g}.wav"
    if not path.exists():
        _write(path, speak(77, seconds=seconds, semitones=semitones)[:, None])
    return path


def repeated_mp3(song: Song, times: int) -> Path:
    """An MP3 that is `times` as long: the song's frames again and again, without the tag that tells its length."""
    path = song.mp3.with_name(f"{song.mp3.stem}-x{times}.mp3")
    if not path.exists():
        data, temporary = song.mp3.read_bytes(), path.with_name(f".{path.name}.new")
        tagged = next(_mp3_frames(data))
        with temporary.open("wb") as file:
            for _ in range(times):
                file.write(data[tagged:])
        temporary.replace(path)
    return path


def _mp3_frames(data: bytes) -> Iterator[int]:
    """Where each frame of an MPEG-1 layer III file at 320 kbit/s and 44.1 kHz ends."""
    at = 0
    while at + 4 <= len(data):
        at += 144 * 320_000 // RATE_HZ + (data[at + 2] >> 1 & 1)
        yield at


def encode_mp3(samples: npt.NDArray[np.int16], rate_hz: int) -> bytes:
    """Interleaved 16-bit samples as MP3 320, by the encoder and the quality that the floor is measured with."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(320)
    encoder.set_in_sample_rate(rate_hz)
    encoder.set_channels(samples.shape[1])
    encoder.set_quality(5)
    encoder.silence()
    return bytes(encoder.encode(np.ascontiguousarray(samples).tobytes())) + bytes(encoder.flush())


def describe(clip: Clip) -> dict[str, object]:
    """The truth about a clip, for the results."""
    score = clip.piece.score
    return {
        "name": clip.name,
        "style": score.style,
        "motion": score.motion,
        "key": score.key,
        "tempi_bpm": [round(tempo, 2) for tempo in clip.piece.tempi_bpm],
        "beats": len(clip.piece.beats_s),
    }


def _write(path: Path, samples: Stereo) -> None:
    # A name that appears complete or not at all: two processes may render at once.
    temporary = path.with_name(f".{path.name}.new")
    soundfile.write(temporary, samples, RATE_HZ, format="WAV", subtype="PCM_16")
    temporary.replace(path)


def _stem(name: str, score: Score) -> str:
    """A file's name for what is played: another score is another file."""
    return f"{name}-{hashlib.sha256(repr(score).encode()).hexdigest()[:8]}"


def _home(folder: Path) -> Path:
    """A folder named after the sources that compose and render: a change of theirs renders anew."""
    here = Path(__file__).parent
    names = ("instruments.py", "styles.py", "compose.py", "mixdown.py", "speech.py")
    digest = hashlib.sha256(json.dumps([(here / name).read_text() for name in names]).encode()).hexdigest()[:12]
    home = folder / digest
    home.mkdir(parents=True, exist_ok=True)
    return home
