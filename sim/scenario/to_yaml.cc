#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sim/scenario/fixes.h"

namespace lockstep {
namespace {

bool is_flat(const Node& node) {
  return node.is_sequence() && std::ranges::all_of(node.items, [](const Node& item) {
           return item.is_scalar() || item.is_null();
         });
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + "\"";
}

// Plain where that reads back as the same scalar.
std::string scalar(const Node& node) {
  if (node.is_null()) return "null";
  const bool simple = !node.text.empty() && std::ranges::all_of(node.text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-' ||
           c == '/';
  });
  return simple && !node.quoted && node.text.front() != '-' ? node.text : quoted(node.text);
}

std::string flow(const Node& node) {
  if (!node.is_sequence() && !node.is_map()) return scalar(node);
  std::string text = node.is_map() ? "{" : "[";
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (i > 0) text += ", ";
    if (node.is_map()) text += scalar(node.keys[i]) + ": ";
    text += flow(node.items[i]);
  }
  return text + (node.is_map() ? "}" : "]");
}

void block(const Node& node, int indent, std::string& out) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    out += margin + (node.is_map() ? scalar(node.keys[i]) + ":" : std::string("-"));
    const bool inlined = !item.is_map() || item.items.empty();
    if (inlined && (item.is_map() || is_flat(item) || !item.is_sequence() || item.items.empty())) {
      out += " " + flow(item) + "\n";
    } else {
      out += "\n";
      block(item, indent + 2, out);
    }
  }
}

}  // namespace

std::string to_yaml(const Node& node) {
  std::string text;
  if (node.is_map() || (node.is_sequence() && !is_flat(node))) {
    block(node, 0, text);
  } else {
    text = flow(node) + "\n";
  }
  return text;
}

}  // namespace lockstep
