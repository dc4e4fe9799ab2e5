"""Texts of messages, byte for byte as in delta-and-filters.md 3 and 4."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.delta.frames import DECLINED, DeltaForm, cache_sync, confirmation, delta_frame, full_frame, poisons

BASE = b'{"event":"tick","channel":"ticker","data":"{\\"p\\":1}"}'


def test_full_messages() -> None:
    """One or two members before the last brace."""
    assert full_frame(BASE, 0, None) == BASE[:-1] + b',"__delta_seq":0}'
    assert full_frame(BASE, 41, "BTC") == BASE[:-1] + b',"__delta_seq":41,"__conflation_key":"BTC"}'
    assert full_frame(BASE, 1, "") == BASE[:-1] + b',"__delta_seq":1,"__conflation_key":""}'


def test_deltas() -> None:
    """The members in their order."""
    head = b'{"event":"pusher:delta","channel":"ticker","data":{"event":"tick","delta":"'
    assert delta_frame("tick", "ticker", b"1\x0a\xff\xfe", 1, 0, None, DeltaForm("fossil")) == (
        head + b'MQr//g==","seq":1,"algorithm":"fossil","base_index":0}}'
    )
    assert delta_frame("tick", "ticker", b"", 42, 41, "B\\C", DeltaForm("xdelta3")) == (
        head + b'","seq":42,"algorithm":"xdelta3","conflation_key":"B\\\\C","base_index":41}}'
    )
    assert delta_frame("tick", "ticker", b"", 42, 41, "", DeltaForm("xdelta3", spelled=False)) == (
        head + b'","seq":42,"conflation_key":"","base_index":41}}'
    )


def test_D9_confirmations() -> None:
    """For the socket and for a channel, which is named twice."""
    assert confirmation("fossil") == (
        '{"event":"pusher:delta_compression_enabled","data":{"enabled":true,"algorithm":"fossil"}}'
    )
    assert confirmation("xdelta3", "ticker") == (
        '{"event":"pusher:delta_compression_enabled","channel":"ticker",'
        '"data":{"enabled":true,"algorithm":"xdelta3","channel":"ticker"}}'
    )
    assert json.loads(DECLINED) == {"event": "pusher:delta_compression_enabled", "data": {"enabled": False}}


def test_cache_sync() -> None:
    """What a client shall remember."""
    head = '{"event":"pusher:delta_cache_sync","channel":"ticker","data":{"conflation_key":"data.symbol",'
    assert cache_sync("ticker", ("data", "symbol"), 10, {}) == head + '"max_messages_per_key":10,"states":{}}}'
    told = json.loads(cache_sync("ticker", ("symbol",), 10, {"BTC": (41, BASE), "": (3, b"{}")}))
    assert told["data"]["states"] == {"BTC": [{"content": BASE.decode(), "seq": 41}], "": [{"content": "{}", "seq": 3}]}


def test_D45_what_clients_would_mistake() -> None:
    """The words anywhere, and in another spelling within the data."""
    assert poisons('{"event":"__delta_seq"}', "")
    assert poisons('{"data":"__conflation_key"}', "__conflation_key")
    assert poisons("", '{"\\u005f_delta_seq":1}')
    assert poisons("", '{"__delt\\u0061_seq":1}')
    assert poisons("", '{"__conflation_k\\u0065y":"x"}')
    assert not poisons("", '{"\\u00e9\\u0061":1}')
    assert not poisons("", "\\u005f_delta_seq")


@given(st.text())
def test_any_key_is_read_back(key: str) -> None:
    """JSON on both ways."""
    assert json.loads(full_frame(BASE, 1, key))["__conflation_key"] == key
    assert json.loads(delta_frame(key, "c", b"x", 1, 0, key, DeltaForm("fossil")))["data"]["conflation_key"] == key
