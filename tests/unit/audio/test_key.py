"""The key: right on chords of a known key in any tuning, and none where nothing has a pitch."""

import pickle
from collections.abc import Iterable

import numpy as np
import pytest

from tests.unit.audio.signals import Samples
from tonearm_audio.key import TONICS, ChromaMeter, Key
from tonearm_audio.tempo import ANALYSIS_RATE_HZ, Mono

CADENCES = {
    "major": ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)),
    "minor": ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)),
}


TIME = np.arange(ANALYSIS_RATE_HZ) / ANALYSIS_RATE_HZ


def chord(*semitones: int, cents: float = 0.0) -> Samples:
    """A second of a chord, by semitones above C4, an octave below as well, each note with six harmonics."""
    notes = [440 * 2 ** ((step - 9) / 12 + cents / 1200) / octave for step in semitones for octave in (1, 2)]
    sound: Samples = sum(np.sin(2 * np.pi * note * k * TIME) / k for note in notes for k in range(1, 7)) * np.exp(-TIME)
    return sound


def song(*bars: Samples, level: float = 0.05) -> Mono:
    return (level * np.concatenate(bars)).astype(np.float32)


def cadence(tonic: int, mode: str, *, cents: float = 0.0) -> Mono:
    """I - IV - V - I, or i - iv - V - i, a second each."""
    return song(*(chord(*(tonic + step for step in steps), cents=cents) for steps in CADENCES[mode]))


def fed(blocks: Iterable[Mono]) -> ChromaMeter:
    meter = ChromaMeter()
    for block in blocks:
        meter.feed(block)
    return meter


def key_of(*blocks: Mono) -> Key | None:
    return fed(blocks).result()


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_given_a_cadence_then_its_key_is_found(tonic: int, mode: str) -> None:
    found = key_of(cadence(tonic, mode))

    assert found is not None
    assert (found.tonic, found.mode) == (TONICS[tonic], mode)
    assert 0.1 < found.confidence <= 1.0


@pytest.mark.parametrize("cents", [-45.0, -20.0, 30.0, 45.0])
def test_the_tuning_does_not_matter(cents: float) -> None:
    in_tune = key_of(song(*[chord(0, 4, 7), chord(7, 11, 14)] * 4))

    found = key_of(song(*[chord(0, 4, 7, cents=cents), chord(7, 11, 14, cents=cents)] * 4))

    assert in_tune is not None
    assert found is not None
    assert (found.tonic, found.mode) == (in_tune.tonic, in_tune.mode)
    assert found.confidence == pytest.approx(in_tune.confidence, abs=0.2)


def test_neither_the_level_nor_the_cut_of_the_blocks_matters() -> None:
    whole = cadence(7, "major")
    pieces = np.split(whole, [1, 700, 9000, 9001, 40_000])

    assert key_of(*pieces) == key_of(whole)
    quiet = key_of(0.01 * whole)
    assert quiet is not None
    assert (quiet.tonic, quiet.mode) == ("G", "major")


C, F, G, E_MAJOR = (chord(root, root + 4, root + 7) for root in (0, 5, 7, 4))
A_MINOR, D_MINOR, E_MINOR = (chord(root, root + 3, root + 7) for root in (9, 2, 4))


@pytest.mark.parametrize(
    ("bars", "key"),
    [
        pytest.param((C, F, A_MINOR, C, C, G, A_MINOR, C), ("C", "major"), id="white keys, mostly C"),
        pytest.param((A_MINOR, F, C, A_MINOR, A_MINOR, D_MINOR, C, A_MINOR), ("A", "minor"), id="its relative"),
        pytest.param((D_MINOR, G, C, A_MINOR) * 2 + (C,), ("C", "major"), id="ii - V - I - vi"),
        pytest.param((A_MINOR, D_MINOR, E_MAJOR, A_MINOR), ("A", "minor"), id="with the leading note"),
        pytest.param((A_MINOR, D_MINOR, E_MINOR, A_MINOR), ("A", "minor"), id="without the leading note"),
    ],
)
def test_of_keys_with_the_same_notes_the_one_wins_whose_chords_last(
    bars: tuple[Samples, ...], key: tuple[str, str]
) -> None:
    found = key_of(song(*bars))

    assert found is not None
    assert (found.tonic, found.mode) == key


@pytest.mark.parametrize(
    ("bars", "key"),
    [
        pytest.param((C, G) * 8, ("C", "major"), id="the dominant and its tonic"),
        pytest.param((C,) * 6 + (A_MINOR,) * 6, ("C", "major"), id="a major key leaves for its relative"),
        pytest.param((A_MINOR,) * 6 + (C,) * 6, ("A", "minor"), id="a minor key leaves for its relative"),
        pytest.param((A_MINOR, A_MINOR, F, F) * 6, ("A", "minor"), id="i - VI - i"),
    ],
)
def test_of_keys_whose_chords_last_as_long_the_one_wins_for_which_their_order_speaks(
    bars: tuple[Samples, ...], key: tuple[str, str]
) -> None:
    found = key_of(song(*bars))

    assert found is not None
    assert (found.tonic, found.mode) == key
    assert found.confidence < 0.6


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [
        pytest.param(G, C, ("C", "major"), id="V - I"),
        pytest.param(C, A_MINOR, ("C", "major"), id="I - vi"),
        pytest.param(C, E_MINOR, ("C", "major"), id="I - iii"),
        pytest.param(E_MAJOR, A_MINOR, ("A", "minor"), id="V - i"),
        pytest.param(F, A_MINOR, ("A", "minor"), id="VI - i"),
        pytest.param(G, A_MINOR, ("A", "minor"), id="VII - i"),
        pytest.param(A_MINOR, F, ("A", "minor"), id="i - VI"),
        pytest.param(A_MINOR, C, ("A", "minor"), id="i - III"),
    ],
)
def test_each_change_speaks_for_its_key(first: Samples, second: Samples, key: tuple[str, str]) -> None:
    # Given two chords, each as long as the other
    meter = fed([song(*(first,) * 5, *(second,) * 5)])
    meter.result()

    speaking = meter._in_order()

    place = TONICS.index(key[0]) + 12 * (key[1] == "minor")
    assert speaking[place] > 0.8 * speaking.max() > 0.05


def test_given_changes_from_chords_told_together_to_the_next_then_they_count(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = song(*(C, G) * 16)
    told_together = key_of(bars)

    monkeypatch.setattr("tonearm_audio.key._TOGETHER", 1)
    told_one_by_one = key_of(bars)

    assert told_together is not None
    assert told_one_by_one is not None
    assert told_one_by_one.confidence == pytest.approx(told_together.confidence, abs=0.05)


def test_given_a_melody_beside_the_scale_then_the_chords_below_decide() -> None:
    chromatic = [np.resize(np.sin(2 * np.pi * 523.25 * 2 ** (n / 12) * TIME), ANALYSIS_RATE_HZ) for n in (1, 6, 8, 3)]

    found = key_of(song(*(bar + 0.5 * note for bar, note in zip((C, F, G, C), chromatic, strict=True))))

    assert found is not None
    assert (found.tonic, found.mode) == ("C", "major")


@pytest.mark.parametrize("partials", [1, 6])
def test_given_a_melody_alone_then_its_notes_decide(partials: int) -> None:
    def note(step: int) -> Samples:
        tones = [np.sin(2 * np.pi * 293.66 * 2 ** (step / 12) * k * TIME) / k for k in range(1, partials + 1)]
        return sum(tones, np.zeros(len(TIME)))

    found = key_of(song(*map(note, (0, 4, 7, 5, 4, 2, 0, 9, 7, 11, 12, 7, 4, 0))))

    assert found is not None
    assert (found.tonic, found.mode) == ("D", "major")


def test_given_one_tone_then_it_is_the_tonic_of_an_uncertain_key() -> None:
    found = key_of(song(*[np.sin(2 * np.pi * 440 * TIME)] * 5))

    assert found is not None
    assert found.tonic == "A"
    assert found.confidence < 0.5


def test_given_drums_as_loud_then_the_key_remains() -> None:
    tune = np.tile(cadence(10, "minor"), 3)

    found = key_of((tune + drums()[: len(tune)] * np.std(tune) / np.std(drums())).astype(np.float32))

    assert found is not None
    assert (found.tonic, found.mode) == ("Bb", "minor")


def test_given_two_chords_by_turns_then_the_confidence_is_low() -> None:
    found = key_of(song(*(C, G) * 8))

    assert found is not None
    assert found.confidence < 0.5


def test_half_an_hour_takes_as_little_memory_as_a_minute() -> None:
    minute = np.tile(cadence(5, "major"), 15)

    meter = fed(30 * [minute])

    assert len(pickle.dumps(meter)) < 300_000


def drums() -> Mono:
    """A kick and a snare in turn."""
    random = np.random.default_rng(3)
    time = np.arange(ANALYSIS_RATE_HZ // 2) / ANALYSIS_RATE_HZ
    kick = np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-35 * time)))) * np.exp(-10 * time)
    bars = []
    for _ in range(12):
        bars += [kick, random.standard_normal(len(time)) * np.exp(-17 * time)]
    return (0.3 * np.concatenate(bars)).astype(np.float32)


@pytest.mark.parametrize("hertz", [50.0, 2115.0, 5000.0])
def test_what_is_too_low_or_too_high_for_a_note_leaves_the_key_as_it_is(hertz: float) -> None:
    # Given two seconds of it before, in the midst of and after a song
    beside = (0.3 * np.sin(2 * np.pi * hertz * np.arange(2 * ANALYSIS_RATE_HZ) / ANALYSIS_RATE_HZ)).astype(np.float32)
    bars = cadence(4, "minor")
    alone = key_of(bars, bars)

    with np.errstate(all="raise"):
        found = key_of(beside, bars, beside, bars, beside)

    assert alone is not None
    assert found is not None
    assert (found.tonic, found.mode) == (alone.tonic, alone.mode) == ("E", "minor")
    assert found.confidence == pytest.approx(alone.confidence, abs=0.2)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(np.zeros(5 * ANALYSIS_RATE_HZ, np.float32), id="silence"),
        pytest.param(np.zeros(0, np.float32), id="nothing"),
        pytest.param(
            (0.1 * np.random.default_rng(1).standard_normal(20 * ANALYSIS_RATE_HZ)).astype(np.float32), id="noise"
        ),
        pytest.param(drums(), id="drums"),
    ],
)
def test_given_no_pitch_then_there_is_no_key(sound: Mono) -> None:
    assert key_of(sound) is None
