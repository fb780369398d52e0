"""The runner and the publisher (R): which test holds which case.

What can't be in here, and why:
R32: that GitHub itself ends a job; what its signals come to, and what a job comes to that says nothing, is.
R38: a network that is gone for a minute. The CLI waits for it (`AgentJob.max_retries`); here it is gone for one request.
R48: a pull request from an older run is gone on with while it is open; only after it was closed there is a new suffix.
R51: 5 GB. A run fetches `HISTORY` commits of one branch, whatever else there is.
R52: `package.json` is an ordinary file of a change; the pull request says that it was touched.
R58: the agent's own quota on the disk; a full disk is R45.
R66: what is in an artifact: the run's own repository keeps it, and whoever reads it reads the issue.
"""

KILLS = "stories/test_kills.py"

CASES: dict[str, tuple[str, ...]] = {
    "R01-R16 work, killed before and after each step": (
        f"{KILLS}::test_work_killed_before_and_after_each_step_is_done_again",
        f"{KILLS}::test_work_that_is_killed_once_it_said_what_it_wrote_is_published",
        "stories/test_crashes.py::test_a_killed_work_is_tried_again_once",
        "stories/test_crashes.py::test_a_cancelled_work_whose_result_got_lost",
        "stories/test_actions.py::test_a_work_that_is_killed_leaves_its_log",
    ),
    "R17-R28 publish, killed before and after each step, and where GitHub has done what nobody heard of": (
        f"{KILLS}::test_publish_killed_before_and_after_each_step_goes_on",
        "stories/test_crashes.py::test_publish_killed_between_push_and_pull_request",
        "stories/test_crashes.py::test_publish_killed_between_pull_request_and_verdict",
        "stories/test_crashes.py::test_publish_killed_between_verdict_and_labels",
        "stories/test_crashes.py::test_an_answer_that_gets_lost_while_publishing",
        "core/test_publishing.py::test_a_kill_after_any_effect_of_the_last_step_is_made_good",
    ),
    "R29 cancelled at any step": (
        f"{KILLS}::test_work_cancelled_at_a_step",
        "stories/test_cancel.py::test_a_github_that_does_not_answer_delays_no_cancel",
        "stories/test_cancel.py::test_the_result_of_a_cancelled_run_is_there_before_it_tidies_up",
        "job/test_over_http.py::test_a_cancel_ends_a_fetch_that_hangs",
        "job/test_work.py::test_cancelled_during_setup",
        "job/test_work.py::test_cancelled_while_the_agent_works_keeps_the_work",
        "agent/test_claude_code.py::test_a_cancel_ends_it_within_seconds",
        "stories/test_actions.py::test_stop_reaches_the_agent",
    ),
    "R30 a child that ignores signals and leaves its group": (
        "agent/test_isolation.py::test_daemons_die_with_the_command_that_started_them",
        "agent/test_isolation.py::test_a_process_that_hides_itself_is_found",
        "agent/test_isolation.py::test_a_fork_bomb_ends_at_the_users_limit",
    ),
    "R31 the signal goes to the entry process alone": (
        "test_action_yml.py::test_scripts_are_entered_by_exec_so_that_signals_arrive",
        "stories/test_actions.py::test_stop_reaches_the_agent",
    ),
    "R32 the job's own limit": (
        "job/test_admit.py::test_our_own_limits_come_before_githubs",
        f"{KILLS}::test_work_cancelled_at_a_step",
        "core/test_verdict.py::test_a_work_job_that_left_nothing",
    ),
    "R33 our time limit: the work so far is kept": (
        "stories/test_blocked.py::test_a_run_out_of_time_keeps_what_it_has",
        "agent/test_claude_code.py::test_the_clock_outside_ends_it",
    ),
    "R34 the cost cap, with figures": (
        "stories/test_blocked.py::test_a_run_that_does_not_succeed_says_why",
        "agent/test_claude_code.py::test_the_budget_holds",
        "agent/test_claude_code.py::test_the_proxy_holds_the_budget_by_itself",
        "core/test_verdict.py::test_sentences_hold_figures",
    ),
    "R35 the turn cap": (
        "stories/test_blocked.py::test_a_run_that_does_not_succeed_says_why",
        "agent/test_claude_code.py::test_LI5_turns_are_limited",
    ),
    "R36 killed before it could say what it cost": (
        "core/test_publishing.py::test_a_run_that_could_not_say_what_it_cost_counts_in_full",
        "agent/test_key_proxy.py::test_hanging_up_does_not_save_money",
        "core/test_verdict.py::test_money_is_what_either_side_counted",
    ),
    "R37 a CLI that is missing, old, broken, or says anything at all": (
        "agent/test_claude_code.py::test_a_cli_that_is_not_there",
        "agent/test_claude_code.py::test_an_unfit_cli_is_refused",
        "agent/test_claude_code.py::test_a_broken_cli_is_never_a_success",
        "agent/test_claude_code.py::test_a_line_beyond_all_bounds_ends_it",
        "agent/test_claude_code.py::test_a_process_that_does_not_end_after_its_result_is_ended",
        "agent/test_stream.py::test_everything_else_is_passed_over",
        "agent/test_stream.py::test_a_result_of_wrong_types_is_an_error",
        "core/test_verdict.py::test_how_the_agent_ended",
        "stories/test_blocked.py::test_an_agent_that_falls_over",
    ),
    "R38 an API that refuses, is overloaded, or can't be reached": (
        "agent/test_claude_code.py::test_an_error_of_the_api_is_an_error",
        "agent/test_claude_code.py::test_a_wrong_key_ends_at_once",
        "agent/test_claude_code.py::test_a_hiccup_of_the_api_is_bridged",
        "agent/test_key_proxy.py::test_no_network_is_a_502_and_costs_nothing",
        "stories/test_blocked.py::test_an_api_that_stays_overloaded",
    ),
    "R39 done, and nothing changed": (
        "stories/test_blocked.py::test_a_run_that_does_not_succeed_says_why",
        "job/test_work.py::test_each_end_has_its_reason_and_keeps_what_may_be_kept",
        "job/test_publish.py::test_a_tree_that_changes_nothing_is_no_changes",
    ),
    "R40 only white space, only a mode": ("job/test_work.py::test_the_smallest_change_is_one",),
    "R41 reverted to the base": (
        "job/test_work.py::test_each_end_has_its_reason_and_keeps_what_may_be_kept",
        "job/test_collect.py::test_nothing_changed_is_the_tree_of_the_start",
    ),
    "R42 tests fail: the branch, no pull request, the last lines without secrets": (
        "stories/test_blocked.py::test_a_run_that_does_not_succeed_says_why",
        "job/test_work.py::test_tests_that_keep_failing",
        "job/test_checks.py::test_output_is_redacted_in_log_and_tail",
    ),
    "R43 a test command that is missing, hangs, leaves a daemon": (
        "job/test_checks.py::test_a_command_that_is_not_there_has_failed",
        "job/test_checks.py::test_a_daemon_left_behind_holds_nothing_up",
        "agent/test_process.py::test_the_deadline_kills_everything",
        "core/test_verdict.py::test_a_failed_check_says_which_and_how",
    ),
    "R44 tests or CI changed so that they pass": (
        "job/test_publish.py::test_protected_paths_are_never_pushed",
        "core/test_paths.py::test_what_deserves_a_look_is_named_by_kind",
        "core/test_messages.py::test_the_pull_request",
        "job/test_checks.py::test_the_agent_can_add_the_first_tests_but_not_lose_old_ones",
        "job/test_work.py::test_a_second_attempt_that_goes_too_far_takes_the_first_one_s_work_with_it",
    ),
    "R45 a full disk: at checkout, after the agent, at the bundle, at the hand-over, while publishing": (
        "job/test_work.py::test_a_full_disk_at_the_checkout",
        "job/test_work.py::test_a_full_disk_while_collecting",
        "job/test_work.py::test_a_full_disk_at_the_bundle",
        "job/test_handover.py::test_a_disk_that_is_full_when_it_hands_over_is_said_in_place_of_the_work",
        "job/test_bench.py::test_a_disk_that_fills_up_costs_the_file_alone",
        "job/test_publish.py::test_a_full_disk_withholds_with_its_reason",
    ),
    "R46 a push that is refused, for each reason; taken, and the answer lost; never by force": (
        "job/test_push.py::test_what_the_server_says_no_for",
        "job/test_push.py::test_other_ways_to_say_no",
        "job/test_push.py::test_it_never_forces",
        "job/test_push.py::test_an_answer_that_was_lost_after_the_push_landed_is_a_success",
        "job/test_over_http.py::test_a_500_after_the_push_was_taken_is_a_success",
        "stories/test_blocked.py::test_a_push_that_a_rule_refuses",
    ),
    "R47 the branch is there: ours of this run, ours of an older one, somebody else's": (
        "job/test_publish.py::test_publishing_again_after_a_kill_recognises_its_own_commit",
        "job/test_publish.py::test_an_older_run_s_commit_of_the_same_tree_is_not_ours",
        "job/test_publish.py::test_somebody_else_s_branch_is_left_alone",
        "stories/test_branches.py::test_work_that_was_kept_is_continued",
        "stories/test_branches.py::test_a_commit_during_the_run_is_left_alone",
    ),
    "R48 the pull request is there: open, closed, merged": (
        "stories/test_branches.py::test_a_second_run_continues_the_open_pull_request",
        "stories/test_branches.py::test_a_pull_request_that_was_closed_gets_a_new_branch",
        "stories/test_meanwhile.py::test_a_pull_request_that_is_decided_on_while_a_run_goes_on_with_it",
    ),
    "R49 a pull request that GitHub does not open": (
        "stories/test_blocked.py::test_a_pull_request_that_may_not_be_opened",
        "stories/test_meanwhile.py::test_a_branch_that_is_merged_by_hand_before_it_has_a_pull_request",
    ),
    "R50 the base moved on, was rewritten, is gone, has another name": (
        "job/test_publish.py::test_the_base_may_have_moved_on",
        "job/test_publish.py::test_a_base_that_was_rewritten_is_base_changed",
        "job/test_publish.py::test_a_base_rewritten_to_the_distant_past_is_base_changed",
        "job/test_publish.py::test_a_base_that_is_gone_is_base_changed",
        "job/test_workspace.py::test_a_commit_that_is_gone_is_base_changed",
        "stories/test_branches.py::test_a_base_that_moved_on_does_no_harm",
        "stories/test_blocked.py::test_a_base_that_was_rewritten",
    ),
    "R51 odd repositories and odd names": (
        "job/test_workspace.py::test_an_empty_repository_is_blocked_with_what_to_do",
        "job/test_workspace.py::test_odd_names_submodules_and_lfs_pointers",
        "job/test_workspace.py::test_a_server_that_hands_out_no_single_commits_is_asked_for_the_branch",
        "job/test_collect.py::test_odd_names_and_modes_survive",
        "job/test_judging.py::test_odd_names_are_judged_as_they_are",
        "job/test_work.py::test_names_that_are_told_apart_by_little_arrive_as_they_are",
        "core/test_paths.py::test_odd_names_print_on_one_line",
    ),
    "R52 protected paths, in every spelling and by every way": (
        "job/test_publish.py::test_protected_paths_are_never_pushed",
        "job/test_publish.py::test_an_old_link_that_leads_out_only_now_is_seen",
        "job/test_publish.py::test_trees_with_names_git_keeps_for_itself_are_refused",
        "job/test_collect.py::test_names_that_are_git_s_own_elsewhere_are_refused",
        "core/test_paths.py::test_protected_in_any_spelling",
        "core/test_paths.py::test_what_deserves_a_look_is_named_by_kind",
    ),
    "R53 hooks and settings of git that would run something": (
        "job/test_collect.py::test_the_agents_git_configuration_runs_nothing",
        "job/test_collect.py::test_a_populated_submodule_runs_nothing_and_changes_nothing",
        "job/test_push.py::test_the_agents_hooks_and_config_have_no_part_in_a_push",
        "job/test_over_http.py::test_git_listens_to_no_configuration_but_ours",
    ),
    "R55 evil bundles: only one tree is taken out, as our own commit": (
        "job/test_publish.py::test_the_tree_arrives_as_our_own_commit",
        "job/test_publish.py::test_a_bundle_with_more_refs_is_refused",
        "job/test_publish.py::test_a_bundle_of_another_branch_is_refused",
        "job/test_publish.py::test_unrelated_history_is_refused",
        "job/test_publish.py::test_two_commits_are_one_too_many",
        "job/test_publish.py::test_a_damaged_bundle_is_refused",
        "job/test_publish.py::test_a_commit_without_its_tree_is_refused",
        "job/test_publish.py::test_a_tree_with_two_entries_of_one_name_is_refused",
        "job/test_publish.py::test_trees_with_names_git_keeps_for_itself_are_refused",
        "job/test_publish.py::test_protected_paths_are_never_pushed",
        "job/test_publish.py::test_a_pack_that_claims_a_million_objects_is_refused_at_once",
        "job/test_publish.py::test_a_bomb_of_trees_is_too_large",
    ),
    "R56 evil outcomes": (
        "job/test_handover.py::test_garbage_is_no_outcome",
        "job/test_handover.py::test_a_hostile_outcome_is_cut_to_size",
        "job/test_handover.py::test_what_is_no_ordinary_file_is_refused",
        "job/test_handover.py::test_numbers_that_are_none_count_as_nothing",
        "job/test_publish.py::test_done_without_a_bundle_is_our_fault_to_say",
        "agent/test_claude_code.py::test_only_what_fits_the_schema_counts",
        "test_report.py::test_no_line_of_the_log_is_a_command_to_the_runner",
        "core/test_outbound.py::test_inert_is_inert",
    ),
    "R58 too many files, too large, in bounded time and room": (
        "job/test_publish.py::test_101_files_are_too_many",
        "job/test_publish.py::test_a_patch_over_the_limit_is_too_large",
        "job/test_publish.py::test_a_file_that_github_would_refuse_stays_packed",
        "job/test_collect.py::test_very_many_files_are_refused_after_a_bounded_look",
        "job/test_collect.py::test_a_huge_sparse_file_is_refused_without_being_read",
    ),
    "R59 caches": (
        "test_workflows.py::test_nothing_is_cached",
        "agent/test_claude_code.py::test_the_environment_is_ours_alone",
        "agent/test_isolation.py::test_what_everybody_may_write_is_read_only",
    ),
    "R61 what is handed over is changed on the way": (
        "job/test_handover.py::test_a_file_that_was_changed_on_the_way_is_refused",
        "stories/test_crashes.py::test_what_was_handed_over_is_not_what_was_written",
    ),
    "R62 two runs of one issue at a time": (
        "stories/test_order.py::test_gates_at_the_same_time_admit_one_run",
        "job/test_admit.py::test_a_claim_that_somebody_else_holds_is_theirs",
        "stories/test_run_command.py::test_a_run_that_is_at_work_elsewhere",
    ),
    "R63 dispatched by hand": (
        "job/test_served.py::test_a_run_that_nobody_asked_for_says_nothing",
        "job/test_recheck.py::test_an_admission_that_says_more_than_the_facts_reaches_nothing",
        "job/test_recheck.py::test_nobody_elses_dispatch_says_what_the_app_saw",
        "core/test_publishing.py::test_a_run_key_that_nobody_asked_for_gets_no_verdict",
    ),
    "R65 a verdict that is refused, on a locked issue, on none, or taken without a word": (
        "stories/test_meanwhile.py::test_a_verdict_that_is_refused_is_said_again",
        "stories/test_meanwhile.py::test_a_verdict_that_is_refused_for_good_fails_its_job",
        "stories/test_meanwhile.py::test_a_locked_issue_gets_its_verdict",
        "stories/test_meanwhile.py::test_a_verdict_of_an_issue_that_is_gone",
        "stories/test_crashes.py::test_a_verdict_that_nobody_heard_of_and_no_list_shows_yet_is_said_once",
        "core/test_messages.py::test_no_comment_is_longer_than_github_takes",
    ),
    "R66 what an earlier run left on the machine": (
        "agent/test_isolation.py::test_what_a_killed_run_left_is_gone_before_the_next_one_begins",
        "agent/test_isolation.py::test_the_end_of_a_run_leaves_nothing_of_it",
        "agent/test_claude_code.py::test_what_an_earlier_spawn_left_at_home_is_not_obeyed",
    ),
}
