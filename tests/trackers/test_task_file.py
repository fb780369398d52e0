"""The text of a task file: what people write, and that they get it back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.trackers.task_file import BadTask, TaskFile, new_text, parse, quoted, title_of
from bot.trackers.tracker import Priority, Status

WRITTEN = """\
---
# who looks after this: ops
status:   in progress   # since Monday
priority: High
labels: [backend, "needs: care"]
depends_on:
  - AUTH-1.1
  - set-up
estimate: {days: 3}
---

# [AUTH-1.2] Limit the rate of logins  #

After five wrong passwords …

```sh
# not a heading
```

## Acceptance criteria
- [ ] the sixth is refused
"""


def test_what_people_write_is_read() -> None:
    task = parse(WRITTEN)

    assert task.title == "[AUTH-1.2] Limit the rate of logins"
    assert (task.status, task.priority) == (Status.IN_PROGRESS, Priority.HIGH)
    assert task.labels == {"backend", "needs: care"}
    assert task.depends_on == ("AUTH-1.1", "set-up")
    assert task.body.startswith("After five")
    assert task.body.endswith("- [ ] the sixth is refused")


def test_a_heading_is_enough() -> None:
    task = parse("# Paint the door\n")

    assert (task.title, task.status, task.priority, task.depends_on) == (
        "Paint the door",
        Status.TODO,
        Priority.NORMAL,
        (),
    )


def test_an_edit_changes_one_value_and_nothing_else() -> None:
    assert parse(WRITTEN).edited({"status": "blocked"}) == WRITTEN.replace("in progress", "blocked")


@pytest.mark.parametrize("text", [WRITTEN, WRITTEN.replace("\n", "\r\n"), "\ufeff" + WRITTEN])
def test_a_key_that_was_added_and_taken_out_leaves_the_same_bytes(text: str) -> None:
    claimed = parse(text).edited({"claimed_by": quoted("laptop: 1")})

    assert parse(claimed).claimed_by == "laptop: 1"
    assert claimed != text
    assert parse(claimed).edited({"claimed_by": ""}) == text
    assert claimed.count("\r\n") in (0, claimed.count("\n"))


@pytest.mark.parametrize("text", ["# A\n", "\ufeff# A\r\n\r\nB", "---\n---\n# A", "---\r\nstatus:\r\n---\r\n# A\r\n"])
def test_a_status_can_be_set_in_any_file(text: str) -> None:
    edited = parse(text).edited({"status": "done"})

    assert parse(edited).status is Status.DONE
    assert parse(edited).title == "A"
    assert edited.replace("\r\n", "").count("\n") in (0, edited.count("\n"))


def test_notes_are_added_at_the_end_under_one_heading() -> None:
    once = parse("# A\n\nText without an end").noted("ada, 20:01 UTC", "One.\nTwo.\n")
    twice = parse(once).noted("ada, 20:02 UTC", "# Three.\n")

    assert once == "# A\n\nText without an end\n\n## Notes\n\n**ada, 20:01 UTC**\n\nOne.\nTwo.\n"
    assert twice == once + "\n**ada, 20:02 UTC**\n\n# Three.\n"
    assert parse(twice).title == "A"


def test_a_heading_in_code_is_no_section() -> None:
    text = "# A\n\n## Notes\n\n```\n## Other\n```\n"

    assert parse(text).noted("ada", "B").count("## Notes") == 1


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the task has no title"),
        ("---\nstatus: todo\n---\nno heading\n", 4, "the task has no title"),
        ("---\nstatus: todo\n# A\n", 1, "the front matter has no end"),
        ("---\nstatus: started\n---\n# A\n", 2, "there is no status `started`; use one of todo, in_progress"),
        ("---\nx: 1\npriority: p1\n---\n# A\n", 3, "there is no priority `p1`"),
        ("---\nstatus: todo\nstatus: done\n---\n# A\n", 3, "`status` is there twice"),
        ("---\nx: 1\ndepend_on: [A]\n---\n# A\n", 3, "there is no key `depend_on`; did you mean `depends_on`?"),
        ("---\nstatus: [todo]\n---\n# A\n", 2, "`status` must be one word"),
        ("---\ndepends_on: [[A]]\n---\n# A\n", 2, "`depends_on` must be a list of texts"),
        ("---\nx: 1\ny: [\n---\n# A\n", 3, "this is not YAML"),
        ("---\n{status: todo}\n---\n# A\n", 2, "must be lines like"),
        ("---\n- todo\n---\n# A\n", 2, "must be lines like"),
        ("---\n  status: todo\n---\n# A\n", 2, "not indented"),
        ("---\nstatus: todo\n...\n---\n# A\n", 3, "can't begin with `...`"),
        ("---\nx: 1\nstatus: t\x00\n---\n# A\n", 3, "a character that YAML does not allow"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(BadTask) as caught:
        parse(text)

    assert words in caught.value.text
    assert caught.value.line == line


def test_keys_of_other_tools_are_none_of_our_business() -> None:
    assert parse("---\nowner: ada\nsprint: 7\n---\n# A\n").title == "A"


@pytest.mark.parametrize("value", ["a", "AUTH-1.1", "no", "a: b", '"', "\\", "#7", "https://a.example/b#c", "é", "- x"])
def test_quoted_values_are_read_back(value: str) -> None:
    assert parse(f"---\nmilestone: {quoted(value)}\n---\n# A\n").milestone == value


def test_a_new_file_reads_as_what_it_was_made_of() -> None:
    task: TaskFile = parse(
        new_text("[AUTH-1.1] Log in", "Body.\n", {"status": "todo", "priority": "high", "labels": ""})
    )

    assert (task.title, task.body, task.priority) == ("[AUTH-1.1] Log in", "Body.", Priority.HIGH)


def test_the_title_of_a_broken_file_is_still_known() -> None:
    assert title_of("---\nstatus: [\n---\n# [X-1.1] A\n") == "[X-1.1] A"
    assert title_of("---\nstatus: todo\n# [X-1.1] A\n") == "[X-1.1] A"


LINES = st.sampled_from(
    [
        "---",
        "status: todo",
        "status:",
        "status: 'done'  # x",
        "priority: >-\n  high",
        "depends_on:\n- a\n- b",
        "labels: []",
        "x: |\n  ---\n  y",
        "# [A-1.1] Title",
        "## Notes",
        "```",
        "\u2028",
        "\x0b",
        "\x85",
        "",
        "text: #",
        "é 🙂",
        "...",
        "? a",
    ]
)


@given(st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_people_write_is_refused_with_a_line_or_edited_and_given_back(
    lines: list[str], end: str, fenced: bool
) -> None:
    text = ("---\n" if fenced else "") + "\n".join([*lines, "---\n# Last" if fenced else ""])
    text = text.replace("\n", end)
    try:
        before = parse(text)
    except BadTask as bad:
        assert 1 <= bad.line <= text.count("\n") + 1  # noqa: PT017
        return
    claimed = parse(before.edited({"claimed_by": "ada"}))

    assert claimed.claimed_by == "ada"
    assert (claimed.title, claimed.status, claimed.body) == (before.title, before.status, before.body)
    given_back = claimed.edited({"claimed_by": ""})
    assert given_back == text or (not text.startswith("---") and parse(given_back).body == before.body)
    moved = parse(before.edited({"status": "blocked"}))
    assert (moved.status, moved.title, moved.depends_on) == (Status.BLOCKED, before.title, before.depends_on)
    assert parse(before.noted("ada", "Note.")).title == before.title
