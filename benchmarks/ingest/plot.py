"""Draws the rates of the last full run beside one another, every round a point: `python -m benchmarks.ingest.plot`."""

from __future__ import annotations

import json
from pathlib import Path

import altair as alt

PADDING = {"left": 70, "right": 20, "top": 20, "bottom": 10}  # the font of whoever looks may be wider
HERE = Path(__file__).parent
RESULTS = HERE.parent / "results.json"
NAMES = {
    "copy": "bare COPY, 10,000 a transaction",
    "arrow 10,000": "suanbu, Arrow, 10,000 a batch",
    "ndjson 10,000": "suanbu, NDJSON, 10,000 a batch",
    "ndjson 1,000": "suanbu, NDJSON, 1,000 a batch",
    "peer ndjson 1,000": "the peer, NDJSON, 1,000 a batch",
    "single": "suanbu, one a request, 64 connections",
    "peer single": "the peer, one a request, 64 connections",
}


def main() -> None:
    """Write rates.svg."""
    contenders = json.loads(RESULTS.read_text())["details"]["ingest"]["beside"]["contenders"]
    rows = [
        {
            "who": name,
            "whose": "limit" if key == "copy" else "peer" if "peer" in key else "suanbu",
            "rate": rate,
            "median": contenders[key]["records_per_second"],
        }
        for key, name in NAMES.items()
        for rate in contenders[key]["of_each_round"]
    ]
    data = alt.Data(values=rows)
    base = alt.Chart(data).encode(
        y=alt.Y("who:N", sort=list(NAMES.values()), title=None, axis=alt.Axis(labelLimit=300)),
        color=alt.Color(
            "whose:N",
            scale=alt.Scale(domain=["limit", "suanbu", "peer"], range=["#8a8a8a", "#1b6ca8", "#c8763a"]),
            legend=None,
        ),
    )
    scale = alt.Scale(type="log", domain=[100, 2_000_000])
    axis = alt.Axis(values=[100, 1_000, 10_000, 100_000, 1_000_000], format=",", grid=True)
    rate = alt.X("rate:Q", scale=scale, axis=axis, title="records a second (logarithmic), every round and the median")
    chart = alt.layer(
        base.mark_point(filled=True, opacity=0.45, size=40).encode(x=rate),
        base.mark_tick(thickness=3, size=18).encode(x=alt.X("max(median):Q", scale=scale)),
        base.mark_text(dy=-14, fontSize=11).encode(x="max(median):Q", text=alt.Text("max(median):Q", format=",")),
    ).properties(width=520, height=300, background="white", padding=PADDING)
    chart.save(str(HERE / "rates.svg"))


if __name__ == "__main__":
    main()
