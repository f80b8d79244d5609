"""The time that an interrupted command has before it is interrupted wherever it is, in the hands of a test."""

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tonearm_local import told


class Patience:
    """Lasts until the test says that it ends, however slow the machine is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._then: list[Callable[[], object]] = []
        monkeypatch.setattr(told, "threading", SimpleNamespace(Timer=self._timer, main_thread=threading.main_thread))

    def _timer(self, _: float, function: Callable[..., object], arguments: tuple[object, ...]) -> SimpleNamespace:
        def then() -> object:
            return function(*arguments)

        return SimpleNamespace(start=lambda: self._then.append(then), cancel=self._then.clear, join=lambda: None)

    def ends(self) -> None:
        """The last signal was so long ago that the next one is sent."""
        self._then.pop()()
