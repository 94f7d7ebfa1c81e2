from __future__ import annotations

import copy
import re
from html.parser import HTMLParser

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.report import MAX_BYTES, render, result_schema
from lockgate.report.html import _source
from lockgate.report.text import number, visible

HOSTILE = (
    '"><script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>{{ 7*7 }}\u202e\x00\u200b'
)
HEX = "0123456789abcdef" * 4
VALIDATOR = jsonschema.Draft202012Validator(result_schema())

text = st.text(st.characters(exclude_categories=()), max_size=40) | st.just(HOSTILE)
some = text.filter(bool)
scalar = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
nested = st.dictionaries(
    text, scalar | st.lists(scalar, max_size=3) | st.dictionaries(text, scalar, max_size=3), max_size=5
)
digest = st.fixed_dictionaries({"sha256": st.just(HEX)}) | st.fixed_dictionaries(
    {"lockgateTree1": st.just(HEX)}
)
entry = st.fixed_dictionaries({"uri": some, "digest": digest})
files = st.dictionaries(some, entry, max_size=3)
moment = st.datetimes().map(lambda t: t.isoformat(timespec="milliseconds") + "Z")
verdict = st.sampled_from(["PASS", "WARN", "FAIL", "INCONCLUSIVE", "WAIVED"])
location = st.fixed_dictionaries(
    {},
    optional={
        "column": st.none() | text,
        "rows": st.lists(st.integers() | text, max_size=20),
        "member": st.none() | text,
        "offset": st.none() | st.integers(0, 2**40),
        "cell": st.none() | st.integers(1, 2**40),
        "output": st.none() | st.integers(1, 2**40),
        "line": st.none() | st.integers(1, 2**40),
    },
)
check = st.fixed_dictionaries(
    {
        "id": some,
        "verdict": verdict,
        "value": scalar,
        "comparator": st.sampled_from(["<", "<=", "==", ">=", ">", "!=", None]),
        "threshold": scalar,
        "reason": text,
    }
)
finding = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["LG-DATA-001", "LG-POISON-003"]),
        "severity": st.sampled_from(["INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"]),
        "message": some,
        "subject": text,
        "location": location,
        "count": st.integers(0, 10**9),
        "threat": text,
        "fix": text,
        "check": text,
    }
)
documents = st.fixed_dictionaries(
    {
        "schema": st.just("lockgate.result/1"),
        "stage": st.just("check-drift"),
        "version": st.just("0.1.0"),
        "verdict": verdict,
        "decision": st.sampled_from(["KEEP", "RETRAIN", "QUARANTINE", None]),
        "subjects": st.lists(st.builds(lambda n, e: {"name": n, **e}, some, entry), max_size=3),
        "parameters": nested,
        "policy": st.fixed_dictionaries({"digest": st.none() | digest, "thresholds": nested}),
        "metrics": nested,
        "checks": st.lists(check, max_size=8),
        "findings": st.lists(finding, max_size=8),
        "outputs": files,
        "body_digest": st.just(HEX),
        "evidence": st.lists(st.builds(lambda n, e: {"name": n, **e}, some, entry), max_size=2),
        "attachments": files,
        "started": moment,
        "finished": moment,
        "environment": st.just(
            {"python": "3.11.7", "platform": "Linux-x86_64", "packages": {"duckdb": "2.0.0"}}
        ),
    }
)
tables = st.dictionaries(
    text,
    st.lists(
        st.dictionaries(text | st.sampled_from(["a_share", "psi", "verdict"]), scalar, max_size=4), max_size=4
    ),
    max_size=3,
)


def result(**changes):
    document = {
        "schema": "lockgate.result/1",
        "stage": "check-drift",
        "version": "0.1.0",
        "verdict": "FAIL",
        "decision": None,
        "subjects": [{"name": "current", "uri": "batch.parquet", "digest": {"sha256": HEX}}],
        "parameters": {"seed": 0},
        "policy": {"digest": None, "thresholds": {}},
        "metrics": {},
        "checks": [check_of("psi:AGEP", "FAIL", value=0.31)],
        "findings": [finding_of("Column AGEP has moved.")],
        "outputs": {},
        "body_digest": HEX,
        "evidence": [],
        "attachments": {},
        "started": "2026-01-01T10:00:00.000Z",
        "finished": "2026-01-01T10:00:02.500Z",
        "environment": {"python": "3.11.7", "platform": "Linux-x86_64", "packages": {}},
    } | changes
    VALIDATOR.validate(document)
    return document


def check_of(name, verdict, value=0.1, reason=""):
    return {
        "id": name,
        "verdict": verdict,
        "value": value,
        "comparator": "<=",
        "threshold": 0.2,
        "reason": reason,
    }


def finding_of(message, **more):
    return {
        "rule": "LG-DRIFT-001",
        "severity": "HIGH",
        "message": message,
        "subject": "current",
        "location": {"column": "AGEP", "rows": [], "member": None, "offset": None},
        "count": 1,
        "threat": "data-drift",
        "fix": "Retrain.",
        "check": "psi:AGEP",
    } | more


class Tags(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(page)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


def assert_harmless(page):
    seen = Tags(page)
    assert not {"script", "img", "iframe", "object", "embed", "link", "form", "base"} & set(seen.tags)
    for name, value in seen.attributes:
        assert not name.startswith("on")
        assert name not in {"src", "style", "srcset", "action"}
        assert name != "href" or value.startswith(("#", "./"))
    assert "url(" not in _source("report.css")
    assert "@import" not in _source("report.css")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(documents, tables, st.dictionaries(text, text, max_size=3), st.dictionaries(text, text, max_size=3))
def test_every_valid_result_becomes_a_harmless_page_of_bounded_size(document, tables, facts, attachments):
    VALIDATOR.validate(document)
    page = render(document, tables=tables, facts=facts, attachments=attachments)
    assert len(page.encode()) < MAX_BYTES
    assert_harmless(page)


def test_hostile_names_are_shown_and_nothing_in_them_runs():
    rows = [{"column": HOSTILE, HOSTILE: HOSTILE, "psi": 0.3}]
    document = result(
        checks=[check_of(HOSTILE, "FAIL", reason=HOSTILE)],
        findings=[finding_of(HOSTILE, location={"column": HOSTILE, "member": HOSTILE}, fix=HOSTILE)],
        parameters={HOSTILE: HOSTILE},
        metrics={HOSTILE: {HOSTILE: 1}},
    )
    page = render(
        document,
        tables={HOSTILE: rows},
        facts={HOSTILE: HOSTILE},
        attachments={HOSTILE: "javascript:alert(1)"},
    )
    assert_harmless(page)
    assert "<script>alert(1)</script>" in Tags(page).text
    assert "{{ 7*7 }}" in Tags(page).text
    assert "⟨U+202E⟩" in page
    assert not set("\u202e\x00\u200b") & set(page)


def test_a_finding_in_a_notebook_says_cell_output_and_line():
    where = {"member": "a.ipynb", "cell": 3, "output": 1, "line": 12}
    page = render(result(findings=[finding_of("Holds a secret.", location=where)]))
    for kind, number_ in (("cell", 3), ("output", 1), ("line", 12)):
        assert f"{kind} <code>{number_}</code>" in page
    assert "cell <code>" not in render(result(findings=[finding_of("Holds a secret.", location={})]))


def test_a_page_allows_its_own_style_and_nothing_else():
    page = render(result())
    policy = dict(Tags(page).attributes)["content"]
    assert "default-src 'none'" in re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace(
        "&#39;", "'"
    )
    assert "unsafe" not in policy
    assert re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1] == _source("report.css")


def test_a_verdict_is_a_word_and_a_picture_and_has_its_reason_beside_it():
    page = Tags(render(result()))
    assert "FAIL A check did not hold. The gate stays closed." in page.text
    assert "Why Column AGEP has moved. What to do Retrain." in page.text


@pytest.mark.parametrize(
    ("verdict", "checks", "said"),
    [
        ("PASS", [check_of("psi:AGEP", "PASS")], "1 check ran and held."),
        (
            "INCONCLUSIVE",
            [check_of("psi:AGEP", "INCONCLUSIVE", None, "41 rows are too few")],
            "psi:AGEP: 41 rows are too few",
        ),
        ("FAIL", [check_of("psi:AGEP", "FAIL", 0.31)], "psi:AGEP is 0.31; it should be <= 0.2."),
        ("INCONCLUSIVE", [], "No check was recorded, so nothing was decided."),
    ],
)
def test_without_a_finding_the_reason_comes_from_the_worst_check(verdict, checks, said):
    assert said in Tags(render(result(verdict=verdict, checks=checks, findings=[]))).text


def test_a_quarantine_never_reads_as_an_open_gate():
    calm = [check_of("psi:AGEP", "PASS")]
    kept = Tags(render(result(verdict="PASS", decision="KEEP", checks=calm, findings=[]))).text
    quarantined = Tags(render(result(verdict="PASS", decision="QUARANTINE", checks=calm, findings=[]))).text
    assert "The gate opens." in kept
    assert "The gate opens." not in quarantined
    assert "keeps the gate closed" in quarantined


def test_a_page_of_a_wide_and_bad_table_stays_small_and_says_what_it_leaves_out():
    checks = [check_of(f"psi:{'long_' * 40}{i}", "FAIL" if i % 2 else "PASS") for i in range(2000)]
    findings = [finding_of(f"{'word ' * 60}{i}", fix=f"Mend {i}.") for i in range(1000)]
    table = [{"column": f"{'name' * 50}{i}", **{f"c{k}": k / 7 for k in range(500)}} for i in range(500)]
    page = render(result(checks=checks, findings=findings), tables={"columns": table})
    assert len(page.encode()) < MAX_BYTES
    words = Tags(page).text
    for said in (
        "more findings in result.json",
        "more checks in result.json",
        "more columns not shown",
        "more rows not shown",
    ):
        assert re.search(rf"… and [\d,]+ {said}", words)


def test_a_page_of_the_most_expensive_text_stays_small():
    dear = ("\U000e0001\"'<&" * 500)[:1900]
    many = {f"{i}{dear}": dear for i in range(600)}
    document = result(
        checks=[check_of(f"{dear}{i}", "FAIL", reason=dear) for i in range(600)],
        findings=[
            finding_of(
                dear,
                rule=f"LG-X-{i}",
                fix=f"{i}{dear}",
                location={"column": dear, "member": dear, "rows": [dear] * 20},
            )
            for i in range(600)
        ],
        parameters=many,
        metrics=many | {f"n{i}{dear}": many for i in range(60)},
        outputs={name: {"uri": dear, "digest": {"sha256": HEX}} for name in many},
    )
    wide = [
        {**many, "verdict": "FAIL", "d": {"reference": [1 / 3] * 99, "current": [1 / 7] * 99}}
        for _ in range(60)
    ]
    page = render(document, tables={f"{i}{dear}": wide for i in range(60)}, facts=many, attachments=many)
    assert len(page.encode()) < MAX_BYTES
    assert_harmless(page)


def test_a_small_page_leaves_nothing_out():
    page = render(result(), tables={"columns": [{"column": "AGEP", "psi": 0.31}]})
    assert "… and" not in page
    assert len(page.encode()) < 40_000


def test_the_same_result_gives_the_same_page_and_is_not_changed():
    document, rows = result(), [{"column": "AGEP", "psi": {"value": 0.31, "limit": 0.2}}]
    before = copy.deepcopy((document, rows))
    assert render(document, tables={"t": rows}) == render(document, tables={"t": rows})
    assert (document, rows) == before


def test_numbers_past_their_limit_are_marked_and_others_are_not():
    over = render(result(), tables={"t": [{"column": "a", "psi": {"value": 0.31, "limit": 0.2}}]})
    under = render(result(), tables={"t": [{"column": "a", "psi": {"value": 0.11, "limit": 0.2}}]})
    assert 'class="bar over"' in over
    assert 'class="bar"' in under
    assert 'class="bar over"' not in under


def test_the_worst_rows_of_a_table_come_first():
    rows = [
        {"column": name, "verdict": v} for name, v in (("good", "PASS"), ("bad", "FAIL"), ("odd", "WARN"))
    ]
    words = Tags(render(result(), tables={"t": rows})).text
    assert words.index("bad FAIL") < words.index("odd WARN") < words.index("good PASS")


@pytest.mark.parametrize(
    "target", ["//evil.example/x", "/etc/passwd", "../../secret.html", "\\\\host\\x", "a/../../b"]
)
def test_an_attachment_outside_the_folder_is_named_but_not_linked(target):
    page = render(result(), attachments={"Drift report": target})
    assert "Drift report" in page
    assert all(value.startswith("#") for name, value in Tags(page).attributes if name == "href")


def test_an_attachment_beside_the_page_is_linked():
    assert 'href="./evidently%20report.html"' in render(
        result(), attachments={"Drift": "evidently report.html"}
    )


@given(st.text(st.characters(exclude_categories=()), max_size=300), st.integers(90, 200))
def test_visible_text_hides_nothing_and_is_bounded(value, longest):
    shown = visible(value, longest)
    assert len(shown) <= 2 * longest
    shown.encode()
    assert not re.search(
        "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", shown
    )


@given(st.text("abcdefgh -_äöüñ漢字", max_size=90))
def test_ordinary_text_is_shown_as_it_is(value):
    assert visible(value, 90) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (123456, "123,456"),
        (0.25, "0.25"),
        (1 / 3, "0.3333"),
        (1.2e-7, "1.2e-07"),
        (123456.7, "123,457"),
        (True, "yes"),
        (None, "—"),
        (0.0, "0"),
        (-5, "-5"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_read_well(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_colour_has_enough_contrast(scheme):
    # WCAG 2.2, 1.4.3: at least 4.5 to 1.
    block = re.findall(r":root \{(.*?)\}", _source("report.css"), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", block))
    pairs = [(tone, f"{tone}-bg") for tone in ("good", "warn", "bad", "open", "calm", "link")]
    pairs += [(ink, paper) for ink in ("ink", "soft", "link") for paper in ("paper", "card", "faint")]
    pairs += [("ink", f"{tone}-bg") for tone in ("good", "warn", "bad", "open", "calm", "link")]
    assert {pair: c for pair in pairs if (c := contrast(*(colours[name] for name in pair))) < 4.5} == {}


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    full = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_small_index_draws_a_small_bar_and_a_large_one_a_full_bar():
    def lengths(*values):
        page = render(result(), tables={"t": [{"column": "a", "psi": value} for value in values]})
        return [float(x) for x in re.findall(r'class="fill" y="2" width="([0-9.]+)"', page)]

    assert max(lengths(0.005, 0.001)) < 2
    assert lengths(0.5, 0.25) == [64.0, 32.0]


def test_a_list_of_records_among_the_metrics_is_folded_by_place_and_shows_no_braces():
    records = [{"name": "linf", "size": 0.1}, {"name": "l2", "rules": {"infer": True}}]
    said = Tags(render(result(metrics={"threat_models": records, "empty": []}))).text
    for part in ("1 · name", "linf", "2 · rules · infer"):
        assert part in said
    assert '{"name"' not in said
    assert "{'name'" not in said


def test_a_warning_says_why_though_its_value_is_within_the_threshold():
    checks = [check_of("accuracy-drop", "WARN", 0.2, "95 % interval 0.165 to 0.236")]
    said = Tags(render(result(verdict="WARN", checks=checks, findings=[]))).text
    assert "accuracy-drop is 0.2 (95 % interval 0.165 to 0.236); it should be <= 0.2." in said
