"""What we write (O): which test holds which case."""

CASES = {
    "O01 nobody is mentioned": (
        "core/test_outbound.py::test_a_hostile_title_does_nothing_inside_our_markdown",
        "core/test_outbound.py::test_inert_is_inert",
    ),
    "O02 only our own reference closes an issue": (
        "core/test_outbound.py::test_a_fence_neutralises_what_acts_when_a_pr_body_becomes_a_commit_message",
        "core/test_outbound.py::test_a_title_is_one_plain_line",
        "job/test_publish.py::test_the_title_can_t_command_through_the_commit",
    ),
    "O04 no beacons, no links": (
        "core/test_outbound.py::test_inert_is_inert",
        "stories/test_cancel.py::test_the_job_summary_obeys_nobody",
    ),
    "O05 ten megabytes become a comment": (
        "core/test_outbound.py::test_a_comment_never_exceeds_its_limit",
        "core/test_outbound.py::test_a_fence_holds_whatever_is_in_it",
        "core/test_messages.py::test_no_comment_is_longer_than_github_takes",
    ),
    "O06 what GitHub would refuse is cleaned": (
        "core/test_outbound.py::test_clean_takes_out_what_a_reader_cannot_see",
        "core/test_outbound.py::test_nothing_invisible_is_left",
    ),
    "O07 a forged marker": (
        "core/test_plan.py::test_a_verdict_forged_by_somebody_else_is_not_seen",
        "core/test_plan_ledger.py::test_what_somebody_else_forged_is_not_ours_to_delete",
        "core/test_outbound.py::test_nothing_foreign_forges_our_hidden_block",
    ),
    "O08 our comment, edited or deleted by a person": (
        "stories/test_commands.py::test_our_own_comments_may_be_deleted_and_edited",
        "stories/test_server_missing.py::test_a_request_whose_verdict_was_deleted_is_not_looked_at_again_and_again",
    ),
    "O09 the agent's words command nobody": (
        "core/test_replies.py::test_what_the_agent_says_commands_nobody",
        "core/test_outbound.py::test_inert_is_inert",
    ),
    "O10 a title of one plain line": (
        "core/test_outbound.py::test_a_title_is_one_plain_line",
        "core/test_outbound.py::test_one_line_is_one_line",
    ),
    "O12 every reason has its words and its next step": (
        "core/test_messages.py::test_every_reason_has_its_verdict_its_advice_and_its_command",
        "core/test_messages.py::test_every_end_without_a_verdict_has_its_reason_and_its_sentence",
        "stories/test_blocked.py::test_a_run_that_does_not_succeed_says_why",
    ),
    "O13 laws of cleaning: idempotent, bounded, linear": (
        "core/test_outbound.py::test_everything_is_idempotent",
        "core/test_outbound.py::test_nothing_invisible_is_left",
        "core/test_outbound.py::test_a_megabyte_takes_well_under_seconds",
        "laws/test_outbound.py::test_pieces_of_documents_stay_text",
        "laws/test_outbound.py::test_time_is_linear",
        "laws/test_redact.py::test_redacting_twice_is_redacting_once",
        "laws/test_redact.py::test_time_is_linear",
    ),
    "O14 hidden text in what people write is taken out and counted; the rest is left alone": (
        "agent/test_sanitize.py::test_hidden_text_goes_and_is_counted",
        "agent/test_sanitize.py::test_invisible_characters_go_and_are_counted",
        "agent/test_sanitize.py::test_what_everybody_sees_is_left_alone",
        "laws/test_sanitize.py::test_an_ordinary_document_stays_as_it_is",
        "laws/test_sanitize.py::test_what_is_planted_in_a_line_is_read_by_the_agent_if_a_person_can_read_it",
        "laws/test_sanitize.py::test_what_is_planted_between_paragraphs_goes",
        "laws/test_sanitize.py::test_what_is_spelled_invisibly_goes_from_everywhere",
    ),
}
