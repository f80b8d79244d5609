"""Encoding again: the best try stands, whatever comes after it, and their number has an end."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm_audio.encoding_tries import Tries

Outcome = tuple[float, float]
"""Decibels above the ceiling, LU below the loudness."""

OUTCOMES = st.lists(st.tuples(st.floats(-20, 15), st.floats(-3, 3)), min_size=1, max_size=12)


def badness(outcome: Outcome) -> Outcome:
    return max(0.0, outcome[0]), abs(outcome[1])


@given(OUTCOMES)
def test_given_a_codec_that_does_as_it_likes_then_the_best_of_seven_tries_stands(outcomes: list[Outcome]) -> None:
    # Given what each encoding comes to
    tries, kept = Tries(1.0), None
    made: list[Outcome] = []
    # When they are heard until enough is tried
    while not tries.done:
        made.append(outcomes[min(len(made), len(outcomes) - 1)])
        if tries.heard(*made[-1]):
            kept = made[-1]
    # Then none of them was better than the one that is kept
    assert kept is not None
    assert badness(kept) == min(badness(outcome) for outcome in made)
    assert len(made) <= 7


@given(OUTCOMES)
def test_given_a_codec_that_does_as_it_likes_then_what_is_tried_next_stays_in_reason(outcomes: list[Outcome]) -> None:
    tries = Tries(1.0)
    for over_db, softer_lu in outcomes:
        if tries.done:
            break
        tries.heard(over_db, softer_lu)
        assert math.isfinite(tries.headroom_db)
        assert -0.1 <= tries.headroom_db <= 1.0 + 7 * 16
        assert -1.5 <= tries.gain_db <= 1.5


def test_given_a_first_try_below_the_ceiling_and_as_loud_as_asked_then_it_is_the_only_one() -> None:
    tries = Tries(1.0)
    assert tries.heard(-0.4, 0.03)
    assert tries.done


@pytest.mark.parametrize("overshoot_db", [0.5, 2.4, 6.1, 14.7])
def test_given_a_codec_that_always_overshoots_by_as_much_then_the_second_try_is_below_the_ceiling(
    overshoot_db: float,
) -> None:
    tries = Tries(1.0)
    heard = []
    while not tries.done:
        heard.append(overshoot_db - tries.headroom_db)
        tries.heard(heard[-1], 0.0)
    assert heard[-1] <= 0
    assert len(heard) <= 2


def test_given_room_that_costs_loudness_then_it_is_taken_back_as_far_as_the_ceiling_lets_it() -> None:
    # Given a song that loses of its loudness a half of what the limiter begins lower, and a codec that adds 3 dB
    tries, kept = Tries(1.0), (math.inf, math.inf)
    while not tries.done:
        outcome = 3.0 - tries.headroom_db, 0.5 * (tries.headroom_db - 1.0) - 0.2 * tries.gain_db
        if tries.heard(*outcome):
            kept = outcome
    # Then it is below its ceiling and nearer to its loudness than with the gain alone
    assert kept[0] <= 0
    assert abs(kept[1]) < 0.85
