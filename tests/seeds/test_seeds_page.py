"""Every promise of the systems before has a test, and docs/seeds.md says which."""

from tests.seeds.page import PAGE, page, proofs, rows


def test_every_row_has_a_test() -> None:
    assert {row.id for row in rows()} - proofs().keys() == set()


def test_every_id_in_a_tests_name_is_a_row() -> None:
    assert proofs().keys() <= {row.id for row in rows()}


def test_the_page_is_what_the_tests_are() -> None:
    """`python -m tests.seeds.page` mends a difference."""
    assert PAGE.read_text(encoding="utf-8") == page()
