"""A board's diagram, rendered by the real Mermaid in Chromium: whatever a title is, it is the text of one node.

Only where AI_READY_TEST_NPM is set and Chromium is there.
"""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.boards.board import Board, Member, State
from bot.core.boards.scope import Scope
from bot.core.messages.mermaid import LONGEST, chart, escaped
from bot.core.titles import Keyed, Unkeyed
from tests.npm import installed, needs_npm

MERMAID = ("mermaid", "11.12.0")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""

HOSTILE = (
    "Quotes \" and `ticks` and 'single'",
    '"] --> n1["click me"]; click n1 "https://evil.test"',
    "%% comment %%{init: {'theme':'dark'}}%%",
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "end subgraph graph TD classDef style linkStyle",
    "1. a list",
    "- another",
    "# heading **bold** _em_ ~~gone~~ $$x^2$$",
    "a\nb\r\nc\u2028d",
    "fa:fa-bomb :::done {{x}} ((y)) >z] {w}",
    "#35; #quot; &lt;b&gt; &amp; &#60;",
    "\u202eright to left\u202c مرحبا بالعالم",
    "日本語のタイトル 🚀👩‍👩‍👧 e\u0301\u0301\u0301",
    "x" * 10_000,
    "```\nmermaid\n```",
    "<!-- /ai-ready:board -->",
    "\\n \\ / | @alice #1 fixes #2",
    "",
    " ",
)

PAGE = """<!doctype html><meta charset="utf-8"><pre id="answer"></pre>
<script src="{script}"></script>
<script type="module">
mermaid.initialize({{startOnLoad: false, securityLevel: "strict"}});
const answers = [];
for (const [index, text] of {charts}.entries()) {{
  try {{
    const {{svg}} = await mermaid.render("chart" + index, text);
    const page = new DOMParser().parseFromString(svg, "text/html");
    answers.push({{
      labels: [...page.querySelectorAll(".nodeLabel")].map(label => label.textContent),
      odd: page.querySelectorAll("script,img,a,iframe").length,
      edges: page.querySelectorAll(".edgePaths path").length,
    }});
  }} catch (error) {{ answers.push({{error: String(error)}}); }}
}}
document.getElementById("answer").textContent = JSON.stringify(answers);
</script>"""


def member(number: int, title: str, phase: int = 1, state: State = State.WAITING) -> Member:
    return Member(number, Keyed("A", phase, number % 100), title, state, "prefix:A", number)


def board(*members: Member) -> Board:
    return Board(Scope("prefix", "A"), members, (), (), parallel=False, last_closed=None)


def rendered(folder: Path, *charts: str) -> list[dict[str, object]]:
    """What Mermaid makes of these."""
    page = folder / "page.html"
    script = (installed(*MERMAID) / "dist" / "mermaid.min.js").as_uri()
    page.write_text(PAGE.format(script=script, charts=json.dumps(charts).replace("</", "<\\/")))
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
    wait = ("--virtual-time-budget=60000", "--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}")
    done = subprocess.run(
        [CHROMIUM, *quiet, *wait, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True, timeout=100
    )
    found = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None
    answers: list[dict[str, object]] = json.loads(html.unescape(found[1]))
    return answers


def shown(text: str, limit: int) -> str:
    """What a reader sees of an escaped text."""
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), escaped(text, limit))


@needs_npm[0]
@needs_npm[1]
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium")
def test_the_real_mermaid_shows_every_title_as_the_text_of_its_node(tmp_path: Path) -> None:
    nasty = board(*(member(number, title) for number, title in enumerate(HOSTILE, 1)))
    hundred = board(*(member(n, "ю" * 300 + "<" * 300, n // 20, State.CLOSED) for n in range(1, 101)))
    phases = board(*(member(n, "x", n % 90) for n in range(1, 5000)))
    keyless = board(*(replace(member(n, "x"), key=Unkeyed()) for n in range(1, 4)))

    first, *rest = rendered(tmp_path, *map(chart, (nasty, hundred, phases, keyless)))

    labels = first["labels"]
    assert isinstance(labels, list)
    for number, title in enumerate(HOSTILE, 1):
        words = shown(f"#{number} {title or f'A-1.{number}'}".rstrip(), 60)
        assert f"⏳ {words}" in labels
    assert len(labels) == len(HOSTILE) + 1, "and the phase"
    assert (first["odd"], first["edges"]) == (0, len(HOSTILE) - 1)
    assert ["error" in answer for answer in rest] == [False, False, False]


def test_a_chart_is_never_longer_than_mermaid_takes() -> None:
    worst = board(*(member(n, "\U0001f680" * 300, n // 20) for n in range(1, 101)))
    beside = board(*(replace(member(n, "x"), key=Keyed("A", n // 50, 1)) for n in range(100)))

    assert len(chart(worst)) <= LONGEST
    assert chart(worst).count(":::") == 100
    assert chart(beside).count("-->") == 400


@given(st.sampled_from(HOSTILE) | st.text(max_size=200))
def test_nothing_of_a_title_is_syntax(title: str) -> None:
    """Only letters, digits and harmless punctuation are as they are."""
    rest = re.sub(r"#\d+;", "", escaped(title, 60))

    assert all(char.isalnum() or char in " .,-" for char in rest)
    assert "\u202e" not in shown(title, 60)
    assert len(shown(title, 60)) <= 60
