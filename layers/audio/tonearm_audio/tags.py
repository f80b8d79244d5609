"""Title, artist, cover and so on, as every format knows them, and within what bounds they are carried over."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal, get_args

LARGEST_COVER_BYTES = 10 << 20
MOST_TEXT_BYTES = 1 << 20
MOST_TAG_BYTES = LARGEST_COVER_BYTES * 4 // 3 + 2 * MOST_TEXT_BYTES
"""What is read of a tag at most: a cover may be written in base64."""
FRONT_COVER = 3
"""What ID3 and FLAC call a picture of the front."""
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Both sets of control characters, which terminals obey, and what breaks lines or turns the direction of a text."""
_PICTURES: tuple[tuple[bytes, Literal["image/jpeg", "image/png"]], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)

Name = Literal["title", "artist", "album", "album_artist", "date", "genre", "track", "comment", "lyrics"]
NAMES: tuple[Name, ...] = get_args(Name)


@dataclass(frozen=True)
class Cover:
    """A picture of the front.

    Args:
        data: a JPEG or PNG file of at most `LARGEST_COVER_BYTES`.

    Raises:
        ValueError: it is neither, or larger.
    """

    data: bytes

    def __post_init__(self) -> None:
        if len(self.data) > LARGEST_COVER_BYTES or not any(self.data.startswith(magic) for magic, _ in _PICTURES):
            raise ValueError(f"a cover is a JPEG or PNG file of at most {LARGEST_COVER_BYTES} bytes")

    @property
    def media_type(self) -> Literal["image/jpeg", "image/png"]:
        """What kind of picture, by its content."""
        return next(kind for magic, kind in _PICTURES if self.data.startswith(magic))


@dataclass(frozen=True)
class Tags:
    """What a file says about its song; what it does not say is an empty text.

    Args:
        title: of the song.
        artist: several are separated by "; ", as genres are.
        album: that it is from.
        album_artist: whose album it is.
        date: a year, or a day as 2026-11-21.
        genre: in words.
        track: its number on the album, or number and count: "3" or "3/12".
        comment: anything.
        lyrics: in lines.
        cover: the picture, None for none.

    Raises:
        ValueError: the texts are larger than `MOST_TEXT_BYTES` together.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    date: str = ""
    genre: str = ""
    track: str = ""
    comment: str = ""
    lyrics: str = ""
    cover: Cover | None = None

    def __post_init__(self) -> None:
        for name in NAMES:
            object.__setattr__(self, name, _UNPRINTABLE.sub("", getattr(self, name)).strip())
        if sum(len(text.encode()) for text in self.texts().values()) > MOST_TEXT_BYTES:
            raise ValueError(f"the texts of a song are at most {MOST_TEXT_BYTES} bytes together")

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def texts(self) -> dict[Name, str]:
        """The texts that are there."""
        return {name: text for name in NAMES if (text := getattr(self, name))}

    @property
    def track_numbers(self) -> tuple[int, int]:
        """Number and count, 0 where unknown."""
        found = re.fullmatch(r"(\d{1,4})(?:/(\d{1,4}))?", self.track)
        return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
