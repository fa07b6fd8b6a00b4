"""The settings of the payout job: one gateway, nothing unknown, and refused in words where they cannot be used."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from settlement.payout.gateways import BatchGateway, HttpGateway, SingleFileGateway
from settlement.payout.job_settings import SettingsRefused, read_settings, settings_of


def test_each_gateway_is_read_with_what_it_is_told(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    path = tmp_path / "payout.toml"
    path.write_text(
        f'gateway = "http"\nlimit = 7\n[http]\nurl = "https://bank.example/api"\ntoken_file = "{token}"\n'
        "resend_after_hours = 48\n"
    )
    told = read_settings(path, {"worker": "w", "limit": None, "every_seconds": 5})
    assert (told.worker, told.limit, told.every_seconds, told.needs_release) == ("w", 7, 5, True)
    assert isinstance(told.gateway, HttpGateway)
    assert told.gateway.resend_after == timedelta(hours=48)
    assert "secret" not in repr(told), "what opens the bank's door is not printed"
    batch = settings_of({"gateway": "batch", "batch": {"folder": "x", "encoding": "gb18030"}})
    assert isinstance(batch.gateway, BatchGateway)
    assert (batch.gateway.files.encoding, batch.every_seconds) == ("gb18030", None)
    outside = settings_of({"gateway": "exchange"})
    assert isinstance(outside.gateway, SingleFileGateway)
    assert not outside.needs_release


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('gateway = "pigeon"', "gateway is one of http, batch, exchange"),
        ("limit = 1", "gateway is one of"),
        ('gateway = "batch"\nsurprise = 1', "there is no setting surprise"),
        ('gateway = "batch"\n[batch]\nsurprise = 1', "there is no setting batch.surprise"),
        ('gateway = "http"\n[http]\nurl = "http://bank.example/api"', "http.url is an https address"),
        ('gateway = "http"\n[http]\nurl = "https://user:word@bank.example/"', "http.url is an https address"),
        ('gateway = "http"\n[http]\nurl = "https://b.example"\ntoken_file = "/no/such/file"', "http.token_file"),
        ('gateway = "batch"\nlimit = 0', "above 0"),
        ('gateway = "batch"\nlimit = 1001', "limit lies between 1 and 1000"),
        ('gateway = "batch"\nlimit = "5"', "limit is int"),
        ('gateway = "batch"\nlimit = true', "limit is int"),
        ('gateway = "batch"\n[batch]\nencoding = "latin1"', "utf-8 or gb18030"),
        ("gateway = ", "payout.toml"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_words(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "payout.toml"
    path.write_text(text)
    with pytest.raises(SettingsRefused) as refused:
        read_settings(path, {})
    assert reason in str(refused.value)
