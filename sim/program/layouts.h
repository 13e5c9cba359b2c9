// The row layouts that a program can name or describe, for one step.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/program/rows.h"
#include "sim/program/setup.h"

namespace lockstep::program {

// The whole number from `least` on that an expression has on a rank; none, with a fault, otherwise.
using RowNumber =
    std::function<std::optional<std::int64_t>(const Node&, int rank, std::int64_t least)>;

class Layouts {
 public:
  // `named`: the program's own, the top-level `rows`; nullptr: none. All arguments must outlive it.
  Layouts(const Setup& setup, int step, const Node* named, RowNumber number, NodeFaults& faults);

  // The layout that a name, a map or a list of {ranks, runs} says. Faults, and rows of nothing, for
  // anything else.
  Rows read(const Node& node);
  Rows own() const;

 private:
  Rows named(const Node& node);
  Rows from_map(const Node& node);
  Rows written_out(const Node& list);
  Rows padded_to(Fields& f, Rows rows);
  Rows split(Fields& f, Rows rows);
  Rows taken(Fields& f, Rows rows);
  // For a map such as {pad: own, ...}: the layout under `key`.
  Rows base(const Node& node, std::string_view key) { return read(*node.find(key)); }
  Rows of_every_shard(bool to_largest, bool all) const;
  Rows last_tokens(bool all) const;
  RowMap of_shard(int shard, bool to_largest) const;
  Rows limited(Rows rows, const Node& node);
  Rows nothing() const { return Rows(static_cast<std::size_t>(setup_.world)); }

  const Setup& setup_;
  const StepSetup& step_;
  const Node* named_;
  RowNumber number_;
  NodeFaults& faults_;
  int depth_ = 0;
  std::size_t runs_left_ = std::size_t{1} << 22;
};

}  // namespace lockstep::program
