"""The invocation that is under way: whoever must know its deadline asks here."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

current: "ContextVar[LambdaContext | None]" = ContextVar("current_invocation", default=None)
