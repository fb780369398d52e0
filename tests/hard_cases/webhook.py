"""What arrives at the webhook (W): which test holds which case.

How soon it answers under load is measured by `make bench ARGS=webhook`; `make fuzz N=100000` delivers what no table has.
"""

CASES = {
    "W01 a wrong signature: 401, unread, counted, nothing of it in database or log": (
        "server/test_receive.py::test_what_is_not_signed_is_not_looked_at",
        "server/test_receive.py::test_a_wrong_signature_wins_over_malformed_and_over_a_store_that_is_away",
        "server/test_logs.py::test_deliveries_are_told_by_their_ids_and_never_by_their_words",
        "fuzz/test_fuzz.py::test_no_delivery_is_answered_500_and_none_unsigned_is_kept",
    ),
    "W02 a signature that is missing, empty, too short, too long, in upper case (401: GitHub writes lower case)": (
        "server/test_receive.py::test_what_is_not_signed_is_not_looked_at",
        "server/test_receive.py::test_two_signatures_are_none",
        "github/test_webhook.py::test_any_other_signature_is_none",
    ),
    "W03 a signature that is not ASCII": (
        "server/test_receive.py::test_what_is_not_signed_is_not_looked_at",
        "github/test_webhook.py::test_any_other_signature_is_none",
    ),
    "W04 a valid SHA-1 in the place of SHA-256": (
        "server/test_receive.py::test_what_is_not_signed_is_not_looked_at",
        "github/test_webhook.py::test_any_other_signature_is_none",
    ),
    "W06 without a secret there is no endpoint": (
        "server/test_process.py::test_what_is_needed_and_not_set_is_named_at_once",
        "server/test_app.py::test_without_webhooks_there_is_no_endpoint",
        "test_config.py::test_what_the_server_can_not_use_is_named",
        "github/test_webhook.py::test_without_the_secret_nothing_is_signed",
    ),
    "W07 two secrets while they rotate": (
        "server/test_receive.py::test_while_a_secret_rotates_both_count",
        "server/test_receive.py::test_what_is_not_signed_is_not_looked_at",
        "github/test_webhook.py::test_every_secret_that_is_configured_counts",
    ),
    "W08 event or GUID missing, endless, with line breaks or SQL in it": (
        "server/test_receive.py::test_headers_that_github_would_not_send_are_malformed",
        "server/test_logs.py::test_deliveries_are_told_by_their_ids_and_never_by_their_words",
        "server/test_logs.py::test_requests_that_are_none_are_told_once_a_minute",
    ),
    "W09 other content types; a form gets a hint": (
        "server/test_receive.py::test_other_content_types_are_not_read",
        "server/test_receive.py::test_a_compressed_body_is_not_read",
    ),
    "W10 a body that says that it is too large": (
        "server/test_receive.py::test_a_body_that_says_it_is_too_large_is_not_read",
        "server/test_receive.py::test_a_body_of_25_mb_is_read",
    ),
    "W11 300 MB in chunks cost less than two caps of memory": (
        "server/test_receive.py::test_a_body_without_end_is_left_at_the_cap",
        "server/test_receive.py::test_many_large_bodies_at_a_time_are_too_many",
    ),
    "W13 slow headers, and headers without end": (
        "server/test_limits.py::test_a_request_that_never_becomes_whole_is_given_up",
        "server/test_limits.py::test_a_request_has_less_than_fifteen_seconds",
        "server/test_limits.py::test_endless_headers_are_refused",
    ),
    "W14 two hundred slow bodies beside good deliveries; never more than so many connections": (
        "server/test_limits.py::test_two_hundred_slow_ones_do_not_disturb_the_others",
        "server/test_limits.py::test_a_request_has_less_than_fifteen_seconds",
        "server/test_limits.py::test_who_does_not_take_the_answers_is_given_up",
        "server/test_limits.py::test_of_too_many_connections_one_that_keeps_us_waiting_goes",
        "server/test_limits.py::test_of_many_that_come_at_once_the_older_ones_go",
    ),
    "W15 other methods and paths": (
        "server/test_receive.py::test_webhooks_are_posted",
        "server/test_receive.py::test_an_unknown_path_is_not_found",
    ),
    "W16 signed, and not JSON in UTF-8": (
        "server/test_receive.py::test_a_signed_body_that_makes_no_sense_is_malformed",
        "github/test_webhook.py::test_what_makes_no_sense_is_malformed",
    ),
    "W17 signed JSON of another shape": (
        "server/test_receive.py::test_a_signed_body_that_makes_no_sense_is_malformed",
        "server/test_receive.py::test_no_installation_is_no_fault",
        "github/test_webhook.py::test_a_known_event_without_what_it_is_about_is_malformed",
        "github/test_webhook.py::test_no_shape_raises_anything_else",
    ),
    "W18 nested deep, endless integers, NaN, keys twice, 2^63, NUL, half a surrogate pair": (
        "server/test_receive.py::test_a_signed_body_that_makes_no_sense_is_malformed",
        "server/store/test_inbox.py::test_text_that_a_database_cannot_hold_is_refused_before_it_gets_there",
        "github/test_webhook.py::test_no_bytes_raise_anything_else",
    ),
    "W19 events, actions and states that GitHub adds": (
        "server/test_receive.py::test_what_is_of_no_interest_is_kept_for_its_guid_alone",
        "server/test_receive.py::test_a_state_that_github_has_not_told_of_yet_is_news_like_any_other",
        "github/test_webhook.py::test_what_we_do_not_know_is_of_no_interest",
    ),
    "W21 a GUID twice": (
        "server/test_receive.py::test_a_guid_that_comes_again_is_a_duplicate",
        "server/store/test_inbox.py::test_a_duplicate_is_not_stored_again_and_makes_nothing_due",
    ),
    "W22 a GUID fifty times at once, on both databases, at several replicas": (
        "server/test_receive.py::test_fifty_at_once_with_one_guid_are_one",
        "server/store/test_inbox.py::test_of_fifty_at_once_with_one_guid_exactly_one_is_new",
        "server/store/test_inbox.py::test_of_many_in_one_commit_with_one_guid_exactly_one_is_new",
        "server/store/test_replicas.py::test_the_same_deliveries_at_all_of_them_are_stored_once",
    ),
    "W24 two GUIDs for one event (the App's hook and the repository's)": (
        "stories/test_server_deliveries.py::test_what_the_app_and_a_hook_of_the_repository_both_tell_of_is_done_once",
    ),
    "W25 stored and not worked on, then delivered again": (
        "server/test_process.py::test_a_killed_one_is_followed_by_another",
        "server/store/test_lanes.py::test_a_restart_forgets_nothing",
        "chaos/test_chaos.py::test_a_killed_server_loses_nothing_doubles_nothing_and_starts_nothing_early",
    ),
    "W29 the database is locked, hangs or is away: 503 in time": (
        "server/test_receive.py::test_a_locked_database_is_503_and_heals",
        "server/test_receive.py::test_a_store_that_hangs_is_not_waited_for",
        "server/store/test_outages.py::test_a_locked_database_is_said_in_time_and_found_again",
        "server/store/test_outages.py::test_the_longest_wait_is_two_times_the_wait_for_a_lock",
        "server/store/test_outages.py::test_a_postgresql_that_goes_and_comes_back_is_found_again",
    ),
    "W30 the disk is full: 503, and health says so": (
        "stories/test_server_disk.py::test_a_full_disk_is_said_and_waited_for",
        "server/store/test_outages.py::test_a_full_disk_is_said_and_nothing_is_lost",
        "server/test_receive.py::test_what_can_not_be_stored_is_503",
    ),
    "W31 202 only after the commit": (
        "server/test_receive.py::test_a_delivery_is_in_the_database_before_it_is_answered",
        "server/store/test_outages.py::test_what_was_acknowledged_survives_a_kill",
        "chaos/test_chaos.py::test_the_harness_sees_a_broken_server",
    ),
    "W32 a burst of a thousand, and nobody works on them": (
        "server/test_receive.py::test_deliveries_that_come_at_once_are_all_stored",
    ),
    "W33 deliveries that never come": (
        "stories/test_server.py::test_with_every_webhook_lost_the_end_is_the_same",
        "stories/test_server_meanwhile.py::test_what_closed_while_the_server_was_down_is_found_at_its_start",
    ),
    "W34 of 120 that failed the 117 that did not come since are asked for, each a few times at most": (
        "stories/test_server_deliveries.py::test_what_failed_is_asked_for_again_and_nothing_else",
        "stories/test_server_deliveries.py::test_what_keeps_failing_is_asked_for_a_few_times",
        "github/test_app_client.py::test_failed_deliveries_over_several_pages_without_those_that_arrived_later",
        "github/test_app_client.py::test_a_server_without_the_filter_lists_everything",
    ),
    "W35 installations and repositories that are unknown, left, renamed, transferred: by number": (
        "server/store/test_inbox.py::test_a_delivery_of_nobody_is_stored_and_that_is_all",
        "server/store/test_inbox.py::test_a_dropped_repository_is_not_worked_on",
        "server/store/test_inbox.py::test_a_renamed_repository_is_followed_by_its_number",
        "stories/test_server_installation.py::test_a_repository_with_another_name_goes_on",
        "stories/test_server_installation.py::test_a_run_is_not_taken_for_deleted_because_another_repository_has_the_name",
        "stories/test_server_installation.py::test_a_repository_that_went_where_the_app_is_not_is_left_alone",
    ),
    "W36 the App goes while runs are at work: nothing is asked for there, and the verdict is said when it is back": (
        "stories/test_server_installation.py::test_where_the_app_is_gone_nothing_is_done_until_it_is_back",
        "stories/test_server_installation.py::test_a_run_that_was_lost_meanwhile_gets_its_verdict_when_the_app_is_back",
    ),
    "W37 SIGTERM under load": (
        "server/test_process.py::test_it_listens_stores_and_ends_with_0",
        "server/test_process.py::test_a_request_under_way_is_answered_before_the_end",
        "stories/test_server_ends.py::test_a_server_that_is_told_to_end_waits_for_github_only_for_so_long",
    ),
    "W38 health and metrics name nothing private": (
        "server/test_app.py::test_nothing_private_is_shown",
        "github/test_app_client.py::test_what_is_counted_has_no_names",
    ),
    "W39 clocks that are off; keys with any line ends, and keys that are none": (
        "github/test_app_auth.py::test_a_clock_that_is_off_is_no_reason_to_stay_out",
        "github/test_app_auth.py::test_a_jwt_is_dated_back_and_short",
        "github/test_app_auth.py::test_a_key_is_taken_however_its_lines_end",
        "github/test_app_auth.py::test_a_wrong_key_is_said_in_one_sentence_without_any_of_it",
        "server/test_process.py::test_a_key_that_is_none_is_refused_without_a_word_of_it",
    ),
    "W40 a token that ends in the middle; tokens are narrow": (
        "github/test_app_auth.py::test_a_token_that_ends_in_the_middle_is_replaced_once",
        "github/test_app_auth.py::test_a_token_that_is_never_taken_is_no_loop",
        "github/test_app_auth.py::test_a_token_is_for_one_repository_and_what_we_need",
    ),
}
