"""What every value of a recipe is held against."""

from __future__ import annotations

import math

from tonearm_audio.errors import AudioError


def require_within(name: str, value: float, bounds: tuple[float, float]) -> None:
    """Raise `recipe.invalid` for a value beyond its bounds, or none at all."""
    if not (math.isfinite(value) and bounds[0] <= value <= bounds[1]):
        raise AudioError(
            "recipe.invalid",
            f"{name} is {value:g}; it must lie between {bounds[0]:g} and {bounds[1]:g}.",
            value=value,
            limit=f"{bounds[0]:g} to {bounds[1]:g}",
            mend=f"Choose a {name} within these bounds.",
        )


def require_one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Raise `recipe.invalid` for a value that is not among those allowed."""
    if value not in allowed:
        listed = ", ".join(str(choice) for choice in allowed)
        raise AudioError(
            "recipe.invalid",
            f"{name} is {value}; it must be one of {listed}.",
            value=str(value),
            limit=listed,
            mend=f"Choose one of these for {name}.",
        )
