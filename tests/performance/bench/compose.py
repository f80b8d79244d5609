"""The composer: a style, a key, a tempo and a seed become a piece, whose beats, tempo and key are known.

A piece is a list of strokes with their times. `render` (in mixdown.py) plays it, at another tempo or in another key as
well: that is the true re-render against which tempo and pitch changes are measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tests.performance.bench.instruments import NOMINAL_HZ
from tests.performance.bench.styles import BORROWED, STYLES, Part, Style

NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_DRUM_PANS = {
    "hat": 0.35,
    "open_hat": 0.35,
    "ride": -0.4,
    "crash": 0.3,
    "tom": -0.2,
    "shaker": -0.5,
    "tamborim": 0.4,
    "agogo": -0.4,
}
# As loud as in a mix for release: the beat is the drummer's, not the cymbals' or the shaker's.
_DRUM_LEVELS = {
    "kick": 1.3,
    "soft_kick": 0.9,
    "snare": 1.0,
    "clap": 0.7,
    "hat": 0.2,
    "open_hat": 0.2,
    "ride": 0.35,
    "shaker": 0.15,
    "surdo": 1.2,
    "tamborim": 0.3,
    "agogo": 0.2,
}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}

Motion = Literal["steady", "step", "drift", "rubato"]
Mode = Literal["major", "minor"]
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """What a piece is composed from.

    Attributes:
        style: one of `STYLES`.
        tempo_bpm: at the start.
        tonic: 0 (C) to 11 (B).
        mode: "major" or "minor".
        motion: of the tempo: "steady"; "step", another one after 55 to 60 % of the time; "drift", a straight line;
            "rubato", from beat to beat, with phrases that end slower.
        to_bpm: at the end of a step or a drift.
        seconds: length.
        seed: of all that is random.
    """

    style: str
    tempo_bpm: float
    tonic: int
    mode: Mode
    motion: Motion = "steady"
    to_bpm: float = 0.0
    seconds: float = 60.0
    seed: int = 0

    @property
    def key(self) -> str:
        """As in "F# minor"."""
        return f"{NOTES[self.tonic]} {self.mode}"


@dataclass(frozen=True)
class Stroke:
    """One note or drum stroke: when, for how long, how high, how loud, where."""

    voice: str
    start_s: float
    held_s: float
    hz: float
    level: float
    pan: float
    room: float
    take: int


@dataclass(frozen=True)
class Piece:
    """Strokes, and the truth about them.

    Attributes:
        score: what it was composed from.
        beats_s: every beat.
        tempi_bpm: the tempi that describe it: one, or those held for a quarter of the time and the median.
        strokes: all that is played.
    """

    score: Score
    beats_s: tuple[float, ...]
    tempi_bpm: tuple[float, ...]
    strokes: tuple[Stroke, ...] = field(repr=False)


def hertz(midi: float) -> float:
    """The frequency of a MIDI note number, A4 = 69 = 440 Hz."""
    return float(440.0 * 2 ** ((midi - 69) / 12))


def compose(score: Score) -> Piece:
    """Compose a piece: the same score gives the same piece."""
    random = np.random.default_rng(score.seed)
    style = STYLES[score.style]
    lead_in = float(random.uniform(0.05, 0.7))
    times = lead_in + _beat_times(score, style, random)
    strokes = _Band(score, style, times, random).play()
    beats = tuple(float(time) for time in times if time < score.seconds)
    return Piece(score, beats, _tempi(score, np.array(beats)), tuple(strokes))


def _beat_times(score: Score, style: Style, random: np.random.Generator) -> Times:
    """Seconds of each beat from the first, somewhat beyond the end."""
    count = int(score.seconds * max(score.tempo_bpm, score.to_bpm) / 60 * 1.2) + 4 * style.beats
    if score.motion == "rubato":
        # A slow wander of some percent, beats that breathe, and every fourth bar's end held back.
        wander = np.cumsum(random.standard_normal(count))
        wander = np.convolve(wander - np.linspace(wander[0], wander[-1], count), np.ones(8) / 8, "same")
        tempi = score.tempo_bpm * (1 + 0.06 * wander / (np.abs(wander).max() + 1e-9))
        tempi *= 1 + 0.02 * random.standard_normal(count)
        last = np.arange(count) % (4 * style.beats) >= 4 * style.beats - 2
        tempi[last] *= 0.86
        return np.concatenate(([0.0], np.cumsum(60 / tempi)))
    times, now = [0.0], 0.0
    change_s = score.seconds * random.uniform(0.55, 0.6)
    for _ in range(count):
        tempo = score.tempo_bpm
        if score.motion == "step" and now > change_s:
            tempo = score.to_bpm
        if score.motion == "drift":
            tempo += (score.to_bpm - score.tempo_bpm) * min(1.0, now / score.seconds)
        now += 60 / tempo
        times.append(now)
    return np.array(times)


def _tempi(score: Score, beats: Times) -> tuple[float, ...]:
    median = float(60 / np.median(np.diff(beats)))
    if score.motion == "step":
        return (score.tempo_bpm, score.to_bpm)
    return (score.tempo_bpm,) if score.motion == "steady" else (median,)


def _chord(scale: tuple[int, ...], mode: str, degree: int, *, seventh: bool) -> list[int]:
    """Semitones above the tonic of a chord's notes; a minor key's fifth degree is a major chord, as in cadences."""
    tones = []
    for third in range(4 if seventh else 3):
        index = degree - 1 + 2 * third
        semitones = scale[index % 7] + 12 * (index // 7)
        if mode == "minor" and degree == 5 and third == 1:
            semitones += 1
        tones.append(semitones)
    return tones


def _borrowed(notes: str) -> dict[int, int]:
    """What a chord of `BORROWED` makes of the scale: semitones above the tonic by degree, from the chord's root up."""
    return {
        int(note[-1]): SCALES["major"][int(note[-1]) - 1] + note.count("#") - note.count("b") for note in notes.split()
    }


class _Band:
    """The players: bar by bar, section by section."""

    def __init__(self, score: Score, style: Style, times: Times, random: np.random.Generator) -> None:
        self._score, self._style, self._times, self._random = score, style, times, random
        self._scale = self._scale_now = SCALES[score.mode]
        self._melody_at = 0
        self._strokes: list[Stroke] = []

    def play(self) -> list[Stroke]:
        """Every stroke of the piece, in order of bars."""
        style, random = self._style, self._random
        bars = int((len(self._times) - 1) / style.beats) - 1
        progressions = [choice.split() for choice in style.progressions[self._score.mode]]
        first, second = (progressions[int(random.integers(len(progressions)))] for _ in range(2))
        sevenths = style.sevenths or any(part.plays == "walk" for part in style.parts)
        section_bars = 8 if style.beats * style.steps < 24 else 4
        for bar in range(bars):
            if self._times[bar * style.beats] >= self._score.seconds:
                break
            if bar % section_bars == 0:
                self._begin_section(bar // section_bars)
            chords = second if (bar // section_bars) % 3 == 2 else first
            named = chords[bar % len(chords)]
            # A section closes on the tonic or leads to it.
            if bar % (2 * section_bars) == 2 * section_bars - 1:
                named = "5" if random.random() < 0.6 else "1"
            altered = _borrowed(BORROWED[named]) if named in BORROWED else {}
            if altered:
                chord = list(altered.values())
            else:
                chord = _chord(self._scale, self._score.mode, int(named), seventh=sevenths)
                altered = {7: 11} if named == "5" else {}
            if style.follows:
                self._scale_now = tuple(altered.get(degree, tone) for degree, tone in enumerate(self._scale, start=1))
            self._bar(bar, bar % section_bars == section_bars - 1, bar % section_bars == 0, chord)
        return self._strokes

    def _begin_section(self, number: int) -> None:
        """Choose what is played in this section, and who rests."""
        style, random = self._style, self._random

        def choice(patterns: str) -> str:
            options = patterns.split("|")
            return options[int(random.integers(len(options)))]

        rests = number > 0 and random.random() < style.gaps
        self._drums = {} if rests else {name: choice(pattern) for name, pattern in style.drums.items()}
        self._playing: list[tuple[Part, str, int]] = []
        for index, part in enumerate(style.parts):
            if part.plays == "melody" and (number == 0 or random.random() < 0.2):
                continue
            if part.plays == "chord" and len(style.parts) > 3 and random.random() < 0.15:
                continue
            self._playing.append((part, choice(part.pattern), index))

    def _bar(self, bar: int, last: bool, first: bool, chord: list[int]) -> None:
        style, random = self._style, self._random
        bar_steps = style.beats * style.steps
        for name, pattern in self._drums.items():
            if name == "crash":
                if first:
                    self._drum("crash", bar, 0, 0.35)
                continue
            for step, mark in enumerate(pattern):
                if mark != ".":
                    self._drum(name, bar, step, {"X": 1.0, "x": 0.8, "o": 0.4}[mark])
        if last and "snare" in self._drums and random.random() < 0.7:
            for step in range(bar_steps - style.steps, bar_steps):
                if random.random() < 0.7:
                    self._drum("tom" if random.random() < 0.5 else "snare", bar, step, 0.6)
        for part, pattern, index in self._playing:
            steps = [step for step, mark in enumerate(pattern) if mark != "."]
            for order, step in enumerate(steps):
                until = steps[order + 1] if order + 1 < len(steps) else bar_steps
                if part.plays == "melody" and random.random() < 0.15:
                    continue
                accent = 1.0 if pattern[step] == "X" else 0.82
                for midi in self._pitches(part, chord, order):
                    self._note(part, bar, step, (until - step) * part.held, midi, accent, index)

    def _pitches(self, part: Part, chord: list[int], order: int) -> list[int]:
        tonic, random = self._score.tonic, self._random

        def near(semitones: int, centre: int) -> int:
            return centre + (tonic + semitones - centre + 6) % 12 - 6

        if part.plays in {"root", "power"}:
            fifth = part.plays == "root" and order > 1 and random.random() < 0.25
            return [near(chord[2] if fifth else chord[0], part.octave)]
        if part.plays == "walk":
            # It leads to the next bar by a semitone now and then.
            by_a_semitone = order == 3 and random.random() < 0.4
            tone = chord[0] if order == 0 or by_a_semitone else chord[int(random.integers(len(chord)))]
            return [near(tone, part.octave) + (int(random.choice((-1, 1))) if by_a_semitone else 0)]
        if part.plays in {"chord", "arpeggio"}:
            tones = chord if part.plays == "chord" else [chord[order % len(chord)]]
            lifted = 4 if part.plays == "chord" else 5 * (order % 2)
            return [near(tone, part.octave + lifted) for tone in tones]
        # A melody moves in steps of the scale and lands on notes of the chord.
        self._melody_at = int(np.clip(self._melody_at + random.integers(-2, 3), -4, 5))
        octave, degree = divmod(self._melody_at, 7)
        semitones = self._scale_now[degree] + 12 * octave
        if order == 0:
            wanted = semitones
            semitones = min((tone + 12 * n for tone in chord for n in (-1, 0, 1)), key=lambda tone: abs(tone - wanted))
        elif random.random() < 0.06:
            semitones += 1
        return [near(0, part.octave) + semitones]

    def _seconds_at(self, bar: int, step: float) -> float:
        """When a step of a bar falls, which may be beyond the bar."""
        style = self._style
        beat, within = divmod(bar * style.beats + step / style.steps, 1.0)
        if style.swing != 0.5:
            half = style.swing
            within = within / 0.5 * half if within < 0.5 else half + (within - 0.5) / 0.5 * (1 - half)
        return float(np.interp(beat + within, np.arange(len(self._times)), self._times))

    def _loose_s(self) -> float:
        loose = self._style.loose_ms / 1000
        return float(np.clip(self._random.normal(0, loose), -2.5 * loose, 2.5 * loose)) if loose else 0.0

    def _drum(self, name: str, bar: int, step: int, level: float) -> None:
        start = max(0.0, self._seconds_at(bar, step) + self._loose_s())
        level *= _DRUM_LEVELS.get(name, 0.5) * float(self._random.uniform(0.85, 1.0))
        take = int(self._random.integers(3))
        self._strokes.append(Stroke(name, start, 0.0, NOMINAL_HZ, level, _DRUM_PANS.get(name, 0.0), 0.12, take))

    def _note(self, part: Part, bar: int, step: int, steps: float, midi: int, accent: float, index: int) -> None:
        start = self._seconds_at(bar, step)
        held = self._seconds_at(bar, step + steps) - start
        level = part.level * accent * float(self._random.uniform(0.85, 1.0))
        start = max(0.0, start + self._loose_s())
        self._strokes.append(Stroke(part.voice, start, held, hertz(midi), level, part.pan, part.room, index))
