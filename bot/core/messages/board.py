"""The words of a board, and of the comment with which it is closed."""

from collections.abc import Callable, Iterable, Sequence

from bot.core.boards.block import END, START, Memory
from bot.core.boards.board import Board, Member, State
from bot.core.boards.scope import Scope
from bot.core.markers import hide
from bot.core.messages.mermaid import GLYPHS, chart
from bot.core.messages.words import money
from bot.core.names import BOARD_MARKER
from bot.core.outbound import code_span

BAR = 20
"""Characters of the progress bar."""
LISTED = 10
"""Issues named on one line."""


def board_block(board: Board, memory: Memory, room: int) -> str:
    """The whole block, markers included, in at most `room` characters; empty: not even its shortest form fits.

    Where the body is nearly full the diagram is left out first.
    """
    lines = "\n".join(_lines(board))
    drawn = chart(board)
    diagram = [f"```mermaid\n{drawn}\n```"] if drawn else []
    for middle in (diagram, []):
        parts = [_progress(board), *middle, lines, _FOOT, f"{memory.line()}\n{END}"]
        text = f"{START}\n" + "\n\n".join(part for part in parts if part)
        if len(text) <= room:
            return text
    return ""


def closing(board: Board) -> str:
    """Why the issue is closed, and what reopening it means."""
    count = len(board.members)
    issues = "The only issue" if count == 1 else f"All {count} issues"
    return (
        f"**Closed**: {issues} of {_what(board.scope)} {'is' if count == 1 else 'are'} closed; "
        f"the runs cost {money(board.usd)} in all.\n\n"
        "Reopen this one if there is more to come. It is closed again only after another issue of the series was closed."
        f"\n\n{hide(BOARD_MARKER, {'v': 1, 'closed': count})}"
    )


_FOOT = (
    "<sub>Kept by ai-ready. What is written outside of this block stays as it is; "
    "what is written inside is overwritten.</sub>"
)


def _what(scope: Scope) -> str:
    match scope.kind:
        case "prefix":
            return f"the series {code_span(scope.name)}"
        case "milestone":
            return f"the milestone {code_span(scope.name)}"
        case "list":
            return "this list"
        case "repository":
            return "this repository's series"


def _progress(board: Board) -> str:
    done, count = board.closed, len(board.members)
    filled = BAR * done // count if count else 0
    bar = "█" * filled + "░" * (BAR - filled)
    share = f" ({100 * done // count} %)" if count else ""
    return f"`{bar}` **{done} of {count} closed**{share}, cost so far {money(board.usd)}"


def _lines(board: Board) -> Iterable[str]:
    by_state: dict[State, list[Member]] = {}
    for member in board.members:
        by_state.setdefault(member.state, []).append(member)
    by_number = {member.number: member for member in board.members}
    waiting = [by_number[number] for number in board.next_up]
    yield from _line(State.RUNNING, "Running now", by_state.get(State.RUNNING, []), _name)
    yield from _line(State.QUEUED, "Queued", by_state.get(State.QUEUED, []), _name)
    yield from _line(State.WAITING, "Next up", waiting, _waiting)
    yield from _line(State.REVIEW, "In review", by_state.get(State.REVIEW, []), _review)
    yield from _line(State.BLOCKED, "Blocked", by_state.get(State.BLOCKED, []), _blocked)
    yield from _line(State.APPROVAL, "Awaiting approval of a plan", by_state.get(State.APPROVAL, []), _name)
    yield from _line(State.IDLE, "Not asked for yet", by_state.get(State.IDLE, []), _name)


def _line(state: State, words: str, members: Sequence[Member], name: Callable[[Member], str]) -> Iterable[str]:
    if members:
        named = ", ".join(name(member) for member in members[:LISTED])
        more = f" and {len(members) - LISTED} more" if len(members) > LISTED else ""
        yield f"- {GLYPHS[state]} **{words}:** {named}{more}"


def _name(member: Member) -> str:
    return f"#{member.number} {code_span(member.label)}".rstrip()


def _waiting(member: Member) -> str:
    if not member.waits and not member.more:
        return f"{_name(member)} (ready)"
    named = [f"#{number}" for number in member.waits]
    more = [f"{member.more} more"] if member.waits and member.more else [f"{member.more}"] if member.more else []
    return f"{_name(member)} (after {' and '.join(filter(None, (', '.join(named), *more)))})"


def _review(member: Member) -> str:
    return f"{_name(member)} (#{member.pull})" if member.pull else _name(member)


def _blocked(member: Member) -> str:
    if not member.reason:
        return _name(member)
    why = f"[{member.reason}]({member.link})" if member.link else member.reason
    return f"{_name(member)} ({why})"
