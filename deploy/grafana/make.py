"""Writes the Grafana dashboards from dashboards.toml: python deploy/grafana/make.py [FOLDER]."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COLUMNS = 24
STAT_ROWS, LINES_ROWS = 4, 8
SOURCE: dict[str, Any] = {"type": "prometheus", "uid": "${datasource}"}


def main() -> None:
    """Write each dashboard beside this file, or in the folder that is named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")


def files() -> dict[str, str]:
    """Give the text of every dashboard's file, by its name."""
    declared = tomllib.loads((HERE / "dashboards.toml").read_text(encoding="utf-8"))["dashboard"]
    return {one["file"]: json.dumps(dashboard(one), ensure_ascii=False, indent=1) + "\n" for one in declared}


def dashboard(declared: dict[str, Any]) -> dict[str, Any]:
    """Make a dashboard from its declaration."""
    return {
        "uid": declared["uid"],
        "title": declared["title"],
        "description": declared["say"],
        "tags": ["suanbu"],
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "version": 1,
        "timezone": "Asia/Shanghai",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "weekStart": "monday",
        "links": [{"type": "dashboards", "tags": ["suanbu"], "title": "算补", "asDropdown": False}],
        "annotations": {"list": []},
        "templating": {"list": [_datasource(), *([_sources()] if declared.get("sources") else [])]},
        "panels": _panels(declared["row"]),
    }


def _panels(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lay rows out from top to bottom, panels from left to right."""
    made: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        made.append({"type": "row", "title": row["title"], "collapsed": False, "panels": [],
                     "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y}})  # fmt: skip
        y, x, height = y + 1, 0, 0
        for panel in row["panel"]:
            if x + panel["width"] > COLUMNS:
                y, x, height = y + height, 0, 0
            rows_high = STAT_ROWS if panel.get("show") == "stat" else LINES_ROWS
            made.append(_panel(panel, {"h": rows_high, "w": panel["width"], "x": x, "y": y}))
            x, height = x + panel["width"], max(height, rows_high)
        y += height
    return [{"id": number, **panel} for number, panel in enumerate(made, start=1)]


def _panel(panel: dict[str, Any], place: dict[str, int]) -> dict[str, Any]:
    stat = panel.get("show") == "stat"
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
    options = (
        {"colorMode": "value", "graphMode": "area",
         "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
        if stat
        else {
            "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True,
                       "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    )  # fmt: skip
    return {
        "type": "stat" if stat else "timeseries",
        "title": panel["title"],
        "description": panel["say"],
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel["unit"], "min": 0, **({"decimals": 0} if panel["unit"] == "none" else {}),
                         **({} if stat else {"custom": custom})},
            "overrides": [],
        },
        "options": options,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": SOURCE, "editorMode": "code", "expr": expression,
             "legendFormat": legend, "range": True}
            for number, (expression, legend) in enumerate(_queries(panel["queries"]))
        ],
    }  # fmt: skip


def _queries(declared: list[list[str]]) -> list[tuple[str, str]]:
    """Write out "p50..p99 of X"."""
    found: list[tuple[str, str]] = []
    for expression, legend in declared:
        if expression.startswith("p50..p99 of "):
            rate = f"sum by (le) (rate({expression.split(' of ')[1]}_bucket[$__rate_interval]))"
            found += [(f"histogram_quantile({share}, {rate})", name)
                      for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))]  # fmt: skip
        else:
            found.append((expression, legend))
    return found


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "数据源", "type": "datasource", "query": "prometheus", "current": {}}


def _sources() -> dict[str, Any]:
    asked = "label_values(suanbu_records_total, source)"
    return {
        "name": "source", "label": "来源", "type": "query", "datasource": SOURCE, "definition": asked,
        "query": {"query": asked, "refId": "source"}, "refresh": 2, "sort": 1, "includeAll": True, "multi": True,
        "allValue": ".*", "current": {},
    }  # fmt: skip


if __name__ == "__main__":
    main()
