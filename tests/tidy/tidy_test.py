#!/usr/bin/env python3
"""Tests of tools/tidy.py: each writes a small tree and compares every fault found in it."""

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

import tidy  # noqa: E402  (the path above comes first)


def faults_in(files):
    """The faults, as text, of a tree that holds `files` and names its sources in CMake."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = " ".join(name for name in files if name.endswith(".cc"))
        for name, text in {"CMakeLists.txt": names, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        found, _ = tidy.check_tree(root.resolve())
        return [str(fault) for fault in found]


def header(body=""):
    return "// What it is for.\n#pragma once\n" + body


def lines(count):
    return "\n" * count


class LengthTest(unittest.TestCase):
    def test_a_clean_tree_has_no_faults(self):
        self.assertEqual(faults_in({"sim/base/a.h": header(), "sim/base/a.cc": "int a;\n"}), [])

    def test_101_columns_are_one_too_many(self):
        self.assertEqual(faults_in({"sim/base/a.cc": "//" + "x" * 98 + "\n"}), [])
        self.assertEqual(faults_in({"sim/base/a.cc": "\n//" + "x" * 99 + "\n"}),
                         ["sim/base/a.cc:2: 101 columns; at most 100"])

    def test_columns_count_characters_not_bytes(self):
        self.assertEqual(faults_in({"sim/base/a.cc": "//" + "é" * 98 + "\n"}), [])

    def test_a_line_in_a_raw_string_may_be_long(self):
        text = 'const char* t = R"(\n' + "x" * 120 + '\n)";\n'
        self.assertEqual(faults_in({"sim/base/a.cc": text}), [])

    def test_scripts_without_a_suffix_have_100_columns_too(self):
        self.assertEqual(faults_in({"tools/go": "#!/bin/sh\n#" + "x" * 100 + "\n"}),
                         ["tools/go:2: 101 columns; at most 100"])

    def test_401_lines_are_one_too_many_for_a_file(self):
        self.assertEqual(faults_in({"sim/base/a.cc": lines(400)}), [])
        self.assertEqual(faults_in({"sim/base/a.cc": lines(401)}), [
            "sim/base/a.cc:401: 401 lines; at most 400: split the file by concept"])

    def test_a_function_counts_from_its_head_to_its_brace(self):
        # 1 line of head + 68 lines + 1 line of brace = 70.
        self.assertEqual(faults_in({"sim/base/a.cc": "void f() {" + lines(69) + "}\n"}), [])
        self.assertEqual(faults_in({"sim/base/a.cc": "int x;\nvoid f() {" + lines(70) + "}\n"}),
                         ["sim/base/a.cc:2: a function of 71 lines; at most 70"])

    def test_namespaces_and_classes_may_be_longer_than_a_function(self):
        body = "void f() {\n  if (true) {\n  }\n}\n" * 30
        text = "namespace a {\nclass B : public C<int(*)()> {\n" + body + "};\n}\n"
        self.assertEqual(faults_in({"sim/base/a.cc": text}), [])

    def test_braces_in_comments_and_literals_do_not_count(self):
        text = "void f() {\n  // {\n  char c = '{'; auto s = \"}{\"; int n = 1'000;\n}\n"
        self.assertEqual(list(tidy.functions(tidy.TOKEN.sub("", text))), [(1, 4)])
        self.assertEqual(faults_in({"sim/base/a.cc": text + lines(100)}), [])

    def test_members_lambdas_and_constructors_are_functions(self):
        text = ("struct A {\n  A(int x)\n      : x_(x) {\n  }\n"
                "  int g() const noexcept {\n  }\n};\n"
                "const auto h = [](int) -> int {\n};\nconst int t[] = {\n  1,\n};\n")
        self.assertEqual(list(tidy.functions(text)), [(2, 4), (5, 6), (8, 9)])


class IncludeTest(unittest.TestCase):
    def faults(self, path, included):
        files = {included: header(), path: f'#include "{included}"\n'}
        return faults_in(files)

    def test_a_folder_includes_folders_above_it(self):
        self.assertEqual(self.faults("sim/plan/a.cc", "sim/base/b.h"), [])
        self.assertEqual(self.faults("sim/scenario/a.cc", "sim/serving/b.h"), [])
        self.assertEqual(self.faults("backend/numeric/a.cc", "sim/plan/b.h"), [])

    def test_no_folder_includes_one_below_it(self):
        self.assertEqual(self.faults("sim/base/a.cc", "sim/plan/b.h"), [
            'sim/base/a.cc:1: includes "sim/plan/b.h": sim/base comes before sim/plan'])

    def test_the_contract_does_not_know_the_serving_system(self):
        self.assertEqual(self.faults("sim/contract/a.cc", "sim/serving/b.h"), [
            'sim/contract/a.cc:1: includes "sim/serving/b.h": '
            "sim/contract must not know sim/serving"])

    def test_the_numeric_backend_does_not_know_contract_serving_or_scenario(self):
        for folder in ("contract", "serving", "scenario"):
            self.assertEqual(self.faults("backend/numeric/a.cc", f"sim/{folder}/b.h"), [
                f'backend/numeric/a.cc:1: includes "sim/{folder}/b.h": '
                f"backend/numeric must not know sim/{folder}"])

    def test_the_reference_does_not_know_the_plan(self):
        self.assertEqual(self.faults("backend/numeric/reference.cc", "sim/plan/b.h"), [
            'backend/numeric/reference.cc:1: includes "sim/plan/b.h": '
            "backend/numeric/reference must not know sim/plan"])

    def test_only_reports_know_backends_and_nobody_knows_tools(self):
        self.assertEqual(self.faults("sim/report/a.cc", "backend/numeric/b.h"), [])
        self.assertEqual(self.faults("sim/plan/a.cc", "backend/numeric/b.h"), [
            'sim/plan/a.cc:1: includes "backend/numeric/b.h": '
            "backends include sim, not the reverse"])
        self.assertEqual(self.faults("tests/cli/a.cc", "tools/b.h"), [
            'tests/cli/a.cc:1: includes "tools/b.h": nothing includes tools'])

    def test_includes_are_written_from_the_root(self):
        files = {"sim/base/b.h": header(), "sim/base/a.cc": '#include "b.h"\n'}
        self.assertEqual(faults_in(files), [
            'sim/base/a.cc:1: "b.h" is no file of this project; write it from the root'])

    def test_an_include_in_a_comment_is_none(self):
        self.assertEqual(faults_in({"sim/base/a.cc": '// #include "nowhere.h"\n'}), [])

    def test_a_folder_without_a_place_in_the_order_is_named(self):
        self.assertEqual(self.faults("sim/magic/a.cc", "sim/base/b.h"),
                         ["sim/magic/a.cc:1: tools/tidy.py does not know sim/magic"])


class NameTest(unittest.TestCase):
    def test_each_banned_name_is_found_and_its_replacement_named(self):
        cases = {
            "#include <random>": "lockstep::Random",
            "std::random_device d;": "lockstep::Random",
            "int x = rand();": "lockstep::Random",
            "auto t = time(nullptr);": "steady_clock",
            "auto t = std::chrono::system_clock::now();": "steady_clock",
            "using namespace std;": "std:: prefix",
            "std::printf(\"x\");": "fmt::print",
            "out << std::endl;": "'\\n'",
            "// T" + "ODO later": "open an issue",
            "// see /ho" + "me/me/x": "relative to the repository",
            "int x;  // NO" + "LINT": "name the check",
        }
        for code, replacement in cases.items():
            found = faults_in({"sim/base/a.cc": "\n" + code + "\n"})
            self.assertEqual(len(found), 1, f"{code}: {found}")
            self.assertTrue(found[0].startswith("sim/base/a.cc:2: '"), found[0])
            self.assertIn(replacement, found[0])

    def test_names_that_only_look_banned_pass(self):
        allowed = ("snapshot.time(0); operand(); fmt::print(\"x\"); x.rand();\n"
                   "// time(nullptr), rand() and printf() in a comment\n"
                   "auto s = \"rand()\";  // NO" + "LINT(bugprone-x)\n"
                   "// docs at https://example.org/home/page and /usr/bin/env\n")
        self.assertEqual(faults_in({"sim/base/a.cc": allowed}), [])


class FormTest(unittest.TestCase):
    def test_a_header_has_a_purpose_and_a_guard(self):
        self.assertEqual(faults_in({"sim/base/a.h": "int a;\n"}), [
            "sim/base/a.h:1: a header begins with a comment that states its purpose",
            "sim/base/a.h:1: a header needs #pragma once"])

    def test_two_types_of_one_name_are_found(self):
        files = {"sim/base/a.h": header("namespace n {\nstruct A { int x; };\n}\n"),
                 "sim/base/b.cc": "namespace n {\nclass A final : public B {\n};\n}\n"}
        self.assertEqual(faults_in(files), [
            "sim/base/b.cc:2: n::A is another type at sim/base/a.h:4"])

    def test_types_of_other_namespaces_and_nested_ones_may_share_a_name(self):
        files = {"sim/base/a.h": header("namespace n {\nstruct A { struct B {}; };\n}\n"),
                 "sim/base/b.cc": "namespace n {\nnamespace {\nstruct A {};\n}\nstruct B {};\n"
                                  "struct A;\nvoid f(struct A& a) {}\n}\n",
                 "sim/base/c.cc": "namespace m {\nstruct A {};\n}\n"}
        self.assertEqual(faults_in(files), [])

    def test_a_source_outside_of_cmake_is_found(self):
        files = {"CMakeLists.txt": "# sim/base/a.cc\nx(sim/base/aa.cc)\n",
                 "sim/base/a.cc": "", "sim/base/aa.cc": ""}
        self.assertEqual(faults_in(files), [
            "sim/base/a.cc:1: named in no CMakeLists.txt: it is never built"])

    def test_a_source_may_be_named_in_its_own_folder_or_above(self):
        files = {"sim/CMakeLists.txt": "x(base/a.cc)\n", "sim/base/CMakeLists.txt": "x(b.cc)\n",
                 "sim/base/a.cc": "", "sim/base/b.cc": "", "CMakeLists.txt": ""}
        self.assertEqual(faults_in(files), [])


if __name__ == "__main__":
    unittest.main()
