"""What only an installed ffmpeg reads: read where there is one, refused with that advice where there is none."""

import json
import shutil
import sys
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import pytest

from tests.unit.audio.signals import RATE, noise, write
from tonearm_audio import AudioError, Limits, bounded_ffmpeg, foreign, probe

LIMITS = Limits(max_duration_s=60.0)
AMR = b"#!AMR\n" + bytes(200)

FFMPEG = """#!{python}
import sys
assert sys.argv[sys.argv.index("-t") + 1] == "1201"
sys.stdout.buffer.write(open({wav!r}, "rb").read())
"""
FFPROBE = """#!{python}
import sys
print("    Stream #0:0: Audio: amr_nb, 8000 Hz, mono, s16", file=sys.stderr)
print('{{"streams": [{{"codec_type": "audio", "codec_name": "amr_nb", "sample_fmt": "s16", "bits_per_sample": 16,'
      ' "index": 0}}]}}')
"""


@pytest.fixture
def amr(tmp_path: Path) -> Path:
    """Given a recording of an old phone."""
    path = tmp_path / "memo.amr"
    path.write_bytes(AMR)
    return path


@pytest.fixture
def no_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Given a path without an ffmpeg."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def ffmpeg(tmp_path: Path, no_ffmpeg: Path) -> Path:
    """Given programs that answer as ffmpeg and ffprobe do."""
    wav = write(tmp_path / "answer.wav", noise(2.0), subtype="PCM_16")
    for name, script in (("ffmpeg", FFMPEG), ("ffprobe", FFPROBE)):
        program = no_ffmpeg / name
        program.write_text(script.format(python=sys.executable, wav=str(wav)))
        program.chmod(0o755)
    return no_ffmpeg


def test_given_no_ffmpeg_then_what_it_would_read_is_refused_with_a_mend_that_holds_everywhere(
    amr: Path, no_ffmpeg: Path
) -> None:
    with pytest.raises(AudioError) as caught:
        probe(amr, limits=LIMITS)

    assert (caught.value.code, caught.value.value) == ("track.codec_unsupported", "AMR")
    assert caught.value.mend == "Convert it to M4A, WAV, FLAC or MP3."


CONTAINERS = {
    "a Core Audio file (CAF)": b"caff\0\1\0\0desc" + bytes(200),
    "a Sun audio file (AU)": b".snd\0\0\0\x18" + bytes(200),
    "a Wave64 file": b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + bytes(200),
    "an AVI film": b"RIFF\xc8\0\0\0AVI LIST" + bytes(200),
    "a Flash film (FLV)": b"FLV\x01\x04" + bytes(200),
    "an MPEG film": b"\0\0\1\xba" + bytes(200),
    "an MPEG transport stream": (b"G\x40\0\x10" + bytes(184)) * 5,
    "AAC without packets (ADIF)": b"ADIF" + bytes(200),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_known_container_is_named_and_goes_to_ffmpeg(
    tmp_path: Path, no_ffmpeg: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    path = tmp_path / "film"
    path.write_bytes(CONTAINERS[kind])

    with pytest.raises(AudioError) as caught:
        probe(path, limits=LIMITS)

    assert (caught.value.code, caught.value.value) == ("track.codec_unsupported", kind)
    assert caught.value.detail == f"This is {kind}, which is not read, whatever sound is in it."
    request.getfixturevalue("ffmpeg")
    assert probe(path, limits=LIMITS).frames == 2 * RATE


def test_given_an_ffmpeg_then_it_decodes_what_the_engine_does_not_read(amr: Path, ffmpeg: Path) -> None:
    assert probe(amr, limits=LIMITS).frames == 2 * RATE


def test_given_more_than_memory_is_meant_for_then_it_is_refused(
    amr: Path, ffmpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "LONGEST_S", 1)
    (ffmpeg / "ffmpeg").write_text((ffmpeg / "ffmpeg").read_text().replace("1201", "2"))

    with pytest.raises(AudioError) as caught:
        probe(amr, limits=LIMITS)

    assert (caught.value.code, caught.value.limit) == ("track.too_long", 1)


def test_given_an_ffmpeg_that_fails_then_the_first_refusal_stands(amr: Path, ffmpeg: Path) -> None:
    (ffmpeg / "ffmpeg").write_text(f"#!{sys.executable}\nraise SystemExit(1)\n")

    with pytest.raises(AudioError) as caught:
        probe(amr, limits=LIMITS)

    assert caught.value.code == "track.codec_unsupported"


def test_given_a_name_that_reads_as_an_address_then_ffmpeg_gets_a_file_and_bounds(
    tmp_path: Path, ffmpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an ffmpeg that notes what it is asked, and a name that would have it join other files
    noted = tmp_path / "noted.json"
    monkeypatch.chdir(tmp_path)
    for name in ("ffmpeg", "ffprobe"):
        note = f"import json, sys\nopen({str(noted)!r} + {name!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
        first, _, rest = (ffmpeg / name).read_text().partition("\n")
        (ffmpeg / name).write_text(f"{first}\n{note}{rest}")
    path = Path("concat:a|b")
    path.write_bytes(AMR)
    # When
    probe(path, limits=LIMITS)
    # Then both get the file itself, and ffmpeg may open nothing else, wait for nobody, and give no more than stereo
    asked = {name: json.loads(Path(f"{noted}{name}").read_text()) for name in ("ffmpeg", "ffprobe")}
    said = asked["ffmpeg"]
    assert asked["ffprobe"][-1] == str(tmp_path / path)
    assert said[said.index("-i") + 1] == f"file:{tmp_path / path}"
    assert said[:3] == ["-nostdin", "-protocol_whitelist", "file,pipe"]
    assert said[-3] == "-af"
    assert "channel_layouts=mono|stereo:" in said[-2]
    assert said[-2].endswith("|192000")
    assert said[-1] == "-"


def test_given_an_ffmpeg_that_does_not_end_then_it_is_ended(ffmpeg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (ffmpeg / "ffmpeg").write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")
    monkeypatch.setattr(bounded_ffmpeg, "PATIENCE_S", 0.2)

    assert bounded_ffmpeg.run(["-y", "-i", "/a.amr", "-f", "wav", "-"]) == bounded_ffmpeg.TIMED_OUT


@pytest.mark.parametrize(
    ("layout", "rate", "bounded"),
    [
        ("mono", 8000, ("mono", 8000)),
        ("stereo", 44_100, ("stereo", 44_100)),
        ("7.1", 96_000, ("stereo", 96_000)),
        ("5.1", 768_000, ("stereo", 192_000)),
    ],
)
def test_what_ffmpegs_own_filter_makes_of_a_recording(layout: str, rate: int, bounded: tuple[str, int]) -> None:
    # Given the filter that the command names, in FFmpeg's own library
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="s16", layout=layout, time_base=Fraction(1, rate))
    name, _, options = bounded_ffmpeg.bounded(["-i", "/a", "-"])[-2].partition("=")
    within, sink = graph.add(name, options), graph.add("abuffersink")
    source.link_to(within)
    within.link_to(sink)
    graph.configure()
    # When
    frame = av.AudioFrame(format="s16", layout=layout, samples=4096)
    frame.sample_rate = rate
    source.push(frame)
    source.push(None)
    made = sink.pull()
    # Then
    assert (made.layout.name, made.sample_rate) == bounded


def test_given_what_the_engine_reads_then_no_ffmpeg_is_asked(tmp_path: Path, ffmpeg: Path) -> None:
    shutil.rmtree(ffmpeg)

    assert probe(write(tmp_path / "a.wav", noise(1.0)), limits=LIMITS).frames == RATE
