"""The short form of a Recipe: what is typed is what is meant, and what cannot be read is told with its mend."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.core.recipes import TRACK, documents
from tonearm.domain import recipe_text
from tonearm.domain.errors import InvalidRequest
from tonearm.domain.operations import (
    OPERATIONS,
    Band,
    Compress,
    Convert,
    Equalize,
    Fade,
    Loudness,
    Master,
    Mix,
    MixTrack,
    Pitch,
    Reverb,
    Spatial,
    Tempo,
    Trim,
)
from tonearm.domain.output_format import OutputFormat
from tonearm.domain.recipe import Recipe

OTHER = f"{TRACK[:-1]}b"


def refused(typed: str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refusal:
        Recipe.parse_text(typed)
    return refusal.value


def test_figures_are_written_in_decimals() -> None:
    """In 6.1e-05 a minus would end the one figure of a range and begin the other."""
    recipe = Recipe(operations=(Trim(start_s=6.1e-05, end_s=1.0),))
    assert recipe.text.startswith("trim=0.000061-1")
    assert Recipe.parse_text(recipe.text) == recipe


@given(documents())
def test_a_recipe_that_is_written_reads_back_as_it_was(document: dict[str, Any]) -> None:
    recipe = Recipe.model_validate(document)
    read = Recipe.parse_text(recipe.text)
    assert read.operations == recipe.operations
    assert read.canonical_json() == recipe.canonical_json()
    assert read.text == recipe.text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tempo=1.1", [Tempo(factor=1.1)]),
        ("pitch=+2", [Pitch(semitones=2)]),
        ("pitch=-2.5:formants=keep", [Pitch(semitones=-2.5, formants="keep")]),
        ("trim=10-95.5", [Trim(start_s=10, end_s=95.5)]),
        ("trim=10-", [Trim(start_s=10)]),
        ("trim=-95.5", [Trim(end_s=95.5)]),
        ("fade:in=2:out=5", [Fade(in_s=2, out_s=5)]),
        ("fade:in_s=2:shape=linear", [Fade(in_s=2, shape="linear")]),
        ("spatial", [Spatial()]),
        ("spatial:speed=0.2:seed=7", [Spatial(seed=7, speed_hz=0.2)]),
        ("spatial:speed_hz=.2:path=figure", [Spatial(speed_hz=0.2, path="figure")]),
        ("equalize:peak@1000=+3", [Equalize(bands=(Band(kind="peak", frequency_hz=1000, gain_db=3),))]),
        (
            "equalize:high_pass@80/0.9:low_shelf@200=-2",
            [
                Equalize(
                    bands=(
                        Band(kind="high_pass", frequency_hz=80, q=0.9),
                        Band(kind="low_shelf", frequency_hz=200, gain_db=-2),
                    )
                )
            ],
        ),
        ("compress:threshold=-18:attack=5", [Compress(threshold_dbfs=-18, attack_ms=5)]),
        ("reverb:decay=1.8:mix=0.2", [Reverb(decay_s=1.8, mix=0.2)]),
        ("convert", [Convert()]),
        ("convert:rate=48000:channels=1", [Convert(sample_rate_hz=48000, channels=1)]),
        ("loudness", [Loudness()]),
        ("loudness=-16:ceiling=-2", [Loudness(target_lufs=-16, ceiling_dbtp=-2)]),
        ("master", [Master(preset="streaming")]),
        ("master:target=-16", [Master(preset="streaming", target_lufs=-16)]),
        ("master=warm:target=-12", [Master(preset="warm", target_lufs=-12)]),
        (f"master:reference={TRACK}", [Master(reference_track_id=TRACK)]),
        (f"mix={TRACK}:gain=-3", [Mix(tracks=(MixTrack(track_id=TRACK, gain_db=-3),))]),
        (
            f"mix=song:gain=-1,mix={TRACK}:equalize(peak@100=-2:high_pass@40):reverb():start=2,mix={OTHER}:pan=1",
            [
                Mix(
                    gain_db=-1,
                    tracks=(
                        MixTrack(
                            track_id=TRACK,
                            start_s=2,
                            equalize=Equalize(
                                bands=(
                                    Band(kind="peak", frequency_hz=100, gain_db=-2),
                                    Band(kind="high_pass", frequency_hz=40),
                                )
                            ),
                            reverb=Reverb(),
                        ),
                        MixTrack(track_id=OTHER, pan=1),
                    ),
                )
            ],
        ),
        (" tempo = 2 , , pitch = 1 : formants = move ", [Tempo(factor=2), Pitch(semitones=1)]),
    ],
)
def test_what_is_typed_is_what_is_meant(typed: str, meant: list[Any]) -> None:
    assert list(Recipe.parse_text(typed).operations) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", OutputFormat()),
        (",format=m4a,bitrate=256", OutputFormat(codec="m4a", bitrate_kbps=256)),
        (",bitrate=192,variable=yes", OutputFormat(bitrate_kbps=192, variable=True)),
        (",bit_depth=24,format=wav", OutputFormat(codec="wav", bit_depth=24)),
    ],
)
def test_the_format_may_stand_anywhere(typed: str, meant: OutputFormat) -> None:
    assert Recipe.parse_text(f"tempo=2{typed}").output == meant


def test_other_audio_may_be_called_as_its_reader_knows_it() -> None:
    known = {"voice.wav": TRACK, "/srv/a b.mp3": OTHER}
    recipe = Recipe.parse_text("mix=voice.wav:gain=-2,master:reference=/srv/a b.mp3", track_named=known.__getitem__)
    assert recipe.other_track_ids == (TRACK, OTHER)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "it names no operations"),
        (" , ", "it names no operations"),
        ("tempo", "it does not say its factor, 0.25 to 4"),
        ("tempo=", "factor is nothing; it must lie between 0.25 and 4"),
        ("tempo=fast", "factor is fast; it must lie between 0.25 and 4"),
        ("tempo=nan", "factor is nan"),
        ("tempo=1_0", "factor is 1_0"),
        ("tempo=١", "factor is"),
        ("tempo=0.1", "factor is 0.1; it must lie between 0.25 and 4"),
        ("tempo=0.5,tempo=0.25", "tempo factor of all operations together is 0.125"),
        ("tempo:factor=2", "'factor=2' is no setting of tempo"),
        ("tempo:seed=1", "'seed=1' is no setting of tempo"),
        ("pitch=25", "semitones is 25; it must lie between -24 and 24"),
        ("pitch=1:formants=lose", "formants is lose; it must be move or keep"),
        ("revreb:decay=1", "is not known. Is reverb meant?"),
        ("louder=11", "is not known"),
        ("=1", "is not known"),
        ("1.1", "is not known"),
        ("spatially", "Is spatial meant?"),
        ("spatial,spatial", "The recipe has 2 spatial operations; it may have 1."),
        ("spatial=1", "spatial takes no '=1'"),
        ("spatial:", "'' is no setting of spatial"),
        ("spatial:seed", "seed has no value"),
        ("spatial:seed=", "seed is nothing"),
        ("spatial:seed=1.5", "seed is 1.5; it must lie between 0 and 4294967295"),
        ("spatial:seed=1:seed=1", "seed is said twice"),
        ("spatial:speed=1:speed_hz=1", "speed_hz is said twice"),
        ("spatial:sped=1", "is no setting of spatial (is speed meant?)"),
        ("spatial:type=tempo", "is no setting of spatial"),
        ("spatial:path=round", "path is round; it must be orbit, figure or random"),
        ("trim=5", "'5' is no span of time"),
        ("trim=5-4", "trim end_s is 4; it must be later than start_s, 5"),
        ("trim=1-2-3", "'1-2-3' is no span of time"),
        ("trim=a-b", "start is a"),
        ("equalize", "it has no bands"),
        ("equalize:gain=3", "is no setting of equalize"),
        ("equalize:peak@", "frequency is nothing"),
        ("equalize:peak@1000@2", "'peak@1000@2' is no band"),
        ("equalize:peek@1000=3", "kind is peek; it must be peak, low_shelf, high_shelf, high_pass or low_pass"),
        ("equalize:peak@1000=99", "gain is 99; it must lie between -24 and 24"),
        ("equalize:high_pass@80=3", "a high_pass has none"),
        ("equalize" + ":peak@100=1" * 11, "at most 10"),
        ("compress=3", "compress takes no '=3'"),
        ("mix", "it does not say which track is mixed in"),
        ("mix=voice.wav", "'voice.wav' is no track's id"),
        ("mix=song:gain=1", "it names no tracks"),
        ("mix=song:start=1", "'start=1' is no setting of mix"),
        (f"mix=song:gain=99,mix={TRACK}", "gain is 99; it must lie between -60 and 12"),
        (f"mix=song:gain=1,mix=song:gain=2,mix={TRACK}", "song is said twice"),
        (f"mix={TRACK},tempo=2,mix={TRACK}", "The recipe has 2 mix operations; it may have 1."),
        (f"mix={TRACK}:reverb=2", "reverb has its settings in parentheses, like reverb(decay=1.8:mix=0.2)"),
        (f"mix={TRACK}:reverb(decay=99)", "decay is 99; it must lie between 0.1 and 10"),
        (f"mix={TRACK}:equalize()", "it has no bands"),
        (f"mix={TRACK}:reverb(decay=2", "parentheses do not match"),
        ("tempo=2)", "parentheses do not match"),
        ("master=hot", "preset is hot; it must be streaming, loud"),
        ("master:reference=song.wav", "'song.wav' is no track's id"),
        (f"master=warm:reference={TRACK}", "master takes either a preset or a reference, and not both"),
        ("loudness=-14,tempo=2", "loudness is followed by other operations; it must be the last."),
        ("convert:rate=44101", "rate is 44101; it must be 8000"),
        ("tempo=1,format", "format takes one value"),
        ("tempo=1,format=aac", "codec is aac; it must be mp3, wav, flac, ogg, opus or m4a"),
        ("tempo=1,format=mp3,format=wav", "format is said twice"),
        ("tempo=1,bitrate=100", "bitrate is 100; it must be 32"),
        ("tempo=1,bitrate=²", "bitrate is"),
        ("tempo=1,bitrate=" + "9" * 5000, "bitrate is 999"),
        ("tempo=1,variable=maybe", "variable is maybe; it must be yes or no"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_read_is_named_with_its_limits_and_a_mend(typed: str, said: str) -> None:
    refusal = refused(typed)
    problem = refusal.problem
    assert problem.code == "recipe.invalid"
    assert said in problem.detail
    assert problem.limit
    assert problem.mend
    assert len(problem.detail) < 1000
    assert json.loads(str(refusal))["code"] == "recipe.invalid"


@given(st.text())
@example("mix=song")
@example("equalize(:")
@example("trim=1-2:start=3")
@example("tempo=1e999")
def test_no_text_makes_it_fall(typed: str) -> None:
    with suppress(InvalidRequest):
        assert Recipe.parse_text(typed).operations


@given(st.lists(st.sampled_from([*recipe_text.EXAMPLES.values(), "(", ")", ":", "=", ",", "@", "/", "-"])).map("".join))
def test_no_scraps_of_it_make_it_fall(typed: str) -> None:
    with suppress(InvalidRequest):
        assert Recipe.parse_text(typed).operations


@pytest.mark.parametrize("name", recipe_text.EXAMPLES)
def test_the_examples_of_the_mends_can_be_typed(name: str) -> None:
    typed = recipe_text.EXAMPLES[name]
    assert typed.partition("=")[0].partition(":")[0] == name
    output = name in {"format", "bitrate", "variable", "bit_depth"}
    assert Recipe.parse_text(f"tempo=1,{typed}" if output else typed)


def test_each_operation_has_an_example_and_tells_all_its_settings() -> None:
    for kind in OPERATIONS:
        name = kind.model_fields["type"].default
        assert name in recipe_text.EXAMPLES
        assert recipe_text.usage(name).startswith(name)
    assert recipe_text.usage("reverb") == ("reverb:decay=0.1 to 10:pre_delay=0 to 200:damping=0 to 1:mix=0 to 1")
