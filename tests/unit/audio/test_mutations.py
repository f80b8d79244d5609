"""Damaged files of every kind: no crash, no hang, no growth, and every refusal readable."""

from pathlib import Path

import pytest

from tests.support import mutations
from tests.support.mutations import Broken, look_into, mutated
from tests.support.recordings import write_originals


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mutations")
    write_originals(folder)
    return folder


def test_a_mutation_is_the_same_every_time(originals: Path) -> None:
    files = [path.read_bytes() for path in sorted(originals.glob("original-*"))]
    assert mutated(files[0], 7, files) == mutated(files[0], 7, files) != mutated(files[0], 8, files)


@pytest.mark.parametrize("first", range(0, 600, 200))
def test_no_damaged_file_ends_or_fills_the_process(originals: Path, first: int) -> None:
    said = look_into(originals, first, 200)["said"]
    # Damage is found, of several kinds, and what it does not reach is still heard.
    assert sum(said.values()) == 200
    assert said["accepted"] > 10
    assert len(said) > 4


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(10_000, 20_000, 1000))
def test_no_damaged_file_of_ten_thousand_ends_or_fills_the_process(originals: Path, first: int) -> None:
    assert sum(look_into(originals, first, 1000)["said"].values()) == 1000


def test_a_process_that_ends_or_grows_is_told(originals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Broken, match=r"ended with 1 at mutation \?"):
        look_into(originals / "nowhere", 0, 4)
    monkeypatch.setattr(mutations, "GROWTH_MB", -1e6)
    with pytest.raises(Broken, match="grew by"):
        look_into(originals, 0, 4)
