"""The names under which downloads are saved."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.services.create_downloads import safe_filename


@given(st.text(max_size=200))
def test_a_name_never_holds_what_a_header_a_shell_or_a_file_system_reads_as_more(title: str) -> None:
    name = safe_filename(title, ".mp3")
    assert name.endswith(".mp3")
    assert len(name) <= 84
    assert not set(name) & set("\"'`/\\<>|:*?;&$\r\n\t\0")
    assert ".." not in name
    assert name[0] not in ". "
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in name)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Für Elise (live)", "Für Elise (live).mp3"),
        ("../../etc/passwd", "_._etc_passwd.mp3"),
        ('a"; rm -rf /', "a_ rm -rf _.mp3"),
        ("...", "track.mp3"),
        ("", "track.mp3"),
        ("夜想曲", "夜想曲.mp3"),
        ("a" * 79 + ". b", "a" * 79 + ".mp3"),
        ("gnp\u202e3pm", "gnp_3pm.mp3"),
    ],
)
def test_a_name_says_what_the_title_says(title: str, name: str) -> None:
    assert safe_filename(title, ".mp3") == name
