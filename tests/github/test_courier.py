"""What is sent again, when, and what never is."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from bot.github.answers import answer_of
from bot.github.courier import ATTEMPTS, Courier
from bot.github.exchange import Answer, Request, get, query
from tests.github.stage import Hourglass

READ = get("/repos/acme/shop/issues")
WRITE = Request("POST", "/repos/acme/shop/pulls", {"title": "x"}, creates=1)
PLAIN_WRITE = Request("POST", "/repos/acme/shop/git/refs", {"ref": "x"})


@dataclass(slots=True)
class Scripted:
    """A wire that answers by script (the last answer for ever) and remembers when it was asked."""

    answers: list[Answer]
    glass: Hourglass
    sent: list[tuple[float, Request]] = field(default_factory=list)

    def send(self, request: Request) -> Answer:
        self.sent.append((self.glass.at, request))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def asked(request: Request, *answers: Answer) -> tuple[Answer, Scripted]:
    glass = Hourglass()
    wire = Scripted(list(answers), glass)
    return Courier(wire, glass.timing).send(request), wire


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504])
def test_a_read_is_repeated_until_it_works(status: int) -> None:
    """No answer and 5xx pass; the pauses grow."""
    answer, wire = asked(READ, Answer(status), Answer(status), Answer(200, {}))

    assert answer.ok
    assert len(wire.sent) == 3
    assert wire.glass.slept == [0.5, 1.0]


def test_a_read_is_given_up_after_a_while() -> None:
    """A GitHub that stays down is reported, not waited for without end."""
    answer, wire = asked(READ, Answer(502))

    assert answer.status == 502
    assert len(wire.sent) == ATTEMPTS
    assert sum(wire.glass.slept) < 60


@pytest.mark.parametrize("status", [0, 500, 502, 504])
@pytest.mark.parametrize("request_", [WRITE, PLAIN_WRITE], ids=["content", "ref"])
def test_a_write_without_an_answer_is_never_repeated(status: int, request_: Request) -> None:
    """It may have been done: the story has to look."""
    answer, wire = asked(request_, Answer(status), Answer(201))

    assert answer.ambiguous
    assert len(wire.sent) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_no_is_an_answer(status: int) -> None:
    """A refusal is not asked again."""
    answer, wire = asked(READ, Answer(status), Answer(200))

    assert answer.status == status
    assert len(wire.sent) == 1


def test_a_rate_limit_is_waited_out_to_the_second_also_for_writes() -> None:
    """`Retry-After: 37`: nothing goes out for 37 s, then the same request does (it was refused before it was done)."""
    answer, wire = asked(WRITE, Answer(403, {}, retry_after=37.0), Answer(201, {}))

    assert answer.ok
    (first, _), (second, _) = wire.sent
    assert 37 <= second - first < 39


def test_a_long_rate_limit_is_reported_instead_of_slept_through() -> None:
    """A job that sleeps for twenty minutes costs as much as one that works."""
    answer, wire = asked(READ, Answer(403, {}, retry_after=1200.0))

    assert answer.retry_after == 1200.5  # with a little dice
    assert wire.glass.slept == []


def test_a_query_with_holes_that_pass_is_asked_again() -> None:
    """GraphQL says 200 and leaves out what it had no time for."""
    hole = {"data": {"repository": None}, "errors": [{"message": "Something went wrong while executing your query."}]}
    answer, wire = asked(query("query { viewer { login } }"), Answer(200, hole), Answer(200, {"data": {}}))

    assert answer.body == {"data": {}}
    assert len(wire.sent) == 2


def test_content_goes_out_in_a_small_burst_then_one_a_second() -> None:
    """GitHub allows 80 comments a minute; five at once, then evenly."""
    glass = Hourglass()
    wire = Scripted([Answer(201, {})], glass)
    courier = Courier(wire, glass.timing)

    for _ in range(100):
        courier.send(WRITE)

    times = [at for at, _ in wire.sent]
    assert times[:5] == [1000.0] * 5
    assert all(later - earlier == pytest.approx(1.0) for earlier, later in pairwise(times[5:]))
    assert sum(at < 1060 for at in times) <= 80


def test_quiet_time_gives_the_burst_back() -> None:
    glass = Hourglass()
    wire = Scripted([Answer(201, {})], glass)
    courier = Courier(wire, glass.timing)
    for _ in range(5):
        courier.send(WRITE)

    glass.at += 60
    for _ in range(5):
        courier.send(WRITE)

    assert glass.slept == []


def test_a_document_pays_for_everything_it_creates() -> None:
    """Twenty comments in one document are twenty comments."""
    glass = Hourglass()
    courier = Courier(Scripted([Answer(200, {"data": {}})], glass), glass.timing)

    courier.send(Request("POST", "graphql", {}, creates=20))

    assert sum(glass.slept) == pytest.approx(15)


def test_reads_are_not_paced() -> None:
    glass = Hourglass()
    courier = Courier(Scripted([Answer(200, {})], glass), glass.timing)

    for _ in range(50):
        courier.send(READ)

    assert glass.slept == []


# ---------------------------------------------------------------------------------- HTTP → Answer

DATE = "Sat, 21 Nov 2026 09:00:00 GMT"
RESET = str(1795251600 + 1200)


@pytest.mark.parametrize(
    ("status", "headers", "text", "wait"),
    [
        (403, {"retry-after": "37"}, '{"message": "You have exceeded a secondary rate limit"}', 37.0),
        (429, {}, "{}", 60.0),
        (403, {}, '{"message": "You have exceeded a secondary rate limit. Please wait"}', 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET, "date": DATE}, "{}", 1200.0),
        (403, {"retry-after": "soon"}, "{}", 60.0),
        (403, {}, '{"message": "Resource not accessible by integration"}', None),
        (200, {"x-ratelimit-remaining": "0"}, "{}", None),
    ],
    ids=["retry-after", "429", "secondary, no header", "primary", "odd header", "permission", "last allowed"],
)
def test_rate_limits_are_told_from_refusals(
    status: int, headers: dict[str, str], text: str, wait: float | None
) -> None:
    assert answer_of(status, headers, text).retry_after == wait


def test_graphql_rate_limits_come_with_200() -> None:
    text = '{"data": null, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}'
    answer = answer_of(200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET, "date": DATE}, text)

    assert (answer.status, answer.retry_after) == (429, 1200.0)


@pytest.mark.parametrize("text", ["<html>Bad gateway</html>", '{"data":', "[" * 100_000])
def test_what_is_not_json_is_no_answer_from_github(text: str) -> None:
    """A proxy's page with 200 is as good as none: reads are asked again, writes are in doubt."""
    assert answer_of(200, {}, text).ambiguous
    assert answer_of(404, {}, text).status == 404
