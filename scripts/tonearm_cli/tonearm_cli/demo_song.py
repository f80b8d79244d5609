"""Compose a short song, so that a demo or a test has real music without anyone's copyright.

Drums, bass, pads and a plucked melody over four chords in a minor key, mixed in true stereo with a little room. The
same seed gives the same song; the tempo is exact, so that an analysis of the song can be checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Signal = npt.NDArray[np.float64]

_NOTE_NAMES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
_MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)
_CHORD_STEPS = ((0, 3, 7), (8, 12, 15), (3, 7, 10), (10, 14, 17))
"""i - VI - III - VII, in semitones above the key."""
_ROOM_S = 1.1
_TARGET_RMS = 10 ** (-16.5 / 20)
_CEILING = 10 ** (-1.0 / 20)


@dataclass(frozen=True)
class DemoSong:
    """A song that was composed.

    Attributes:
        path: the file it was written to.
        tempo_bpm: its exact tempo; beats fall on multiples of 60 / tempo_bpm seconds from the start.
        key: its key in words, such as "A minor".
        duration_s: its length in seconds.
    """

    path: Path
    tempo_bpm: float
    key: str
    duration_s: float


def compose_demo_song(
    path: Path,
    *,
    duration_s: float = 30.0,
    tempo_bpm: float = 104.0,
    seed: int = 1,
    sample_rate_hz: int = 44_100,
) -> DemoSong:
    """Compose a stereo song of about -14 LUFS with peaks below -1 dBFS, and write it as 16-bit WAV or FLAC.

    Args:
        path: where to write it; a name that ends in .flac makes a FLAC file, any other a WAV file.
        duration_s: length in seconds, 1 to 1200.
        tempo_bpm: beats a minute, 40 to 240.
        seed: chooses key, melody and drum fills.
        sample_rate_hz: frames a second, 22050 or more.

    Raises:
        ValueError: an argument is out of its range.
        OSError: the file cannot be written.
    """
    for name, value, low, high in (
        ("duration_s", duration_s, 1, 1200),
        ("tempo_bpm", tempo_bpm, 40, 240),
        ("sample_rate_hz", sample_rate_hz, 22_050, 192_000),
    ):
        if not low <= value <= high:
            raise ValueError(f"{name} is {value:g}; it must lie between {low:g} and {high:g}")
    random = np.random.default_rng(seed)
    band = _Band(duration_s, tempo_bpm, sample_rate_hz, random)
    tonic = int(random.choice([9, 2, 4, 7, 0]))
    band.play(tonic)
    kind = "FLAC" if path.suffix.lower() == ".flac" else "WAV"
    soundfile.write(str(path), band.mix(), sample_rate_hz, format=kind, subtype="PCM_16")
    return DemoSong(path, tempo_bpm, f"{_NOTE_NAMES[tonic]} minor", band.frames / sample_rate_hz)


class _Band:
    """Four players with a track each, and the desk that mixes them."""

    def __init__(self, duration_s: float, tempo_bpm: float, sample_rate_hz: int, random: np.random.Generator) -> None:
        self._rate = sample_rate_hz
        self._beat_s = 60 / tempo_bpm
        self._random = random
        self.frames = round(duration_s * sample_rate_hz)
        self._dry = np.zeros((2, self.frames))
        self._room = np.zeros((2, self.frames))
        self._noise = random.standard_normal(sample_rate_hz // 2)
        # A song repeats itself: every distinct sound is made once.
        self._sounds: dict[tuple[str, float, float], Signal] = {}
        self._kick, self._snare, self._hat = self._drum_kit()

    def play(self, tonic: int) -> None:
        """Play to the end, bar by bar."""
        root_hz = 440 * 2 ** ((tonic - 9) / 12)
        beats = int(np.ceil(self.frames / self._rate / self._beat_s))
        for bar in range(-(-beats // 4)):
            chord = _CHORD_STEPS[bar % 4]
            start = bar * 4
            self._drums(start, fill=bar % 4 == 3)
            self._bass(start, root_hz / 4 * 2 ** ((chord[0] % 12) / 12))
            self._pad(start, [root_hz / 2 * 2 ** (step / 12) for step in chord])
            if bar % 8 != 0:
                self._melody(start, root_hz, chord)

    def mix(self) -> npt.NDArray[np.float32]:
        """Add the room, bring the song to its level and round off what peaks [shape=(frames, 2)]."""
        tail_frames = round(_ROOM_S * self._rate)
        decay = np.exp(-6.9 * np.arange(tail_frames) / tail_frames)
        tail = self._random.standard_normal((2, tail_frames)) * decay
        # A first-order low pass: rooms are duller than noise.
        tail = np.cumsum(tail, axis=1) - np.pad(np.cumsum(tail, axis=1), ((0, 0), (6, 0)))[:, :tail_frames]
        tail /= np.sqrt((tail**2).sum(axis=1, keepdims=True))
        song = self._dry + 0.28 * _convolve(self._room, tail)
        fade = min(self.frames, round(0.5 * self._rate))
        song[:, self.frames - fade :] *= np.linspace(1, 0, fade) ** 2
        song *= _TARGET_RMS / max(1e-9, float(np.sqrt((song**2).mean())))
        # tanh bends only the loudest peaks: below half of the ceiling it is a straight line to within a decibel.
        rounded: npt.NDArray[np.float32] = (_CEILING * np.tanh(song / _CEILING)).T.astype(np.float32)
        return rounded

    def _add(self, beat: float, sound: Signal, *, pan: float, gain: float, room: float = 0.0) -> None:
        """Put a sound at a beat; pan runs from -1 (left) to 1 (right) at constant power."""
        at = round(beat * self._beat_s * self._rate)
        sound = sound[: max(0, self.frames - at)]
        angle = (pan + 1) * np.pi / 4
        for channel, weight in enumerate((np.cos(angle), np.sin(angle))):
            self._dry[channel, at : at + len(sound)] += gain * weight * sound
            if room:
                self._room[channel, at : at + len(sound)] += room * gain * weight * sound

    def _time(self, seconds: float) -> Signal:
        return np.arange(round(seconds * self._rate)) / self._rate

    def _drum_kit(self) -> tuple[Signal, Signal, Signal]:
        time = self._time(0.32)
        sweep = 52 * time + 3.6 * (1 - np.exp(-time * 34))
        kick = np.sin(2 * np.pi * sweep) * np.exp(-time * 11)
        kick[: self._rate // 500] += 0.25 * self._noise[: self._rate // 500]
        time = self._time(0.22)
        noise = self._noise[: len(time)]
        snare = (0.7 * noise + 0.6 * np.sin(2 * np.pi * 188 * time)) * np.exp(-time * 19)
        time = self._time(0.07)
        hat = np.diff(self._noise[: len(time) + 1]) * np.exp(-time * 75)
        return kick, snare, hat

    def _drums(self, start: int, *, fill: bool) -> None:
        for beat in range(4):
            if beat in {0, 2}:
                self._add(start + beat, self._kick, pan=0, gain=0.95)
            else:
                self._add(start + beat, self._snare, pan=0.08, gain=0.5, room=0.5)
            for half in (0.0, 0.5):
                self._add(start + beat + half, self._hat, pan=0.35, gain=0.13 if half else 0.2)
        self._add(start + 2.5, self._kick, pan=0, gain=0.6)
        if fill:
            for quarter, pan in ((3.25, -0.3), (3.5, 0.1), (3.75, 0.4)):
                self._add(start + quarter, self._snare, pan=pan, gain=0.28, room=0.5)

    def _bass(self, start: int, frequency_hz: float) -> None:
        notes = ((0, 0.9, 1), (1, 0.45, 1), (1.5, 0.45, 2), (2, 0.9, 1), (3, 0.45, 1), (3.5, 0.45, 1))
        for beat, length, octave in notes:
            self._add(start + beat, self._bass_note(frequency_hz * octave, length), pan=0, gain=0.42)

    def _bass_note(self, frequency_hz: float, beats: float) -> Signal:
        key = ("bass", frequency_hz, beats)
        if key not in self._sounds:
            time = self._time(beats * self._beat_s)
            self._sounds[key] = _partials(frequency_hz, time, 6, 1.6) * _envelope(time, 0.006, 2.2)
        return self._sounds[key]

    def _pad(self, start: int, chord_hz: list[float]) -> None:
        for index, frequency in enumerate(chord_hz):
            # Each side has its own detuned voice: a wide picture that still sums well to mono.
            for pan, cents in ((-0.75, -4.0), (0.75, 4.0)):
                voice = self._pad_voice(frequency, cents)
                self._add(start, voice, pan=pan * (1 - 0.2 * index), gain=0.075, room=0.8)

    def _pad_voice(self, frequency_hz: float, cents: float) -> Signal:
        key = ("pad", frequency_hz, cents)
        if key not in self._sounds:
            time = self._time(4 * self._beat_s)
            swell = np.minimum(1, np.minimum(time / 0.18, (time[-1] - time) / 0.12 + 1e-3))
            start = self._random.uniform(0, 1 / frequency_hz)
            self._sounds[key] = _partials(frequency_hz * 2 ** (cents / 1200), time + start, 5, 1.8) * swell
        return self._sounds[key]

    def _melody(self, start: int, root_hz: float, chord: tuple[int, ...]) -> None:
        degree = int(self._random.integers(0, 7))
        for position, half in enumerate(np.arange(0, 4, 0.5)):
            if position and self._random.random() < 0.3:
                continue
            if position % 4 == 0:
                step = int(self._random.choice(chord)) % 12
                degree = min(range(7), key=lambda candidate: abs(_MINOR_SCALE[candidate] - step))
            else:
                degree = int(np.clip(degree + self._random.choice([-2, -1, 1, 2]), 0, 6))
            note = self._plucked(root_hz * 2 ** (_MINOR_SCALE[degree] / 12))
            side = 0.5 if position % 2 else -0.5
            self._add(start + half, note, pan=side, gain=0.26, room=0.9)
            self._add(start + half + 0.75, note, pan=-side, gain=0.08, room=0.9)

    def _plucked(self, frequency_hz: float) -> Signal:
        key = ("pluck", frequency_hz, 1.2)
        if key not in self._sounds:
            time = self._time(1.2)
            note: Signal = np.zeros(len(time))
            for number in range(1, 9):
                # The higher a partial, the sooner it is gone.
                note += np.sin(2 * np.pi * frequency_hz * number * time) * np.exp(-time * (2.5 + 2 * number)) / number
            attack = len(time) // 300
            note[:attack] *= np.linspace(0, 1, attack)
            self._sounds[key] = note
        return self._sounds[key]


def _partials(frequency_hz: float, time: Signal, count: int, slope: float) -> Signal:
    """A tone of so many harmonics, each weaker by its number to the power of the slope."""
    tone: Signal = np.zeros(len(time))
    for number in range(1, count + 1):
        tone += np.sin(2 * np.pi * frequency_hz * number * time) / number**slope
    return tone


def _envelope(time: Signal, attack_s: float, decay: float) -> Signal:
    release = np.clip((time[-1] - time) / 0.012, 0, 1)
    shape: Signal = np.minimum(1, time / attack_s) * np.exp(-decay * time) * release
    return shape


def _convolve(signal: Signal, response: Signal) -> Signal:
    """Convolve each row, in blocks, and keep the signal's length."""
    size = 1 << (4 * response.shape[1]).bit_length()
    step = size - response.shape[1]
    spectrum = np.fft.rfft(response, size)
    out = np.zeros((2, signal.shape[1] + size))
    for at in range(0, signal.shape[1], step):
        out[:, at : at + size] += np.fft.irfft(np.fft.rfft(signal[:, at : at + step], size) * spectrum, size)
    return out[:, : signal.shape[1]]
