"""Secrets (S): which test holds which case. `hostile: …` is an attack of `make hostile`."""

SPELLINGS = "job/test_redact.py::test_a_known_value_is_found_and_removed_however_it_is_spelled"
FINDS_NOTHING = "agent/test_secrets.py::test_the_isolated_agent_finds_no_secret"

CASES = {
    "S01 environments, its own and those of others, by Bash and by Read": (
        FINDS_NOTHING,
        "agent/test_secrets.py::test_without_isolation_it_finds_them_all",
        "agent/test_claude_code.py::test_the_environment_is_ours_alone",
        "agent/test_process.py::test_only_named_variables_pass",
        "agent/test_anthropic_hostile.py::test_the_key_is_nowhere",
        "hostile: S01 environ",
        "hostile: S01 memory",
        "hostile: S01 variables",
        "hostile: S01 Bash",
        "hostile: S01 environ by the CLI",
        "hostile: S01 environ by the SDK",
    ),
    "S02 sudo, another process's memory, ptrace, the container engine's socket": (
        "agent/test_isolation.py::test_another_uid_has_no_rights_and_gets_none",
        FINDS_NOTHING,
        "hostile: S02 set-uid",
        "hostile: S02 groups",
        "hostile: S02 debugger",
        "hostile: S02 signals",
        "hostile: S02 container engine",
        "hostile: S02 programs",
    ),
    "S03 credentials in git's configuration, in the runner's home, in its folders": (
        "job/test_workspace.py::test_no_token_is_left_anywhere",
        "job/test_over_http.py::test_the_token_opens_the_server_and_stays_off_the_disk",
        "agent/test_secrets.py::test_S03_files_with_credentials_are_closed_or_named",
        "test_workflows.py::test_checkouts_keep_no_credentials",
        "hostile: S03 home",
        "hostile: S03 Read",
    ),
    # The branch's name is never the agent's; a value cut in two, over title and body, is found by either half.
    "S05 the key in what comes out, in any spelling; and that it can't be had in the first place": (
        SPELLINGS,
        "job/test_redact.py::test_no_surrounding_hides_a_known_value",
        "job/test_publish.py::test_secrets_in_the_change_are_found",
        "hostile: S05 as it is",
        "hostile: S05 base64",
        "hostile: S05 base64 at an odd place",
        "hostile: S05 without its beginning",
        "hostile: S05 one character a line",
        "hostile: S05 joined by nothing visible",
        "hostile: S05 as in an address",
        "hostile: S05 hexadecimal",
        "hostile: S05 backwards",
        "hostile: S05 rot13",
        "hostile: S05 file name",
        "hostile: S05 summary",
        "hostile: S05 picture",
        "hostile: S05 blocked reason",
        "hostile: S05 output of a check",
        "hostile: S01 memory",
    ),
    "S06 formats of tokens: whole, after colours and written line breaks; near misses stay": (
        "job/test_redact.py::test_an_unknown_secret_is_found_by_its_format",
        "job/test_redact.py::test_what_only_resembles_a_secret_stays",
        "job/test_scanner.py::test_a_token_is_found_and_goes_whole",
        "job/test_scanner.py::test_what_only_begins_like_a_token_stays",
        "hostile: S06 unknown token",
    ),
    "S08 every client's errors, with a token in address or header": (
        "test_no_token_in_errors.py::test_a_server_that_misbehaves_is_told_without_a_token",
        "test_no_token_in_errors.py::test_a_token_that_can_not_be_sent_is_told_without_it",
        "test_no_token_in_errors.py::test_a_databases_address_is_told_without_its_password",
        "test_no_token_in_errors.py::test_a_key_is_held_back_however_the_answer_is_cut",
        "test_no_token_in_errors.py::test_a_command_says_nothing_of_it",
        "test_no_token_in_errors.py::test_our_own_fault_is_kept_without_it",
        "test_no_token_in_errors.py::test_a_server_keeps_it_out_of_its_log_and_its_database",
        "test_no_token_in_errors.py::test_nothing_prints_the_variables_of_a_traceback",
        "github/test_app_auth.py::test_nothing_shows_a_token_or_the_key",
        "notify/test_slack.py::test_what_fails_is_one_line_without_the_address",
        "server/test_logs.py::test_a_secret_in_any_field_is_taken_out",
    ),
    "S09 ACTIONS_STEP_DEBUG changes nothing": (
        "test_no_token_in_errors.py::test_a_command_says_nothing_of_it",
        "test_no_token_in_errors.py::test_nothing_asks_whether_a_step_is_debugged",
        "agent/test_process.py::test_only_named_variables_pass",
    ),
    # Every bout of `make hostile` searches summaries, artifacts and the rest of what leaves.
    "S10 summary and artifacts": (
        "progress/test_journal.py::test_secrets_are_taken_out_of_every_text",
        "stories/test_progress.py::test_what_the_agent_does_can_be_followed",
        "hostile: S05 summary",
        "hostile: S05 output of a check",
    ),
    # Not held, and said so: the agent reaches the network. All that is refused are the addresses at which a cloud hands
    # its machines' credentials out, where the machine lets us.
    "S11 egress: not held but for the cloud's own credentials": (
        "agent/test_metadata.py::test_the_clouds_credentials_are_out_of_reach_for_that_user_alone",
        "agent/test_metadata.py::test_the_security_model_says_that_egress_is_open",
    ),
    "S13 the job's identity (OIDC)": (
        "test_workflows.py::test_jobs_have_exactly_the_permissions_of_the_design",
        "agent/test_process.py::test_only_named_variables_pass",
        "hostile: S13 identity",
    ),
    "S14 a fork's or Dependabot's event": (
        "test_workflows.py::test_no_event_of_a_pull_request_starts_us",
        "test_workflows.py::test_no_trigger_runs_foreign_code_with_our_rights",
        "stories/test_asking.py::test_a_label_by_a_bot_approves_nothing",
        "stories/test_asking.py::test_a_pull_request_is_not_an_issue",
        "core/test_plan.py::test_bots_edits_and_quotes_command_nothing",
    ),
    "S15 the App's key: on the server alone, 0600, in no database, in no runner": (
        "github/test_app_auth.py::test_a_key_file_that_others_can_read_is_refused",
        "server/test_setup_app.py::test_two_clicks_make_the_app_and_keep_its_credentials",
        "test_no_token_in_errors.py::test_a_server_keeps_it_out_of_its_log_and_its_database",
        "test_workflows.py::test_keys_reach_work_alone",
    ),
    # zizmor and GitHub's schemas stand in for actionlint, which no registry of ours has.
    "S16 permissions, pins, triggers and expressions of our workflows": (
        "test_workflows.py::test_nothing_is_permitted_at_the_top",
        "test_workflows.py::test_jobs_have_exactly_the_permissions_of_the_design",
        "test_workflows.py::test_every_job_of_ours_has_the_permissions_written_here",
        "test_workflows.py::test_callers_grant_what_the_called_jobs_ask_for",
        "test_workflows.py::test_actions_are_pinned_by_commit",
        "test_workflows.py::test_checkouts_keep_no_credentials",
        "test_workflows.py::test_no_trigger_runs_foreign_code_with_our_rights",
        "test_workflows.py::test_no_expression_reaches_a_shell",
        "test_workflows.py::test_zizmor_finds_nothing",
        "test_workflows.py::test_the_files_fit_githubs_schema",
    ),
}
