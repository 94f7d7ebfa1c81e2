from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def write_section(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from results import write_section

    page = tmp_path / "RESULTS.md"

    def write(title, *lines):
        write_section(title, list(lines), page)
        return page.read_text()

    return write


def test_a_new_section_is_added_at_the_end(write_section):
    write_section("Speed", "fast")
    assert write_section("Memory", "little") == "# Results\n\n## Speed\n\nfast\n\n## Memory\n\nlittle\n"


def test_a_section_is_replaced_where_it_stands(write_section):
    write_section("Speed", "fast")
    write_section("Speed, images", "slow")
    assert write_section("Speed", "faster") == "# Results\n\n## Speed\n\nfaster\n\n## Speed, images\n\nslow\n"


def test_notes_written_by_hand_stay_when_a_section_is_measured_again(write_section, tmp_path):
    write_section("Speed", "fast")
    page = tmp_path / "RESULTS.md"
    page.write_text(page.read_text() + "\n### Notes\n\nThe machine was shared.\n")
    write_section("Memory", "little")
    again = write_section("Speed", "faster")
    assert again.index("faster") < again.index("The machine was shared.") < again.index("## Memory")
    assert write_section("Speed", "faster") == again
