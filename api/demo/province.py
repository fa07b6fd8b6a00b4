"""An invented province: entities, facilities, chips, holdings, evidence, months of use; the same every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from meter.days import DAY_SECONDS, SHANGHAI
from meter.uscc import check_digit

CITIES = {
    "340100": "合肥", "340200": "芜湖", "340300": "蚌埠", "340400": "淮南", "340500": "马鞍山", "340600": "淮北",
    "340700": "铜陵", "340800": "安庆", "341000": "黄山", "341100": "滁州", "341200": "阜阳", "341300": "宿州",
    "341500": "六安", "341600": "亳州", "341700": "池州", "341800": "宣城",
}  # fmt: skip
TRADES = ("智能科技", "数据技术", "机器人", "语音技术", "视觉科技", "算法研究")
CHIPS = {"ascend-like-a": ("320", 1500), "hopper-like-b": ("989", 4200), "domestic-c": ("148", 900)}  # fen a card-hour
FIRST = datetime(2025, 7, 20, tzinfo=SHANGHAI)  # some use lies before the round's window, some after it
DAYS = 290
ENTITIES = 48
RECORDS = 40_000


def number(key: str, size: int) -> int:
    """Return a number below `size` that follows from the key alone."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % size


def code(kind: str, region: str, serial: int) -> str:
    """Return a well-formed unified social credit code (GB 32100-2015) that belongs to nobody."""
    body = f"{kind}{region}MA{serial:07d}"
    return body + check_digit(body)


def entities() -> list[dict[str, Any]]:
    """Return companies, universities and institutes in sixteen cities; some lack what the round asks for."""
    found = []
    for i in range(ENTITIES):
        region = list(CITIES)[number(f"city {i}", 16)]
        kind = ("enterprise", "enterprise", "enterprise", "university", "research_institute")[number(f"kind {i}", 5)]
        name = CITIES[region] + (
            f"第{i + 1}大学" if kind == "university" else f"第{i + 1}研究院" if kind == "research_institute"
            else TRADES[i % 6] + f"{i + 1}号公司"
        )  # fmt: skip
        attested: bool | None = True if number(f"ai {i}", 8) else None
        found.append(
            {
                "uscc": code("91" if kind == "enterprise" else "12", region, i + 1),
                "name": name,
                "kind": kind,
                "independent_legal_person": number(f"branch {i}", 20) != 0,
                "region": "320100" if number(f"away {i}", 24) == 0 else region,
                "ai_enterprise": attested if kind == "enterprise" else None,
                "state_body": False,
                "bank_account": {
                    "bank": "示例银行",
                    "account": f"62{number(f'account {i}', 10**14):014d}",
                    "holder": name,
                },
                "valid_from": "2020-01-01",
            }
        )
    return found


def facilities(codes: list[str]) -> list[dict[str, Any]]:
    """Return a neutral hub, companies' own centres, a joint venture, one used by its builder only, one outside
    Anhui."""

    def one(
        name: str, title: str, region: str, owners: list[tuple[str, str]], intelligent: bool = True
    ) -> dict[str, Any]:
        return {
            "id": name, "name": title, "region": region, "intelligent": intelligent,
            "owners": [{"uscc": uscc, "share": share} for uscc, share in owners], "valid_from": "2020-01-01",
        }  # fmt: skip

    return [
        one("hub-hefei", "合肥公共智算中心", "340100", [(codes[0], "1")]),
        one("hub-wuhu", "芜湖公共智算中心", "340200", [(codes[1], "1")]),
        one("own-3", "企业自建智算中心", "340300", [(codes[2], "1")]),
        one("jv-45", "合资智算中心", "341100", [(codes[3], "0.6"), (codes[4], "0.4")]),
        one("closed-6", "自用智算中心", "340800", [(codes[5], "1")]),
        one("hpc-1", "通用超算中心", "340100", [(codes[0], "1")], intelligent=False),
        one("nanjing-1", "省外智算中心", "320100", [(codes[6], "1")]),
    ]


def holdings(codes: list[str]) -> list[dict[str, Any]]:
    """Return a parent with two subsidiaries, one sold inside the window, and a holding just below a quarter."""
    return [
        {"holder": codes[2], "held": codes[10], "share": "0.51", "from": "2020-01-01", "document": "示例股权登记-1"},
        {"holder": codes[2], "held": codes[11], "share": "1", "from": "2020-01-01", "to": "2026-01-01",
         "document": "示例股权登记-2"},
        {"holder": codes[3], "held": codes[12], "share": "0.2499", "from": "2020-01-01", "document": "示例股权登记-3"},
    ]  # fmt: skip


def chips() -> list[dict[str, Any]]:
    """Return three accelerator models with invented names and prices."""
    return [
        {"chip": name, "tflops_fp16": rating, "source": "示例数据，稠密 FP16", "valid_from": "2020-01-01"}
        for name, (rating, _) in CHIPS.items()
    ]


def expenditures(codes: list[str]) -> list[dict[str, Any]]:
    """Return evidence that two entities file; another scheme has paid part of one bill."""
    period = {"served_from": "2025-09-01", "served_to": "2026-02-28"}
    return [
        {"id": "inv-20", "consumer": codes[20], "kind": "invoice", **period, "amount_fen": 40_000_000,
         "document": "示例发票"},
        {"id": "sup-21", "consumer": codes[21], "kind": "public_support", **period, "amount_fen": 3_000_000,
         "document": "示例市级算力券"},
    ]  # fmt: skip


def usage(codes: list[str]) -> Iterator[bytes]:
    """Yield lines of usage records, in order of their start within each day."""
    places = ["hub-hefei"] * 5 + ["hub-wuhu"] * 3 + ["own-3", "jv-45", "nanjing-1", "hpc-1"]
    for i in range(RECORDS):
        who = min(number(f"who {i}", ENTITIES), number(f"who else {i}", ENTITIES))
        place = "closed-6" if who == 5 else places[number(f"place {i}", len(places))]
        chip = list(CHIPS)[number(f"chip {place}", 3)]
        cards = (1, 1, 2, 4, 8, 8, 16, 32)[number(f"cards {i}", 8)]
        start = FIRST + timedelta(seconds=i * DAYS * DAY_SECONDS // RECORDS + number(f"at {i}", 3600))
        seconds = 600 + number(f"long {i}", 40_000) * (1 + 9 * (number(f"very long {i}", 12) == 0))
        purpose = (["research"] * 7 + ["commercial"] * 2 + [None])[number(f"purpose {i}", 10)]
        record = {
            "id": f"job-{i:06d}",
            "consumer": codes[who],
            "facility": place,
            "chip": chip,
            "cards": cards,
            "started_at": start.isoformat(),
            "ended_at": (start + timedelta(seconds=seconds)).isoformat(),
            "charge_fen": cards * seconds * CHIPS[chip][1] // 3600,
            "purpose": purpose,
            "order": f"{codes[who][-6:]}-{start:%Y%m}",
        }
        if number(f"off platform {i}", 40) == 0:
            record["via_platform"] = False
        yield json.dumps(record, ensure_ascii=False).encode()
