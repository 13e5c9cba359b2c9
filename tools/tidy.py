#!/usr/bin/env python3
"""Checks the house rules that neither the compiler nor clang-tidy knows.

    tools/tidy.py [ROOT]       prints `file:line: what is wrong`, exits 1 if anything is
    tools/tidy.py --self-test  runs tests/tidy/tidy_test.py

The rules, each a function below: length (100 columns, 70 lines a function, 400 lines a file),
direction of includes (design section 7), banned names, form of headers, one type a name, sources
named in a CMakeLists.txt. Standard library only.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 400

TREES = ("sim", "backend", "tools", "tests", "cmake", ".ci", "docs", "scenarios")
CODE = {".h", ".cc", ".cu", ".cuh"}
TEXT = CODE | {".py", ".cmake", ".txt", ".md", ".yaml", ".yml", ".json", ""}

# A folder of sim/ includes itself and those to its left.
SIM_ORDER = ("base", "model", "parallel", "plan", "program", "serving", "contract", "events",
             "cost", "scenario", "report", "sweep")
BACKENDS = ("backend/numeric", "backend/process", "backend/nccl")

# Files that begin with the key must not include what begins with one of the values.
FORBIDDEN = {
    "sim/contract/": ("sim/serving/",),
    "sim/events/": ("sim/model/", "sim/parallel/", "sim/plan/", "sim/serving/", "sim/contract/"),
    "backend/numeric/": ("sim/contract/", "sim/serving/", "sim/scenario/", "sim/report/"),
    "backend/process/": ("sim/contract/", "sim/serving/", "sim/scenario/", "sim/report/"),
    # The replay's reference is built from model, tokens and weights alone (design section 6).
    "backend/numeric/reference.": ("sim/plan/",),
}

# (pattern over code without comments and strings, what to do instead)
BANNED_CODE = (
    (r"std::random_device|std::mt19937|#\s*include\s*<random>|(?<![\w.>])s?rand\s*\(",
     "use lockstep::Random of sim/base/random.h: the same draws on every machine"),
    (r"(?<![\w.>])(?:std::)?time\s*\(\s*(?:0|NULL|nullptr|&)|std::chrono::system_clock",
     "use std::chrono::steady_clock in tools/, and only for what is reported as measured"),
    (r"using\s+namespace\s+std\b", "write the std:: prefix"),
    (r"(?<![\w.>])(?:std::)?(?:f|s|sn|v)?printf\s*\(", "use fmt::print or fmt::format"),
    (r"std::endl\b", "use '\\n'"),
)

# (pattern over the whole text, what to do instead)
BANNED_TEXT = (
    (r"\b(?:T[O]DO|F[I]XME|X[X]X)\b", "do it now, or open an issue"),
    (r"(?<![\w./:-])/(?:home|root|work|Users)/", "a path relative to the repository"),
    (r"N[O]LINT(?:NEXTLINE|BEGIN|END)?(?!\w|\()", "name the check: N" "OLINT(check)"),
)


@dataclass(frozen=True, order=True)
class Fault:
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


@dataclass
class Source:
    """A file, its lines, and for C++ its code: comments and literals blanked, same places."""
    path: str
    text: str
    code: str
    raw_lines: set  # lines that continue a raw string: wrapping one would change its value

    @property
    def lines(self):
        return self.text.splitlines()

    @property
    def is_code(self):
        return Path(self.path).suffix in CODE


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|(?P<raw>R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)")'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def read_source(root, path):
    text = path.read_text(encoding="utf-8", errors="replace")
    name = path.relative_to(root).as_posix()
    if path.suffix not in CODE:
        return Source(name, text, text, set())
    raw_lines = set()
    pieces, end = [], 0
    for token in TOKEN.finditer(text):
        if token["raw"]:
            raw_lines.update(range(line_of(text, token.start()), line_of(text, token.end()) + 1))
        is_include = text.rfind("#include", text.rfind("\n", 0, token.start()) + 1,
                                token.start()) >= 0
        kept = token[0] if is_include else re.sub(r"[^\n]", " ", token[0])
        pieces += [text[end:token.start()], kept]
        end = token.end()
    return Source(name, text, "".join(pieces) + text[end:], raw_lines)


def read_tree(root):
    """Every text file of the project, in the order of their paths."""
    files = [p for p in root.iterdir() if p.is_file() and p.suffix in TEXT - {""}]
    for tree in TREES:
        files += [p for p in (root / tree).rglob("*") if p.is_file() and p.suffix in TEXT]
    files = [p for p in files if "__pycache__" not in p.parts]
    return [read_source(root, p) for p in sorted(files)]


# ---- length -----------------------------------------------------------------------------------


def is_script(source):
    return Path(source.path).suffix == "" and source.text.startswith("#!")


def check_columns(source):
    suffix = Path(source.path).suffix
    is_cmake = suffix == ".cmake" or source.path.endswith("CMakeLists.txt")
    if not (source.is_code or suffix == ".py" or is_cmake or is_script(source)):
        return
    for number, line in enumerate(source.lines, 1):
        if len(line) > MAX_COLUMNS and number not in source.raw_lines:
            yield Fault(source.path, number, f"{len(line)} columns; at most {MAX_COLUMNS}")


def check_file_length(source):
    count = len(source.lines)
    if source.is_code and count > MAX_FILE_LINES:
        yield Fault(source.path, MAX_FILE_LINES + 1,
                    f"{count} lines; at most {MAX_FILE_LINES}: split the file by concept")


FUNCTION_HEAD = re.compile(
    r"\)\s*(?:(?:const|noexcept(?:\s*\([^()]*\))?|override|final|mutable|&&?)\s*)*"
    r"(?:->\s*[\w:<>,&*\s]+|requires\b.*)?$", re.DOTALL)
TYPE_HEAD = re.compile(r"\b(?:namespace|class|struct|union|enum)\b[^()=]*$")


def functions(code):
    """Yields (first line, last line) of each outermost function, lambda or test case."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), code,
                  flags=re.MULTILINE)
    starts = []  # of the open braces: offset of the head if it opens a function, else None
    head = 0
    for mark in re.finditer(r"[{};]", code):
        place = mark.start()
        if mark[0] == "{":
            text = code[head:place].strip()
            inside = any(start is not None for start in starts)
            is_function = bool(FUNCTION_HEAD.search(text)) and not TYPE_HEAD.search(text)
            first = head + len(code[head:place]) - len(code[head:place].lstrip())
            starts.append(first if is_function and not inside else None)
        elif mark[0] == "}" and starts:
            start = starts.pop()
            if start is not None:
                yield line_of(code, start), line_of(code, place)
        head = place + 1


def check_function_length(source):
    if not source.is_code:
        return
    for first, last in functions(source.code):
        count = last - first + 1
        if count > MAX_FUNCTION_LINES:
            yield Fault(source.path, first,
                        f"a function of {count} lines; at most {MAX_FUNCTION_LINES}")


# ---- direction of includes --------------------------------------------------------------------


def folder_of(path):
    return "/".join(path.split("/")[:2])


def forbidden_include(path, included):
    """Why `path` must not include `included`, or None."""
    for prefix, targets in FORBIDDEN.items():
        if path.startswith(prefix) and included.startswith(targets):
            return f"{prefix.rstrip('/.')} must not know {folder_of(included)}"
    own, other = path.split("/"), included.split("/")
    if other[0] == "tools" and own[0] != "tools":
        return "nothing includes tools"
    if own[0] == "sim" and other[0] == "sim":
        if SIM_ORDER.index(own[1]) < SIM_ORDER.index(other[1]):
            return f"sim/{own[1]} comes before sim/{other[1]}"
    # Reports render what a replay found; nothing else in sim knows of backends.
    if own[0] == "sim" and own[1] != "report" and other[0] == "backend":
        return "backends include sim, not the reverse"
    return None


def check_includes(source, root):
    if not source.is_code:
        return
    for found in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', source.code, re.MULTILINE):
        line = line_of(source.code, found.start())
        included = found[1]
        if not (root / included).is_file():
            yield Fault(source.path, line,
                        f'"{included}" is no file of this project; write it from the root')
            continue
        unknown = [p for p in (source.path, included)
                   if p.startswith("sim/") and p.split("/")[1] not in SIM_ORDER]
        if unknown:
            yield Fault(source.path, line, f"tools/tidy.py does not know {folder_of(unknown[0])}")
            continue
        why = forbidden_include(source.path, included)
        if why:
            yield Fault(source.path, line, f'includes "{included}": {why}')


# ---- banned names, headers, CMake -------------------------------------------------------------


def matches(patterns, text, path):
    for pattern, instead in patterns:
        for found in re.finditer(pattern, text):
            yield Fault(path, line_of(text, found.start()), f"'{found[0].strip()}': {instead}")


def check_banned(source):
    if source.is_code:
        yield from matches(BANNED_CODE, source.code, source.path)
    yield from matches(BANNED_TEXT, source.text, source.path)


def check_header(source):
    if Path(source.path).suffix not in {".h", ".cuh"}:
        return
    if not source.text.startswith("//"):
        yield Fault(source.path, 1, "a header begins with a comment that states its purpose")
    if not re.search(r"^#pragma once$", source.text, re.MULTILINE):
        yield Fault(source.path, 1, "a header needs #pragma once")


NAMESPACE = re.compile(r"\bnamespace\s*([\w:]*)\s*$")
TYPE = re.compile(r"^(?:template\s*<.*>\s*)?(?:class|struct|union|enum(?:\s+class)?)\s+"
                  r"(?:alignas\([^()]*\)\s*|\[\[[^\]]*\]\]\s*)?(\w+)\s*(?:final\s*)?(?::(?!:).*)?$",
                  re.DOTALL)


def types(code):
    """Yields (full name, offset) of each type of a named namespace that `code` defines."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), code,
                  flags=re.MULTILINE)
    scopes = []  # of the open braces: the namespace it opens, else None
    head = 0
    for mark in re.finditer(r"[{};]", code):
        text = code[head:mark.start()].strip()
        if mark[0] == "{":
            space = NAMESPACE.search(text)
            name = TYPE.match(text)
            if name and all(scopes):
                yield "::".join([*scopes, name[1]]), mark.start()
            scopes.append((space[1] or None) if space else None)
        elif mark[0] == "}" and scopes:
            scopes.pop()
        head = mark.end()


def check_one_type_a_name(sources):
    """Two types of one name in one program are undefined behaviour that no compiler tells."""
    first = {}
    for source in sources:
        if not source.is_code or source.path.startswith("tests/"):
            continue
        for name, offset in types(source.code):
            line = line_of(source.code, offset)
            other = first.setdefault(name, f"{source.path}:{line}")
            if other != f"{source.path}:{line}":
                yield Fault(source.path, line, f"{name} is another type at {other}")


def is_named_in_cmake(path, lists):
    """True if a CMakeLists.txt at or above `path` names it, relative to itself."""
    for parent in Path(path).parents:
        content = lists.get((parent / "CMakeLists.txt").as_posix(), "")
        relative = Path(path).relative_to(parent).as_posix()
        if re.search(rf"(?<![\w./-]){re.escape(relative)}(?![\w./-])", content):
            return True
    return False


def check_named_in_cmake(source, lists):
    is_source = Path(source.path).suffix in {".cc", ".cu"}
    if is_source and not is_named_in_cmake(source.path, lists):
        yield Fault(source.path, 1, "named in no CMakeLists.txt: it is never built")


# ---- all --------------------------------------------------------------------------------------


def check_tree(root):
    sources = read_tree(root)
    lists = {s.path: re.sub(r"#[^\n]*", "", s.text) for s in sources
             if s.path.endswith("CMakeLists.txt")}
    faults = []
    for source in sources:
        for rule in (check_columns, check_file_length, check_function_length, check_banned,
                     check_header):
            faults += rule(source)
        faults += check_includes(source, root)
        faults += check_named_in_cmake(source, lists)
    faults += check_one_type_a_name(sources)
    return sorted(faults), len(sources)


def main(arguments):
    root = Path(__file__).resolve().parent.parent
    if arguments == ["--self-test"]:
        return subprocess.call([sys.executable, str(root / "tests/tidy/tidy_test.py")])
    if len(arguments) > 1 or (arguments and not Path(arguments[0]).is_dir()):
        print("usage: tools/tidy.py [ROOT | --self-test]", file=sys.stderr)
        return 2
    faults, count = check_tree(Path(arguments[0]).resolve() if arguments else root)
    for fault in faults:
        print(fault)
    print(f"tidy: {count} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
