"""Commands (C): which test holds which case."""

CASES = {
    "C01 a maintainer's /ai run: one reaction, one run": (
        "stories/test_asking.py::test_guidance_reaches_the_agent",
        "core/test_plan.py::test_a_run_comment_by_a_writer_is_acknowledged_and_started",
    ),
    "C02 who may not ask is refused: one reaction, one short reply; by permission, never by association": (
        "github/test_gather.py::test_permission",
        "stories/test_asking.py::test_a_comment_by_somebody_without_write_gets_one_reply",
        "core/test_plan.py::test_a_command_by_a_reader_gets_one_reaction_and_one_short_reply",
    ),
    "C03 a permission that can't be read is no yes": (
        "github/test_gather.py::test_a_permission_that_cannot_be_read_is_unknown",
        "core/test_plan.py::test_a_permission_that_cannot_be_read_starts_nothing_and_refuses_nothing",
        "stories/test_asking.py::test_a_permission_that_can_not_be_read_is_not_a_yes",
    ),
    "C04 a login that somebody else has now": (
        "github/test_gather.py::test_a_reused_login_has_no_permission",
        "github/test_read.py::test_permission_is_of_the_id_not_the_login",
    ),
    "C05 a command that was edited in": (
        "core/test_plan.py::test_bots_edits_and_quotes_command_nothing",
        "stories/test_commands.py::test_a_command_that_was_edited_in_or_deleted_is_none",
    ),
    "C06 a command that was deleted before anybody looked": (
        "stories/test_commands.py::test_a_command_that_was_edited_in_or_deleted_is_none",
    ),
    "C07 quotes, code, HTML, links, other words, sentences": (
        "core/test_commands.py::test_an_ordinary_comment_is_none",
    ),
    "C09 two commands in one comment: the first": ("core/test_commands.py::test_a_command_is_read",),
    "C10 an unknown command: the nearest one, once": (
        "core/test_commands.py::test_a_bad_command_says_what_is_wrong",
        "core/test_replies.py::test_twenty_refusals_in_a_minute_are_one_reply",
    ),
    "C11 bots, ourselves among them: a hundred rounds": (
        "stories/test_loops.py::test_the_server_does_nothing_about_all_that_was_said",
        "stories/test_loops.py::test_a_gate_does_nothing_about_all_that_was_said",
    ),
    "C12 the longest comment, ten thousand lines, a thousand commands": (
        "core/test_commands.py::test_the_longest_comment_takes_no_time",
    ),
    "C13 on pull requests, closed and locked issues, discussions": (
        "stories/test_asking.py::test_a_pull_request_is_not_an_issue",
        "stories/test_asking.py::test_a_closed_issue",
        "core/test_replies.py::test_a_locked_issue_gets_the_reaction_alone",
        "stories/test_server_meanwhile.py::test_a_locked_issue_goes_on",
        "github/test_webhook.py::test_what_we_do_not_know_is_of_no_interest",
    ),
    "C14 /ai run while running, after Done, after Blocked": (
        "core/test_plan.py::test_a_run_comment_while_running_says_so_and_asks_for_nothing_later",
        "stories/test_branches.py::test_a_second_run_continues_the_open_pull_request",
        "stories/test_asking.py::test_asking_again_after_blocked",
    ),
    "C15 twenty requests in a minute": (
        "core/test_replies.py::test_twenty_requests_in_a_minute_are_one_run",
        "core/test_replies.py::test_twenty_refusals_in_a_minute_are_one_reply",
    ),
    "C16 /ai stop races with the end": (
        "stories/test_stop.py::test_stop_that_comes_while_the_result_is_published",
        "stories/test_stop.py::test_stop_twice_is_stopped_once",
        "stories/test_server_stop.py::test_a_run_that_ends_while_it_is_cancelled",
    ),
    "C17 options by allow-list": (
        "core/test_commands.py::test_a_bad_command_says_what_is_wrong",
        "core/test_replies.py::test_a_model_that_is_not_allowed_gets_one_reply_with_the_list",
        "core/test_plan.py::test_options_lower_the_limits_and_never_raise_them",
    ),
    "C19 who loses write between comment and start": (
        "stories/test_asking.py::test_permission_that_was_lost_while_waiting",
        "stories/test_asking.py::test_permission_that_was_lost_after_the_gate",
        "stories/test_server_trust.py::test_who_lost_write_a_moment_ago_is_stopped_by_the_job",
    ),
    "C20 one command, delivered to Action and server": (
        "core/test_plan_ledger.py::test_a_gate_takes_no_issue_whose_request_the_server_has_dispatched",
        "job/test_served.py::test_a_run_whose_issue_a_gate_holds_leaves_the_end_to_that",
    ),
}
