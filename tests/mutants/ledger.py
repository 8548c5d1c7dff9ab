"""Weakenings of the ledger and of what a lineage reuses: money is spent once, and within the caps."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

_LEDGER, _CALLING, _REUSE = "engine/run/ledger.py", "engine/models/calling.py", "engine/run/reuse.py"
_TEST_LEDGER, _TEST_CALLING = "tests/unit/run/test_ledger.py::", "tests/unit/models/test_calling.py::"

MUTANTS = [
    Mutant(
        "what-is-in-flight-does-not-count",
        "Calls at once would each find the cap unspent, and together exceed it.",
        (
            Edit(
                _LEDGER,
                '(("usd", self._usd + usd), ("tokens", self._tokens + tokens))',
                '(("usd", usd), ("tokens", tokens))',
            ),
        ),
        (f"{_TEST_LEDGER}test_what_is_in_flight_counts_with_all_that_it_may_cost[caps0-usd]",),
    ),
    Mutant(
        "a-budget-is-not-reserved",
        "A call that may exceed the cap would be sent, and paid for.",
        (Edit(_CALLING, "enter_context(self._reserve(most))", "enter_context(self._ledger.reserve(0.0, 0))"),),
        (f"{_TEST_CALLING}test_a_cap_holds_and_what_was_paid_is_kept[1]",),
    ),
    Mutant(
        "a-reply-is-used-before-it-is-on-the-disk",
        "A power cut would take back a reply that was paid for and that later answers rest on.",
        (Edit("engine/run/group_commit.py", "durable=bool(waiting)", "durable=False"),),
        (f"{_TEST_LEDGER}test_what_was_billed_is_on_the_disk_before_anybody_uses_it",),
    ),
    Mutant(
        "a-wasted-reply-is-not-recorded",
        "A billed reply that does not parse was retried seven times, for $0.315 of which nothing was recorded.",
        (
            Edit(
                _LEDGER,
                "self._journal.append(self._generation, wasted, contents=[request, paid.reply])",
                "del wasted",
            ),
        ),
        (
            f"{_TEST_LEDGER}test_a_billed_reply_that_cannot_be_used_is_in_the_log_and_in_the_caps_and_is_never_given_back",
        ),
    ),
    Mutant(
        "replies-that-cannot-be-used-are-bought-beyond-the-cap",
        "Each attempt is billed: the cap must hold before each of them, not before the first alone.",
        (Edit(_CALLING, "if isinstance(error, UnusableReply):", "if error is None:"),),
        (f"{_TEST_CALLING}test_the_cap_holds_over_replies_that_cannot_be_used",),
        raises="ModelUnavailable",
    ),
    Mutant(
        "equal-calls-at-once-are-each-paid",
        "Two harnesses that ask the same at the same position would pay twice.",
        (Edit(_CALLING, "key = (body, at.place, at.ordinal)", "key = (body, str(id(at)), at.ordinal)"),),
        (f"{_TEST_CALLING}test_two_who_ask_the_same_at_once_pay_once",),
    ),
    Mutant(
        "a-failure-of-the-machine-is-reused",
        "The death of a grader says nothing of a candidate: reused, its zeros stay with the lineage for ever.",
        (Edit(_REUSE, 'return failure is None or failure.kind not in ("verifier", "infrastructure")', "return True"),),
        ("tests/unit/run/test_reuse.py::test_only_what_the_candidate_did_is_reused",),
    ),
]
