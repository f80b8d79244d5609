"""How much one owner may have under way at once, so that nobody's burst fills the queue for all others."""

from dataclasses import dataclass

from tonearm.domain.errors import LimitReached
from tonearm.ports import OwnersWork

MAX_OPEN_WORK = 500


@dataclass(frozen=True)
class Allowance:
    """At most 500 Tracks that wait for their upload and Jobs that have not ended, together.

    They are counted before a new one is written and not with it: a burst that comes at once may run over the limit by
    what is on its way at that moment. In return nobody waits for anybody else's write.
    """

    work: OwnersWork

    def has_room(self, owner_id: str) -> bool:
        """Whether this owner may begin something more."""
        return self.work.count(owner_id, at_most=MAX_OPEN_WORK) < MAX_OPEN_WORK

    @staticmethod
    def used_up() -> LimitReached:
        """What an owner is told for whom there is no room: ``owner.too_much_open_work``."""
        return LimitReached(
            "owner.too_much_open_work",
            f"You have {MAX_OPEN_WORK} uploads and jobs under way; the limit is {MAX_OPEN_WORK}.",
            value=MAX_OPEN_WORK,
            limit=MAX_OPEN_WORK,
            mend="Wait until some have ended, or delete tracks that you will not upload.",
        )
