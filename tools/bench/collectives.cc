// The time of one collective of the replay among processes of this machine: the same turns over the
// same sockets as in `lockstep replay --backend process`, without a plan and without an observer.
//
//   cmake --preset default && cmake --build build --target lockstep_collectives
//   build/tools/bench/lockstep_collectives --members 4,8
//
// A repetition begins after a barrier, and ends when the last member has its result: it copies what
// it passes into the working buffer and takes its turns. Memory is reused, as by who calls MPI with
// buffers of its own.
#include <fmt/core.h>

#include <cstdint>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "backend/numeric/exchange.h"
#include "backend/process/crew.h"
#include "backend/process/mesh.h"
#include "backend/process/turn_runner.h"
#include "tools/bench/collective_case.h"

namespace {

namespace numeric = lockstep::numeric;
using lockstep::OpKind;
using lockstep::bench::Case;
using lockstep::bench::Collective;
using lockstep::bench::Options;
using lockstep::bench::Timed;
using lockstep::process::Member;
using lockstep::process::Mesh;
using lockstep::process::TurnRunner;

OpKind kind_of(Collective collective) {
  switch (collective) {
    case Collective::all_reduce:
      return OpKind::all_reduce;
    case Collective::all_gather:
      return OpKind::all_gather;
    case Collective::reduce_scatter:
      return OpKind::reduce_scatter;
    case Collective::all_to_all:
      break;
  }
  return OpKind::all_to_all;
}

// A call of `kind` by all members, who pass `elements` each as rows of one column.
numeric::Exchange exchange_of(OpKind kind, int members, std::int64_t elements) {
  lockstep::Operation op;
  op.kind = kind;
  std::vector<numeric::Shape> shapes;
  if (kind != OpKind::barrier) {
    op.in = {{lockstep::TensorId{0}, {}}};
    op.out = {{lockstep::TensorId{1}, {}}};
    shapes.assign(static_cast<std::size_t>(members), {true, elements, {{0, 1}}});
  }
  lockstep::Plan plan;
  plan.operations = {op};
  std::vector<numeric::Call> calls;
  for (int rank = 0; rank < members; ++rank) calls.push_back({rank, 0, elements});
  return {plan, calls, 0, shapes, {}, numeric::Storage::float32};
}

// All collectives of one member, one after the other.
class Runner {
 public:
  Runner(Member& member, const std::vector<int>& peers)
      : mesh_(member, peers),
        runner_(mesh_, numeric::Storage::float32),
        self_(member.id()),
        members_(static_cast<std::size_t>(member.ranks())),
        barrier_(exchange_of(OpKind::barrier, member.ranks(), 0)) {
    std::iota(members_.begin(), members_.end(), 0);
  }

  // Microseconds of each repetition. Throws std::runtime_error if the result is wrong.
  std::vector<double> time(const Case& which, int repetitions) {
    const numeric::Exchange exchange =
        exchange_of(kind_of(which.collective), which.members, which.elements_in());
    const numeric::Held passed = numeric::make_held(
        {{0, 1}}, {which.elements_in(), 1, lockstep::bench::values_passed(which, self_)});
    std::vector<float> working = exchange.load(self_, passed);
    const auto once = [&] {
      exchange.load_into(self_, passed, working);
      take_turns(exchange, working);
    };
    once();  // to warm up
    check(which, exchange, working);
    return lockstep::bench::time_repetitions(
        repetitions, [&] { take_turns(barrier_, {}); }, once);
  }

 private:
  void take_turns(const numeric::Exchange& exchange, std::span<float> working) {
    runner_.take_turns(exchange, {members_, static_cast<std::size_t>(self_), 0, call_++, 0},
                       working);
  }

  void check(const Case& which, const numeric::Exchange& exchange,
             std::span<const float> working) const {
    const numeric::Interval result = exchange.result(self_);
    const std::int64_t wrong =
        lockstep::bench::wrong_elements(which, self_,
                                        working.subspan(static_cast<std::size_t>(result.first),
                                                        static_cast<std::size_t>(result.size())));
    if (wrong == 0) return;
    throw std::runtime_error(fmt::format("{} of {} bytes among {}: {} elements are wrong",
                                         lockstep::bench::to_string(which.collective), which.bytes,
                                         which.members, wrong));
  }

  Mesh mesh_;
  TurnRunner runner_;
  int self_;
  std::vector<int> members_;
  numeric::Exchange barrier_;
  std::uint64_t call_ = 0;
};

// In a member: reports the times of all cases, one after the other.
int run_member(const Options& options, Member& member) {
  std::vector<int> peers;
  for (int id = 0; id < member.ranks(); ++id) {
    if (id != member.id()) peers.push_back(id);
  }
  Runner runner(member, peers);
  std::vector<double> all;
  for (const Case& which : lockstep::bench::cases_of(options, member.ranks())) {
    const std::vector<double> own =
        runner.time(which, lockstep::bench::repetitions_of(which, options));
    all.insert(all.end(), own.begin(), own.end());
  }
  member.report(std::as_bytes(std::span(all)));
  return 0;
}

// By member what a case took, from the reports.
std::vector<std::vector<double>> cut(const std::vector<std::vector<std::byte>>& reports,
                                     std::size_t first, std::size_t count) {
  std::vector<std::vector<double>> by_member;
  for (const std::vector<std::byte>& report : reports) {
    std::vector<double>& own = by_member.emplace_back(count);
    std::memcpy(own.data(), report.data() + first * sizeof(double), count * sizeof(double));
  }
  return by_member;
}

std::vector<Timed> run(const Options& options, int members) {
  lockstep::process::CrewOptions crew;
  crew.ranks = members;
  const lockstep::process::Outcome outcome =
      lockstep::process::Crew(crew, [&](Member& m) { return run_member(options, m); }).wait();
  if (outcome.failure) throw std::runtime_error(outcome.failure->text);
  std::vector<Timed> all;
  std::size_t first = 0;
  for (const Case& which : lockstep::bench::cases_of(options, members)) {
    const auto count = static_cast<std::size_t>(lockstep::bench::repetitions_of(which, options));
    all.push_back({which, lockstep::bench::longest_of(cut(outcome.reports, first, count))});
    first += count;
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = lockstep::bench::options_of(
      argc, argv, "The time of collectives of `lockstep replay --backend process`");
  try {
    std::vector<Timed> all;
    for (const int members : options.members) {
      for (Timed& timed : run(options, members)) all.push_back(std::move(timed));
    }
    lockstep::bench::print("lockstep", all, options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
  return 0;
}
