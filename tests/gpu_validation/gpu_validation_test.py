#!/usr/bin/env python3
"""Tests of tools/validate_gpu: the page from results, what counts as agreement, and whole sections
with programs that stand for a GPU's (the folder fakes). LOCKSTEP_COMMAND names the built lockstep
(default: that in build/).
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tools/gpu_validation"))
sys.dont_write_bytecode = True
os.environ.setdefault("LOCKSTEP_COMMAND", str(ROOT / "build/tools/lockstep"))

import corpus  # noqa: E402  (the path above comes first)
import facts  # noqa: E402
import full_size  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import runner  # noqa: E402

BUG = "scenarios/bugs/sglang/23731-qwen3-30b-dep2-before.yaml"


def validate_gpu(*words, path=""):
    environment = os.environ | {"PATH": f"{path}:/usr/bin:/bin"}
    return subprocess.run([sys.executable, ROOT / "tools/validate_gpu", *words], cwd=ROOT,
                          env=environment, capture_output=True, text=True, check=False)


def spread(low, median, high):
    return {"median_us": median, "low_us": low, "high_us": high}


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "nccl.md"
            cls.done = validate_gpu("--page", HERE / "sample.json", "--output", page)
            cls.text = page.read_text()

    def test_is_made_without_a_gpu(self):
        self.assertEqual((self.done.returncode, self.done.stderr), (0, ""))

    def test_begins_with_what_must_be_shown(self):
        self.assertIn("| real sizes, bfloat16, eight ranks: the scale before a fix, agreement "
                      "after it | yes |", self.text)
        self.assertIn("the checker's verdicts and factors | **no** |", self.text)

    def test_every_section_names_command_and_machine(self):
        self.assertEqual(self.text.count("*1 fake GPU (1 GiB), driver 570.0, CUDA 13.0, "
                                         "NCCL 2.28.9, 2 cores"), self.text.count("\n## "))

    def test_tells_scale_calls_and_peak_of_a_run(self):
        self.assertIn("| full-before | diverges | layer 0 `mlp` | 7.999 | 6.9e-03 | 0.188 |",
                      self.text)
        self.assertIn("| 8 in groups of 8 | 216 | yes | 3.969 |", self.text)

    def test_tells_every_disagreement_and_what_was_left_out(self):
        self.assertIn("- made/up: scale 3.0, the factor is 8", self.text)
        self.assertIn("Left out: scenarios/bugs/made/16.yaml: 16 ranks.", self.text)

    def test_a_sanitizer_that_does_not_end_is_no_success(self):
        self.assertIn("| racecheck | families_test.cc |  | did not end in 115 s |", self.text)

    def test_rows_of_a_table_have_as_many_cells_as_its_head(self):
        cells = 0
        for line in self.text.splitlines():
            found = line.replace("\\|", "").count("|")
            self.assertTrue(found == 0 or cells in (0, found), line)
            cells = found


class Facts(unittest.TestCase):
    def test_kernels_collectives_and_shares_of_a_step(self):
        def one(kind, time, waiting):
            return {"kind": kind, "step": 0, "time": time, "waiting": waiting}
        step = {"step": 0, "cuda_graph": True, "repetitions": 5, "time": spread(90, 100, 120)}
        told = facts.step_times(step, [one("norm", spread(9, 10, 11), None),
                                       one("all_reduce", spread(20, 30, 40), spread(1, 5, 7))])
        self.assertEqual((told["kernels_us"], told["collectives_us"], told["waiting_us"]),
                         (10, 30, 5))
        self.assertEqual(told["collectives_share"], 30 / (10 + 30))
        self.assertEqual(told["operations_spread"], (2 + 20) / (10 + 30))
        self.assertEqual(told["step_spread"], (120 - 90) / 100)

    def test_a_run_without_a_verdict_tells_its_trouble(self):
        told = facts.facts(runner.Run("lockstep replay", 5, 1.0, "", "note: x\nerror: rank 2\n"))
        self.assertEqual(told["trouble"], "exit code 5: error: rank 2")
        self.assertFalse(full_size.is_as_expected(told, None))

    def test_full_size_needs_the_factor_and_all_ranks_in_one_communicator(self):
        def told(scale, members):
            first = {"layer": 0, "module": "mlp", "scale": scale, "error_after_scale": 0.007}
            return {"verdict": "diverges", "tolerance": 0.19, "first": first,
                    "nccl": {"as_planned": True, "ranks": 8, "members": members}}
        expected = (0, "mlp", 8)
        self.assertTrue(full_size.is_as_expected(told(7.97, [8, 4]), expected))
        self.assertFalse(full_size.is_as_expected(told(7.5, [8, 4]), expected))
        self.assertFalse(full_size.is_as_expected(told(7.97, [4]), expected))
        self.assertFalse(full_size.is_as_expected(told(7.97, [8]), None))


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        programs = runner.Programs(os.environ["LOCKSTEP_COMMAND"], None)
        _, _, _, cls.checked, cls.cpu = corpus.answers(programs, BUG)

    def row(self, **changes):
        return corpus.compared(BUG, self.checked, self.cpu, self.cpu | changes, False)

    def test_the_same_answers_agree(self):
        row = self.row()
        self.assertEqual(row["faults"], [])
        self.assertEqual((row["group"], row["code"], row["factor"], row["shows_factor"]),
                         ("lineage", "double-reduction", "2", True))

    def test_another_scale_verdict_or_operation_disagrees(self):
        first = self.cpu["first"]
        terms = [{"term": one["term"], "scale": 3.0} for one in first["terms"]]
        self.assertIn("scale 3.0, the factor is 2",
                      self.row(first=first | {"terms": terms})["faults"])
        self.assertIn("the GPU says agrees, the checker's findings are diverges",
                      self.row(verdict="agrees")["faults"])
        self.assertIn("first at operation 1,",
                      self.row(first=first | {"operation": 1})["faults"][0])

    def test_memory_holds_what_shows_the_fault(self):
        def replayed(**told):
            return runner.Run("", 1, 0, json.dumps(told), "")
        self.assertEqual(corpus.garbage_for(replayed(only_with_finite_garbage=["pad"])), "finite")
        self.assertEqual(corpus.garbage_for(replayed(verdict="diverges")), "nan")

    def test_twenty_bugs_of_other_systems_come_before_the_programs_of_sglang(self):
        groups = [corpus.group_of(path) for path in corpus.bug_files()]
        self.assertGreaterEqual(groups.count("others"), 20)
        self.assertEqual(groups, sorted(groups, key=corpus.group_order))


class Sections(unittest.TestCase):
    def test_without_a_gpu_it_stops_with_a_sentence(self):
        done = validate_gpu("--only", "kernels")
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertIn("validate_gpu: there is no GPU here (nvidia-smi is not on PATH).",
                      done.stderr)

    def test_what_a_run_leaves_is_named_and_what_it_takes_away_is_not(self):
        before = machine.Snapshot({1, 2}, 4, 7, {"/tmp/a"}, 500)
        after = machine.Snapshot({2, 3}, 4, 5, {"/tmp/a", "/tmp/lockstep-mps-x"}, 900)
        self.assertEqual(after.left_since(before),
                         ["process 3", "/tmp/lockstep-mps-x", "400 MiB of the GPU's memory"])
        self.assertEqual(before.left_since(before), [])

    def test_markdown_of_a_folder_goes_below_the_page_s_headings(self):
        self.assertEqual(measure.lowered("# A\n\ntext # b\n## C\n### D\n"),
                         "### A\n\ntext # b\n### C\n### D")

    def test_sections_stay_and_come_together(self):
        with tempfile.TemporaryDirectory() as folder:
            words = ("--binaries", HERE / "fakes", "--out", folder, "--output",
                     f"{folder}/nccl.md")
            first = validate_gpu(*words, "--only", "kernels,full_size", path=HERE / "fakes")
            self.assertEqual(first.stderr, "")
            validate_gpu(*words, "--soak", "2", "--sanitize", path=HERE / "fakes")
            told = json.loads((Path(folder) / "nccl.json").read_text())["sections"]
        self.assertEqual(list(told), ["kernels", "full_size", "sanitize", "soak"])
        self.assertEqual((told["kernels"]["passed"], told["sanitize"]["met"]), (61, True))
        self.assertEqual(told["soak"]["codes"], {"1": 2})
        self.assertEqual(told["soak"]["different_results"], 1)
        verdicts = {run["name"]: run["verdict"] for run in told["full_size"]["runs"]}
        self.assertEqual(verdicts["Kimi K2.6 DEP4, 24785^"], "diverges")
        self.assertEqual(verdicts["Kimi K2.6 TP8, 24785^"], "agrees")


if __name__ == "__main__":
    unittest.main()
