"""Songs in many styles whose beats are known, composed by chance and played by simple synthesizers.

A part is written as a bar of digits, four a beat (three where the beat divides in three): how likely a hit is there, in
tenths, 9 for always. Drums and bass draw once a song, so that a song keeps its groove; the melody draws every bar.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]

RATE = 22_050
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_STRAIGHT, _EIGHTHS, _SIXTEENTHS = "9000 9000 9000 9000", "9090 9090 9090 9090", "9999 9999 9999 9999"
_OFF = "0090 0090 0090 0090"
_ANY = "5050 5050 5050 5050"
_LEAD, _BUSY_LEAD, _CALM = "8050 7050 8050 7050", "8454 7454 8454 7454", "8020 4010 6020 4020"


@dataclass(frozen=True)
class Style:
    """What songs of a style have in common.

    Attributes:
        tempo_bpm: slowest and fastest.
        parts: instrument to bar, in digits; the bars' beats are the metre.
        swing: where the second half of a beat begins, at least and at most.
        sway: how far the tempo sways, up and down, as a share.
        slowing: how much slower than its beginning a phrase may end, as a share.
    """

    tempo_bpm: tuple[float, float]
    parts: dict[str, str]
    swing: tuple[float, float] = (0.5, 0.5)
    sway: float = 0.0
    slowing: float = 0.0


@dataclass(frozen=True)
class Song:
    """A song that was composed.

    Attributes:
        style: its style's name.
        stems: drums, bass and the others, each np.ndarray [shape=(frames,), dtype=float32] at `RATE`.
        beats_s: its beats in seconds, the first on the first beat of a bar.
        beats_a_bar: its metre.
    """

    style: str
    stems: npt.NDArray[np.float32]
    beats_s: Signal
    beats_a_bar: int

    @property
    def samples(self) -> npt.NDArray[np.float32]:
        """All of it, np.ndarray [shape=(frames,), dtype=float32] at `RATE`."""
        mixed: npt.NDArray[np.float32] = self.stems.sum(axis=0)
        return mixed


def _backbeat(kick: str, hats: str, **more: str) -> dict[str, str]:
    return {"kick": kick, "snare": "0000 9000 0000 9000", "hat": hats, "bass": kick, "lead": _LEAD, **more}


_KICK = "9040 0040 9040 0040"
STYLES = {
    "rock": Style((88, 160), _backbeat("9030 0030 9030 0030", _EIGHTHS, bass=_EIGHTHS, keys=_EIGHTHS)),
    "rock in quarters": Style((88, 160), _backbeat(_KICK, _STRAIGHT, pad="9000 0000 0000 0000")),
    "rock in stabs": Style((80, 140), _backbeat("9042 0043 5042 0032", _EIGHTHS, keys="9000 0090 0000 9000")),
    "rock in sixteenths": Style((84, 120), _backbeat("9043 0040 9043 0040", _SIXTEENTHS, bass=_STRAIGHT)),
    "metal": Style((100, 150), _backbeat(_SIXTEENTHS, _STRAIGHT, keys=_EIGHTHS, bass=_EIGHTHS)),
    "slow rock": Style((62, 86), _backbeat(_KICK, _EIGHTHS, bass=_EIGHTHS, keys=_EIGHTHS)),
    "slow stomp": Style((62, 86), _backbeat("9000 0000 9000 0000", _EIGHTHS)),
    "slow and fine": Style((60, 84), _backbeat(_KICK, _SIXTEENTHS, pad="9000 0000 0000 0000")),
    "ballad": Style((58, 80), _backbeat("9000 0000 9030 0000", _EIGHTHS, keys=_EIGHTHS, bass="9000 0000 9000 0000")),
    "arpeggio": Style((58, 84), {"keys": _EIGHTHS, "bass": "9000 0000 9000 0000", "lead": "8030 5020 7030 5020"}),
    "house": Style((114, 136), {"kick": _STRAIGHT, "open hat": "0090 0090 0090 0090", "clap": "0000 9000 0000 9000",
                                "bass": "0090 0090 0090 0090", "keys": "7006 0060 0600 7060",
        "hat": "9595 9595 9595 9595"}),
    "disco": Style((108, 136), {"kick": _STRAIGHT, "open hat": "0090 0090 0090 0090", "bass": "9090 9090 9090 9090",
                                "snare": "0000 9000 0000 9000", "pad": "9000 0000 0000 0000", "lead": _LEAD}),
    "techno": Style((118, 140), {"kick": _STRAIGHT, "open hat": "0090 0090 0090 0090", "bass": "0090 0090 0090 0090",
                                 "keys": "9005 0050 0500 5050", "lead": _BUSY_LEAD}),
    "funk": Style((92, 118), _backbeat("9004 0040 4044 0440", _SIXTEENTHS, bass="9444 4444 4444 4444",
                                       keys="5555 5555 5555 5555", ghost="0000 0505 0500 0005")),
    "hip-hop": Style((78, 98), _backbeat("9004 0005 0554 0040", _EIGHTHS, keys="9000 0090 0000 0000"), (0.5, 0.54)),
    "swing": Style((104, 200), {"ride": "909 909 909 909", "foot": "000 900 000 900", "bass": "900 900 900 900",
                                "keys": "204 204 304 204", "lead": "705 705 705 705", "kick": "500 300 500 300"}),
    "swing in brushes": Style((104, 200), {"shaker": "900 904 900 904", "bass": "900 900 900 900",
                                           "keys": "304 204 404 204", "lead": "705 705 705 705"}),
    "shuffle": Style((80, 132), {"kick": "900 000 905 000", "snare": "000 900 000 900", "hat": "909 909 909 909",
                                 "bass": "909 909 909 909", "keys": "909 909 909 909", "lead": "604 604 604 604"}),
    "waltz": Style((84, 180), {"bass": "9000 0000 0000", "keys": "0000 9000 9000", "lead": "8030 6030 6030"}),
    "waltz in quarters": Style((84, 180), {"bass": "9000 0000 0000", "pad": "0000 9000 9000",
        "lead": "8000 6000 6000"}),
    "waltz with drums": Style((84, 180), {"kick": "9000 0000 0000", "hat": "0000 9000 9000", "snare": "0000 9000 9000",
                                          "bass": "9000 0000 0000", "keys": "0000 9000 9000",
        "lead": "8040 6040 6040"}),
    "six eight": Style((46, 74), {"keys": "999 999", "bass": "900 000", "lead": "733 633"}),
    "six eight with drums": Style((46, 74), {"kick": "900 000", "snare": "000 900", "hat": "999 999", "keys": "999 999",
                                             "bass": "900 300", "lead": "733 633"}),
    "ambient": Style((60, 108), {"pad": "9000 3000 6000 3000", "bass": "9000 0000 0000 0000",
        "bell": "8060 7060 8060 7060"}),
    "ambient in chords": Style((60, 108), {"pad": "9000 0000 9000 0000", "soft kick": "9000 0000 9000 0000",
                                           "bell": "5030 5030 5030 5030"}),
    "drum and bass": Style((164, 180), _backbeat("9030 0020 0090 0001", _EIGHTHS, bass="9000 0000 0000 0090",
                                                 ghost="0000 0005 0500 0500", lead="3020 3020 3020 3020")),
    "jungle": Style((164, 180), _backbeat("9030 0020 0090 0003", "9595 9595 9595 9595", bass="9000 0000 0090 0000")),
    "two-step": Style((164, 180), {"kick": "9000 0000 0090 0000", "snare": "0000 9000 0000 9000", "hat": _EIGHTHS}),
    "two-step on a wandering bass": Style((158, 182), _backbeat("9000 0000 0090 0000", _EIGHTHS, bass=_ANY,
                                                                lead="3020 3020 3020 3020")),
    "two-step and pads": Style((158, 182), {"kick": "9000 0000 0090 0000", "snare": "0000 9000 0000 9000",
                                            "ride": _EIGHTHS, "pad": "9000 0000 0000 0000",
                                            "bass": "9000 0000 0050 0000", "bell": "3000 2010 3000 2010"}),
    "two-step in stabs": Style((158, 182), {"kick": "9000 0000 0090 0000", "snare": "0000 9000 0000 9000",
                                            "hat": _STRAIGHT, "keys": "5000 0050 0000 5050",
                                            "bass": "9000 0000 0000 0000"}),
    "break": Style((150, 182), _backbeat("9030 0030 0090 0030", "9494 9494 9494 9494", ghost="0005 0500 0505 0005",
                                         bass="9000 0050 0000 5000", pad="9000 0000 0000 0000")),
    "backbeat": Style((60, 100), {"kick": "9000 0000 9000 0000", "snare": "0000 9000 0000 9000", "hat": _EIGHTHS}),
    "reggae": Style((66, 92), {"kick": "9000 0000 9000 0000", "snare": "0000 9000 0000 9000", "hat": _EIGHTHS,
        "lead": _LEAD,
                               "keys": "0090 0090 0090 0090", "bass": "9000 9090 0090 9000"}),
    "one drop": Style((66, 92), {"kick": "0000 0000 9000 0000", "rim": "0000 0000 9000 0000", "hat": _EIGHTHS,
        "lead": _LEAD,
                                 "keys": "0090 0090 0090 0090", "bass": "9000 9090 0090 9000"}),
    "bossa": Style((108, 142), {"kick": "9000 0090 9000 0090", "shaker": _EIGHTHS, "rim": "9004 0090 0090 5000",
                                "bass": "9000 0090 9000 0090", "keys": "9000 9090 0090 0090", "lead": _LEAD}),
    "folk": Style((84, 136), {"keys": "9000 9090 0090 9090", "bass": "9000 0000 9000 0000", "lead": _LEAD}),
    "strummed": Style((84, 136), {"keys": "9050 9060 7060 9060", "bass": "9000 0000 9000 0000", "lead": _LEAD}),
    "free piano": Style((62, 104), {"keys": _EIGHTHS, "bass": "9000 0000 0000 0000", "lead": "7040 6030 7040 6030"},
        sway=0.1),
    "melody": Style((68, 112), {"lead": "9060 7060 8060 7060"}),
    "choir": Style((64, 104), {"pad": "9000 5000 9000 9000", "lead": "8030 5030 7030 5030"}),
    "march": Style((106, 128), {"kick": "9000 0000 9000 0000", "snare": "0050 9000 0550 9055",
        "bass": "9000 0000 9000 0000",
                                "keys": "0000 9000 0000 9000", "lead": "8050 7050 8050 7050"}),
    "percussion": Style((88, 134), {"tom": "9555 6555 6555 6555", "kick": "9040 0040 6040 0040", "shaker": _EIGHTHS}),
    "fast rock": Style((138, 190), _backbeat("9000 0000 9000 0000", _EIGHTHS, bass=_EIGHTHS, keys=_EIGHTHS)),
    "fast rock in quarters": Style((138, 190), _backbeat("9000 0040 9040 0000", _STRAIGHT, bass=_EIGHTHS,
                                                         keys=_STRAIGHT)),
    "fast rock in stabs": Style((138, 190), _backbeat("9000 0040 9040 0040", _EIGHTHS, bass=_STRAIGHT,
                                                      keys="9000 0090 0000 9000")),
    "fast rock on a loop": Style((138, 190), _backbeat("9000 0090 0090 0000", _EIGHTHS, bass=_EIGHTHS,
                                                       pad="9000 0000 0000 0000")),
    "steppers": Style((62, 98), {"kick": _STRAIGHT, "rim": "0000 0000 9000 0000", "hat": _EIGHTHS, "chop": _OFF,
                                 "bass": "9000 9000 9090 0000", "lead": _CALM}),
    "rockers": Style((62, 98), {"kick": "9000 0040 9000 0040", "rim": "0000 9000 0000 9000", "hat": _EIGHTHS,
                                "chop": _OFF, "bass": "9000 0090 9000 9000", "organ": "0909 0909 0909 0909"}),
    "one drop with an organ": Style((62, 98), {"kick": "0000 0000 9000 0000", "snare": "0000 0000 9000 0000",
                                               "hat": _OFF, "chop": _OFF, "organ": "0909 0909 0909 0909",
                                               "bass": "0000 9090 9000 9000", "lead": _CALM}),
    "one drop on two and four": Style((62, 98), {"kick": "0000 9000 0000 9000", "rim": "0000 9000 0000 9000",
                                                 "hat": _EIGHTHS, "chop": _OFF, "bass": "9000 9000 0090 0090",
                                                 "lead": _CALM}),
    "reggae without drums": Style((62, 98), {"chop": _OFF, "bass": "9000 0000 9000 9000", "lead": _LEAD}),
    "reggae in organ": Style((62, 98), {"organ": "0099 0099 0099 0099", "chop": _OFF, "bass": "9000 9090 9000 0000",
                                        "rim": "0000 9000 0000 9000", "kick": "9000 0000 9000 0000"}),
    "bass and off-beats": Style((60, 150), {"bass": "9000 4000 9000 4000", "chop": _OFF, "lead": _CALM}),
    "ska": Style((116, 176), {"kick": "9000 0000 9000 0000", "snare": "0000 9000 0000 9000", "hat": _EIGHTHS,
                              "chop": _OFF, "bass": _STRAIGHT, "lead": _LEAD}),
    "broken beat": Style((108, 138), {"kick": "9009 0000 0090 0400", "clap": "0000 9000 0000 9000", "hat": _EIGHTHS,
                                      "bass": "9004 0090 0400 0040", "keys": "0009 0000 0900 0009",
                                      "pad": "9000 0000 0000 0000"}),
    "broken beat off the one": Style((108, 138), {"kick": "0090 0009 0090 0009", "clap": "0000 9000 0000 9000",
                                                  "hat": _SIXTEENTHS, "bass": "0090 0009 0090 0000",
                                                  "pad": "9000 0000 0000 0000"}),
    "garage": Style((124, 138), {"kick": "9000 0000 0090 0000", "clap": "0000 9000 0000 9000", "open hat": _OFF,
                                 "shaker": "9595 9595 9595 9595", "bass": "0090 0009 0000 0900",
                                 "organ": "0090 0009 0090 0000"}),
    "house in swells": Style((114, 136), {"kick": _STRAIGHT, "open hat": _OFF, "pad": "0090 0090 0090 0090",
                                          "bass": "0099 0099 0099 0099", "lead": _CALM}),
    "shuffle in triplets": Style((62, 132), {"kick": "900 003 900 003", "snare": "000 900 000 900",
                                             "hat": "999 999 999 999", "bass": "900 009 900 009",
                                             "keys": "900 000 009 000"}),
    "swing of a bass": Style((110, 220), {"bass": "900 900 900 900", "keys": "009 000 009 000",
                                                 "lead": "705 705 705 705"}),
    "free chords": Style((60, 108), {"keys": _STRAIGHT, "bass": "9000 0000 9000 0000", "lead": "8040 6030 7040 6030"},
        sway=0.1),
    "free arpeggio": Style((56, 104), {"keys": "999 999 999 999", "bass": "900 000 000 000", "lead": "802 603 703 602"},
        sway=0.1),
    "free melody": Style((60, 108), {"lead": "8050 7040 8050 7040", "pad": "9000 0000 9000 0000"}, sway=0.08),
    "reggae on a wandering bass": Style((62, 98), _backbeat("9000 0000 9000 0000", _EIGHTHS, bass=_ANY, chop=_OFF,
                                                            lead=_CALM)),
    "one drop on a wandering bass": Style((62, 98), {"kick": "0000 0000 9000 0000", "rim": "0000 0000 9000 0000",
                                                     "hat": _EIGHTHS, "chop": _OFF, "bass": _ANY, "lead": _CALM}),
    "reggae on two and four": Style((62, 98), {"kick": "0000 9000 0000 9000", "hat": _EIGHTHS, "chop": _OFF,
                                               "bass": "3070 3070 3070 3070", "organ": "0050 0050 0050 0050",
                                               "lead": _CALM}),
    "steppers on a wandering bass": Style((62, 98), {"kick": _STRAIGHT, "snare": "0000 9000 0000 9000", "hat": _OFF,
                                                     "chop": _OFF, "bass": "3070 3070 3070 3070"}),
    "rock off the beat": Style((80, 150), _backbeat(_KICK, _EIGHTHS, bass=_ANY, keys=_ANY, lead="3060 3060 3060 3060")),
    "backbeat and off-beats": Style((70, 150), {"snare": "0000 9000 0000 9000", "hat": _STRAIGHT, "keys": _OFF,
                                                "bass": _OFF}),
    "pushed": Style((80, 140), _backbeat("9000 0000 9000 0000", _EIGHTHS, bass="0000 0090 0000 0090",
                                         keys="0000 0090 0000 0090")),
    "house off the beat": Style((110, 138), {"kick": _STRAIGHT, "clap": "0000 9000 0000 9000", "open hat": _OFF,
                                             "bass": "0555 0555 0555 0555", "keys": "2464 2464 2464 2464",
                                             "lead": "2050 2050 2050 2050"}),
    "house in off-beat chords": Style((110, 138), {"kick": _STRAIGHT, "hat": _SIXTEENTHS, "keys": _OFF,
                                                   "bass": "0070 0473 0070 0473", "pad": "9000 0000 0000 0000"}),
    "free chords in phrases": Style((56, 108), {"keys": _STRAIGHT, "bass": "9000 0000 5000 0000", "lead": _LEAD},
        slowing=0.3),
    "free piano in phrases": Style((56, 108), {"keys": "5060 5060 5060 5060", "bass": "9000 0000 5000 0000",
        "lead": "7040 6030 7040 6030"}, slowing=0.3),
    "free arpeggio in phrases": Style((56, 108), {"keys": _EIGHTHS, "bass": "9000 0000 5000 0000",
        "lead": "6000 4000 6000 4000"}, slowing=0.3),
    "free melody in phrases": Style((56, 108), {"lead": "8050 7050 8050 7050", "pad": "9000 0000 5000 0000"},
        slowing=0.3),
    "voices": Style((64, 124), {"voice": "9050 7050 8050 7050", "pad": "9000 0000 9000 0000"}),
    "voice alone": Style((64, 124), {"voice": "9060 8060 9060 8060"}),
    "hands": Style((84, 140), {"tom": "9030 0090 3090 9000", "rim": "0303 9030 0303 9030", "shaker": _SIXTEENTHS}),
    "metronome": Style((60, 200), {"rim": "9000"}),
    "metronome with an accent": Style((60, 200), {"rim": _STRAIGHT, "tom": "9000 0000 0000 0000"}),
    "metronome in halves": Style((60, 140), {"hat": "0090", "kick": "9000"}),
}  # fmt: skip


@dataclass
class _Player:
    """Plays one song."""

    style: Style
    random: np.random.Generator
    duration_s: float
    sounds: dict[tuple[str, int, int], Signal] = field(default_factory=dict)
    timbres: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def play(self) -> tuple[npt.NDArray[np.float32], Signal, int]:
        metre = len(next(iter(self.style.parts.values())).split())
        beats = self._beats(self.random.uniform(*self.style.tempo_bpm))
        swing = self.random.uniform(*self.style.swing)
        late_s = self.random.uniform(0.001, 0.008)
        tonic, scale = int(self.random.integers(12)), _SCALES[self.random.integers(2)]
        loop = self.random.integers(0, 7, 4)
        out = np.zeros((3, round((self.duration_s + 4) * RATE)))
        grooves = {name: self._draw(part) for name, part in self.style.parts.items()}
        levels = {name: self.random.uniform(0.6, 1.2) for name in grooves}
        step = 3
        for bar in range((len(beats) - 1) // metre):
            for name, groove in grooves.items():
                hits = self._draw(self.style.parts[name]) if name in {"lead", "bell", "voice"} else groove
                for place in hits:
                    beat = int(place)
                    part = float(np.interp(place - beat, (0, 0.5, 1), (0, swing, 1)))
                    start, end = beats[bar * metre + beat : bar * metre + beat + 2]
                    at = round(max(0.0, start + part * (end - start) + self.random.normal(0, late_s)) * RATE)
                    step = int(np.clip(step + self.random.integers(-2, 3), 0, 9))
                    force = levels[name] * self.random.uniform(0.75, 1) * (1.15 if place == beat else 1.0)
                    for degree in self._degrees(name, int(loop[bar % 4]), step):
                        pitch = tonic + scale[degree % 7] + 12 * (degree // 7)
                        sound = self._sound(name, pitch, end - start)
                        room = out[0 if name in _DRUMS else 1 if name == "bass" else 2, at : at + len(sound)]
                        room += force * sound[: len(room)]
        out = self._room(out[:, : round(self.duration_s * RATE)])
        return (
            (0.1 * out / np.sqrt((out.sum(axis=0) ** 2).mean())).astype(np.float32),
            beats[beats < self.duration_s],
            metre,
        )

    def _beats(self, tempo_bpm: float) -> Signal:
        count = int(self.duration_s * tempo_bpm / 60 * 1.3) + 8
        phase, turns = self.random.uniform(0, 6), self.random.uniform(1.5, 4)
        sway = self.style.sway * np.sin(phase + 2 * np.pi * turns * np.arange(count) / count)
        pace = tempo_bpm * (1 + sway)
        if self.style.slowing:
            place = np.arange(count) / self.random.choice((8, 16)) % 1
            pace *= 1 - self.style.slowing * self.random.uniform(0.3, 1) * place ** self.random.uniform(1.5, 4)
            pace *= np.exp2(self.random.normal(0, 0.02, count))
        return self.random.uniform(0, 1) + np.concatenate([[0.0], np.cumsum(60 / pace)])

    def _draw(self, part: str) -> list[float]:
        hits = []
        for beat, digits in enumerate(part.split()):
            for place, digit in enumerate(digits):
                if digit == "9" or self.random.random() < int(digit) / 10:
                    hits.append(beat + place / len(digits))
        return hits

    def _degrees(self, name: str, root: int, step: int) -> tuple[int, ...]:
        if name in {"keys", "chop", "organ", "pad"}:
            return root, root + 2, root + 4
        return (root if name == "bass" else step,)

    def _sound(self, name: str, pitch: int, beat_s: float) -> Signal:
        key = (name, pitch if name in _TONES else 0, round(beat_s * 50))
        if key not in self.sounds:
            self.sounds[key] = self._tone(name, pitch, beat_s) if name in _TONES else self._drum(name)
        return self.sounds[key]

    def _timbre(self, name: str, figures: tuple[float, ...], spreads: tuple[float, ...]) -> tuple[float, ...]:
        """What makes a tone or a drum, a little other in each song."""
        if name not in self.timbres:
            self.timbres[name] = tuple(
                figure * 2 ** self.random.uniform(-spread, spread)
                for figure, spread in zip(figures, spreads, strict=True)
            )
        return self.timbres[name]

    def _tone(self, name: str, pitch: int, beat_s: float) -> Signal:
        low_hz, partials, slope, attack_s, decay, beats, gain = self._timbre(name, _TONES[name], _TONE_SPREADS)
        time = np.arange(round(min(3.0, beats * beat_s + 0.1) * RATE)) / RATE
        hertz = low_hz * 2 ** (pitch / 12)
        vibrato = 0.012 * np.cos(2 * np.pi * 5.5 * time) if name in {"lead", "voice"} else 0.0
        phase = 2 * np.pi * hertz * time + vibrato * hertz / 5.5
        wave = np.zeros(len(time))
        for number in range(1, round(partials) + 1):
            if number * hertz < RATE / 2.2:
                wave += (
                    np.sin(number * phase + self.random.uniform(0, 6))
                    / number**slope
                    * np.exp(-decay * number * time / 4)
                )
        release = np.clip((time[-1] - time) / 0.05, 0, 1)
        note: Signal = gain * wave * np.minimum(1, time / attack_s) * np.exp(-decay * time) * release
        return note

    def _drum(self, name: str) -> Signal:
        time = np.arange(RATE // 2) / RATE
        noise = self.random.standard_normal(len(time) + 2)
        hertz, bend, decay, hiss, hiss_decay, bright, gain = self._timbre(name, _DRUMS[name], _DRUM_SPREADS)
        tone = np.sin(2 * np.pi * (hertz * time + bend * (1 - np.exp(-35 * time)))) * np.exp(-decay * time)
        return gain * (
            tone * (hertz > 0) + hiss * np.diff(noise, int(bright))[: len(time)] * np.exp(-hiss_decay * time)
        )

    def _room(self, dry: Signal) -> Signal:
        tail = self.random.standard_normal(round(self.random.uniform(0.3, 1.5) * RATE))
        tail *= np.exp(-6.9 * np.arange(len(tail)) / len(tail))
        # A multiple of that has a fast transform, and a power of two may lie far above.
        size = -(-(dry.shape[1] + len(tail)) // 32768) * 32768
        wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(tail / np.sqrt((tail**2).sum()), size), size)
        return dry + self.random.uniform(0, 0.3) * wet[:, : dry.shape[1]]


_TONES = {
    # lowest tone in Hz, partials, their slope, attack in s, decay, length in beats, gain
    "bass": (32.7, 8, 1.4, 0.005, 1.5, 0.8, 0.35),
    "keys": (130.8, 9, 1.3, 0.003, 2.5, 0.7, 0.11),
    "chop": (196.0, 10, 1.0, 0.003, 5.0, 0.2, 0.13),
    "organ": (196.0, 5, 1.0, 0.01, 0.2, 0.25, 0.08),
    "pad": (130.8, 6, 1.8, 0.1, 0.0, 2.0, 0.08),
    "voice": (220.0, 10, 1.3, 0.06, 0.1, 0.95, 0.12),
    "bell": (523.3, 5, 1.5, 0.003, 3.0, 1.0, 0.12),
    "lead": (261.6, 8, 1.4, 0.03, 0.4, 0.9, 0.15),
}
_DRUMS = {
    # tone in Hz, its bend in turns, its decay, hiss, its decay, its brightness (differences taken), gain
    "kick": (50.0, 4.0, 10.0, 0.15, 300.0, 0, 0.9),
    "soft kick": (55.0, 0.5, 8.0, 0.0, 1.0, 0, 0.5),
    "snare": (190.0, 0.0, 17.0, 1.0, 17.0, 0, 0.4),
    "ghost": (190.0, 0.0, 17.0, 1.0, 25.0, 0, 0.12),
    "clap": (0.0, 0.0, 1.0, 1.0, 20.0, 1, 0.3),
    "rim": (820.0, 0.0, 60.0, 0.3, 200.0, 0, 0.4),
    "tom": (120.0, 1.0, 12.0, 0.15, 80.0, 0, 0.5),
    "hat": (0.0, 0.0, 1.0, 1.0, 70.0, 2, 0.1),
    "foot": (0.0, 0.0, 1.0, 1.0, 50.0, 2, 0.1),
    "open hat": (0.0, 0.0, 1.0, 1.0, 15.0, 2, 0.12),
    "ride": (3150.0, 0.0, 10.0, 1.0, 9.0, 2, 0.06),
    "shaker": (0.0, 0.0, 1.0, 1.0, 40.0, 1, 0.1),
}

_TONE_SPREADS = (0.0, 0.5, 0.3, 1.0, 1.0, 0.4, 0.0)
_DRUM_SPREADS = (0.3, 0.3, 0.6, 0.5, 0.6, 0.0, 0.0)
"""How far each of these figures lies from the table, at most, in powers of two."""


def compose(style: str, seed: int, *, duration_s: float = 40.0) -> Song:
    """Compose a song of one of `STYLES`; the same seed gives the same song.

    Raises:
        KeyError: there is no such style.
    """
    random = np.random.default_rng([seed, *style.encode()])
    return Song(style, *_Player(STYLES[style], random, duration_s).play())
