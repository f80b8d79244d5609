"""A response headers policy without custom headers says nothing of them, so that Terraform can change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.unit.local.conftest import Emulator


def policy_of(emulator: Emulator, **lists: Any) -> dict[str, Any]:
    cloudfront = emulator.client("cloudfront")
    config = {"Name": "policy", "SecurityHeadersConfig": {"ContentTypeOptions": {"Override": True}}, **lists}
    made = cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=config)["ResponseHeadersPolicy"]
    try:
        found = cloudfront.get_response_headers_policy(Id=made["Id"])
    finally:
        cloudfront.delete_response_headers_policy(Id=made["Id"], IfMatch=found["ETag"])
    return dict(found["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"])


def test_empty_lists_are_left_out(emulator: Emulator) -> None:
    found = policy_of(emulator)
    assert "SecurityHeadersConfig" in found
    assert "CustomHeadersConfig" not in found
    assert "RemoveHeadersConfig" not in found


def test_lists_that_hold_something_stay(emulator: Emulator) -> None:
    found = policy_of(emulator, RemoveHeadersConfig={"Quantity": 1, "Items": [{"Header": "server"}]})
    assert found["RemoveHeadersConfig"] == {"Quantity": 1, "Items": [{"Header": "server"}]}


def test_ministack_alone_answers_them_empty(bare: Emulator) -> None:
    assert policy_of(bare)["CustomHeadersConfig"]["Quantity"] == 0
