"""The jobs: each measures the engine and its peers in one go and gives rows for the table.

A peer that is missing or fails stands in the table with its reason; so does an operation that the engine lacks.
"""

from __future__ import annotations

import hashlib
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import Pool
from pathlib import Path
from statistics import mean, median
from typing import Any, TypeVar

import numpy as np
import soundfile

from tests.performance.bench import corpus, metrics
from tests.performance.bench.corpus import Clip, CorpusName, Song
from tests.performance.bench.measure import Run, run, stop_all
from tests.performance.bench.rows import Found, Row, Summary, at_least, at_most, less, summary, times_less
from tests.support.mutations import Broken, look_into
from tests.support.recordings import write_originals

TEMPO, SEMITONES, VOICE_SEMITONES = 1.1, 2.0, 4.0
Item = TypeVar("Item")


@dataclass(frozen=True)
class Bench:
    """What all jobs need.

    Attributes:
        folder: build/bench.
        peers: the interpreter of the peers' environment.
        no_peers: why there is none; empty where there is.
        quick: less of everything, for a look; such figures are not published.
        cores: of the machine.
        say: prints a line.
    """

    folder: Path
    peers: Path
    no_peers: str
    quick: bool
    cores: int
    say: Callable[[str], None]

    @cached_property
    def songs(self) -> list[Song]:
        """Three songs, or one shorter song."""
        found = corpus.songs(self.folder / "corpus", seconds=30 if self.quick else 300)
        self.prepare("songs", _make_song, [song for song in found if not song.is_made])
        return found[:1] if self.quick else found

    @property
    def corpus(self) -> CorpusName:
        """What is published is held out; a look takes what everybody knows, lest it become known."""
        return "development" if self.quick else "held_out"

    @cached_property
    def clips(self) -> list[Clip]:
        """The corpus, or every fourth clip of it."""
        found = corpus.clips(self.corpus, self.folder / "corpus")
        found = found[::4] if self.quick else found
        self.prepare("clips", Clip.rendered, [clip for clip in found if not clip.path.exists()])
        return found

    def prepare(self, what: str, make: Callable[[Item], object], items: Sequence[Item]) -> None:
        """Render what the benchmark plays and does not have yet, on all cores."""
        if not items:
            return
        with Pool(self.cores, _end_when_told) as pool:
            for done, _ in enumerate(pool.imap(make, items), start=1):
                self.say(f"rendered {done} of {len(items)} {what}")

    def ours(self, task: str, **arguments: object) -> Run:
        """The engine, in a new process."""
        return run("ours", task, **arguments)

    def peer(self, worker: str, task: str, **arguments: object) -> Run:
        """A peer, in a new process of its own environment."""
        if self.no_peers:
            return Run(failed=self.no_peers)
        return run(worker, task, python=self.peers, **arguments)

    def out(self, name: str) -> Path:
        """A place for a result that nobody keeps."""
        folder = self.folder / "out"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def render(
        self, source: Path, destination: Path, *operations: dict[str, Any], codec: str = "wav", **more: Any
    ) -> Run:
        """A render by the engine; lossless files are of 24 bits."""
        output = {"codec": codec, **({"bit_depth": 24} if codec in {"wav", "flac"} else {"bitrate_kbps": 320})}
        return self.ours("render", source=source, destination=destination, operations=operations, output=output, **more)

    def in_parallel(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Results of calls that wait for processes, as many at once as there are cores; not where time is measured."""
        with ThreadPoolExecutor(self.cores) as pool:
            futures = [pool.submit(call) for call in calls]
            try:
                return [future.result() for future in futures]
            except BaseException:
                # What has not begun shall not, and nobody waits for what runs.
                pool.shutdown(wait=False, cancel_futures=True)
                stop_all()
                raise


def _end_when_told() -> None:
    # Of an interruption the benchmark itself tells; its helpers end without a word.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _make_song(song: Song) -> None:
    assert song.mp3.exists()


def _minutes(song: Song) -> str:
    return f"{song.seconds / 60:g} min"


def _runs(bench: Bench, what: str, programs: Mapping[str, Callable[[Path], Run]]) -> dict[str, list[Run]]:
    """What each program costs for the MP3 of each song."""
    runs: dict[str, list[Run]] = {name: [] for name in programs}
    for song in bench.songs:
        for name, program in programs.items():
            runs[name].append(program(song.mp3))
            bench.say(_told(f"{what} of {song.name} by {name}", runs[name][-1]))
    return runs


def _told(what: str, done: Run) -> str:
    if done.failed:
        return f"{what}: FAILED, {done.failed}"
    return f"{what}: {done.cpu_s:.2f} CPU s, {done.peak_mb:.0f} MB"


# --- analyze --------------------------------------------------------------------------------------------------------


def analyze(bench: Bench) -> Found:
    """CPU, memory and imports of a whole analysis, beside what librosa's and essentia's users write."""
    programs: dict[str, Callable[[Path], Run]] = {
        "tonearm": lambda path: bench.ours("analyze", source=path),
        "librosa": lambda path: bench.peer("librosa_peer", "analyze", source=path),
        "essentia": lambda path: bench.peer("essentia_peer", "analyze", source=path),
    }
    # numba compiles at librosa's first run and remembers; that is not what a second song costs.
    programs["librosa"](corpus.songs(bench.folder / "corpus", seconds=30)[0].mp3)
    runs = _runs(bench, "analysis", programs)
    found = {name: summary(each) for name, each in runs.items()}
    ours, librosa, essentia = found["tonearm"], found["librosa"], found["essentia"]
    measured = runs["tonearm"][0].values.get("measured", [])
    note = f"measures {', '.join(measured)}" if measured else ours.failed
    wanted = {"key", "tempo_bpm", "beats_s", "loudness"}
    if measured and not wanted <= set(measured):
        note += f"; lacks {', '.join(sorted(wanted - set(measured)))}"
    return Found(
        [
            at_most(
                "CPU, imports included", "s", ours.cpu_s, 1.5,
                peer="librosa", theirs=librosa.cpu_s, ratio=less(ours.cpu_s, librosa.cpu_s), note=note,
            ),
            times_less("CPU against librosa", ours.cpu_s, librosa.cpu_s, 8, peer="librosa", note=librosa.failed),
            times_less(
                "CPU against librosa, imports excluded", ours.work_cpu_s, librosa.work_cpu_s, 8,
                peer="librosa", note=librosa.failed,
            ),
            Row(
                "CPU beside essentia", "s", ours.cpu_s, peer="essentia", theirs=essentia.cpu_s,
                ratio=less(ours.cpu_s, essentia.cpu_s), note=essentia.failed,
            ),
            at_most(
                "peak memory", "MB", ours.peak_mb, 100,
                peer="librosa", theirs=librosa.peak_mb, ratio=less(ours.peak_mb, librosa.peak_mb),
            ),
            at_most(
                "imports, wall clock", "s", ours.imports_s, 0.5,
                peer="librosa", theirs=librosa.imports_s, ratio=less(ours.imports_s, librosa.imports_s),
            ),
        ],
        {"programs": {name: each.to_dict() for name, each in found.items()}, "song": _minutes(bench.songs[0])},
    )  # fmt: skip


# --- tempo, beats, key ----------------------------------------------------------------------------------------------


def accuracy(bench: Bench) -> Found:
    """Tempo, beats and key of the corpus."""
    clips = bench.clips
    sources = [str(clip.path) for clip in clips]
    names = ("tonearm", "librosa", "essentia")
    runs = bench.in_parallel(
        [
            lambda: bench.ours("analyze_many", sources=sources),
            lambda: bench.peer("librosa_peer", "analyze_many", sources=sources),
            lambda: bench.peer("essentia_peer", "analyze_many", sources=sources),
        ]
    )
    scores: dict[str, dict[str, Any]] = {}
    for name, done in zip(names, runs, strict=True):
        bench.say(_told(f"{len(clips)} clips by {name}", done))
        scores[name] = {"failed": done.failed} if done.failed else _scored(clips, done.values["clips"])
    count = len(clips)

    def figure(name: str, what: str) -> float | None:
        value = scores[name].get(what)
        return None if value is None else float(value)

    def row(what: str, title: str, unit: str, bar: float | None, text: str, peer: str) -> Row:
        ours = figure("tonearm", what)
        return Row(
            title, unit, ours, bar=text, met=None if ours is None or bar is None else ours >= bar - 1e-9,
            peer=peer, theirs=figure(peer, what), note=why(what, "tonearm") or why(what, peer),
        )  # fmt: skip

    def why(what: str, name: str) -> str:
        return scores[name].get("failed", "") or ("" if figure(name, what) is not None else f"{name} tells none")

    of = f"of {count}"
    rows = [
        row("acc1", "tempo within 4 % (Acc1)", of, count * 24 / 26, "≥ 24/26", "librosa"),
        row("acc1", "tempo within 4 % (Acc1)", of, None, "", "essentia"),
        row("acc2", "tempo within 4 %, or its octave (Acc2)", of, None, "", "essentia"),
        row("beat_f", "beats, F-measure within 70 ms", "", 0.90, "≥ 0.90", "librosa"),
        row("beat_f", "beats, F-measure within 70 ms", "", figure("essentia", "beat_f"), "≥ essentia's", "essentia"),
        row("key", "key, exact", of, count * 25 / 26, "≥ 25/26", "librosa"),
        row("key", "key, exact", of, None, "", "essentia"),
        row("mirex", "key, MIREX-weighted", "", None, "", "essentia"),
    ]
    details = {"clips": [corpus.describe(clip) for clip in clips], "scores": scores}
    return Found(rows, details)


def _scored(clips: Sequence[Clip], answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    each = []
    for clip, answer in zip(clips, answers, strict=True):
        truth = clip.piece
        beats = answer.get("beats_s") or []
        each.append(
            {
                "name": clip.name,
                "tempo_bpm": answer.get("tempo_bpm"),
                "acc1": metrics.tempo_is_right(answer.get("tempo_bpm"), truth.tempi_bpm),
                "acc2": metrics.tempo_is_right(answer.get("tempo_bpm"), truth.tempi_bpm, octaves=True),
                "beat_f": round(metrics.beat_f_measure(beats, truth.beats_s), 4),
                "key": answer.get("key"),
                "key_score": metrics.key_score(answer.get("key"), truth.score.key),
                "cpu_s": round(answer["cpu_s"], 3),
            }
        )
    keys = [clip for clip in each if clip["key"] is not None]
    return {
        "acc1": sum(clip["acc1"] for clip in each),
        "acc2": sum(clip["acc2"] for clip in each),
        "beat_f": round(mean(clip["beat_f"] for clip in each), 4),
        "key": sum(clip["key_score"] == 1 for clip in each) if keys else None,
        "mirex": round(mean(clip["key_score"] for clip in each), 4) if keys else None,
        "cpu_s": median(clip["cpu_s"] for clip in each),
        "each": each,
    }


# --- tempo and pitch ------------------------------------------------------------------------------------------------

_CHANGERS = ("tonearm", "Signalsmith", "Rubber Band R3", "librosa", "ffmpeg atempo")


def _changed(bench: Bench, name: str, source: Path, out: Path, *, factor: float = 1.0, semitones: float = 0.0) -> Run:
    if name == "tonearm":
        operations = [{"type": "Tempo", "factor": factor}] if factor != 1 else []
        operations += [{"type": "Pitch", "semitones": semitones}] if semitones else []
        return bench.render(source, out, *operations)
    worker, task = {
        "Signalsmith": ("stretch_peers", "signalsmith"),
        "Rubber Band R3": ("stretch_peers", "rubber_band"),
        "librosa": ("librosa_peer", "change"),
        "ffmpeg atempo": ("stretch_peers", "ffmpeg_atempo"),
    }[name]
    return bench.peer(worker, task, source=source, destination=out, factor=factor, semitones=semitones)


def change(bench: Bench) -> Found:
    """Tempo × 1.1 and pitch + 2: cost, exactness, and distance to the true re-render."""
    found = Found()
    for kind, settings in (("tempo", {"factor": TEMPO}), ("pitch", {"semitones": SEMITONES})):
        costs = _change_costs(bench, kind, settings)
        clips = _quality_clips(bench)
        bench.prepare("clips", Clip.rendered, [clip for clip in clips if not clip.path.exists()])
        truths = [(clip, settings) for clip in clips if not _truth_of(clip, settings).exists()]
        bench.prepare("true re-renders", _render_truth, truths)
        measured = bench.in_parallel([partial(_change_quality, bench, name, settings) for name in _CHANGERS])
        quality: dict[str, dict[str, Any]] = dict(zip(_CHANGERS, measured, strict=True))
        found.rows += _change_rows(kind, costs, quality)
        found.details[kind] = {name: {"costs": costs[name].to_dict(), "quality": quality[name]} for name in _CHANGERS}
    row, voice = _formants(bench)
    found.rows.append(row)
    found.details["formants"] = voice
    return found


def _change_costs(bench: Bench, kind: str, settings: dict[str, float]) -> dict[str, Summary]:
    programs = {name: partial(_changed, bench, name, out=bench.out("cost.wav"), **settings) for name in _CHANGERS}
    return {name: summary(each) for name, each in _runs(bench, kind, programs).items()}


def _quality_clips(bench: Bench) -> list[Clip]:
    """A clip of each style, 22 s long, so that a length divided by 1.1 is a whole number of frames."""
    found: dict[str, Clip] = {}
    for clip in corpus.clips(bench.corpus, bench.folder / "corpus", seconds=22):
        found.setdefault(clip.piece.score.style, clip)
    return list(found.values())[:: 5 if bench.quick else 1]


def _change_quality(bench: Bench, name: str, settings: dict[str, float]) -> dict[str, Any]:
    factor, semitones = settings.get("factor", 1.0), settings.get("semitones", 0.0)
    slug = f"{name.replace(' ', '-')}-{factor:g}-{semitones:g}"
    out, source = bench.out(f"{slug}.wav"), bench.out(f"{slug}-signal.wav")
    each, rate_hz = [], corpus.RATE_HZ
    for clip in _quality_clips(bench):
        done = _changed(bench, name, clip.path, out, **settings)
        if done.failed:
            return {"failed": done.failed}
        rendered = soundfile.read(out, dtype="float32", always_2d=True)[0]
        original = soundfile.read(clip.path, dtype="float32", always_2d=True)[0]
        truth = np.load(_truth_of(clip, settings))
        each.append(
            {
                "name": clip.name,
                "lmd_mid": metrics.log_mel_distance(metrics.middle(rendered), metrics.middle(truth), rate_hz),
                "lmd_side": metrics.log_mel_distance(metrics.sides(rendered), metrics.sides(truth), rate_hz),
                "image": metrics.stereo_correlation(rendered) - metrics.stereo_correlation(original),
                "samples_off": abs(len(rendered) - round(len(original) / factor)),
            }
        )
    tones, (clicks, times) = metrics.tones(rate_hz), metrics.click_track(rate_hz)
    soundfile.write(source, np.concatenate([tones, clicks]), rate_hz, subtype="PCM_24")
    if (done := _changed(bench, name, source, out, **settings)).failed:
        return {"failed": done.failed}
    signals = soundfile.read(out, dtype="float32", always_2d=True)[0]
    cents = metrics.worst_cents(signals, rate_hz, ratio=2 ** (semitones / 12), tempo=factor)
    begin_s = len(tones) / rate_hz
    in_time = metrics.clicks_in_time(signals, rate_hz, [(begin_s + at) / factor for at in times])
    found = {
        "lmd_mid": round(mean(clip["lmd_mid"] for clip in each), 3),
        "lmd_side": round(mean(clip["lmd_side"] for clip in each), 3),
        "cents": round(cents, 3),
        "clicks": round(in_time, 3),
        "image": round(max((clip["image"] for clip in each), key=abs), 4),
        "samples_off": max(clip["samples_off"] for clip in each),
    }
    what = f"tempo × {factor:g}" if factor != 1 else f"pitch + {semitones:g}"
    bench.say(f"{what} by {name}: {', '.join(f'{title} {value}' for title, value in found.items())}")
    return found | {"each": [{k: round(v, 4) if isinstance(v, float) else v for k, v in clip.items()} for clip in each]}


def _truth_of(clip: Clip, settings: dict[str, float]) -> Path:
    return clip.path.with_name(
        f"{clip.path.stem}-true-{settings.get('factor', 1.0):g}-{settings.get('semitones', 0.0):g}.npy"
    )


def _render_truth(wish: tuple[Clip, dict[str, float]]) -> None:
    clip, settings = wish
    path = _truth_of(clip, settings)
    temporary = path.with_name(f".{path.name}")
    np.save(temporary, clip.samples(tempo=settings.get("factor", 1.0), semitones=settings.get("semitones", 0.0)))
    temporary.replace(path)


def _change_rows(kind: str, costs: dict[str, Summary], quality: dict[str, dict[str, Any]]) -> list[Row]:
    ours, mine = costs["tonearm"], quality["tonearm"]
    title = f"tempo × {TEMPO:g}" if kind == "tempo" else f"pitch + {SEMITONES:g}"
    why = ours.failed or str(mine.get("failed", ""))

    def theirs(name: str, what: str) -> float | None:
        return quality[name].get(what)

    rows = [
        at_most(
            f"{title}: CPU before encoding", "s", ours.cpu_s, 8,
            peer="Rubber Band R3", theirs=costs["Rubber Band R3"].cpu_s,
            ratio=less(ours.cpu_s, costs["Rubber Band R3"].cpu_s), note=why or costs["Rubber Band R3"].failed,
        ),
        Row(
            f"{title}: CPU before encoding", "s", ours.cpu_s, peer="librosa", theirs=costs["librosa"].cpu_s,
            ratio=less(ours.cpu_s, costs["librosa"].cpu_s), note=costs["librosa"].failed,
        ),
        Row(
            f"{title}: peak memory", "MB", ours.peak_mb, peer="Rubber Band R3", theirs=costs["Rubber Band R3"].peak_mb,
            ratio=less(ours.peak_mb, costs["Rubber Band R3"].peak_mb),
        ),
        at_most(f"{title}: length", "samples off", mine.get("samples_off"), 0,
                peer="ffmpeg atempo", theirs=theirs("ffmpeg atempo", "samples_off"), note=why),
        at_most(f"{title}: pitch", "cents off", mine.get("cents"), 0.1,
                peer="Signalsmith", theirs=theirs("Signalsmith", "cents")),
    ]  # fmt: skip
    for side in ("mid", "side"):
        rivals = {
            name: float(told[f"lmd_{side}"])
            for name, told in quality.items()
            if name != "tonearm" and told.get(f"lmd_{side}") is not None
        }
        best = min(rivals, key=lambda name: rivals[name]) if rivals else ""
        value = mine.get(f"lmd_{side}")
        rows.append(
            Row(
                f"{title}: distance to the true render, {side}", "dB", value, bar="≤ the best peer's",
                met=None if value is None or not best else value <= rivals[best] + 0.005,
                peer=best, theirs=rivals.get(best),
                note=why or ", ".join(f"{name} {rival:.2f}" for name, rival in rivals.items() if name != best),
            )
        )  # fmt: skip
    image = mine.get("image")
    rows += [
        Row(f"{title}: clicks within 2 ms", "share", mine.get("clicks"),
            peer="Signalsmith", theirs=theirs("Signalsmith", "clicks")),
        Row(
            f"{title}: stereo image change, worst clip", "correlation", image, bar="< ± 0.01",
            met=None if image is None else abs(image) < 0.01,
            peer="Rubber Band R3", theirs=theirs("Rubber Band R3", "image"),
        ),
    ]  # fmt: skip
    return rows


def _formants(bench: Bench) -> tuple[Row, dict[str, Any]]:
    """A voice, four semitones higher with its formants kept, against the same voice that speaks higher."""
    plain = corpus.speech(bench.folder / "corpus")
    truth = soundfile.read(corpus.speech(bench.folder / "corpus", semitones=VOICE_SEMITONES), dtype="float32")[0]
    out = bench.out("voice.wav")

    def distance(done: Run) -> float | None:
        if done.failed:
            return None
        voice = soundfile.read(out, dtype="float32", always_2d=True)[0].mean(axis=1)
        return round(metrics.log_mel_distance(voice, truth, corpus.RATE_HZ), 3)

    pitch = {"type": "Pitch", "semitones": VOICE_SEMITONES}
    kept = bench.render(plain, out, {**pitch, "formants": "keep"})
    ours = distance(kept)
    moved = distance(bench.render(plain, out, pitch))
    peer = bench.peer(
        "stretch_peers", "rubber_band", source=plain, destination=out, semitones=VOICE_SEMITONES, keep_formants=True
    )
    theirs = distance(peer)
    note = kept.failed or peer.failed or f"with formants moved {moved}"
    row = Row(
        f"voice + {VOICE_SEMITONES:g}, formants kept: distance to the true voice", "dB", ours,
        bar="≤ the peer's", met=None if ours is None or theirs is None else ours <= theirs + 0.005,
        peer="Rubber Band R3", theirs=theirs, note=note,
    )  # fmt: skip
    return row, {"kept": ours, "moved": moved, "Rubber Band R3": theirs, "failed": kept.failed}


# --- 8D -------------------------------------------------------------------------------------------------------------


def spatial(bench: Bench) -> Found:
    """8D to MP3 320, beside the floor and the recipe that goes round."""
    out = bench.out("circling.mp3")
    programs: dict[str, Callable[[Path], Run]] = {
        "floor": lambda path: run("floor", "decode_encode", source=path, destination=out),
        "tonearm": lambda path: bench.render(path, out, {"type": "Spatial", "seed": 3}, codec="mp3"),
        "8D recipe": lambda path: bench.peer("recipe_8d", "circle", source=path, destination=out),
    }
    runs = _runs(bench, "8D", programs)
    found = {name: summary(each) for name, each in runs.items()}
    ours, floor, recipe = found["tonearm"], found["floor"], found["8D recipe"]
    ratio = ours.cpu_s / floor.cpu_s if ours.cpu_s and floor.cpu_s else None
    peer = "pydub + pedalboard"
    return Found(
        [
            Row(
                "CPU", "s", ours.cpu_s, peer=peer, theirs=recipe.cpu_s, ratio=less(ours.cpu_s, recipe.cpu_s),
                note=ours.failed or recipe.failed,
            ),
            at_most("CPU against the floor", "× floor", ratio, 1.25, peer="floor", theirs=1.0,
                    note=f"floor {floor.cpu_s:.2f} s, {floor.peak_mb:.0f} MB" if floor.cpu_s else floor.failed),
            times_less("CPU against the recipe", ours.cpu_s, recipe.cpu_s, 2, peer=peer),
            at_most("peak memory", "MB", ours.peak_mb, 64, peer=peer, theirs=recipe.peak_mb,
                    ratio=less(ours.peak_mb, recipe.peak_mb)),
            times_less("memory against the recipe", ours.peak_mb, recipe.peak_mb, 20, peer=peer),
        ],
        {"programs": {name: each.to_dict() for name, each in found.items()}},
    )  # fmt: skip


# --- master ---------------------------------------------------------------------------------------------------------


def master(bench: Bench) -> Found:
    """Mastering by preset and by reference, beside matchering."""
    references = dict(zip(bench.songs, [*bench.songs[1:], bench.songs[0]], strict=True))
    if bench.quick:
        references = {bench.songs[0]: corpus.songs(bench.folder / "corpus", seconds=30)[1]}
    preset: list[Run] = []
    matched: dict[str, list[Run]] = {"tonearm": [], "matchering": []}
    heard: dict[str, list[dict[str, float]]] = {"streaming": [], "tonearm": [], "matchering": [], "as MP3": []}
    out, encoded = bench.out("mastered.wav"), bench.out("mastered.mp3")
    for song, reference in references.items():
        preset.append(bench.render(song.mp3, out, {"type": "Master", "preset": "streaming"}))
        bench.say(_told(f"master {song.name} for streaming", preset[-1]))
        to_mp3 = bench.render(song.mp3, encoded, {"type": "Master", "preset": "streaming"}, codec="mp3")
        if not to_mp3.failed:
            heard["streaming"].append(_heard(encoded, -14.0))
        wanted = _lufs(reference.wav)
        operation = {"type": "Master", "preset": None, "reference": str(reference.wav)}
        for name, runs in matched.items():
            if name == "tonearm":
                done = bench.render(song.wav, out, operation)
            else:
                done = bench.peer(
                    "matchering_peer", "master", source=song.wav, reference=reference.wav, destination=out
                )
            runs.append(done)
            bench.say(_told(f"master {song.name} like {reference.name} by {name}", done))
            if not done.failed:
                heard[name].append(_matched(out, encoded, reference.wav, wanted))
        if not bench.render(song.wav, encoded, operation, codec="mp3").failed:
            heard["as MP3"].append(_heard(encoded, wanted))
    return _master_found(summary(preset), {name: summary(each) for name, each in matched.items()}, heard)


def _master_found(preset: Summary, cost: dict[str, Summary], heard: dict[str, list[dict[str, float]]]) -> Found:
    def worst(name: str, what: str) -> float | None:
        return round(max(each[what] for each in heard[name]), 3) if heard[name] else None

    ours, peer = cost["tonearm"], cost["matchering"]
    error, theirs = worst("tonearm", "lu_error"), worst("matchering", "lu_error")
    distance, distance_theirs = worst("tonearm", "spectrum_db"), worst("matchering", "spectrum_db")
    rows = [
        at_most("streaming preset: CPU before encoding", "s", preset.cpu_s, 5, peer="matchering", theirs=peer.cpu_s,
                ratio=less(preset.cpu_s, peer.cpu_s), note=preset.failed),
        at_most("streaming preset: peak memory", "MB", preset.peak_mb, 150, peer="matchering", theirs=peer.peak_mb,
                ratio=less(preset.peak_mb, peer.peak_mb)),
        at_most("streaming preset: loudness of the MP3, off by at worst", "LU", worst("streaming", "lu_error"), 0.1),
        at_most("streaming preset: true peak of the MP3, at worst", "dBTP", worst("streaming", "true_peak_dbtp"), -1.0),
        at_most("by reference: CPU before encoding", "s", ours.cpu_s, 5, peer="matchering", theirs=peer.cpu_s,
                ratio=less(ours.cpu_s, peer.cpu_s), note=ours.failed or peer.failed),
        times_less("by reference: CPU against matchering", ours.cpu_s, peer.cpu_s, 3, peer="matchering"),
        at_most("by reference: peak memory", "MB", ours.peak_mb, 150, peer="matchering", theirs=peer.peak_mb,
                ratio=less(ours.peak_mb, peer.peak_mb)),
        at_most("by reference: loudness, off by at worst", "LU", error, 0.1, peer="matchering", theirs=theirs),
        at_most("by reference: loudness of the MP3, off by at worst", "LU", worst("as MP3", "lu_error"), 0.1),
        at_most("by reference: true peak of the MP3, at worst", "dBTP", worst("as MP3", "true_peak_dbtp"), -1.0,
                peer="matchering", theirs=worst("matchering", "true_peak_dbtp"),
                note="matchering writes no MP3: LAME encodes its WAV"),
        at_most("by reference: true peak of the WAV that LAME encodes later, at worst", "dBTP",
                worst("tonearm", "true_peak_dbtp"), -1.0, peer="matchering",
                theirs=worst("matchering", "true_peak_dbtp")),
        Row("by reference: spectrum's distance to the reference's, at worst", "dB", distance, peer="matchering",
            theirs=distance_theirs),
    ]  # fmt: skip
    details = {"streaming": preset.to_dict(), **{name: each.to_dict() for name, each in cost.items()}, "heard": heard}
    return Found(rows, details)


def _lufs(path: Path) -> float:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return metrics.integrated_lufs(samples, rate_hz)


def _heard(path: Path, wanted_lufs: float) -> dict[str, float]:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return {
        "lu_error": round(abs(metrics.integrated_lufs(samples, rate_hz) - wanted_lufs), 3),
        "true_peak_dbtp": round(metrics.true_peak_dbtp(samples, rate_hz), 3),
    }


def _matched(path: Path, encoded: Path, reference: Path, wanted_lufs: float) -> dict[str, float]:
    """Of both masters alike: loudness and spectrum of the WAV, true peak of what LAME makes of it."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    encoded.write_bytes(corpus.encode_mp3((np.clip(samples, -1, 1) * 32767).astype(np.int16), rate_hz))
    decoded, _ = soundfile.read(encoded, dtype="float32", always_2d=True)
    like, _ = soundfile.read(reference, dtype="float32", always_2d=True)
    return {
        "lu_error": round(abs(metrics.integrated_lufs(samples, rate_hz) - wanted_lufs), 3),
        "true_peak_dbtp": round(metrics.true_peak_dbtp(decoded, rate_hz), 3),
        "spectrum_db": round(metrics.spectrum_distance_db(samples, like, rate_hz), 3),
    }


# --- MP3 on n cores -------------------------------------------------------------------------------------------------


def cores(bench: Bench) -> Found:
    """A WAV to MP3 320 on one core and on all: wall clock, and whether the files are the same."""
    song, repeats = bench.songs[0], 1 if bench.quick else 3
    runs: dict[str, dict[int, list[float]]] = {"tonearm": {}, "ffmpeg": {}}
    hashes: set[str] = set()
    failed: dict[str, str] = {}
    counts = sorted({1, bench.cores} | {2**n for n in range(1, 8) if 2**n <= bench.cores})
    # In turns: what else the machine does then falls on all alike.
    for count, name in [(count, name) for _ in range(repeats) for count in counts for name in runs]:
        if name in failed:
            continue
        out = bench.out(f"cores-{name}.mp3")
        if name == "tonearm":
            done = bench.render(song.wav, out, codec="mp3", cores=count)
        else:
            done = bench.peer("stretch_peers", "ffmpeg_mp3", source=song.wav, destination=out, cores=count)
        if done.failed:
            failed[name] = done.failed
            continue
        runs[name].setdefault(count, []).append(float(done.values["render_s"]))
        bench.say(f"MP3 on {count} of {bench.cores} cores by {name}: {runs[name][count][-1]:.2f} s")
        if name == "tonearm":
            hashes.add(hashlib.sha256(out.read_bytes()).hexdigest())
    walls = {name: {count: median(each) for count, each in times.items()} for name, times in runs.items()}

    def speed_up(name: str) -> float | None:
        times = walls[name]
        return times[1] / times[counts[-1]] if len(times) == len(counts) and bench.cores > 1 else None

    most = counts[-1]
    same = None if "tonearm" in failed else float(len(hashes) == 1)
    one_core = "" if bench.cores > 1 else "one core: nothing to compare"
    return Found(
        [
            at_least(f"speed-up on {most} cores", "×", speed_up("tonearm"), 0.8 * most, peer="ffmpeg",
                     theirs=speed_up("ffmpeg"), note=failed.get("tonearm", "") or failed.get("ffmpeg", "") or one_core),
            Row(f"wall clock on {most} cores", "s", walls["tonearm"].get(most), peer="ffmpeg",
                theirs=walls["ffmpeg"].get(most), ratio=less(walls["tonearm"].get(most), walls["ffmpeg"].get(most))),
            Row("files of all runs identical", "", same, bar="yes", met=None if same is None else same == 1.0),
        ],
        {"wall_s": {name: {str(count): round(s, 3) for count, s in times.items()} for name, times in walls.items()},
         "failed": failed},
    )  # fmt: skip


# --- memory over length ---------------------------------------------------------------------------------------------


def memory(bench: Bench) -> Found:
    """Peak memory from minutes to hours, of files made by repeating a song."""
    song = bench.songs[0]
    times = (1, 5) if bench.quick else (1, 12, 36)
    sources = {count: corpus.repeated_mp3(song, count) for count in times}
    circle, faster = {"type": "Spatial", "seed": 3}, {"type": "Tempo", "factor": TEMPO}
    mastered = {"type": "Master", "preset": "streaming"}
    tasks: dict[str, Callable[[Path, Path], Run]] = {
        "analyze": lambda source, _: bench.ours("analyze", source=source),
        "8D to MP3": lambda source, out: bench.render(source, out.with_suffix(".mp3"), circle, codec="mp3"),
        "tempo to WAV": lambda source, out: bench.render(source, out, faster),
        "master to WAV": lambda source, out: bench.render(source, out, mastered),
    }
    peers: dict[str, Callable[[Path, Path], Run]] = {
        "librosa analysis": lambda source, _: bench.peer("librosa_peer", "analyze", source=source),
        "8D recipe": lambda source, out: bench.peer(
            "recipe_8d", "circle", source=source, destination=out.with_suffix(".mp3")
        ),
    }
    # A peer's memory grows: twice the length shows how, and more would not fit.
    lengths = dict.fromkeys(tasks, times) | dict.fromkeys(peers, (1, 2))
    sources[2] = corpus.repeated_mp3(song, 2)
    jobs = [(name, count) for name, counts in lengths.items() for count in counts]
    # The longest first, so that no core waits at the end.
    jobs.sort(key=lambda job: -job[1])

    def measured(name: str, count: int) -> Run:
        out = bench.out(f"memory-{name.replace(' ', '-')}-{count}.wav")
        done = (tasks | peers)[name](sources[count], out)
        for made in (out, out.with_suffix(".mp3")):
            made.unlink(missing_ok=True)
        bench.say(_told(f"{name}, {count * song.seconds / 60:g} min", done))
        return done

    runs = bench.in_parallel([partial(measured, *job) for job in jobs])
    done = dict(zip(jobs, runs, strict=True))
    for count in (*times[1:], 2):
        sources[count].unlink(missing_ok=True)
    rows, longest = [], times[-1]
    hours = f"{longest * song.seconds / 60:g} min"
    for name in tasks:
        short, long = done[name, 1], done[name, longest]
        why = short.failed or long.failed
        growth = None if why else long.peak_mb / short.peak_mb
        peer = {"analyze": "librosa analysis", "8D to MP3": "8D recipe"}.get(name, "")
        theirs = None
        if peer and not (done[peer, 1].failed or done[peer, 2].failed):
            theirs = done[peer, 2].peak_mb / done[peer, 1].peak_mb
        rows += [
            Row(
                f"{name}: memory of {hours} against {_minutes(song)}", "×", growth, bar="≤ 1.1",
                met=None if growth is None else growth <= 1.1, peer=f"{peer}, twice the length" if peer else "",
                theirs=theirs, note=why or (done[peer, 2].failed if peer else ""),
            ),
            at_most(f"{name}: peak memory of {hours}", "MB", None if why else long.peak_mb, 150),
        ]  # fmt: skip
    minutes = song.seconds / 60
    table = {
        name: {f"{count * minutes:g}": round(done[name, count].peak_mb, 1) for count in lengths[name]
               if not done[name, count].failed}
        for name in lengths
    }  # fmt: skip
    return Found(rows, {"peak_mb_by_minutes": table})


# --- fuzz -----------------------------------------------------------------------------------------------------------


def fuzz(bench: Bench) -> Found:
    """Damaged files of every kind that is read, looked into by processes that must live through a thousand each."""
    count, each = (200, 100) if bench.quick else (10_000, 1000)
    # The numbers that the nightly test uses as well: what one finds, the other repeats.
    starts = range(10_000, 10_000 + count, each)
    with tempfile.TemporaryDirectory(prefix="tonearm-fuzz-") as scratch:
        write_originals(Path(scratch))

        def looked(first: int) -> dict[str, Any]:
            try:
                report = look_into(Path(scratch), first, each)
            except Broken as broken:
                report = {"said": {}, "broken": str(broken)}
            bench.say(f"mutations {first} to {first + each - 1}: {report.get('broken', 'all read or refused')}")
            return report

        reports = bench.in_parallel([partial(looked, first) for first in starts])
    said: Counter[str] = sum((Counter(report["said"]) for report in reports), Counter())
    broken = [report["broken"] for report in reports if "broken" in report]
    lived = [report for report in reports if "broken" not in report]
    slowest_s, grown_mb = (max((report[what] for report in lived), default=0.0) for what in ("slowest_s", "grown_mb"))
    note = f"{said['accepted']} read, the others refused with {len(said) - 1} codes"
    note += f"; slowest {slowest_s:g} CPU s; a process grew by {grown_mb:g} MB at most"
    return Found(
        [
            Row(
                "mutated files without crash, hang or growth", "files", float(said.total()), bar="10,000",
                met=said.total() >= 10_000 if broken or not bench.quick else None,
                note="; ".join(why.splitlines()[0] for why in broken) or note,
            )
        ],
        {"said": dict(said), "broken": broken, "slowest_s": slowest_s, "grown_mb": grown_mb},
    )  # fmt: skip


JOBS: dict[str, Callable[[Bench], Found]] = {
    job.__name__: job for job in (analyze, accuracy, change, spatial, master, cores, memory, fuzz)
}
