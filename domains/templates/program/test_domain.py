"""Tests of this task. Run them in this folder: python -m unittest"""

import unittest

from domain import first_fit_decreasing, load

from domains.contract import Instance


class TheTask(unittest.TestCase):
    def setUp(self):
        self.domain = load(None)
        self.case = Instance(id="by hand", data={"capacity": 10, "sizes": [6, 4, 5]})

    def score(self, answer):
        return self.domain.grade(self.case, answer).score

    def test_the_score_is_the_bound_over_the_boxes_used(self):
        self.assertEqual(self.score([[0, 1], [2]]), 1.0)
        self.assertAlmostEqual(self.score([[0], [1], [2]]), 2 / 3)

    def test_a_packing_that_breaks_a_rule_scores_nothing(self):
        for wrong in ([[0, 1, 2]], [[0, 1]], [[0, 1], [2, 2]], [[0, 1], [2], []], [["0", 1], [2]], [], "", None, 7, {}):
            self.assertEqual(self.score(wrong), 0.0, wrong)

    def test_the_baseline_packs_by_the_rules(self):
        for case in self.domain.instances("val"):
            self.assertGreater(self.domain.grade(case, first_fit_decreasing(case.data)).score, 0.7)


if __name__ == "__main__":
    unittest.main()
