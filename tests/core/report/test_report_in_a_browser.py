from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest

from lockgate.report import render

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; CI installs one"),
]
HEX = "0123456789abcdef" * 4
PROBE = """<!doctype html><body style="margin:0">
<iframe width="{width}" height="900" style="border:0" srcdoc="{page}"></iframe><pre></pre>
<script>
addEventListener("load", () => {{
  const seen = document.querySelector("iframe").contentDocument, root = seen.documentElement;
  seen.querySelectorAll("details").forEach(fold => fold.open = true);
  document.querySelector("pre").textContent = JSON.stringify({{
    inner: root.clientWidth, content: root.scrollWidth, title: seen.title,
    card: getComputedStyle(seen.querySelector(".hero")).borderTopWidth,
    wide: [...seen.querySelectorAll("*")]
      .filter(e => !e.closest(".scroll") && !e.closest(".unseen"))
      .filter(e => e.getBoundingClientRect().right > root.clientWidth + 1)
      .map(e => e.className || e.tagName).slice(0, 5),
  }});
}});
</script></body>"""


def measure(folder, page, width):
    probe = folder / "probe.html"
    probe.write_text(PROBE.format(width=width, page=html.escape(page)), encoding="utf-8")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    )
    command = [
        CHROMIUM,
        *flags.split(),
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=5000",
        "--window-size=1400,1000",
        "--dump-dom",
        probe.as_uri(),
    ]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", dumped, re.DOTALL)[1]))


def page_of(columns):
    names = [f"{'unbroken_name_' * 12}{i}" for i in range(columns)]
    checks = [
        {
            "id": f"psi:{n}",
            "verdict": "FAIL" if i % 3 else "PASS",
            "value": 0.3,
            "comparator": "<=",
            "threshold": 0.2,
            "reason": "",
        }
        for i, n in enumerate(names)
    ]
    finding = {
        "rule": "LG-DRIFT-001",
        "severity": "HIGH",
        "message": f"{names[0]} has moved.",
        "subject": "current",
        "location": {"column": names[0], "rows": list(range(10**9, 10**9 + 20))},
        "count": 500,
        "threat": "data-drift",
        "fix": "Retrain.",
        "check": f"psi:{names[0]}",
    }
    subject = {
        "name": "current",
        "uri": f"s3://lake/{'deep/' * 40}batch.parquet",
        "digest": {"lockgateTree1": HEX},
    }
    document = {
        "schema": "lockgate.result/1",
        "stage": "gate-retraining",
        "version": "0.1.0",
        "verdict": "FAIL",
        "decision": "QUARANTINE",
        "subjects": [subject],
        "parameters": {"columns": names},
        "outputs": {},
        "policy": {"digest": {"sha256": HEX}, "thresholds": {"max_psi": 0.2}},
        "metrics": {"psi": dict.fromkeys(names, 0.1), names[0]: 1},
        "checks": checks,
        "findings": [finding] * columns,
        "body_digest": HEX,
        "evidence": [],
        "attachments": {},
        "started": "2026-01-01T10:00:00Z",
        "finished": "2026-01-01T10:00:01Z",
        "environment": {"python": "3.11.7", "platform": "Linux-x86_64", "packages": {}},
    }
    rows = [
        {"column": n, "psi": {"value": 0.3, "limit": 0.2}, **{f"m{k}": k for k in range(columns)}}
        for n in names
    ]
    return render(
        document, tables={"drift": rows}, facts={"Current": names[0]}, attachments={"Drift": "drift.html"}
    )


@pytest.mark.parametrize("columns", [5, 500])
@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_never_scrolls_sideways_and_keeps_its_style(tmp_path, columns, width):
    seen = measure(tmp_path, page_of(columns), width)
    assert seen["title"] == "QUARANTINE · gate-retraining · Lockgate"
    assert seen["card"] == "5px"  # the style sheet is let in by the page's own policy
    assert width - 20 <= seen["inner"] <= width
    assert (seen["content"], seen["wide"]) == (seen["inner"], [])


def test_the_measurement_notices_a_page_that_does_scroll_sideways(tmp_path):
    wide = page_of(5).replace(
        '<footer class="page">', '<footer class="page"><svg width="900" height="5"></svg>'
    )
    seen = measure(tmp_path, wide, 400)
    assert seen["content"] > seen["inner"]
