"""Weakenings of the gate: the units, the test, the level, and the account that a lineage pays from."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

_GATE, _UNITS, _ACCOUNT, _VERDICT = (f"engine/core/{name}.py" for name in ("gate", "units", "account", "verdict"))
_TEST_GATE, _TEST_UNITS, _TEST_ACCOUNT = (f"tests/unit/core/test_{name}.py::" for name in ("gate", "units", "account"))
_TEST_LOOKS = "tests/unit/core/test_two_looks.py::"
_TEST_LINEAGE = "tests/unit/run/test_account.py::"

MUTANTS = [
    Mutant(
        "repeats-counted-as-units",
        "Repeats of one answer are no new evidence: counted as units they accept noise several times too often.",
        (Edit(_UNITS, 'return "repeat" if few and len(rows)', 'return "repeat" if len(rows)'),),
        (f"{_TEST_UNITS}test_repeats_of_equal_answers_add_no_evidence",),
    ),
    Mutant(
        "groups-flip-apart",
        "Instances of one document or donor rise and fall together: flipped apart they make chance look like proof.",
        (
            Edit(
                _GATE, "differences = units.divide(found, unit, groups)", "differences = units.divide(found, unit, {})"
            ),
        ),
        (f"{_TEST_UNITS}test_a_group_flips_as_one",),
    ),
    Mutant(
        "clustered-in-the-verdict-alone",
        "A score is shown with the error of its clusters; that of single instances claims a precision it has not.",
        (Edit(_UNITS, "divide(rows, kind(rows, groups), groups)", "divide(rows, kind(rows, groups), {})"),),
        (f"{_TEST_UNITS}test_the_standard_error_is_clustered",),
    ),
    Mutant(
        "the-test-is-two-sided",
        "The p-value is that of a gain: two-sided, a loss as large counts as evidence for the candidate.",
        (
            Edit(
                _GATE,
                "return sum(total >= observed - 1e-12 for total in sums) / len(sums)",
                "return sum(abs(total) >= abs(observed) - 1e-12 for total in sums) / len(sums)",
            ),
        ),
        ("tests/property/test_gate_is_exact.py::test_p_equals_brute_force",),
    ),
    Mutant(
        "a-drawn-p-value-may-be-0",
        "The observed signs are one of the drawn patterns (Phipson and Smyth 2010): without it p can be 0.",
        (Edit(_GATE, "return (reached + 1) / (FLIPS + 1)", "return reached / FLIPS"),),
        (f"{_TEST_GATE}test_a_p_value_that_is_drawn_is_never_0",),
    ),
    Mutant(
        "bonferroni-off-by-one",
        "N generations make N - 1 comparisons: divided by one less, the run risks more than it says.",
        (Edit(_GATE, "max(1, generations - 1)", "max(1, generations - 2)"),),
        (f"{_TEST_GATE}test_the_level_holds_the_error_of_the_whole_run[8-0.0071428571428571435]",),
    ),
    Mutant(
        "the-level-is-not-divided",
        "A run of many generations makes many comparisons, each of which may err.",
        (
            Edit(
                _GATE,
                "return min(gate.alpha, gate.run_alpha / max(1, generations - 1))",
                "return min(gate.alpha, gate.run_alpha)",
            ),
        ),
        (f"{_TEST_GATE}test_the_level_holds_the_error_of_the_whole_run[51-0.001]",),
    ),
    Mutant(
        "the-lineage-counts-one-candidate-too-few",
        "The level of a candidate counts those of its lineage and itself: one too few is too high a level.",
        (Edit(_GATE, "max(generations, judged + 2)", "max(generations, judged + 1)"),),
        (f"{_TEST_ACCOUNT}test_the_level_falls_with_the_candidates_of_the_lineage_also_where_each_run_has_few",),
    ),
    Mutant(
        "the-smallest-gain-is-not-asked-for",
        "A gain beyond chance may be too small to matter: with instances enough, every change is beyond chance.",
        (Edit(_GATE, "return p < alpha and gain >= gate.minimum_effect", "return p < alpha"),),
        (f"{_TEST_GATE}test_a_gain_of_exactly_the_smallest_that_counts_is_enough",),
    ),
    Mutant(
        "one-noisy-score-wins-by-comparison",
        "One score of a noisy verifier was accepted by mistake in .87 of runs: it needs a test, not a comparison.",
        (Edit(_GATE, "exact = len(found) == 1 and not noisy", "exact = len(found) == 1"),),
        (f"{_TEST_GATE}test_one_deterministic_score_needs_the_effect_and_no_chance[9.0-True-False]",),
    ),
    Mutant(
        "one-score-wins-as-declared",
        "Noise that is declared deterministic was accepted in .88 of simulated runs of 8 generations: it is measured.",
        (Edit(_GATE, "accepted = accepted and executions >= AGAIN", "accepted = accepted and executions >= 1"),),
        ("tests/unit/core/test_determinism.py::test_without_enough_executions_one_score_is_not_accepted",),
    ),
    Mutant(
        "a-rejected-candidate-has-a-score",
        "An agent that is told what rejected candidates scored climbs on noise.",
        (
            Edit(
                "engine/steps/ladder.py",
                'Told("", f"rejected: not shown to be better than {against}{anew}")',
                'Told(score, f"rejected: not shown to be better than {against}{anew}")',
            ),
        ),
        ("tests/unit/steps/test_ladder.py::test_all_rejections_sound_the_same[scores0]",),
    ),
    Mutant(
        "a-noisy-incumbent-is-not-measured-anew",
        "An incumbent was chosen for a lucky score: under noise the candidate must beat it as measured beside it.",
        (
            Edit(
                _VERDICT,
                "at = generation if noisy else state.rotation.executed_in(incumbent, generation)",
                "at = state.rotation.executed_in(incumbent, generation)",
            ),
        ),
        (
            "tests/unit/core/test_verdict.py::"
            "test_under_noise_bad_luck_that_an_incumbent_once_had_is_no_gain_of_the_candidate[True]",
        ),
    ),
    Mutant(
        "the-second-look-has-the-whole-level",
        "Two looks at one level each err twice as often as is promised: the second has what the first has not spent.",
        (Edit(_GATE, "divide(found, unit, groups), alpha - last.alpha)", "divide(found, unit, groups), alpha)"),),
        (f"{_TEST_LOOKS}test_an_open_look_is_decided_by_all_instances_with_the_rest_of_the_level",),
    ),
    Mutant(
        "a-loss-is-looked-at-again",
        "Where there is no gain the reserve is not answered: instances cost, and a loss is no finding.",
        (Edit(_GATE, "return first.difference > 0 and not is_accepted", "return not is_accepted"),),
        (f"{_TEST_LOOKS}test_without_a_gain_the_first_look_ends_it_whatever_the_reserve_says[first2]",),
    ),
    Mutant(
        "harnesses-learn-from-the-reserve",
        "A harness that has learnt an instance with its label answers it right, which is no skill.",
        (
            Edit(
                "engine/grading/process.py",
                "for name, item in found.items() if name not in kept}",
                "for name, item in found.items()}",
            ),
        ),
        (
            "tests/unit/grading/test_reserve.py::test_train_is_given_out_without_the_reserve_and_the_reserve_without_labels[30]",
        ),
    ),
    Mutant(
        "the-account-is-not-paid",
        "What a rejected candidate has risked is spent: unpaid, a lineage may try for ever at full error.",
        (Edit(_ACCOUNT, "Payment(0.0 if covered or not possible else drawn,", "Payment(0.0,"),),
        (f"{_TEST_ACCOUNT}test_a_run_that_keeps_to_its_plan_is_judged_as_before_and_never_beyond_its_account[8]",),
    ),
    Mutant(
        "a-payment-is-not-returned",
        "An accepted candidate gets its level back: else a lineage that improves is told that it is beyond its error.",
        (Edit(_ACCOUNT, "0.0 if covered or not possible else drawn", "0.0 if not possible else drawn"),),
        (f"{_TEST_ACCOUNT}test_an_acceptance_costs_nothing_and_the_same_beyond_the_account_says_so",),
    ),
    Mutant(
        "beyond-the-account-is-not-said",
        "An acceptance that the account cannot pay for is not worth its p-value, and its reader must know.",
        (Edit(_ACCOUNT, "beyond=accepted and not covered", "beyond=False"),),
        (f"{_TEST_ACCOUNT}test_what_is_left_decides_where_it_is_less_than_the_level",),
    ),
    Mutant(
        "each-fork-has-an-alpha-of-its-own",
        "Twenty forks with an error of .05 each accept by mistake in one of five lineages.",
        (
            Edit(
                "engine/core/account.py",
                "if one > self.spent.get(name, -1.0)}",
                "if name in self.spent and one > self.spent[name]}",
            ),
        ),
        (f"{_TEST_LINEAGE}test_a_fork_draws_from_what_its_parent_left",),
    ),
    Mutant(
        "what-a-removed-fork-spent-is-forgotten",
        "A fork that is removed has judged all the same: else removing forks would give their error back.",
        (
            Edit(
                "engine/run/account.py", "for kind in (t.GateDecided, t.AccountRead):", "for kind in (t.GateDecided,):"
            ),
        ),
        (f"{_TEST_LINEAGE}test_what_a_removed_fork_spent_is_remembered_by_those_who_read_it",),
    ),
    Mutant(
        "removing-a-run-gives-its-error-back",
        "Fork, look, remove, repeat would judge any number of candidates.",
        (
            Edit(
                "engine/transfer/removal.py",
                "if row.parent and (spent := account.only_in(reader, row.run)):",
                "if not row.parent and (spent := account.only_in(reader, row.run)):",
            ),
        ),
        (f"{_TEST_LINEAGE}test_what_a_removed_run_spent_stays_spent",),
    ),
    Mutant(
        "two-runs-spend-the-same-error",
        "Two runs of a lineage that judge at once would both pay with what was left before either.",
        (Edit("engine/steps/gate.py", "guard=check if shared else None", "guard=None"),),
        (f"{_TEST_LINEAGE}test_two_runs_that_judge_at_once_spend_one_after_the_other",),
    ),
    Mutant(
        "a-forged-payment-counts",
        "A log from elsewhere may say anything: a payment below 0 would be error that somebody gave back.",
        (Edit("engine/run/account.py", "if _NAME.fullmatch(name) and 0 <= spent <= 1:", "if name:"),),
        (f"{_TEST_LINEAGE}test_what_a_forged_run_says_it_spent_gives_nothing_back",),
    ),
]
