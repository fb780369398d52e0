"""Where the server can be killed: before, amid and after each step of cases/hard-cases.md, from a delivery to its end.

    s0 receive ─▶ s1 verify ─▶ s2 commit ─▶ s3 answer 202
    s4 take the lane ─▶ s5 read ─▶ s6 commit the intent ─▶ s7 dispatch ─▶ s8 commit its run ─▶ s9 say ─▶ s10 finish

*Before* is where the step is called, *after* where it has come back; between the two its effect is there or not, as luck
has it. *Amid* is the worst moment of a call: GitHub has done it, and its answer is never read.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Moment:
    """One place to die."""

    step: str
    when: Literal["before", "amid", "after"]
    about: str

    @property
    def name(self) -> str:
        """`after s6`."""
        return f"{self.when} {self.step}"

    @property
    def is_outside(self) -> bool:
        """Whether GitHub is who sees this moment, and not the server itself."""
        return self.when == "amid"

    @property
    def is_of_a_run(self) -> bool:
        """Whether it takes a run that begins or ends to come by here."""
        return self.step in ("s6", "s7", "s8", "s9", "release")

    @property
    def is_receiving(self) -> bool:
        """Whether it takes a webhook to come by here."""
        return self.step in ("s0", "s1", "s2", "s3")


MOMENTS = (
    Moment("s0", "before", "a request to /webhook begins"),
    Moment("s0", "after", "its body is whole, nothing is verified"),
    Moment("s1", "after", "the signature is right"),
    Moment("s2", "before", "the row is handed to the writer"),
    Moment("s2", "after", "the row is committed, nobody was told"),
    Moment("s3", "before", "202 is about to be sent"),
    Moment("s3", "after", "202 was sent"),
    Moment("s4", "before", "a lane is about to be taken"),
    Moment("s4", "after", "a lane was taken, nothing was done"),
    Moment("s5", "before", "GitHub is about to be read"),
    Moment("s5", "after", "GitHub was read, nothing was decided"),
    Moment("s6", "before", "the intent is about to be committed"),
    Moment("s6", "after", "the intent is committed, nothing was sent"),
    Moment("s7", "before", "the dispatch is about to be sent, and is noted as sent"),
    Moment("s7", "amid", "GitHub has made the run, its answer is never read"),
    Moment("s7", "after", "GitHub's answer is read, and in no database"),
    Moment("s8", "before", "the run's id is about to be committed"),
    Moment("s8", "after", "the run's id is committed, nothing was said"),
    Moment("s9", "before", "comments and labels are about to be written"),
    Moment("s9", "amid", "GitHub has one of them, its answer is never read"),
    Moment("s9", "after", "everything of this pass is written"),
    Moment("release", "before", "an ended run's claim is about to be released"),
    Moment("release", "after", "it is released, the pass is not finished"),
    Moment("s10", "before", "the lane is about to be given back"),
    Moment("s10", "after", "it was given back"),
)
BY_NAME = {moment.name: moment for moment in MOMENTS}
ANYWHERE = "anywhere"
"""A kill by the clock."""
DATABASE = "database"
"""Not the server: PostgreSQL itself is stopped without tidying up (SIGQUIT), and started again."""
