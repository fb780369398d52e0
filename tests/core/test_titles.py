"""The title grammar against design.md §4: the shared table, and a larger one of our own."""

import csv
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.titles import Id, Keyed, Meta, Title, Unkeyed, parse, parse_all

SHARED = list(csv.DictReader((Path(__file__).parent / "titles.csv").read_text(encoding="utf-8").splitlines()))


def _shown(title: Title) -> tuple[str, str, str, str, str]:
    match title:
        case Keyed():
            return ("keyed", title.prefix, str(title.phase), str(title.task), title.suffix)
        case Id():
            return ("id", title.prefix, "", str(title.number), "")
        case _:
            return (type(title).__name__.lower(), "", "", "", "")


@pytest.mark.parametrize("index", range(len(SHARED)), ids=[row["title"] for row in SHARED])
def test_OR2_shared_table(index: int) -> None:
    """Every row of the shared table reads as it says, with a note exactly where it says near-miss."""
    row = SHARED[index]
    found = parse_all({i: r["title"] for i, r in enumerate(SHARED)})[index]

    assert _shown(found) == (row["kind"], row["prefix"], row["phase"], row["task"], row["suffix"])
    assert bool(found.note) == (row["note"] == "near-miss")


KEYED = {
    # forms and what may follow
    "[AUTH-1.2]": ("AUTH", 1, 2, ""),
    "[AUTH-1.2]Implement login": ("AUTH", 1, 2, ""),
    "[AUTH-1.2]: login": ("AUTH", 1, 2, ""),
    "[AUTH-1.2] - login": ("AUTH", 1, 2, ""),
    "[AUTH-0.0] zero": ("AUTH", 0, 0, ""),
    "[AUTH-99.99] last": ("AUTH", 99, 99, ""),
    "[AUTH-1.2B] capital suffix": ("AUTH", 1, 2, "b"),
    "1.2:no space": ("", 1, 2, ""),
    "1.2:": ("", 1, 2, ""),
    "1.2a: suffix": ("", 1, 2, "a"),
    "1.2a - suffix": ("", 1, 2, "a"),
    "1.2  -  wide": ("", 1, 2, ""),
    "0.1: zero": ("", 0, 1, ""),
    "10.2: wide phase": ("", 10, 2, ""),
    "Phase 2.1": ("", 2, 1, ""),
    "Phase 2.1: colon": ("", 2, 1, ""),
    "Phase 2.1b more": ("", 2, 1, "b"),
    "Phase 2.1, then": ("", 2, 1, ""),
    "Phase 2.1. Then": ("", 2, 1, ""),
    "Phase 2.1 – en dash": ("", 2, 1, ""),
    "Phase  2.1 two spaces": ("", 2, 1, ""),
    "Phase 1.12 wide task": ("", 1, 12, ""),
    "pHaSe 2.1 any case": ("", 2, 1, ""),
    "TASK 1.5": ("", 1, 5, ""),
    "Phase 1.2 - 3 small things": ("", 1, 2, ""),
    # prefixes
    "[A-1.2] one letter": ("A", 1, 2, ""),
    "[2FA-1.2] digit first": ("2FA", 1, 2, ""),
    "[A-1-2.3] number in prefix": ("A-1", 2, 3, ""),
    "[ПЛАН-1.2] cyrillic": ("ПЛАН", 1, 2, ""),
    "[план-1.2] cyrillic, lower": ("ПЛАН", 1, 2, ""),
    "[認証-1.2] han": ("認証", 1, 2, ""),
    "[हिंदी-1.2] marks": ("हिंदी", 1, 2, ""),
    "[e\u0301te-1.2] decomposed": ("ÉTE", 1, 2, ""),
    "[RELEASE-1.2] prefix is a word": ("RELEASE", 1, 2, ""),
    # what may precede
    "\t1.2: tab": ("", 1, 2, ""),
    "\ufeff1.2: byte order mark": ("", 1, 2, ""),
    "👩‍💻 [AUTH-1.2] joined emoji": ("AUTH", 1, 2, ""),
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿 1.2: flag of a region": ("", 1, 2, ""),
    "👍🏽 1.2: skin tone": ("", 1, 2, ""),
    "1️⃣ 1.2: keycap": ("", 1, 2, ""),
    "♻️ Phase 1.2 variation selector": ("", 1, 2, ""),
    "🇩🇪1.2: flag, no space": ("", 1, 2, ""),
    "[UI] 🚀 [API] 1.2: mixed": ("", 1, 2, ""),
    "[UI][AUTH-1.2] no space": ("AUTH", 1, 2, ""),
    "[ARK-123] [AUTH-1.2] an id is a tag here": ("AUTH", 1, 2, ""),
    "[ ] 1.2: box": ("", 1, 2, ""),
    "[] 1.2: empty tag": ("", 1, 2, ""),
    "[v1.2] Phase 2.1": ("", 2, 1, ""),
    # what is no second key
    "[AUTH-1.2] needs Python 3.12": ("AUTH", 1, 2, ""),
    "1.2: upgrade to 2.0": ("", 1, 2, ""),
    "[AUTH-1.2] see phase 3": ("AUTH", 1, 2, ""),
}

KEYED_AND_NOTED = {
    "1.10: wide task": ("", 1, 10, ""),
    "1.10 - wide task": ("", 1, 10, ""),
    "3.12a: wide task": ("", 3, 12, "a"),
    "[AUTH-1.2] [AUTH-1.3] two tags": ("AUTH", 1, 2, ""),
    "[AUTH-1.2][UI-2.1] two tags": ("AUTH", 1, 2, ""),
    "[AUTH-1.2] follows [AUTH-1.1]": ("AUTH", 1, 2, ""),
    "[AUTH-1.2] 1.3: tag and bare": ("AUTH", 1, 2, ""),
    "[AUTH-1.2] Phase 1.3": ("AUTH", 1, 2, ""),
    "1.2: 1.3: two bare": ("", 1, 2, ""),
    "1.2: [AUTH-1.3] bare and tag": ("", 1, 2, ""),
    "Phase 1.2 / Task 1.3": ("", 1, 2, ""),
    "Phase 1.2 and 1.3": ("", 1, 2, ""),
    "Phase 1.2, 1.3": ("", 1, 2, ""),
}

META = ["META:", "[meta] x", "🚀 META: x", "[UI] META: x", "META: [AUTH-1.2] x", "[META] 1.2: x", "[UI] [Meta] x"]

IDS = {
    "ARK-1": ("ARK", 1),
    " ARK-1 ": ("ARK", 1),
    "ark-12": ("ARK", 12),
    "[MY-APP-123] x": ("MY-APP", 123),
    "[UI] [ARK-123] x": ("ARK", 123),
    "[ARK-123]": ("ARK", 123),
    "🚀 [ARK-123] x": ("ARK", 123),
    "[ARK-123456789] big": ("ARK", 123456789),
    "[ARK-1] [ARK-2] first": ("ARK", 1),
}

NEAR_MISSES = [
    # not leading
    "Implement login [AUTH-1.2]",
    "x[AUTH-1.2] glued",
    "Finish Phase 2.1 tests",
    "Login (Task 1.5)",
    "- 1.2: list marker",
    "#1.2: hash",
    "**1.2:** bold",
    "• 1.2: bullet",
    "**Phase 1.2** bold",
    ": [AUTH-1.2] x",
    # glued
    "PHASE2.1",
    "Phase2.1: x",
    "Phase 1.2Setup",
    "Phase 1.2_x",
    "Task1.5 x",
    "[AUTH1.2] x",
    "1.2Setup database",
    "1.2-Setup database",
    # padded
    "[AUTH-01.2] x",
    "[AUTH-1.02] x",
    "01.2: x",
    "1.02: x",
    "1.00 - x",
    "Phase 01.2",
    "[ AUTH-1.2 ] x",
    "[AUTH-1.2 ] x",
    "[AUTH- 1.2] x",
    # other brackets
    "(1.2) x",
    "(1.2): x",
    "{1.2} x",
    "<1.2> x",
    "[1.2] x",
    "{AUTH-1.2} x",
    "<AUTH-1.2> x",
    "「AUTH-1.2」x",
    "【1.2】x",
    "Fix login (AUTH-1.2)",
    "(Phase 1.2) x",
    "[Phase 1.2] x",
    "[[AUTH-1.2]] x",
    "AUTH-1.2",
    "AUTH-1.2 no brackets",
    "[AUTH-1.2 unclosed",
    "AUTH-1.2] unopened",
    # levels, ranges
    "1.2.3 - x",
    "1.2.3.4: x",
    "Phase 1.2.3",
    "[AUTH-1.2.3]",
    "1.2-1.4: x",
    "1.2–1.4: x",
    "1.2..1.4: x",
    "1.2 - 1.4: x",
    "1.2/1.3: x",
    "Phase 1.2-1.4",
    "Phase 1.2-3",
    "Phase 1.2 – 1.4 x",
    "Phase 1.2 to 1.4 x",
    "[AUTH-1.2-1.4] x",
    "[AUTH-1.2..1.4] x",
    "[AUTH-1.2–1.4] x",
    "[AUTH-1.2, AUTH-1.3] x",
    # one number
    "Phase 1: x",
    "phase 2 x",
    "Task 12",
    "[Phase 1] x",
    "PHASE-2.1 x",
    "Phase #2.1 x",
    "Phase: 2.1 x",
    # numbers above 99
    "100.1: x",
    "1.100: x",
    "[AUTH-100.1] x",
    "[AUTH-1.100] x",
    "Phase 100.1",
    "Phase 1.100 x",
    # full-width
    "１.２: x",
    "1.2： x",
    "［AUTH-1.2］ x",
    "[ＡＵＴＨ-1.2] x",
    "[AUTH－1.2] x",
    "Phase　1.2 ideographic space",
    "META： x",
    # bare, other ends
    "1.2 Über",
    "1.2b Setup",
    "1.2. Setup",
    "1.2 : x",
    "1.2 – en dash",
    "1.2 — em dash",
    "1.2— em dash",
    "1.2- x",
    "1.2 -x",
    "1.2 -",
    "1.2] x",
    "1.2, x",
    "1.2ab: two letters",
    "[AUTH-1.2ab] x",
    "[AUTH 1.2] x",
    "[AUTH_1.2] x",
    "[AUTH:1.2] x",
    "[12-1.2] no letter in the prefix",
    "[AUTH!-1.2] x",
    "[A B-1.2] x",
    # META
    "META Project Tracker",
    "META - Project",
    "META : Project",
    "(META) Project",
]

PLAIN = [
    "",
    " ",
    "🚀",
    "[",
    "[UI]",
    "[UI] Fix",
    "3.5 inch",
    "3.5mm jack",
    "1.2x speed-up",
    "1.5GB limit",
    "1.2% growth",
    "$1.20: price",
    "12:30 stand-up",
    "v1.2 - notes",
    "[v1.2] notes",
    "Upgrade to 1.2 - now",
    "Step 1.2: x",
    "Milestone 1.2",
    "Subtask 3.2",
    "Sub-task 3.2: x",
    "2026.11.21: date",
    "[12.11.2026] date",
    "127.0.0.1: bind",
    "Phase out Python 3.12",
    "Phase two",
    "Taskforce 1.2",
    "Metadata: x",
    "Meta tags",
    "Fix META: x",
    "Upgrade lodash-4.17",
    "ARK-123: x",
    "ARK-123 x",
    "[123-4] x",
    "[-1] x",
    "१.२: devanagari digits",
    "[AUTH-٣.٤] arabic digits",
    "1,2: x",
    "1-2: x",
    "1: x",
    "1. x",
    ".2: x",
    "C++20: x",
    "Support TLS 1.3",
    "HTTP/2: x",
    "[ARK-1234567890] too long for an id",
]


@pytest.mark.parametrize("title", KEYED)
def test_keyed(title: str) -> None:
    """A key that leads its title is read, and nothing is remarked on."""
    assert parse(title) == Keyed(*KEYED[title])


@pytest.mark.parametrize("title", KEYED_AND_NOTED)
def test_keyed_with_a_note(title: str) -> None:
    """An odd key counts, and is reported."""
    found = parse(title)

    assert isinstance(found, Keyed)
    assert found.note
    assert Keyed(found.prefix, found.phase, found.task, found.suffix) == Keyed(*KEYED_AND_NOTED[title])


@pytest.mark.parametrize("title", META)
def test_meta(title: str) -> None:
    """`META:` and `[META]` make a tracker, whatever follows."""
    assert parse(title) == Meta()


@pytest.mark.parametrize("title", IDS)
def test_ids(title: str) -> None:
    """One number after a prefix is an id, in a tag or as the whole title."""
    assert parse(title) == Id(*IDS[title])


@pytest.mark.parametrize("title", NEAR_MISSES)
def test_near_misses(title: str) -> None:
    """What only looks like a key is no key, and is reported."""
    found = parse(title)

    assert isinstance(found, Unkeyed)
    assert found.note.startswith("near-miss: ")


@pytest.mark.parametrize("title", PLAIN)
def test_plain_titles(title: str) -> None:
    """Decimals, dates, versions and prose are neither keys nor near misses."""
    assert parse(title) == Unkeyed()


def test_an_id_is_a_near_miss_only_among_keys_of_its_prefix() -> None:
    """`[AUTH-1]` beside `[auth-1.2]` is reported; `[ARK-1]` stays an id."""
    found = parse_all({1: "[auth-1.2] a", 2: "[AUTH-1] b", 3: "[ARK-1] c", 4: "AUTH-7"})

    assert (type(found[2]), type(found[4])) == (Unkeyed, Unkeyed)
    assert found[2].note
    assert found[3] == Id("ARK", 1)


def test_labels() -> None:
    """A key is shown as the seeds show it."""
    assert [t.label for t in map(parse, ["[auth-1.2B] x", "1.2: x", "ark-7"]) if isinstance(t, Keyed | Id)] == [
        "AUTH-1.2b",
        "1.2",
        "ARK-7",
    ]


@given(st.text(max_size=60))
def test_total(title: str) -> None:
    """Any text at all has exactly one kind."""
    assert isinstance(parse(title), Keyed | Meta | Id | Unkeyed)


@given(st.text(alphabet="[]()-.:12aAé 🚀phsetkPME\u0661Ａ１", max_size=24))
def test_surroundings_never_make_a_key_of_something_else(title: str) -> None:
    """White space and tags before a title leave its kind as it is."""
    plain = parse(title)
    if isinstance(plain, Keyed | Meta):
        assert parse(f"  [UI] {title}") == plain


@pytest.mark.parametrize("unit", ["[", "]", "(", "A-", "1.", "[AUTH-1.2]", "🚀", "Phase ", "１", "- 1.2"])
def test_hostile_lengths_are_read_at_once(unit: str) -> None:
    """A megabyte of anything costs no more than a long title."""
    started = time.process_time()
    parse(unit * (1_000_000 // len(unit)))

    assert time.process_time() - started < 0.2
