"""The planner (P), and queue, leases and the look at everything (Q): which test holds which case.

`make chaos N=1000` kills the server at each of its steps, `make machine N=10000` has anything happen in any order,
`make bench ARGS=planner` measures ten thousand issues, `make soak MINUTES=1440` a day.
"""

CASES = {
    "P01 two that wait for each other": (
        "core/test_order.py::test_two_that_wait_for_each_other",
        "stories/test_server_order.py::test_a_cycle_is_said_once_and_goes_on_when_it_is_broken",
    ),
    "P02 one that waits for itself": ("core/test_order.py::test_itself",),
    "P03 fifty in a knot among a thousand": ("core/test_order.py::test_fifty_in_a_knot_among_a_thousand",),
    "P04 a cycle that is broken": (
        "core/test_order.py::test_a_cycle_is_broken_by_closing_one",
        "stories/test_server_order.py::test_a_cycle_is_said_once_and_goes_on_when_it_is_broken",
    ),
    "P05 a prerequisite that does not exist": (
        "core/test_order.py::test_what_is_known_from_elsewhere",
        "github/test_gather.py::test_text_prerequisites_are_looked_up_together",
    ),
    "P06 one that can't be read just now is neither closed nor missing": (
        "github/test_gather.py::test_unknown_is_not_unreadable",
        "core/test_order.py::test_what_is_known_from_elsewhere",
    ),
    "P07 closed before anybody asked": ("core/test_order.py::test_what_releases",),
    "P08 closed as not planned": (
        "core/test_order.py::test_what_releases",
        "core/test_order.py::test_hold_on_not_planned",
    ),
    "P09 a prerequisite that was deleted": (
        "core/test_order.py::test_what_is_known_from_elsewhere",
        "github/test_gather.py::test_text_prerequisites_are_looked_up_together",
    ),
    "P10 a prerequisite that moved": (
        "github/test_gather.py::test_a_transferred_prerequisite_counts_as_what_became_of_it",
    ),
    "P11 discussions, locks and pins": (
        "stories/test_server_meanwhile.py::test_issues_that_become_discussions_hold_nobody_and_get_nothing",
        "stories/test_server_meanwhile.py::test_a_locked_issue_goes_on",
        "server/test_receive.py::test_what_is_of_no_interest_is_kept_for_its_guid_alone",
    ),
    "P12 in another repository, private or not": (
        "stories/test_server_order_elsewhere.py::test_what_can_not_be_read_is_invalid_whether_it_exists_or_not",
        "stories/test_server_order_elsewhere.py::test_a_close_in_a_repository_with_the_app_is_heard_at_once",
    ),
    "P13 a pull request as a prerequisite": (
        "core/test_order.py::test_what_releases",
        "github/test_read.py::test_standings",
    ),
    "P14 reopened before the dispatch": (
        "stories/test_server_order_changed.py::test_before_the_dispatch_it_waits_again",
        "stories/test_server_claim.py::test_a_prerequisite_reopened_between_read_and_claim_holds_the_issue",
    ),
    "P15 reopened between dispatch and start": (
        "stories/test_server_order_changed.py::test_between_dispatch_and_start_the_run_is_taken_back",
        "stories/test_server_order_changed.py::test_before_the_agent_starts_the_run_itself_sees_it",
    ),
    "P16 reopened while the agent is at work": (
        "stories/test_server_order_changed.py::test_once_the_agent_is_at_work_the_run_goes_on",
    ),
    "P17 a dependency added late": (
        "stories/test_server_order_changed.py::test_before_the_dispatch_it_waits_again",
        "stories/test_server_order_changed.py::test_a_dependency_written_into_a_waiting_issue",
    ),
    "P19 how a reference is written": (
        "core/test_prerequisites.py::test_counts",
        "core/test_prerequisites.py::test_does_not_count",
    ),
    "P20 never from code, quotes, comments": ("core/test_prerequisites.py::test_does_not_count",),
    "P21 as CommonMark has it, and in no time": (
        "core/test_prerequisites.py::test_agrees_with_a_whole_commonmark_parse",
        "core/test_prerequisites.py::test_100_kb_of_parentheses_or_backticks",
        "core/test_prerequisites.py::test_no_quadratic_time",
    ),
    # None is dropped, which would start it early; they cost five requests.
    "P23 five hundred in one text": (
        "core/test_prerequisites.py::test_five_hundred_are_all_kept",
        "core/test_order.py::test_an_issue_that_names_many",
        "github/test_gather.py::test_five_hundred_references_take_five_requests",
    ),
    "P24 text and GitHub's own links": (
        "core/test_order.py::test_union_of_all_sources",
        "core/test_order.py::test_removing_one_source_leaves_the_other",
    ),
    "P25 large repositories": (
        "core/test_order.py::test_a_huge_knot_takes_no_quadratic_time",
        "github/test_gather.py::test_every_page_of_open_issues_is_read",
        "github/test_app_client.py::test_a_pass_over_a_large_repository_reads_what_changed",
        "github/test_app_client.py::test_a_list_that_outgrew_its_page_is_read_whole",
    ),
    "P27 parents that close at once": (
        "stories/test_server_order.py::test_parents_that_close_at_the_same_moment_start_the_last_one_once",
        "stories/test_server_order_elsewhere.py::test_parents_in_two_repositories_that_close_at_once_start_it_once",
    ),
    "P28 many that are ready at once": (
        "stories/test_server_pace.py::test_many_issues_that_are_ready_at_once_are_started_a_few_at_a_time",
        "server/store/test_pace.py::test_no_hour_ever_has_more",
    ),
    "P29 fairness between repositories": (
        "stories/test_server_pace.py::test_a_repository_with_one_ready_issue_does_not_wait_for_one_with_many",
    ),
    "P30 the label taken off and put on again": (
        "stories/test_server_order.py::test_a_label_taken_off_while_it_waits_and_put_on_again",
        "stories/test_server_order.py::test_a_label_taken_off_while_it_is_queued_and_put_on_again",
    ),
    "P31 closed while it waits": (
        "stories/test_server_meanwhile.py::test_closed_while_it_waits_it_is_dropped_and_reopening_does_not_ask",
    ),
    "P32 transferred while it waits": (
        "stories/test_server_meanwhile.py::test_an_issue_that_moves_away_while_it_waits_has_to_be_asked_for_where_it_is",
    ),
    "P34 closed while the server was down": (
        "stories/test_server_meanwhile.py::test_what_closed_while_the_server_was_down_is_found_at_its_start",
    ),
    "P35 who asked lost write meanwhile": (
        "stories/test_server_trust.py::test_who_lost_write_while_the_issue_waited_starts_nothing",
    ),
    "P37 anything, in any order": (
        "machine/test_machine.py::test_whatever_happens_in_whatever_order_the_invariants_hold",
    ),
    "Q01 several replicas, one key": (
        "stories/test_server_postgres.py::test_two_replicas_do_everything_once",
        "server/store/test_lanes.py::test_many_workers_never_share_a_lane_and_serve_every_mark",
        "server/store/test_ledger.py::test_an_issue_is_claimed_once",
    ),
    "Q02 a SQLite file has one process": (
        "server/store/test_opening.py::test_a_second_process_is_refused",
        "server/test_process.py::test_two_of_them_do_not_share_a_port_or_a_file",
    ),
    "Q04 to Q23 killed before and after every step": (
        "chaos/test_chaos.py::test_a_killed_server_loses_nothing_doubles_nothing_and_starts_nothing_early",
        "chaos/test_chaos.py::test_the_harness_sees_a_broken_server",
        "chaos/test_chaos_postgres.py::test_replicas_and_their_database_are_killed",
    ),
    "Q25 a dispatch that does not say its run": (
        "github/test_app_client.py::test_the_action_only_file_is_told_what_it_takes",
        "github/test_apply.py::test_a_server_that_knows_no_run_details_is_asked_without",
        "stories/test_server_missing.py::test_a_dispatch_that_github_took_and_never_shows_is_sent_again_after_a_day",
    ),
    "Q26 a run that no list shows yet": (
        "stories/test_server_faults.py::test_with_old_lists_and_lost_answers_everything_is_done_once",
        "stories/test_server_slow_reads.py::test_a_dispatch_in_doubt_is_not_sent_again_for_a_slow_read",
    ),
    "Q27 a workflow that can't be dispatched": (
        "github/test_app_client.py::test_a_caller_that_can_not_be_dispatched_is_a_no_in_githubs_words",
        "stories/test_order.py::test_a_dispatch_that_is_refused_for_good_is_said_once",
    ),
    "Q28 Retry-After, for every worker of the installation": (
        "github/test_pacing.py::test_a_limit_stops_every_worker_of_the_installation",
        "github/test_courier.py::test_a_rate_limit_is_waited_out_to_the_second_also_for_writes",
    ),
    "Q29 the hour's limit": (
        "github/test_pacing.py::test_the_hours_limit_lasts_until_its_reset",
        "stories/test_server_faults.py::test_an_installation_at_its_limit_rests_and_the_others_go_on",
        "server/test_app.py::test_what_makes_it_fit",
    ),
    "Q30 a limit that does not say how long": ("github/test_pacing.py::test_a_limit_without_a_time_doubles_each_time",),
    "Q31 GitHub is out of order": (
        "github/test_courier.py::test_a_read_is_repeated_until_it_works",
        "github/test_courier.py::test_a_write_without_an_answer_is_never_repeated",
        "github/test_courier.py::test_what_is_not_json_is_no_answer_from_github",
    ),
    "Q32 what always fails stands in nobody's way": (
        "stories/test_server_poison.py::test_a_repository_that_always_fails_stands_in_nobodys_way",
        "server/store/test_inbox.py::test_a_write_that_fails_does_not_fail_those_in_the_same_commit",
    ),
    "Q33 runs that are stuck or were deleted": (
        "stories/test_server_verdicts.py::test_a_run_that_never_ends_is_given_up_and_cancelled",
        "core/test_plan_ledger.py::test_a_run_that_ended_without_a_verdict_gets_one",
    ),
    "Q34 runs that end without a word": (
        "stories/test_server_verdicts.py::test_each_run_that_ends_gets_one_verdict",
        "stories/test_server_verdicts.py::test_a_verdict_whose_answer_is_lost_is_said_once",
    ),
    "Q35 Re-run on an old run": (
        "job/test_recheck.py::test_a_run_that_has_its_verdict_is_not_done_again",
        "job/test_served.py::test_publishing_again_and_a_rerun_of_everything_change_nothing",
    ),
    # It is not pushed out any more where GitHub knows `queue: max`. Elsewhere nothing tells it from a run that a person
    # cancelled, and that is somebody's word: a verdict, and no second run.
    "Q36 pushed out of its concurrency group by a third": (
        "server/test_setup_repository.py::test_a_key_that_not_every_github_knows_is_for_those_that_do",
        "sandbox/test_actions_ends.py::test_a_group_with_a_queue_cancels_nobody",
        "core/test_plan_ledger.py::test_somebody_elses_cancel_is_somebodys_word",
    ),
    "Q37 databases of every release; an older program; another database": (
        "server/store/test_migrations.py::test_a_database_of_the_first_revision_is_brought_up_to_date",
        "server/store/test_migrations.py::test_a_newer_database_is_refused_and_left_as_it_is",
        "server/store/test_migrations.py::test_replicas_that_start_together_migrate_once",
        "stories/test_server_another_database.py::test_a_run_under_way_is_found_again_and_nothing_is_started_twice",
    ),
    # A day of it: `make soak MINUTES=1440`; the kills: `make chaos N=1440`.
    "Q40 for long, with GitHub out of order": (
        "chaos/test_soak.py::test_a_server_in_bad_weather_does_what_it_is_asked",
    ),
}
