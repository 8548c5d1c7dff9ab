"""What was found wrong in the layer of models, and what was built for it, each with the tests that stand for it now.

The list is checked: a test that is renamed or removed is missed here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
OPENAI, CLAUDE = "unit/models/backends/test_openai.py", "unit/models/backends/test_anthropic.py"
REASONING, REFUSALS = "unit/models/backends/test_openai_reasoning.py", "unit/models/backends/test_openai_refusals.py"
ODD, CALLING = "unit/models/backends/test_odd_replies.py", "unit/models/test_calling.py"
RECEIPT, CATALOG = "unit/models/test_receipt.py", "unit/models/test_catalog.py"
AGENTS = "unit/agents/language/test_language_agents.py"
READING = "unit/agents/language/test_reading_and_trying.py"
POINTS = {
    "1 a forced call of a tool is refused": [
        (CLAUDE, "test_a_model_that_cannot_be_made_to_call_a_tool_is_told_to_in_words"),
        ("crash/test_models_of_the_table.py", "test_models_of_the_table_think_and_use_tools"),
    ],
    "2 tools are refused on chat completions": [
        (REASONING, "test_models_that_reason_call_tools_by_the_responses_api"),
    ],
    "3 a rate limit ends a run": [
        ("unit/models/test_limiter.py", "test_64_workers_against_8_requests_a_second_end_at_nine_tenths_of_it"),
        ("unit/models/test_limiter.py", "test_a_slow_limit_is_waited_for_however_many_ask"),
    ],
    "4 a recorded reply bricks a run": [
        (CLAUDE, "test_a_text_of_blanks_before_a_call_is_not_sent_back"),
        (ODD, "test_a_reply_that_an_older_release_recorded_and_cannot_be_read_is_asked_for_again"),
        (RECEIPT, "test_arguments_that_are_no_plain_object_go_back_to_the_model_and_are_no_poison"),
    ],
    "5 paid replies are thrown away": [
        (CALLING, "test_every_billed_reply_is_recorded_and_counted_whatever_became_of_it"),
        (OPENAI, "test_arguments_that_are_no_json_are_told_to_the_agent_and_paid_once"),
        (ODD, "test_what_is_only_missing_does_not_matter"),
    ],
    "6 models that think fail in silence": [
        ("unit/cli/test_progress.py", "test_replies_that_are_cut_are_told_with_their_number"),
        (REASONING, "test_thoughts_that_a_server_leaves_in_the_text_are_no_part_of_the_reply"),
    ],
    "7 an unknown price is zero": [
        (CATALOG, "test_prices_add_up_and_a_person_overrules_them"),
        (OPENAI, "test_the_cost_that_a_server_gives_is_read"),
    ],
    "8 llama-server, Ollama and calls written as text": [
        (OPENAI, "test_llama_server_has_tools_and_says_what_it_lacks"),
        (REFUSALS, "test_a_prompt_that_ollama_has_cut_is_told_and_not_answered"),
        (OPENAI, "test_calls_that_a_small_model_writes_as_text_are_calls"),
        (CATALOG, "test_a_narrow_window_of_a_running_server_is_told_when_it_is_opened"),
    ],
    "9 reasoning is not given back, and a refusal has no second way": [
        (REASONING, "test_reasoning_is_kept_apart_and_goes_back_with_a_call"),
        (CLAUDE, "test_thinking_goes_back_unchanged_with_the_calls_that_followed_it"),
        (REFUSALS, "test_what_a_model_refuses_is_left_out_from_then_on"),
    ],
    "10 a server by its URL is sent no key": [
        (CATALOG, "test_a_key_goes_to_the_address_with_which_the_user_has_paired_it_and_to_no_other"),
        (REFUSALS, "test_a_server_that_wants_a_key_where_none_is_sent_is_told_so"),
    ],
    "11 the Analysis keeps a decision that was discarded": [
        (AGENTS, "test_the_decision_that_is_recorded_is_the_one_that_held"),
    ],
    "12 an identical harness is judged again": [
        (AGENTS, "test_a_harness_that_was_judged_before_goes_back_without_being_run"),
    ],
    "13 text only, empty or cut replies": [
        (AGENTS, "test_a_model_that_calls_no_tool_is_given_up_after_three_replies"),
        (AGENTS, "test_a_model_whose_replies_are_always_cut_off_is_given_up_after_a_few"),
    ],
    "14 reading ends untold, with other tools": [
        (READING, "test_reading_ends_by_tokens_of_which_the_model_is_told_and_the_tools_stay"),
    ],
    "15 later attempts repeat the first request": [
        ("unit/agents/language/test_meta_agent.py", "test_a_later_attempt_of_the_meta_agent_"),
    ],
    "16 few calls in flight, a spent account, a cap that is too small": [
        ("unit/sandbox/test_sandbox_waiting.py",
         "test_more_solves_than_workers_wait_for_a_model_that_takes_their_calls_and_one_computes_at_a_time"),
        (REFUSALS, "test_an_account_without_credit_is_not_waited_for"),
        ("unit/loop/test_language_models.py", "test_a_cap_of_money_is_never_exceeded"),
        ("unit/cli/test_progress.py", "test_replies_that_are_cut_are_told_with_their_number"),
    ],
}  # fmt: skip


LOOP, COMPACTED = "unit/loop/test_language_models.py", "crash/test_compacted_conversations.py"
TABLE, STREAMING = "crash/test_models_of_the_table.py", "unit/models/backends/test_streaming.py"
MEMORY, HINT = "unit/agents/language/test_memory.py", "unit/loop/test_hint.py"
BUILT = {
    "a table of what each model can do": [
        (TABLE, "test_each_model_of_the_table_is_asked_like_one_that_runs"),
        (REASONING, "test_the_users_facts_of_a_model_overrule_the_table"),
        (REASONING, "test_effort_has_the_form_of_each_api"),
    ],
    "responses, thinking, limits that grow": [
        (TABLE, "test_five_generations_with_tools_thinking_repair_and_a_kill"),
        (REASONING, "test_the_end_of_a_response_is_told"),
        (READING, "test_reading_ends_by_tokens_of_which_the_model_is_told_and_the_tools_stay"),
    ],
    "whatever arrived is recorded; a full context is compacted": [
        (LOOP, "test_a_run_survives_every_fault_and_its_key_is_found_nowhere"),
        (COMPACTED, "test_a_fork_goes_on_with_the_same_requests"),
        (COMPACTED, "test_a_kill_at_the_compaction_changes_nothing"),
    ],
    "one limiter a model": [
        ("unit/models/test_limiter.py", "test_one_refusal_pauses_all_for_as_long_as_the_server_asks"),
        ("unit/models/test_limiter.py", "test_calls_in_flight_follow_the_latency_up_to_the_policy"),
        ("unit/models/test_limiter.py", "test_64_workers_against_a_server_of_8_requests_a_second"),
    ],
    "money": [
        ("property/test_caps_hold.py", "test_a_cap_is_never_exceeded"),
        (LOOP, "test_a_cap_of_money_is_never_exceeded"),
    ],
    "tries": [
        ("unit/loop/test_tries.py", "test_a_model_that_may_try_improves_what_one_that_may_not_does_not"),
        ("crash/test_kills_within_tries.py", "test_a_kill_within_a_try_changes_nothing"),
    ],
    "a place to work": [
        ("unit/agents/language/test_desk.py", "test_every_candidate_and_every_trajectory_of_train_is_a_file"),
        (LOOP, "test_agents_read_train_and_of_val_a_mean"),
    ],
    "memory": [
        (MEMORY, "test_the_notebook_stands_in_the_opening_once_there_is_one"),
        (HINT, "test_it_is_read_by_the_next_analysis_and_by_its_improvement"),
        (AGENTS, "test_a_harness_that_was_judged_before_goes_back_without_being_run"),
    ],
    "the model proposes, the search tunes": [
        ("unit/agents/test_tuning.py", "test_the_best_of_the_values_that_were_tried_is_the_candidate"),
    ],
    "breadth without alpha": [
        (LOOP, "test_of_two_proposals_the_better_on_train_is_judged"),
        ("unit/agents/language/test_plateau.py", "test_another_approach_is_asked_for_after_three_rejections"),
    ],
    "prompts that tell what is needed": [
        ("unit/agents/language/test_prompt.py", "test_limits_packages_and_the_task_model_are_told"),
        ("unit/agents/language/test_prompt.py", "test_what_is_not_offered_is_not_spoken_of"),
    ],
    "names that people use; live text, rate, dollars and time": [
        (CATALOG, "test_servers_that_people_use_are_named_in_one_word"),
        ("unit/commands/test_call.py", "test_a_models_call_is_printed_with_all_turns_and_the_reply"),
        ("unit/cli/test_progress.py", "test_without_a_terminal_a_long_step_says_how_far_it_is"),
        (STREAMING, "test_a_streamed_reply_is_the_whole_one"),
        ("tui/test_live_text.py", "test_a_reply_is_seen_as_it_arrives_and_recorded_whole"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("point", [*POINTS, *BUILT])
def test_each_point_has_its_tests(point: str) -> None:
    for file, name in {**POINTS, **BUILT}[point]:
        assert f"def {name}" in (TESTS / file).read_text(), f"{point}: {file} has no {name}"
