"""The head of an answer leaves together with the beginning of its body.

The gap: ministack's server sends them one after the other. Terraform's AWS provider now and then hangs up between the
two, takes the answer for lost and asks again; what was made or changed the first time is refused the second time
("already exists", "precondition failed"), and the apply fails. Of 11,000 calls that make and delete roles and topics 8
were lost so; of 40,000 whose answers came whole, none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import h11
from hypercorn.events import RawData
from hypercorn.protocol.h11 import H11Protocol

if TYPE_CHECKING:
    from hypercorn.typing import H11SendableEvent

# A long body is not copied for it: the head takes as much along as leaves in one segment on the loopback.
FIRST_PART_BYTES = 32_768


def install() -> None:
    """Hold the head of a final answer back until its body begins, or ends without having begun."""
    held = WeakKeyDictionary[H11Protocol, bytes]()

    async def send(protocol: H11Protocol, event: H11SendableEvent) -> None:
        try:
            data = protocol.connection.send(event)
        except h11.LocalProtocolError:
            # As in hypercorn: nobody is left to be answered.
            if protocol.connection.their_state != h11.ERROR:
                raise
            return
        if isinstance(event, h11.Response):
            held[protocol] = data
            return
        await protocol.send(RawData(held.pop(protocol, b"") + data[:FIRST_PART_BYTES]))
        if len(data) > FIRST_PART_BYTES:
            await protocol.send(RawData(memoryview(data)[FIRST_PART_BYTES:]))  # type: ignore[arg-type]  # writers take it

    H11Protocol._send_h11_event = send  # type: ignore[assignment]  # mypy takes it for bound
