#include "sim/program/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/base/rank_set.h"
#include "sim/base/text.h"
#include "sim/plan/parse_state.h"

namespace lockstep::program {
namespace {

struct Axis {
  std::string name;
  int size = 1;
};

// The parts of the group that varies along `axes` of the mesh; the last of them varies fastest.
std::vector<std::vector<int>> parts_of_axes(const std::vector<Axis>& mesh,
                                            const std::vector<std::string>& axes, int world) {
  std::map<std::vector<int>, std::map<std::vector<int>, int>> by_rest;  // then by place
  for (int rank = 0; rank < world; ++rank) {
    std::vector<int> rest;
    std::vector<int> place(axes.size(), 0);
    int stride = world;
    for (const Axis& axis : mesh) {
      stride /= axis.size;
      const int coordinate = rank / stride % axis.size;
      const auto varies = std::ranges::find(axes, axis.name);
      if (varies == axes.end()) {
        rest.push_back(coordinate);
      } else {
        place[static_cast<std::size_t>(varies - axes.begin())] = coordinate;
      }
    }
    by_rest[rest].emplace(place, rank);
  }
  std::vector<std::vector<int>> parts;
  for (const auto& [rest, by_place] : by_rest) {
    std::vector<int>& part = parts.emplace_back();
    for (const auto& [place, rank] : by_place) part.push_back(rank);
  }
  return parts;
}

std::vector<std::vector<int>> parts_by_size(int world, int size, int stride) {
  std::vector<std::vector<int>> parts;
  const int block = size * stride;
  for (int first = 0; first < world; first += block) {
    for (int offset = 0; offset < stride; ++offset) {
      std::vector<int>& part = parts.emplace_back();
      for (int i = 0; i < size; ++i) part.push_back(first + offset + i * stride);
    }
  }
  return parts;
}

class SetupReader {
 public:
  SetupReader(Fields& top, NodeFaults& faults) : top_(top), faults_(faults) {}

  Setup read() {
    read_constants();
    read_world();
    read_groups();
    setup_.hidden = static_cast<int>(top_.integer_or("hidden", setup_.hidden, 1, 1 << 20));
    if (faults_.empty()) read_tokens();
    return std::move(setup_);
  }

 private:
  void read_constants() {
    const Node* let = top_.optional("let");
    if (let == nullptr) return;
    if (!let->is_map()) faults_.add(*let, "let is a map from name to number: {k: 8}");
    constexpr std::int64_t kMost = std::int64_t{1} << 40;
    for (std::size_t i = 0; i < let->keys.size(); ++i) {
      setup_.constants[let->keys[i].text] = scalar_integer(let->items[i], -kMost, kMost, faults_);
    }
  }

  int number(const Node& node, int least, int most) {
    const auto constant = setup_.constants.find(node.text);
    if (node.is_scalar() && constant != setup_.constants.end()) {
      if (constant->second >= least && constant->second <= most) {
        return static_cast<int>(constant->second);
      }
      faults_.add(node, fmt::format("'{}' is {}; expected {} to {}", node.text, constant->second,
                                    least, most));
      return least;
    }
    return static_cast<int>(scalar_integer(node, least, most, faults_));
  }

  void read_world() {
    if (const Node* mesh = top_.optional("mesh")) read_mesh(*mesh);
    if (const Node* world = top_.optional("world")) {
      const int size = number(*world, 1, kLargestProgramWorld);
      if (!mesh_.empty() && size != setup_.world) {
        faults_.add(*world, fmt::format("the mesh has {} ranks, not {}", setup_.world, size));
      }
      setup_.world = size;
    } else if (mesh_.empty()) {
      top_.required("world");
    }
  }

  void read_mesh(const Node& mesh) {
    if (!mesh.is_map() || mesh.keys.empty()) {
      faults_.add(mesh, "mesh is a map from axis to size: {dp: 2, tp: 4}");
      return;
    }
    for (std::size_t i = 0; i < mesh.keys.size(); ++i) {
      mesh_.push_back({mesh.keys[i].text, number(mesh.items[i], 1, kLargestProgramWorld)});
      if (setup_.world > kLargestProgramWorld / mesh_.back().size) {
        faults_.add(mesh, fmt::format("a program has at most {} ranks", kLargestProgramWorld));
        return;
      }
      setup_.world *= mesh_.back().size;
    }
    for (const Axis& axis : mesh_) {
      setup_.groups.push_back(
          {axis.name, axis.name, parts_of_axes(mesh_, {axis.name}, setup_.world)});
    }
  }

  void read_groups() {
    if (const Node* groups = top_.optional("groups")) {
      if (!groups->is_map()) faults_.add(*groups, "groups is a map from name to ranks: {tp: 0-3}");
      for (std::size_t i = 0; i < groups->keys.size(); ++i) {
        read_group_entry(groups->keys[i], groups->items[i]);
      }
    }
    if (std::ranges::find(setup_.groups, "world", &Group::role) != setup_.groups.end()) return;
    std::vector<int> everybody(static_cast<std::size_t>(setup_.world));
    std::iota(everybody.begin(), everybody.end(), 0);
    setup_.groups.push_back({"world", "world", {std::move(everybody)}});
  }

  void read_group_entry(const Node& key, const Node& value) {
    Group group{key.text, key.text, {}};
    if (std::ranges::find(setup_.groups, group.role, &Group::role) != setup_.groups.end()) {
      faults_.add(key, fmt::format("there is a group '{}' already", group.role));
      return;
    }
    if (value.is_map()) {
      read_group_map(value, group);
    } else if (value.is_sequence()) {
      for (const Node& part : value.items) {
        group.parts.push_back(read_members(part));
      }
    } else {
      group.parts.push_back(read_members(value));
    }
    std::vector<int> all;
    for (const std::vector<int>& part : group.parts)
      all.insert(all.end(), part.begin(), part.end());
    std::ranges::sort(all);
    if (std::ranges::adjacent_find(all) != all.end()) {
      faults_.add(value, fmt::format("a rank is in two parts of '{}'", group.role));
    }
    std::erase_if(group.parts, [](const std::vector<int>& part) { return part.empty(); });
    if (group.parts.empty()) faults_.add(value, "a group has at least one rank");
    setup_.groups.push_back(std::move(group));
  }

  // Ranks in the order of their places in the group.
  std::vector<int> read_members(const Node& node) {
    const auto ranks = node.is_scalar() ? parse_ranks(node.text, setup_.world) : std::nullopt;
    if (ranks) return *ranks;
    faults_.add(node, fmt::format("expected ranks below {}, in the order of the group, such as "
                                  "0-3 or \"0,2,1,3\"",
                                  setup_.world));
    return {};
  }

  void read_group_map(const Node& value, Group& group) {
    Fields f(value, faults_);
    if (const Node* alias = f.optional("alias")) {
      const GroupId same = read_group(*alias, setup_.groups, faults_);
      if (same.exists()) {
        group.parts = setup_.groups[same.index()].parts;
        group.object = setup_.groups[same.index()].object;
      }
    } else if (f.optional("axes") != nullptr) {
      std::vector<std::string> axes;
      for (const Node* axis : f.list("axes")) {
        axes.push_back(scalar_text(*axis, faults_));
        std::vector<std::string> known;
        for (const Axis& a : mesh_) known.push_back(a.name);
        const bool exists = std::ranges::find(known, axes.back()) != known.end();
        if (!exists) faults_.add_unknown(*axis, "axis", axes.back(), known);
      }
      group.parts = parts_of_axes(mesh_, axes, setup_.world);
    } else {
      const Node* size_node = f.required("size");
      const int size = size_node == nullptr ? 1 : number(*size_node, 1, setup_.world);
      const Node* stride_node = f.optional("stride");
      const int stride = stride_node == nullptr ? 1 : number(*stride_node, 1, setup_.world);
      if (setup_.world % (size * stride) != 0) {
        faults_.add(value, fmt::format("{} ranks do not divide into parts of {} with stride {}",
                                       setup_.world, size, stride));
      } else {
        group.parts = parts_by_size(setup_.world, size, stride);
      }
    }
    f.finish();
  }

  // The place of each rank in the group `shards`; all are shard 0 where there is one shard.
  void read_shards(std::size_t shards, const Node& tokens) {
    setup_.shard_of.assign(static_cast<std::size_t>(setup_.world), 0);
    const Node* named = top_.optional("shards");
    if (named == nullptr) {
      if (shards == 1) return;
      if (shards != static_cast<std::size_t>(setup_.world)) {
        faults_.add(tokens, fmt::format("{} shards for {} ranks", shards, setup_.world),
                    "say with `shards: GROUP` whose place in which group is its shard");
      }
    }
    const GroupId world{static_cast<std::int32_t>(setup_.groups.size()) - 1};
    const GroupId id = named == nullptr ? world : read_group(*named, setup_.groups, faults_);
    if (!id.exists()) return;
    for (const std::vector<int>& part : setup_.groups[id.index()].parts) {
      if (part.size() > shards) {
        faults_.add(tokens, fmt::format("{} shards, but a part of {} has {} ranks", shards,
                                        setup_.groups[id.index()].role, part.size()));
        return;
      }
      for (std::size_t i = 0; i < part.size(); ++i) {
        setup_.shard_of[static_cast<std::size_t>(part[i])] = static_cast<int>(i);
      }
    }
  }

  void read_tokens() {
    const Node* steps = top_.optional("steps");
    const Node* tokens = top_.optional("tokens");
    if (steps == nullptr) {
      if (tokens == nullptr) {
        top_.required("tokens");
        return;
      }
      read_step(*tokens, nullptr);
      if (faults_.empty()) read_shards(setup_.steps.front().requests.size(), *tokens);
      return;
    }
    if (tokens != nullptr) faults_.add(*tokens, "tokens, or steps with tokens of their own");
    if (!steps->is_sequence() || steps->items.empty() || steps->items.size() > kMostSteps) {
      faults_.add(*steps, fmt::format("steps is a list of 1 to {} steps", kMostSteps));
      return;
    }
    for (const Node& step : steps->items) {
      Fields f(step, faults_);
      const Node* of_step = f.required("tokens");
      const Node* graph = f.optional("graph");
      f.finish();
      if (of_step != nullptr) read_step(*of_step, graph);
    }
    if (!faults_.empty()) return;
    const std::size_t shards = setup_.steps.front().requests.size();
    for (const StepSetup& step : setup_.steps) {
      if (step.requests.size() != shards) faults_.add(*steps, "steps have the same shards");
    }
    read_shards(shards, *steps);
  }

  void read_step(const Node& tokens, const Node* graph) {
    StepSetup step;
    step.first_token = next_token_;
    std::vector<const Node*> shards{&tokens};
    if (tokens.is_sequence()) {
      shards.clear();
      for (const Node& shard : tokens.items) shards.push_back(&shard);
    }
    if (shards.empty()) faults_.add(tokens, "no shards");
    for (const Node* shard : shards) {
      std::vector<int>& lengths = step.requests.emplace_back();
      std::vector<const Node*> requests{shard};
      if (shard->is_sequence()) {
        requests.clear();
        for (const Node& request : shard->items) requests.push_back(&request);
      }
      for (const Node* request : requests) add_request(*request, lengths);
    }
    if (graph != nullptr) read_graph(*graph, step);
    setup_.steps.push_back(std::move(step));
  }

  void add_request(const Node& node, std::vector<int>& lengths) {
    const int length = number(node, 0, kMostTokens);
    next_token_ += length;
    if (++requests_ > kMostRequests || next_token_ > kMostTokens) {
      if (requests_ <= kMostRequests + 1) {
        faults_.add(node, fmt::format("a program has at most {} requests and {} tokens",
                                      kMostRequests, kMostTokens));
      }
      next_token_ = 0;
      return;
    }
    if (length > 0) lengths.push_back(length);
  }

  void read_graph(const Node& graph, StepSetup& step) {
    const std::size_t shards = step.requests.size();
    if (graph.is_sequence() && graph.items.size() != shards) {
      faults_.add(graph,
                  fmt::format("{} captured sizes for {} shards", graph.items.size(), shards));
      return;
    }
    for (std::size_t i = 0; i < shards; ++i) {
      const Node& size = graph.is_sequence() ? graph.items[i] : graph;
      step.captured.push_back(number(size, 0, kMostTokens));
      if (step.captured.back() < step.tokens(static_cast<int>(i))) {
        faults_.add(size, fmt::format("{} tokens do not fit in a graph captured with {} rows",
                                      step.tokens(static_cast<int>(i)), step.captured.back()));
      }
    }
  }

  Fields& top_;
  NodeFaults& faults_;
  Setup setup_;
  std::vector<Axis> mesh_;
  std::int64_t next_token_ = 0;
  int requests_ = 0;
};

}  // namespace

std::int64_t StepSetup::tokens(int shard) const {
  const std::vector<int>& lengths = requests[static_cast<std::size_t>(shard)];
  return std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
}

std::int64_t StepSetup::rows(int shard) const {
  return captured.empty() ? tokens(shard) : captured[static_cast<std::size_t>(shard)];
}

std::int64_t StepSetup::first_token_of(int shard) const {
  std::int64_t first = first_token;
  for (int before = 0; before < shard; ++before) first += tokens(before);
  return first;
}

Setup read_setup(Fields& top, NodeFaults& faults) { return SetupReader(top, faults).read(); }

std::vector<int> read_ranks(const Node& node, int world, NodeFaults& faults) {
  const auto ranks = node.is_scalar() ? parse_rank_set(node.text) : std::nullopt;
  const bool fits =
      ranks && (ranks->empty() || (ranks->lowest() >= 0 && ranks->intervals().back().last < world));
  if (fits) return ranks->to_vector();
  faults.add(node, fmt::format("expected ranks below {} such as 0-3 or \"0-3,6\"", world));
  return {};
}

GroupId read_group(const Node& node, const std::vector<Group>& groups, NodeFaults& faults) {
  const std::string name = scalar_text(node, faults);
  const auto found = std::ranges::find(groups, name, &Group::role);
  if (found != groups.end()) return GroupId{static_cast<std::int32_t>(found - groups.begin())};
  std::vector<std::string> names;
  for (const Group& group : groups) names.push_back(group.role);
  if (node.is_scalar()) faults.add_unknown(node, "group", name, names);
  return GroupId::none();
}

}  // namespace lockstep::program
