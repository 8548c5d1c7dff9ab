"""Weakenings of the channel: what a harness sends is counted, limited and checked before it is believed."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

_MESSAGES, _SANDBOX = "engine/sandbox/messages.py", "engine/sandbox/sandbox.py"
_DIALOGUE = "engine/sandbox/dialogue.py"
_TEST_MESSAGES, _TEST_LIES = "tests/unit/sandbox/test_messages.py::", "tests/attack/test_lies.py::"

_CHANNEL, _TEST_CHANNEL = "engine/sandbox/channel.py", "tests/unit/sandbox/test_channel.py::"

MUTANTS = [
    Mutant(
        "a-frame-of-any-size",
        "A frame says how long it is: believed, the engine would wait for 4 GB, and keep what comes in memory.",
        (Edit(_CHANNEL, "if size > max(CALL_BYTES, self._answer_bytes):", "if size < 0:"),),
        (
            f"{_TEST_CHANNEL}test_a_frame_that_claims_too_much_is_malformed_before_it_has_come[1024]",
            f"{_TEST_CHANNEL}test_a_frame_that_claims_too_much_is_malformed_before_it_has_come[4194404]",
        ),
        raises="TimeoutError",
    ),
    Mutant(
        "a-report-of-any-size",
        "The process that forks the solves shares its user with them: its stream is no more to be believed.",
        (Edit(_CHANNEL, "if size > most:", "if size < 0:"),),
        (f"{_TEST_CHANNEL}test_a_report_that_claims_too_much_is_malformed_before_it_has_come",),
        raises="TimeoutError",
    ),
    Mutant(
        "an-answer-as-large-as-a-call",
        "The answer's limit is smaller than the frame's: what exceeds it would go into the log all the same.",
        (Edit(_MESSAGES, "if len(body) > answer_bytes:", "if len(body) > max(answer_bytes, CALL_BYTES):"),),
        (f"{_TEST_MESSAGES}test_an_answer_is_no_larger_than_its_domain_allows_though_a_call_may_be",),
    ),
    Mutant(
        "calls-without-end",
        "A loop of refused calls ran for ever: refused ones count, too.",
        (
            Edit(_DIALOGUE, "            if ordinal == MOST_CALLS:\n                break\n", ""),
            Edit(_DIALOGUE, "for ordinal in range(MOST_CALLS + 1):", "for ordinal in range(1 << 60):"),
        ),
        (f"{_TEST_CHANNEL}test_refused_calls_are_counted_too",),
    ),
    Mutant(
        "a-frame-is-decoded-whatever-it-holds",
        "Four million lists in one frame stop the engine for seconds: what it holds is counted before.",
        (Edit(_MESSAGES, "cost = _cost(body)", "cost = 0"),),
        (
            f"{_TEST_MESSAGES}test_an_answer_that_is_not_plain_is_the_candidate_s_and_says_what_it_holds"
            "[body-return large arrays as bytes]",
        ),
    ),
    Mutant(
        "keys-of-a-map-may-be-lists",
        "Keys with equal hashes, which lists can be made to have, take hours to decode.",
        (Edit(_MESSAGES, "if is_map and not left & 1 and first not in _TEXTS:", "if first < 0:"),),
        (
            f"{_TEST_MESSAGES}test_an_answer_that_is_not_plain_is_the_candidate_s_and_says_what_it_holds"
            "[body-a map with a key that is no text]",
        ),
    ),
    Mutant(
        "an-answer-is-not-checked",
        "A key that is no text ended a run for good, on every resume: the log could not give the answer back.",
        (Edit(_MESSAGES, "plain.check(frame.value)", "pass"),),
        (
            f"{_TEST_MESSAGES}test_an_answer_that_is_not_plain_is_the_candidate_s_and_says_what_it_holds"
            "[body-a map with a key of type int]",
        ),
    ),
    Mutant(
        "a-call-is-as-large-as-an-answer",
        "A domain may allow large answers; a call of that size would be recorded, and sent to a model.",
        (Edit(_MESSAGES, "if len(body) > CALL_BYTES or cost > CALL_COST:", "if cost > CALL_COST:"),),
        (f"{_TEST_MESSAGES}test_a_call_is_no_larger_where_answers_may_be",),
    ),
    Mutant(
        "a-harness-names-the-kind-of-its-failure",
        "A harness that calls its failure one of the machine's is tried again, and never counted as its own.",
        (Edit(_MESSAGES, 'kind: Literal["candidate", "resource", "model"]', "kind: Any"),),
        (f"{_TEST_LIES}test_forged_frames_are_the_candidate_s_failure[infrastructure]",),
    ),
    Mutant(
        "a-refusal-is-believed",
        "A harness that was refused no call must not pass its failure off as the model's.",
        (
            Edit(
                _SANDBOX,
                'kind = "candidate" if end.kind == "model" and not ending.refused else end.kind',
                "kind = end.kind",
            ),
        ),
        (f"{_TEST_LIES}test_a_forged_refusal_is_not_the_model_s_failure",),
    ),
    Mutant(
        "the-clock-waits-for-the-harness",
        "A harness that answers late was accepted: the clock must stand beside the conversation.",
        (
            Edit(
                _DIALOGUE,
                "            if wall_s > wall_limit_s:\n                late",
                "            if wall_s < 0:\n                late",
            ),
            Edit(_DIALOGUE, "(serving.exception() or wall_s <= wall_limit_s)", "(serving.exception() or wall_s > 0)"),
        ),
        (
            "tests/attack/test_clock.py::"
            "test_a_solve_ends_by_its_limit_plus_five_seconds[looking-asks now and then, and answers late]",
        ),
    ),
]
