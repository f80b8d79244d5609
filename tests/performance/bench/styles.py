"""Styles: who plays what, on which steps of the bar. The composer fills them with notes.

A pattern is a bar in steps: "x" a stroke, "X" an accent, "o" a soft one, "." none. "|" divides alternatives, from which
a piece picks for each of its sections. Steps are quarters of a beat, or thirds where the style swings or is in 6/8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """One player.

    Attributes:
        voice: the instrument.
        pattern: of one bar; see above.
        plays: "root" (bass), "walk" (bass a step a beat), "chord", "arpeggio", "power" (root alone), "melody".
        octave: MIDI number around which it plays.
        level: 0 to 1.
        pan: -1 (left) to 1.
        room: 0 to 1, how much of it the room gets.
        held: length of a note, as a share of the time to the next one.
    """

    voice: str
    pattern: str
    plays: str
    octave: int
    level: float
    pan: float = 0.0
    room: float = 0.15
    held: float = 0.9


@dataclass(frozen=True)
class Style:
    """What makes a style, apart from the notes.

    Attributes:
        beats: of a bar.
        steps: of a beat: 4, or 3 for triplets.
        drums: strokes by instrument.
        parts: players with pitches.
        progressions: chords, a bar each, as degrees of the scale or as one of `BORROWED`; in major and in minor.
        sevenths: whether chords on degrees have four notes.
        follows: whether melodies take up what a chord alters: a minor key's raised seventh over its dominant.
        swing: where the second quarter of a beat's halves falls: 0.5 is even.
        loose_ms: how far players are off the beat, one standard deviation.
        drive: how hard the sum is driven into saturation; 1 is hardly.
        gaps: share of sections in which the drums rest.
    """

    beats: int
    steps: int
    drums: dict[str, str]
    parts: tuple[Part, ...]
    progressions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    swing: float = 0.5
    loose_ms: float = 4.0
    drive: float = 1.5
    gaps: float = 0.1
    sevenths: bool = False
    follows: bool = False


BORROWED: dict[str, str] = {
    "V/2": "6 #1 3 5",
    "V/3": "7 #2 #4 6",
    "V/4": "1 3 5 b7",
    "V/5": "2 #4 6 1",
    "V/6": "3 #5 7 2",
    "7o": "7 2 4 b6",
    "2o": "2 4 b6 1",
    "4m": "4 b6 1",
    "4+": "4 6 1 b3",
    "b2": "b2 4 b6",
    "b6": "b6 1 b3",
    "b7": "b7 2 4",
}
"""Chords from beyond the scale: dominants of other degrees, and other modes' chords. Each note is a degree of the
major scale on the tonic, raised (#) or lowered (b)."""

POP = {
    "major": ("1 5 6 4", "1 4 5 1", "1 6 4 5", "1 4 1 5", "1 3 4 5"),
    "minor": ("1 6 4 5", "1 4 5 1", "1 7 6 5", "1 4 6 5"),
}
JAZZ = {"major": ("2 5 1 6", "1 6 2 5", "1 4 3 6 2 5 1 1"), "minor": ("2 5 1 1", "1 4 2 5", "1 6 2 5")}
CALM = {"major": ("1 4 1 5", "1 6 4 1", "1 3 4 1"), "minor": ("1 6 1 4", "1 4 1 5", "1 6 7 1")}

STYLES: dict[str, Style] = {
    "rock": Style(
        4,
        4,
        {
            "kick": "X.......X.x.....|X......xX.......|X.....x.X.X.....",
            "snare": "....X.......X...",
            "hat": "x.x.x.x.x.x.x.x.|x.o.x.o.x.o.x.o.",
            "crash": "",
        },
        (
            Part("picked_bass", "x.x.x.x.x.x.x.x.|x.....x.x.x.....", "root", 36, 0.5),
            Part("overdriven_guitar", "X.......x.x.....|X..x..x.X..x..x.", "power", 45, 0.33, -0.6),
            Part("overdriven_guitar", "X.......x.......|X..x..x.X..x..x.", "power", 45, 0.3, 0.6),
            Part("organ", "X...............", "chord", 60, 0.14, 0.2, 0.3),
            Part("lead", "x.....x...x.....|x...x.x.x.......", "melody", 72, 0.22, -0.1, 0.35),
        ),
        POP,
        drive=2.5,
    ),
    "swing": Style(
        4,
        3,
        {
            "ride": "X..x.oX..x.o",
            "hat": "...x.....x..",
            "snare": "............|..o......x..|.....o.....o",
            "soft_kick": "o..o..o..o..",
        },
        (
            Part("upright_bass", "x..x..x..x..", "walk", 36, 0.55, 0.0, 0.1, 0.95),
            Part("piano", "x....x......|.....x...x..|..x.....x...", "chord", 57, 0.3, -0.35, 0.2, 0.4),
            Part("brass", "x..x.xx.....|...x.xx.x..x|x.....x..x.x", "melody", 65, 0.3, 0.35, 0.25),
        ),
        JAZZ,
        loose_ms=9.0,
        drive=2.5,
        gaps=0.15,
    ),
    "waltz": Style(
        3,
        4,
        {"soft_kick": "X...........", "brush": "....x...x...|....x...x.o."},
        (
            Part("upright_bass", "X...........", "root", 38, 0.5, 0.0, 0.15, 0.6),
            Part("piano", "....x...x...", "chord", 58, 0.3, -0.3, 0.2, 0.5),
            Part("flute", "x.......x...|x...x.x.x...|x...........", "melody", 70, 0.35, 0.3, 0.35),
        ),
        {"major": ("1 5 5 1", "1 4 5 1", "1 6 2 5"), "minor": ("1 4 5 1", "1 5 5 1", "1 6 4 5")},
        loose_ms=7.0,
        drive=2.5,
    ),
    "bossa": Style(
        4,
        4,
        {
            "rim": "x..x..x...x..x..",
            "hat": "....x.......x...",
            "shaker": "xoxoxoxoxoxoxoxo",
            "soft_kick": "x..ox..ox..ox..o",
        },
        (
            Part("upright_bass", "x.....x.x.....x.", "root", 36, 0.5),
            Part("nylon_guitar", "x..x..x...x.x...|x...x..x..x...x.", "chord", 55, 0.4, -0.3, 0.2, 0.6),
            Part("flute", "x.....x...x.....|x...x..x..x.x...", "melody", 70, 0.28, 0.35, 0.35),
        ),
        JAZZ,
        loose_ms=6.0,
        drive=2.5,
    ),
    "ambient": Style(
        4,
        4,
        {},
        (
            Part("slow_pad", "X...............", "chord", 54, 0.4, -0.2, 0.5, 1.0),
            Part("choir", "x...............|................", "root", 48, 0.2, 0.2, 0.6, 1.0),
            Part("electric_piano", "x...x...x...x...|x...x.x.x...x.x.", "arpeggio", 66, 0.3, 0.3, 0.6),
        ),
        CALM,
        drive=2.0,
        loose_ms=8.0,
    ),
    "drum_and_bass": Style(
        4,
        4,
        {
            "kick": "X.........X.....|X.......x.X.....",
            "snare": "....X.......X...|....X..o.o..X..o",
            "hat": "x.x.x.x.x.x.x.x.|xoxoxoxoxoxoxoxo",
        },
        (
            Part("synth_bass", "X.........x.....|X.....x...x.x...", "root", 33, 0.55, 0.0, 0.05),
            Part("pad", "X...............", "chord", 57, 0.3, 0.0, 0.4, 1.0),
            Part("electric_piano", "x.....x.....x...|..x...x...x.....", "melody", 69, 0.25, 0.3, 0.4),
        ),
        CALM,
        loose_ms=0.0,
        drive=2.5,
    ),
    "ballad": Style(
        4,
        4,
        {
            "soft_kick": "X.......x.......",
            "rim": "....x.......x...|................",
            "hat": "o.o.o.o.o.o.o.o.|x...x...x...x...",
        },
        (
            Part("picked_bass", "x...........x...|x.......x.......", "root", 36, 0.45),
            Part("piano", "x.x.x.x.x.x.x.x.|X...x...x...x...", "arpeggio", 55, 0.38, -0.2, 0.25),
            Part("pad", "X...............", "chord", 57, 0.14, 0.0, 0.4, 1.0),
            Part("choir", "x.......x...x...|....x...x.......", "melody", 65, 0.25, 0.15, 0.4),
        ),
        POP,
        loose_ms=8.0,
        drive=2.0,
    ),
    "shuffle": Style(
        2,
        6,
        {"kick": "X.....x.....|X....xx.....", "snare": "......X.....", "hat": "x.x.x.x.x.x.|x.o.o.x.o.o."},
        (
            Part("picked_bass", "x...x.x...x.|x.....x...x.", "root", 36, 0.5),
            Part("steel_guitar", "x.x.x.x.x.x.|X.....x.x.x.", "arpeggio", 55, 0.45, -0.4, 0.2),
            Part("organ", "X...........", "chord", 58, 0.15, 0.3, 0.3),
            Part("brass", "x...x.......|..x.x.x.....", "melody", 65, 0.22, 0.2, 0.3),
        ),
        POP,
        loose_ms=6.0,
    ),
    "rubato": Style(
        4,
        4,
        {},
        (
            Part("piano", "X.......x.......|X...............", "root", 40, 0.4, -0.3, 0.3, 1.0),
            Part("piano", "..x.x.x...x.x.x.|..x...x...x...x.", "arpeggio", 57, 0.3, -0.1, 0.3),
            Part("piano", "X...x...x.x.x...|X.......x...x...", "melody", 71, 0.5, 0.25, 0.3),
        ),
        CALM,
        loose_ms=10.0,
        drive=4.0,
    ),
    "house": Style(
        4,
        4,
        {
            "kick": "X...X...X...X...",
            "clap": "....x.......x...",
            "open_hat": "..x...x...x...x.",
            "shaker": "oooooooooooooooo|................",
        },
        (
            Part("synth_bass", "..x...x...x...x.|..xx..x...xx..x.", "root", 36, 0.5, 0.0, 0.05, 0.6),
            Part("electric_piano", "x..x..x.....x...|..x..x....x..x..", "chord", 58, 0.35, -0.2, 0.3, 0.5),
            Part("lead", "..x..x..x.......|x..x..x.........", "melody", 72, 0.16, 0.3, 0.4),
        ),
        {"major": ("1 6 4 5", "1 4 6 5"), "minor": ("1 6 7 1", "1 4 6 5", "1 7 6 7")},
        loose_ms=0.0,
        drive=2.0,
    ),
    # The styles below are for the development corpus only.
    "reggae": Style(
        4,
        4,
        {"soft_kick": "........X.......", "rim": "........x.......", "hat": "x.x.x.x.x.x.x.x."},
        (
            Part("picked_bass", "x.x...x.x.....x.|..x.x.x.x.......", "root", 36, 0.6),
            Part("organ", "....x.......x...|....x.x.....x.x.", "chord", 60, 0.35, -0.3, 0.2, 0.3),
            Part("steel_guitar", "....x.......x...", "chord", 64, 0.3, 0.4, 0.2, 0.2),
            Part("choir", "x.....x...x.....", "melody", 67, 0.22, 0.1, 0.3),
        ),
        POP,
        swing=0.55,
        loose_ms=6.0,
    ),
    "march": Style(
        2,
        4,
        {"kick": "X...x...", "snare": "x.xxx.x.|..x...xx", "crash": ""},
        (
            Part("brass", "x...x...", "root", 40, 0.4, 0.0, 0.25, 0.5),
            Part("brass", "..x...x.", "chord", 58, 0.25, -0.4, 0.25, 0.5),
            Part("flute", "x.x.x...|x...x.xx", "melody", 74, 0.35, 0.3, 0.3),
        ),
        {"major": ("1 5 5 1", "1 4 5 1"), "minor": ("1 4 5 1",)},
        loose_ms=5.0,
    ),
    "folk": Style(
        4,
        4,
        {"shaker": "x.o.x.o.x.o.x.o.", "soft_kick": "x.......x......."},
        (
            Part("steel_guitar", "X.x.x.xxX.x.x.xx|X...x.x.x.x.x.x.", "arpeggio", 52, 0.5, -0.3, 0.15),
            Part("upright_bass", "x.......x.......", "root", 36, 0.45),
            Part("flute", "x...x...x.x.x...", "melody", 70, 0.3, 0.3, 0.3),
        ),
        POP,
        loose_ms=8.0,
        gaps=0.2,
    ),
    "trip_hop": Style(
        4,
        4,
        {"kick": "X..x......x.....|X......x..x.....", "snare": "....X.......X..o", "hat": "x.x.xxx.x.x.x.xx"},
        (
            Part("synth_bass", "x.....x...x.....", "root", 33, 0.5),
            Part("electric_piano", "X.......x.......", "chord", 56, 0.35, -0.2, 0.4),
            Part("choir", "....x...x.......", "melody", 67, 0.22, 0.2, 0.5),
        ),
        CALM,
        swing=0.57,
        drive=2.0,
    ),
    # The styles below are for the held-out corpus only.
    "funk": Style(
        4,
        4,
        {
            "kick": "X..x..x...x..x..|X.....xx..x..x..",
            "snare": "....X..o.o..X..o|....X..o....X..o",
            "hat": "xxoxxxoxxxoxxxox|x.xxx.x.x.xxx.x.",
        },
        (
            Part("slap_bass", "X..x..xo..x.x.xx|X..X.o.x..X..x.o", "root", 36, 0.55, 0.0, 0.05, 0.6),
            Part("steel_guitar", "..xx..x..xx...x.|x.xx.x..x.xx.x..", "chord", 62, 0.3, -0.5, 0.1, 0.35),
            Part("electric_piano", "x.....x.........|...x......x.....", "chord", 57, 0.25, 0.3, 0.2, 0.8),
            Part("brass", "x..x..x.........|......x..x..x...", "melody", 67, 0.3, 0.2, 0.25, 0.5),
        ),
        {"major": ("1 b7 4 5", "1 V/2 2 5", "1 4 1 b7"), "minor": ("1 4+ 1 4+", "1 1 6 5", "1 4+ 7 1")},
        loose_ms=5.0,
        drive=2.5,
        sevenths=True,
        follows=True,
    ),
    "tango": Style(
        4,
        4,
        {},
        (
            Part("upright_bass", "X...x...X...x...|X..x..x.X...x...", "root", 38, 0.5, 0.0, 0.1, 0.6),
            Part("reed", "X...x...X...x...|X..x..x.X...x...", "chord", 57, 0.32, -0.4, 0.2, 0.35),
            Part("piano", "x...x...x...x...|x.......x.x.x...", "chord", 62, 0.28, 0.4, 0.2, 0.4),
            Part("violin", "x.......x...x.x.|x.x.x.x.x.......", "melody", 72, 0.35, 0.2, 0.35),
        ),
        {
            "major": ("1 V/2 2 5", "1 5 5 1", "1 V/4 4 4m 1 V/5 5 1"),
            "minor": ("1 V/4 4 1 2o 5 1 5", "1 4 5 1", "1 b2 5 1"),
        },
        loose_ms=9.0,
        drive=3.0,
        follows=True,
    ),
    "habanera": Style(
        2,
        4,
        {"rim": "x..xx.x.|x.......", "shaker": "x.x.x.x."},
        (
            Part("upright_bass", "X..xx.x.", "root", 38, 0.5, 0.0, 0.1, 0.7),
            Part("nylon_guitar", "X..xx.x.|x...x.x.", "chord", 57, 0.35, -0.3, 0.2, 0.5),
            Part("reed", "x...x.x.|x.xxx...", "melody", 69, 0.35, 0.3, 0.3),
        ),
        {"major": ("1 5 5 1", "1 V/2 2 5"), "minor": ("1 5 5 1", "1 4 1 5", "1 V/4 4 5")},
        loose_ms=8.0,
        drive=3.0,
        follows=True,
    ),
    "gospel": Style(
        4,
        3,
        {"kick": "X.....X..x..|X....xX.....", "snare": "...X.....X..", "hat": "xxxxxxxxxxxx|x.xx.xx.xx.x"},
        (
            Part("picked_bass", "X....xX..x.x|X.....X....x", "root", 36, 0.5),
            Part("organ", "X.....X.....|X...........", "chord", 58, 0.25, -0.3, 0.35, 1.0),
            Part("piano", "x.xx.xx.xx.x|X..x.xX..x.x", "arpeggio", 60, 0.35, 0.3, 0.25),
            Part("choir", "x..x..x.....|x.....x..x..", "melody", 66, 0.35, 0.0, 0.4),
        ),
        {
            "major": ("1 V/4 4 4m 1 V/2 V/5 5", "1 V/6 6 V/5 4 4m 1 5", "1 3 4 5"),
            "minor": ("1 V/4 4 5", "1 6 2o 5", "1 4 b6 5"),
        },
        loose_ms=8.0,
        drive=2.0,
        follows=True,
    ),
    "samba": Style(
        2,
        4,
        {
            "surdo": "o...X...|x...X..o",
            "tamborim": "x.x.xx.x|.x.xx.x.|xx.x.xx.",
            "shaker": "XoxXXoxX",
            "agogo": "x.x..x.x|........",
        },
        (
            Part("upright_bass", "x..xX..x", "root", 36, 0.45, 0.0, 0.1, 0.7),
            Part("nylon_guitar", "x.xx.xx.|x.x.xx.x|.x.xx.x.", "chord", 62, 0.4, -0.35, 0.15, 0.5),
            Part("flute", "x.xx.x..|..x.xx.x|x...x.x.", "melody", 72, 0.3, 0.35, 0.35),
        ),
        {
            "major": ("1 V/2 2 5", "1 V/6 6 V/2 2 5 1 5", "1 4 4m 1 V/2 2 5 1"),
            "minor": ("1 V/4 4 5", "1 2o 5 1", "1 b6 5 1"),
        },
        loose_ms=6.0,
        drive=2.5,
        sevenths=True,
        follows=True,
    ),
    "picking": Style(
        4,
        4,
        {},
        (
            Part("steel_guitar", "X...x...X...x...", "root", 43, 0.5, -0.1, 0.2, 1.0),
            Part("steel_guitar", "..x..xx...x..xx.|x.x.x.xxx.x.x.xx", "arpeggio", 57, 0.4, 0.1, 0.2, 1.0),
            Part("steel_guitar", "x.....x.....x...|x...x...x.x.....", "melody", 67, 0.4, 0.0, 0.25, 1.0),
        ),
        {
            "major": ("1 3 4 4m 1 V/2 V/5 5", "1 5 6 4", "1 6 4m 5"),
            "minor": ("1 7 6 5", "1 4+ 6 5", "1 V/4 4 5"),
        },
        loose_ms=9.0,
        drive=4.0,
        follows=True,
    ),
    "strings": Style(
        4,
        4,
        {},
        (
            Part("violin", "X.......x.......|X...x...x...x...", "root", 43, 0.4, 0.4, 0.4, 0.95),
            Part("violin", "x.x.x.x.x.x.x.x.|x...x...x...x...", "chord", 60, 0.22, -0.3, 0.4, 0.7),
            Part("violin", "x.......x...x...|x...x.x.x.......", "melody", 74, 0.4, -0.5, 0.4, 0.95),
            Part("choir", "x...............|x.......x.......", "chord", 55, 0.15, 0.0, 0.5, 1.0),
        ),
        {
            "major": ("1 V/6 6 V/5 5 4m 1 5", "1 4 5 6 2 V/5 5 1", "1 6 2 5"),
            "minor": ("1 4 5 1 6 b2 5 1", "1 V/4 4 V/5 5 1", "1 6 2o 5"),
        },
        loose_ms=10.0,
        drive=3.0,
        follows=True,
    ),
    "metal": Style(
        4,
        4,
        {
            "kick": "XxxxXxxxXxxxXxxx|X.xxX.xxX.xxX.xx|X..xx.xxX..xx.xx",
            "snare": "....X.......X...",
            "ride": "x...x...x...x...|x.x.x.x.x.x.x.x.",
            "crash": "",
        },
        (
            Part("picked_bass", "X.xxX.xxX.xxX.xx|x.x.x.x.x.x.x.x.", "root", 33, 0.5),
            Part("overdriven_guitar", "X.xxX.xxX.xxX.xx|X..xX..xX.x.X.x.", "power", 40, 0.33, -0.7, 0.1, 0.6),
            Part("overdriven_guitar", "X.xxX.xxX.xxX.xx|X..xX..xX.x.X.x.", "power", 40, 0.33, 0.7, 0.1, 0.6),
            Part("lead", "x.xxx.x.x.......|x...x...x.x.x.x.", "melody", 74, 0.25, 0.1, 0.35),
        ),
        {"major": ("1 b7 4 5", "1 b6 b7 1"), "minor": ("1 6 7 1", "1 7 6 5", "1 6 b2 5")},
        loose_ms=4.0,
        drive=3.0,
        gaps=0.15,
        follows=True,
    ),
    "hip_hop": Style(
        4,
        4,
        {
            "kick": "X.....x..xx.....|X..x......x..x..|X......x..x.....",
            "snare": "....X.......X...",
            "hat": "x.x.x.x.x.x.x.x.|x.xxx.x.x.x.x.xx",
        },
        (
            Part("synth_bass", "X.....x...x.....|X..x......x.....", "root", 33, 0.55, 0.0, 0.05),
            Part("electric_piano", "X..x....x.......|X.........x.....", "chord", 58, 0.35, -0.2, 0.25, 0.8),
            Part("violin", "x...............|................", "root", 60, 0.15, 0.3, 0.4, 1.0),
            Part("choir", "x.....x.........|....x..x..x.....", "melody", 67, 0.22, 0.1, 0.35),
        ),
        {"major": ("1 3 4 4m", "1 6 2 5", "1 b7 4 5"), "minor": ("1 6 4 5", "1 4+ 1 6", "1 6 7 5")},
        loose_ms=7.0,
        drive=2.5,
        gaps=0.15,
        sevenths=True,
        follows=True,
    ),
}
