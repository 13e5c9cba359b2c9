// Every algorithm computes its collective: each element of every rank's result has every
// contribution exactly once. Followed element by element, with sets of contributions for values.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>

#include "sim/cost/collectives/blocks.h"
#include "tests/cost/collectives/cases.h"

namespace lockstep::test {
namespace {

constexpr int kMostRanks = 12;

// How often each rank's input is in an element. All zero: nothing is there.
using Value = std::array<std::uint8_t, kMostRanks>;
using Buffer = std::vector<Value>;

struct Interval {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

bool is_pairs(Collective kind) {
  return kind == Collective::all_to_all || kind == Collective::all_to_allv ||
         kind == Collective::dispatch || kind == Collective::combine;
}

// Elements of the buffer that `messages.h` describes.
std::int64_t buffer_size(const CollectiveCall& call) {
  const std::int64_t n = std::ssize(call.ranks);
  if (call.kind == Collective::barrier) return 8;
  if (!call.sizes.empty()) return Blocks(call.sizes).total() / call.element_bytes;
  const bool of_each = is_pairs(call.kind) || call.kind == Collective::send_recv;
  return elements_of(call) * (of_each ? n : 1);
}

// What `rank` brings, in elements.
Interval input(const CollectiveCall& call, int rank) {
  const std::int64_t all = buffer_size(call);
  switch (call.kind) {
    case Collective::broadcast:
      return {0, rank == 0 ? all : 0};
    case Collective::all_gather:
    case Collective::all_gatherv:
      return {rank_blocks(call).first(rank), rank_blocks(call).size(rank)};
    case Collective::all_to_all:
    case Collective::all_to_allv:
    case Collective::dispatch:
    case Collective::combine: {
      const PairBlocks pairs(call);
      const int last = pairs.ranks() - 1;
      const std::int64_t end = pairs.first(rank, last) + pairs.size(rank, last);
      return {pairs.first(rank, 0), end - pairs.first(rank, 0)};
    }
    case Collective::send_recv:
      return {rank * elements_of(call), elements_of(call)};
    default:
      return {0, all};
  }
}

// Who must be in element `at` of the result of `rank`; nobody: it does not matter what is there.
Value owed(const CollectiveCall& call, int rank, std::int64_t at) {
  const int n = static_cast<int>(call.ranks.size());
  Value value{};
  const auto bring = [&](int from) { value[static_cast<std::size_t>(from)] = 1; };
  const auto within = [&](Interval part) {
    return at >= part.first && at < part.first + part.count;
  };
  const bool scatters =
      call.kind == Collective::reduce_scatter || call.kind == Collective::reduce_scatterv;
  if (call.kind == Collective::all_reduce || call.kind == Collective::barrier ||
      (call.kind == Collective::reduce && rank == 0) ||
      (scatters && within({rank_blocks(call).first(rank), rank_blocks(call).size(rank)}))) {
    for (int from = 0; from < n; ++from) bring(from);
  }
  for (int from = 0; from < n; ++from) {
    const Interval brought = input(call, from);
    const bool mine =
        is_pairs(call.kind)
            ? within({PairBlocks(call).first(from, rank), PairBlocks(call).size(from, rank)})
        : call.kind == Collective::send_recv
            ? within(brought) && rank == (from + 1) % n
            : within(brought) &&
                  (call.kind == Collective::broadcast || call.kind == Collective::all_gather ||
                   call.kind == Collective::all_gatherv);
    if (mine) bring(from);
  }
  return value;
}

struct Parcel {
  int round = 0;
  Piece piece;
  Buffer values;
};

// Runs a schedule on sets of contributions.
class Meaning {
 public:
  Meaning(const CollectiveSchedule& schedule, const CollectiveCall& call)
      : schedule_(schedule),
        buffers_(static_cast<std::size_t>(schedule.parties()),
                 Buffer(static_cast<std::size_t>(buffer_size(call)))),
        rounds_(buffers_.size()),
        arrived_(buffers_.size()) {
    for (int rank = 0; rank < static_cast<int>(call.ranks.size()); ++rank) {
      const Interval own = input(call, rank);
      for (std::int64_t i = own.first; i < own.first + own.count; ++i) {
        at(rank, i)[static_cast<std::size_t>(rank)] = 1;
      }
    }
  }

  // Whether all parties came to their end.
  bool run() {
    for (int p = 0; p < schedule_.parties(); ++p) post(p);
    for (bool went = true; went;) {
      went = false;
      for (int p = 0; p < schedule_.parties(); ++p) went = go_on(p) || went;
    }
    for (int p = 0; p < schedule_.parties(); ++p) {
      if (round(p) != schedule_.rounds(p) || !arrived_[static_cast<std::size_t>(p)].empty()) {
        return false;
      }
    }
    return true;
  }

  Value& at(int party, std::int64_t element) {
    return buffers_[static_cast<std::size_t>(party)][static_cast<std::size_t>(element)];
  }

 private:
  int& round(int party) { return rounds_[static_cast<std::size_t>(party)]; }

  void post(int party) {
    if (round(party) >= schedule_.rounds(party)) return;
    std::vector<MessagePart> messages;
    schedule_.messages(party, round(party), messages);
    for (const MessagePart& message : messages) {
      const Piece& piece = message.piece;
      Parcel parcel{message.round, piece, {}};
      for (std::int64_t i = 0; i < piece.count; ++i) {
        parcel.values.push_back(at(party, piece.first + i));
      }
      arrived_[static_cast<std::size_t>(message.to)].push_back(std::move(parcel));
      if (!message.joins) ++messages_[{message.to, message.round}];
    }
  }

  bool go_on(int party) {
    const int now = round(party);
    if (now >= schedule_.rounds(party)) return false;
    if (messages_[{party, now}] < schedule_.receives(party, now)) return false;
    std::erase_if(arrived_[static_cast<std::size_t>(party)], [&](const Parcel& parcel) {
      if (parcel.round != now) return false;
      take(party, parcel);
      return true;
    });
    ++round(party);
    post(party);
    return true;
  }

  void take(int party, const Parcel& parcel) {
    for (std::int64_t i = 0; i < parcel.piece.count; ++i) {
      Value& here = at(party, parcel.piece.first + i);
      const Value& came = parcel.values[static_cast<std::size_t>(i)];
      for (std::size_t r = 0; r < here.size(); ++r) {
        here[r] = static_cast<std::uint8_t>(came[r] + (parcel.piece.adds ? here[r] : 0));
      }
    }
  }

  const CollectiveSchedule& schedule_;
  std::vector<Buffer> buffers_;
  std::vector<int> rounds_;
  std::vector<std::vector<Parcel>> arrived_;
  std::map<std::pair<int, int>, int> messages_;  // by receiver and round
};

// A barrier only asks that everybody was heard of.
bool is_right(const CollectiveCall& call, Meaning& meaning) {
  const int n = static_cast<int>(call.ranks.size());
  for (int rank = 0; rank < n; ++rank) {
    for (std::int64_t i = 0; i < buffer_size(call); ++i) {
      Value found = meaning.at(rank, i);
      if (call.kind == Collective::barrier) {
        for (std::uint8_t& times : found) times = times > 0 ? 1 : 0;
      }
      const Value expected = owed(call, rank, i);
      if (expected != Value{} && found != expected) return false;
    }
  }
  return true;
}

// What a normal dispatch sends is expected, not certain elements.
bool has_meaning(const Algorithm& algorithm) { return algorithm.name != "normal"; }

std::vector<Send> whole_messages(const std::vector<MessagePart>& parts,
                                 std::int64_t element_bytes) {
  std::vector<Send> sends;
  for (const MessagePart& part : parts) {
    if (!part.joins) sends.push_back({part.to, 0, part.round});
    sends.back().bytes += part.piece.count * element_bytes;
  }
  return sends;
}

TEST_CASE("each rank ends with every contribution exactly once") {
  for_each_case(kMostRanks, [](const Algorithm& algorithm, const CollectiveCall& call,
                               const Topology& topology) {
    if (buffer_size(call) > 600 || !has_meaning(algorithm)) return;
    CAPTURE(name_of(algorithm, call));
    const auto schedule = algorithm.schedule(call, topology);
    Meaning meaning(*schedule, call);
    CHECK(meaning.run());
    CHECK(is_right(call, meaning));
  });
}

TEST_CASE("messages and sends are the same bytes") {
  for_each_case(
      9, [](const Algorithm& algorithm, const CollectiveCall& call, const Topology& topology) {
        CAPTURE(name_of(algorithm, call));
        const auto schedule = algorithm.schedule(call, topology);
        const int element_bytes = call.kind == Collective::barrier ? 1 : call.element_bytes;
        for (int p = 0; p < schedule->parties(); ++p) {
          for (int round = 0; round < schedule->rounds(p); ++round) {
            std::vector<Send> sends;
            std::vector<MessagePart> messages;
            schedule->sends(p, round, sends);
            schedule->messages(p, round, messages);
            CHECK(whole_messages(messages, element_bytes) == sends);
          }
        }
      });
}

}  // namespace
}  // namespace lockstep::test
