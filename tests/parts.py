"""A plugin of pytest: tests on the applied stack share one worker, and the report says what each part took."""

import time
from collections import Counter, defaultdict

import pytest
from _pytest.terminal import TerminalReporter

PARTS = "time by part"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--also-took",
        action="append",
        default=[],
        metavar="PART=SECONDS",
        help="a part that ran before pytest, for the table of time by part",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What is large and made once is made by one worker: each would apply a stack of its own, or unpack the providers.
    for item in items:
        if item.get_closest_marker("stack"):
            item.add_marker(pytest.mark.xdist_group("stack"))
        elif part_of(item.nodeid) == "infrastructure":
            item.add_marker(pytest.mark.xdist_group("infrastructure"))


class Parts:
    """Adds up what the reports of each part say."""

    def __init__(self, before: dict[str, float]) -> None:
        self._before = before
        self._started = time.time()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._span: dict[str, tuple[float, float]] = {}
        self._tests: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        part = part_of(report.nodeid)
        self._seconds[part] += report.duration
        self._tests[part] += report.when == "call" or report.skipped
        first, last = self._span.get(part, (report.start, report.stop))
        self._span[part] = (min(first, report.start), max(last, report.stop))

    def lines(self) -> list[str]:
        """The table: tests, seconds of work, and from when to when (parts overlap where workers share them)."""
        rows = [f"{'part':<16}{'tests':>8}{'work':>10}{'from':>10}{'to':>10}"]
        rows += [f"{part:<16}{'':>8}{seconds:>8.0f} s" for part, seconds in self._before.items()]
        for part in sorted(self._seconds, key=lambda name: self._span[name][0]):
            first, last = (moment - self._started for moment in self._span[part])
            rows.append(f"{part:<16}{self._tests[part]:>8}{self._seconds[part]:>8.0f} s{first:>8.0f} s{last:>8.0f} s")
        whole = sum(self._before.values()) + time.time() - self._started
        return [*rows, f"{'whole':<16}{self._tests.total():>8}{whole:>8.0f} s"]

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        terminalreporter.section(PARTS)
        for line in self.lines():
            terminalreporter.write_line(line)


def part_of(nodeid: str) -> str:
    """The kind of test: the folder below tests/."""
    folders = nodeid.split("::", 1)[0].split("/")
    return folders[1] if folders[0] == "tests" and len(folders) > 2 else "other"


def pytest_configure(config: pytest.Config) -> None:
    # A worker's reports are the controller's to add up.
    if hasattr(config, "workerinput"):
        return
    before = (entry.partition("=") for entry in config.getoption("also_took"))
    config.pluginmanager.register(Parts({part: float(seconds) for part, _, seconds in before}), "parts")
