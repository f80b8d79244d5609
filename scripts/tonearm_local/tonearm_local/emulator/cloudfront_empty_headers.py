"""A response headers policy tells of the headers it adds and removes only where there are some.

The gap: ministack answers both lists also when they are empty, which AWS does not. Terraform's provider takes an empty
list for one that was asked for, and can then not change the policy: "missing required field ... Quantity".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services import cloudfront

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LISTS = ("CustomHeadersConfig", "RemoveHeadersConfig")


def install() -> None:
    """Leave the empty lists out of every answer that shows a policy."""
    write = cloudfront._build_rhp_config_xml

    def write_what_there_is(parent: Element, config: dict[str, Any]) -> None:
        write(parent, config)
        for name in _LISTS:
            listed = parent.find(name)
            if listed is not None and listed.findtext("Quantity") == "0":
                parent.remove(listed)

    cloudfront._build_rhp_config_xml = write_what_there_is
