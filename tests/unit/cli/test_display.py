"""Steps: lines that a log can be read by, and a mark for what an error interrupted."""

import io
import re

import pytest
from rich.console import Console

from tests.unit.cli.conftest import shown
from tonearm_cli.display import Steps


def test_a_log_gets_a_line_when_what_goes_on_changes_and_one_at_the_end(paper: Console) -> None:
    steps = Steps(paper)
    with steps.step("Starting") as step:
        for done in range(50):
            step.at(f"Applying {done} of 50: thing.{done}", done / 50)
        step.at("Waiting: for the rest")
        step.came_to("http://there")
    lines = shown(paper).splitlines()
    assert lines[:2] == ["  Starting: Applying 0 of 50: thing.0", "  Starting: Waiting: for the rest"]
    assert len(lines) == 3
    assert lines[2].startswith("✓ Starting")
    assert lines[2].endswith("s   http://there")
    assert steps.done[0].seconds is not None


def test_what_an_error_interrupts_is_marked_and_the_error_goes_on(paper: Console) -> None:
    with pytest.raises(KeyError), Steps(paper).step("Uploading"):
        raise KeyError("x")
    assert shown(paper).startswith("✗ Uploading")


def test_a_terminal_is_redrawn_and_left_with_one_line_a_step() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with Steps(terminal).step("Working") as step:
        step.at("transform: 60 %", 0.6)
        step.came_to("succeeded")
    assert shown(terminal).count("\n✓ Working") + shown(terminal).count("✓ Working") >= 1
    assert "[bold]" not in shown(terminal)


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_narrow_terminal_the_detail_gives_way(width: int) -> None:
    # Given a step with a long detail
    terminal = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    with Steps(terminal).step("Applying Terraform") as step:
        # When it is drawn
        step.at('module.function["transform"].aws_cloudwatch_log_group.this (10 s)', 0.3)
    # Then it takes one line, and only the detail is cut off
    assert re.search(r". Applying Terraform +\d s [━╸╺ ]{24} m[^\n]*…", shown(terminal))


def test_what_looks_like_markup_is_shown_as_it_is(paper: Console) -> None:
    with Steps(paper).step("Uploading") as step:
        step.at("a[red]b.wav: 1")
        step.came_to("a[red]b.wav")
    assert shown(paper).count("a[red]b.wav") == 2
