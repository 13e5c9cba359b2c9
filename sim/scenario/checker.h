// Reads the values of a scenario's maps against the key table, and collects every fault.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.h"
#include "sim/base/yaml.h"
#include "sim/scenario/keys.h"

namespace lockstep {

// Faults in the order in which they are found; beyond a hundred, one line says that there are more.
class FaultList {
 public:
  void add(Diagnostic fault);
  void add_all(const Diagnostics& faults);
  bool empty() const { return faults_.empty(); }
  std::size_t size() const { return faults_.size(); }
  // By line and column within the file; faults without a place last.
  Diagnostics take_sorted();

 private:
  Diagnostics faults_;
};

// `read` finds `name` in `map`, checks it against the key `section.name`, and stores it in `out`.
// An absent key leaves `out` as it is; a fault does too, and is reported.
class Checker {
 public:
  // `settings` are the `--set` arguments as written: nodes that setting i made have line -(i + 1).
  // All arguments must outlive the checker.
  Checker(const Document& document, FaultList& faults, const std::vector<std::string>& settings);

  const Document& document() const { return document_; }
  void fault(const Node& node, std::string message, std::string hint = {});
  // Faults of another file, with their places there.
  void add_all(const Diagnostics& faults) { faults_.add_all(faults); }
  // The value of `path`'s key is not what the table asks for.
  void wrong_type(const Node& node, const Key& key);
  std::size_t faults_so_far() const { return faults_.size(); }

  // True if `node` is a map; else a fault about the key `section`.
  bool is_map(const Node& node, std::string_view section);
  // Reports each key of `map` that the table does not have in `section`.
  void refuse_unknown_keys(const Node& map, std::string_view section);

  std::optional<std::int64_t> integer(const Node& value, const Key& key);
  std::optional<std::string> text(const Node& value, const Key& key);
  std::optional<std::string> choice(const Node& value, const Key& key);

  void read(const Node& map, std::string_view section, std::string_view name, int& out);
  void read(const Node& map, std::string_view section, std::string_view name, std::uint64_t& out);
  void read(const Node& map, std::string_view section, std::string_view name, bool& out);
  void read(const Node& map, std::string_view section, std::string_view name, double& out);
  void read(const Node& map, std::string_view section, std::string_view name, std::string& out);
  template <class T>
  void read(const Node& map, std::string_view section, std::string_view name,
            std::optional<T>& out) {
    if (map.find(name) == nullptr) return;
    T value{};
    const std::size_t before = faults_.size();
    read(map, section, name, value);
    if (faults_.size() == before) out = std::move(value);
  }

 private:
  std::string unknown_key_hint(const std::string& name, std::string_view section) const;

  const Document& document_;
  FaultList& faults_;
  const std::vector<std::string>& settings_;
};

// A value as a message shows it: 'eight', a list, a map, nothing.
std::string shown(const Node& value);

// "did you mean 'tp_size'?", or the candidates if none is near.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace lockstep
