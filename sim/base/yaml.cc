#include "sim/base/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

constexpr std::size_t kDeepest = 64;
constexpr std::size_t kMostText = 16u << 20;
constexpr std::size_t kMostNodes = 2'000'000;
constexpr std::size_t kLongestQuotedLine = 240;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Leaves the parser as soon as something is refused.
struct Refusal {
  int line = 0;
  int column = 0;
  std::string message;
  std::string hint;
};

int from_one(int zero_based) { return zero_based < 0 ? 0 : zero_based + 1; }

// A map or sequence that is still being read.
struct OpenNode {
  Node node;
  std::set<std::string> keys;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) refuse(mark, "a second document starts here", "one document per file");
  }
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    refuse(mark, "aliases are not accepted", "write the value out");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
    refuse(mark, "anchors are not accepted", "write the value out where it is needed");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    add(node_at(mark, Node::Kind::null), mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    Node node = node_at(mark, Node::Kind::scalar);
    node.quoted = tag == "!";  // how yaml-cpp marks scalars that are not plain
    if (!node.quoted) refuse_tag(mark, tag);
    node.text = value;
    add(std::move(node), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, Node::Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  [[noreturn]] static void refuse(const YAML::Mark& mark, std::string message,
                                  std::string hint = {}) {
    throw Refusal{from_one(mark.line), from_one(mark.column), std::move(message), std::move(hint)};
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?") return;
    refuse(mark, fmt::format("the tag '{}' is not accepted", tag), "write the value without a tag");
  }
  static Node node_at(const YAML::Mark& mark, Node::Kind kind) {
    Node node;
    node.kind = kind;
    node.line = from_one(mark.line);
    node.column = from_one(mark.column);
    return node;
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node.is_map() &&
           open_.back().node.keys.size() == open_.back().node.items.size();
  }

  void open(const YAML::Mark& mark, const std::string& tag, Node::Kind kind) {
    refuse_tag(mark, tag);
    count(mark);
    if (expects_key()) {
      refuse(mark, "a key must be text, not a list or a map", "is a bracket left open?");
    }
    if (open_.size() == kDeepest) {
      refuse(mark, fmt::format("nested deeper than {} levels", kDeepest));
    }
    open_.push_back({node_at(mark, kind), {}});
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ > kMostNodes) refuse(mark, fmt::format("more than {} values", kMostNodes));
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    put(std::move(node));
  }

  void add(Node node, const YAML::Mark& mark) {
    count(mark);
    if (!expects_key()) return put(std::move(node));
    if (!node.is_scalar()) refuse(mark, "a key is missing here");
    OpenNode& map = open_.back();
    if (!map.keys.insert(node.text).second) {
      refuse(mark, fmt::format("the key '{}' stands twice in the same map", node.text),
             fmt::format("it stands first on line {}", first_line_of(map.node, node.text)));
    }
    map.node.keys.push_back(std::move(node));
  }

  static int first_line_of(const Node& map, const std::string& key) {
    for (const Node& known : map.keys) {
      if (known.text == key) return known.line;
    }
    return 0;
  }

  void put(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Node& parent = open_.back().node;
    // yaml-cpp places an absent value at the next token, which belongs to another key.
    if (parent.is_map() && node.is_null()) {
      node.line = parent.keys.back().line;
      node.column = parent.keys.back().column;
    }
    parent.items.push_back(std::move(node));
  }

  Node root_;
  std::vector<OpenNode> open_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

// Line `line` (from 1), without its end; cut where it is too long to be read.
std::string line_of(std::string_view text, int line) {
  if (line < 1) return {};
  for (int i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() <= kLongestQuotedLine) return std::string(text);
  std::size_t length = kLongestQuotedLine;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0u) == 0x80u) --length;
  return std::string(text.substr(0, length)) + "...";
}

Diagnostic fault_at(const std::string& file, std::string_view text, Refusal refusal) {
  Diagnostic fault;
  fault.place = {file, refusal.line, refusal.column};
  fault.message = std::move(refusal.message);
  fault.source_line = line_of(text, refusal.line);
  fault.hint = std::move(refusal.hint);
  const bool beyond_the_cut = refusal.column > static_cast<int>(kLongestQuotedLine);
  if (beyond_the_cut) fault.source_line.clear();
  return fault;
}

// Bytes of the UTF-8 character that starts at `at`; 0 where there is none (RFC 3629).
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(at + 1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second > 0x9F;
  const bool too_large = lead == 0xF4 && second > 0x8F;
  return overlong || surrogate || too_large ? 0 : length;
}

// yaml-cpp takes some control characters for the end of the file, and guesses other encodings.
std::optional<Refusal> bad_character(std::string_view text) {
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    const std::size_t length = utf8_length(text, at);
    const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    const int column = static_cast<int>(at - line_start) + 1;
    if (length == 0) return Refusal{line, column, "this is not UTF-8 text", "save it as UTF-8"};
    if (control) {
      return Refusal{line, column, fmt::format("control character 0x{:02X} in the text", c), {}};
    }
    if (c == '\n') {
      ++line;
      line_start = at + 1;
    }
    at += length;
  }
  return std::nullopt;
}

Node parse_tree(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  TreeBuilder builder;
  while (parser.HandleNextDocument(builder)) {
  }
  return builder.take_root();
}

Diagnostic whole_file_fault(const std::string& file, std::string message) {
  Diagnostic fault;
  fault.place.file = file;
  fault.message = std::move(message);
  return fault;
}

std::string too_large() { return fmt::format("the file is larger than {} MiB", kMostText >> 20); }

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

std::optional<bool> Node::as_bool() const {
  if (!is_scalar() || quoted) return std::nullopt;
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<std::int64_t> Node::as_integer() const {
  if (!is_scalar() || quoted) return std::nullopt;
  std::string_view digits = text;
  const bool plus = digits.starts_with('+');
  if (plus) digits.remove_prefix(1);
  if (plus && digits.starts_with('-')) return std::nullopt;
  return parse_integer(digits);
}

std::optional<double> Node::as_number() const {
  if (!is_scalar() || quoted) return std::nullopt;
  std::string_view digits = text;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  // from_chars also knows "inf" and "nan", which are text in YAML.
  if (digits.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = !digits.empty() && stop == digits.data() + digits.size();
  if (error != std::errc() || !whole) return std::nullopt;
  return value;
}

Diagnostic Document::fault(const Node& node, std::string message, std::string hint) const {
  return fault_at(file, text, {node.line, node.column, std::move(message), std::move(hint)});
}

namespace {

// What yaml-cpp says, in the same words for every version of it.
std::string complaint(const std::string& message) {
  if (message.starts_with("the referenced anchor is not defined"))
    return "aliases are not accepted";
  return "this is not valid YAML: " + message;
}

}  // namespace

Result<Document> parse_yaml(std::string text, std::string file) {
  if (text.size() > kMostText) return whole_file_fault(file, too_large());
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  if (std::optional<Refusal> bad = bad_character(text)) {
    Diagnostic fault = fault_at(file, text, std::move(*bad));
    fault.source_line.clear();  // it cannot be shown as text
    return fault;
  }
  try {
    Node root = parse_tree(text);
    return Document{std::move(file), std::move(text), std::move(root)};
  } catch (Refusal& refusal) {
    return fault_at(file, text, std::move(refusal));
  } catch (const YAML::Exception& error) {
    return fault_at(
        file, text,
        {from_one(error.mark.line), from_one(error.mark.column), complaint(error.msg), {}});
  }
}

Result<Document> read_yaml(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return whole_file_fault(path, "this is a directory, not a file");
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return whole_file_fault(path, "cannot open this file");
  // In pieces: most files are small, and a buffer for the largest would cost more than they do.
  constexpr std::size_t kPiece = std::size_t{64} * 1024;
  std::string text;
  while (stream && text.size() <= kMostText) {
    const std::size_t held = text.size();
    text.resize(held + kPiece);
    stream.read(text.data() + held, static_cast<std::streamsize>(kPiece));
    text.resize(held + static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) return whole_file_fault(path, "cannot read this file");
  return parse_yaml(std::move(text), path);
}

}  // namespace lockstep
