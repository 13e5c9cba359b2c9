#include "backend/process/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "backend/process/host_worker.h"
#include "backend/process/messages.h"
#include "backend/process/observer.h"
#include "backend/process/rank.h"

namespace lockstep::process {
namespace {

std::string name_of_operation(const Plan& plan, int index) {
  if (index >= static_cast<int>(plan.operations.size())) return "the end of the plan";
  const Operation& op = plan.operations[static_cast<std::size_t>(index)];
  std::string text = to_string(op.kind);
  if (!op.name.empty() && op.name != text) text += fmt::format(" '{}'", op.name);
  if (communicates(op.kind)) text += fmt::format(" over {}", plan.group(op.group).role);
  return text;
}

std::vector<int> peers_in_mesh(const Plan& plan, const Backend& backend, int rank) {
  std::vector<int> peers = peers_of(plan, rank);
  if (backend.meets_at_rank_0) {
    const int first = rank == 0 ? 1 : 0;
    const int last = rank == 0 ? plan.world : 1;
    for (int peer = first; peer < last; ++peer) {
      if (!std::ranges::binary_search(peers, peer)) peers.push_back(peer);
    }
    std::ranges::sort(peers);
  }
  peers.push_back(plan.world);  // the observer
  return peers;
}

std::unique_ptr<Worker> make_worker(const Plan& plan, const ReplayOptions& options, Member& member,
                                    Mesh& mesh) {
  const Backend::MakeWorker& make = options.backend.worker;
  if (make) return make(plan, options.numeric, member, mesh);
  return std::make_unique<HostWorker>(plan, options.numeric, member.id(), mesh);
}

// A rank that cannot go on waits for the end with the observer, who knows why.
void run_rank(const Plan& plan, const ReplayOptions& options, Member& member) {
  const int rank = member.id();
  const int observer = plan.world;
  Mesh mesh(member, peers_in_mesh(plan, options.backend, rank), options.mesh);
  const auto before = [&](int operation) {
    member.start_operation(operation);
    if (options.before) options.before(rank, operation, mesh);
  };
  const std::unique_ptr<Worker> worker = make_worker(plan, options, member, mesh);
  try {
    Rank steps(plan, options.numeric.storage, rank, observer, mesh, *worker);
    member.report(encode(steps.run(before)));
  } catch (const Mismatch&) {
    mesh.receive_up_to(observer, observation_tag(), kLongestObservation);
  }
}

int run_member(const Plan& plan, const ReplayOptions& options, Member& member) {
  const Backend& backend = options.backend;
  if (backend.enter) backend.enter(member);
  if (member.is_observer()) {
    const std::unique_ptr<numeric::DoubleProducts> products =
        backend.products ? backend.products() : nullptr;
    observe(plan, options.numeric, options.mesh, member, products.get());
  } else {
    run_rank(plan, options, member);
  }
  return 0;
}

void add_reports(const std::vector<std::vector<std::byte>>& reports, ReplayOutcome& outcome) {
  std::map<int, numeric::Traffic> by_operation;
  for (std::size_t rank = 0; rank < reports.size(); ++rank) {
    RankReport report = decode_rank_report(reports[rank]);
    outcome.workers.push_back(std::move(report.worker));
    for (const RankTraffic& own : report.traffic) {
      numeric::Traffic& t = by_operation[own.operation];
      t.operation = own.operation;
      t.microseconds = std::max(t.microseconds, own.microseconds);
      for (const auto& [peer, bytes] : own.sent_bytes) {
        t.sent.push_back({static_cast<int>(rank), peer, bytes});
      }
    }
  }
  for (auto& [operation, traffic] : by_operation) {
    outcome.result.traffic.push_back(std::move(traffic));
  }
}

ReplayOutcome replay_once(const Plan& plan, const ReplayOptions& options) {
  CrewOptions crew = options.crew;
  crew.ranks = plan.world;
  crew.observer = true;
  crew.operation_name = [&](int operation) { return name_of_operation(plan, operation); };
  if (options.numeric.progress) {
    crew.progress = [&](const Board& board) {
      const auto operations = static_cast<int>(plan.operations.size());
      options.numeric.progress(std::max(board.position(plan.world).operation, 0), operations);
    };
  }
  numeric::ReplayResult result;
  crew.concludes = [&](int member, std::span<const std::byte> report) {
    if (member != plan.world) return false;
    result = decode_result(report);
    return result.stopped_at >= 0;
  };
  Outcome outcome =
      Crew(crew, [&](Member& member) { return run_member(plan, options, member); }).wait();
  ReplayOutcome told{std::move(outcome.failure), {}, std::move(outcome.notes), {}};
  if (told.failure) return told;
  told.result = std::move(result);
  outcome.reports.pop_back();
  if (told.result.stopped_at < 0) add_reports(outcome.reports, told);
  return told;
}

}  // namespace

std::vector<int> peers_of(const Plan& plan, int rank) {
  std::set<int> peers;
  for (const Operation& op : plan.operations) {
    if (!communicates(op.kind)) continue;
    const std::vector<int>* members = membership(plan, op.group, rank).members;
    if (members == nullptr) continue;
    const auto calls = [&](int member) { return executes(op, member); };
    if (std::ranges::any_of(*members, calls)) peers.insert(members->begin(), members->end());
  }
  peers.erase(rank);
  return {peers.begin(), peers.end()};
}

ReplayOutcome replay(const Plan& plan, const ReplayOptions& options) {
  ReplayOutcome outcome;
  if (!plan.unknown.empty()) {
    outcome.result.verdict = numeric::ReplayVerdict::inconclusive;
    return outcome;
  }
  outcome.result =
      numeric::with_garbage(options.numeric, [&](const numeric::ReplayOptions& numeric) {
        if (outcome.failure) return numeric::ReplayResult{};
        ReplayOptions one = options;
        one.numeric = numeric;
        ReplayOutcome told = replay_once(plan, one);
        outcome.failure = std::move(told.failure);
        std::ranges::move(told.notes, std::back_inserter(outcome.notes));
        if (outcome.workers.empty()) outcome.workers = std::move(told.workers);
        return std::move(told.result);
      });
  return outcome;
}

}  // namespace lockstep::process
