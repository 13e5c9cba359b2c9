#include "sim/base/yaml.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

using lockstep::Document;
using lockstep::Node;
using lockstep::parse_yaml;
using lockstep::read_yaml;
using lockstep::Result;

namespace {

Node tree(const std::string& text) {
  Result<Document> document = parse_yaml(text, "f.yaml");
  REQUIRE_MESSAGE(document, to_string(document.faults()));
  return document->root;
}

std::string faults(const std::string& text) {
  const Result<Document> document = parse_yaml(text, "f.yaml");
  return document ? "none" : to_string(document.faults());
}

std::string repeated(const std::string& part, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += part;
  return text;
}

}  // namespace

TEST_CASE("a map keeps its keys in the order of the file, with the place of each") {
  const Node root = tree("b: 1\na:\n  - x\n  - [2, 3]\n");
  REQUIRE(root.is_map());
  REQUIRE(root.keys.size() == 2);
  CHECK(root.keys[0].text == "b");
  CHECK(root.keys[1].line == 2);
  CHECK(root.keys[1].column == 1);
  const Node& list = root.items[1];
  REQUIRE(list.is_sequence());
  CHECK(list.items[1].line == 4);
  CHECK(list.items[1].column == 5);
  CHECK(list.items[1].items[1].as_integer() == 3);
  CHECK(root.find("c") == nullptr);
}

TEST_CASE("scalars follow the core schema of YAML 1.2") {
  CHECK(tree("true").as_bool() == true);
  CHECK(tree("false").as_bool() == false);
  for (const char* text : {"yes", "on", "no", "off", "True", "\"true\"", "1"}) {
    CAPTURE(text);
    CHECK_FALSE(tree(text).as_bool());
  }
  CHECK(tree("-17").as_integer() == -17);
  CHECK(tree("+17").as_integer() == 17);
  for (const char* text : {"0x10", "1.0", "'17'", "1_000", "99999999999999999999", "+-1"}) {
    CAPTURE(text);
    CHECK_FALSE(tree(text).as_integer());
  }
  CHECK(tree("2.5").as_number() == 2.5);
  CHECK(tree("1.0e-5").as_number() == 1.0e-5);
  CHECK(tree("17").as_number() == 17.0);
  for (const char* text : {"inf", ".inf", "nan", "1e999", "\"2.5\"", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(tree(text).as_number());
  }
}

TEST_CASE("null, nothing and an empty file are null; a quoted empty text is text") {
  CHECK(tree("").is_null());
  CHECK(tree("# only a comment\n").is_null());
  CHECK(tree("~").is_null());
  CHECK(tree("null").is_null());
  CHECK(tree("\"\"").is_scalar());
  CHECK(tree("'null'").is_scalar());
}

TEST_CASE("an absent value stands at its key") {
  const Node root = tree("a:\nb: 1\n");
  CHECK(root.items[0].is_null());
  CHECK(root.items[0].line == 1);
}

TEST_CASE("JSON is accepted") {
  const Node root = tree("{\"a\": [1, null, true], \"b\": {\"c\": \"d\"}}");
  CHECK(root.items[0].items[1].is_null());
  CHECK(root.items[0].items[2].as_bool() == true);
  CHECK(root.find("b")->find("c")->quoted);
}

TEST_CASE("a byte order mark and line ends of Windows are accepted") {
  const Node root = tree(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n");
  CHECK(root.find("a")->as_integer() == 1);
  CHECK(root.find("b")->as_integer() == 2);
}

TEST_CASE("a duplicate key is a fault that names the first") {
  CHECK(faults("a: 1\nb: 2\na: 3\n") ==
        "f.yaml:3:1: error: the key 'a' stands twice in the same map\n"
        "  a: 3\n"
        "  ^\n"
        "  hint: it stands first on line 1\n");
}

TEST_CASE("anchors, aliases and tags are refused before anything expands") {
  CHECK(faults("a: &x 1\nb: *x\n") ==
        "f.yaml:1:4: error: anchors are not accepted\n"
        "  a: &x 1\n"
        "     ^\n"
        "  hint: write the value out where it is needed\n");
  CHECK(faults("a: *x\n") ==
        "f.yaml:1:4: error: aliases are not accepted\n"
        "  a: *x\n"
        "     ^\n");
  CHECK(faults("a: !!python/object:os.system 1\n").find("the tag") != std::string::npos);
}

TEST_CASE("keys are text") {
  CHECK(faults("? [1, 2]\n: 3\n") ==
        "f.yaml:1:3: error: a key must be text, not a list or a map\n"
        "  ? [1, 2]\n"
        "    ^\n"
        "  hint: is a bracket left open?\n");
  CHECK(faults(": 3\n").find("a key is missing here") != std::string::npos);
}

TEST_CASE("a file is one document") {
  CHECK(faults("a: 1\n---\nb: 2\n") ==
        "f.yaml:2:1: error: a second document starts here\n"
        "  ---\n"
        "  ^\n"
        "  hint: one document per file\n");
}

TEST_CASE("what the YAML library refuses is a fault with its place") {
  CHECK(faults("a: b: c\n") ==
        "f.yaml:1:5: error: this is not valid YAML: illegal map value\n"
        "  a: b: c\n"
        "      ^\n");
  for (const char* text : {"a: [1, 2", "a: \"open", "a: }", "\ta: 1", "a: @b", "%TAG\n---\na"}) {
    CAPTURE(text);
    CHECK(faults(text).find("this is not valid YAML") != std::string::npos);
  }
}

TEST_CASE("text that is not UTF-8, or has control characters, is refused") {
  CHECK(faults("a: \xFF\n") ==
        "f.yaml:1:4: error: this is not UTF-8 text\n  hint: save it as UTF-8\n");
  CHECK(faults(std::string("a: 1\nb: \0 2\n", 11)) ==
        "f.yaml:2:4: error: control character 0x00 in the text\n");
  // yaml-cpp would take this character for the end of the file.
  CHECK(faults("a: 1\n\x04"
               "b: 2\n")
            .find("control character 0x04") != std::string::npos);
  // An overlong encoding, a surrogate, a character beyond U+10FFFF, a cut one.
  for (const char* text : {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    CAPTURE(text);
    CHECK(faults(text).find("not UTF-8") != std::string::npos);
  }
  CHECK(tree("a: \xE2\x82\xAC \xF0\x9F\x98\x80").find("a")->is_scalar());
}

TEST_CASE("hostile nesting is refused quickly, closed or not, in every notation") {
  for (const char* part : {"[", "{", "{a: ", "- ", "? ", "a: {", "[a, ", "- [", "[ ? "}) {
    CAPTURE(part);
    CHECK(faults(repeated(part, 10'000)) != "none");
  }
  const std::string closed = repeated("[", 10'000) + repeated("]", 10'000);
  CHECK(faults("a: " + closed) != "none");
  std::string block;
  for (int i = 0; i < 200; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK(faults(block).find("nested deeper than 64 levels") != std::string::npos);
}

TEST_CASE("sixty-four levels are accepted, one more is not") {
  const auto nested = [](int depth) { return repeated("- ", depth) + "x"; };
  CHECK(faults(nested(64)) == "none");
  CHECK(faults(nested(65)).find("nested deeper than 64 levels") != std::string::npos);
}

TEST_CASE("an alias bomb is refused at its first anchor") {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'z'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [" + repeated("*" + before + ", ", 8) + "x]\n";
  }
  CHECK(faults(bomb).find("f.yaml:1:4: error: anchors are not accepted") == 0);
}

TEST_CASE("too many values and too much text are refused") {
  CHECK(faults("[" + repeated("1,", 2'000'001) + "]").find("more than 2000000 values") !=
        std::string::npos);
  CHECK(faults(std::string((16u << 20) + 1, '#')) ==
        "f.yaml: error: the file is larger than 16 MiB\n");
}

TEST_CASE("a line too long to read is cut in messages") {
  const std::string text =
      faults("a: " + std::string(10'000, 'x') + "\na: 1\nb: &c " + std::string(10'000, 'y') + "\n");
  CHECK(text.size() < 1000);
}

TEST_CASE("a file cut at every byte never crashes") {
  const std::string whole =
      "a: {b: [1, 2, 'three'], \"c\": \"d\\n\"}\nlist:\n  - x: |\n      text\n    y: ~\n"
      "\xE2\x82\xAC: >-\n  folded\n";
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const Result<Document> document = parse_yaml(whole.substr(0, length), "f.yaml");
    if (!document) CHECK_FALSE(document.faults().empty());
  }
}

TEST_CASE("files are read, and those that cannot be are faults") {
  const auto folder = std::filesystem::temp_directory_path();
  const std::string file = (folder / "lockstep_yaml_test.yaml").string();
  std::ofstream(file) << "a: 1\n";
  const Result<Document> document = read_yaml(file);
  REQUIRE(document);
  CHECK(document->file == file);
  CHECK(document->root.find("a")->as_integer() == 1);
  std::filesystem::remove(file);
  CHECK(to_string(read_yaml(file).faults()) == file + ": error: cannot open this file\n");
  CHECK(to_string(read_yaml(folder.string()).faults()) ==
        folder.string() + ": error: this is a directory, not a file\n");
}
