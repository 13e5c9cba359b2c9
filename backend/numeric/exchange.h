// From a collective of a plan to the working buffers of its members and back. What a member needs
// to do its part follows from the plan, the calls and the shapes of what the members pass, so each
// process can make the Exchange for itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/numeric/rendezvous.h"
#include "backend/numeric/storage.h"
#include "backend/numeric/tensor.h"
#include "backend/numeric/turns.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

// What others must know of a tensor that a member passes.
struct Shape {
  bool written = false;  // false: the rest says nothing
  std::int64_t rows = 0;
  std::vector<Interval> columns;  // as LocalTensor::columns
};

Shape shape_of(const Held& held);

// One output of one collective. What a member lacks is undefined in the result: rows that others
// have, everything if it never wrote its tensor or has other columns. The columns that count are
// the root's of a broadcast; of sums those with the most intervals, since they tell most about what
// was gathered; else those of the first member that wrote. If none wrote, nobody receives anything.
// A gathering has no rows of members that never wrote.
class Exchange {
 public:
  // `calls`: of all members, in group order; `output`: which of the operation's. `shapes` of what
  // they pass for it, by member (none of a barrier). `home_rows` by member: the rows that each
  // receives of `combine`; others do not look at it. Tensors are kept in `storage`.
  // REQUIRES: mismatch(plan, calls) is empty.
  Exchange(const Plan& plan, std::span<const Call> calls, std::size_t output,
           std::span<const Shape> shapes, std::span<const std::int64_t> home_rows, Storage storage);

  const Pattern& pattern() const { return pattern_; }
  int members() const { return pattern_.members; }
  // How what is summed combines; sum of what is not.
  Reduction reduction() const { return reduction_; }
  std::vector<Turn> turns(int member) const { return numeric::turns(pattern_, member); }
  // What unload() reads of the working buffer.
  Interval result(int member) const;

  // load() and unload() as data, for a working buffer that is elsewhere (on a GPU).
  //
  // load(): the first `given` elements of what is passed go to the beginning of `into`, and the
  // rest of `into` is undefined. Then `own` are copied within the buffer.
  struct Load {
    Interval into;
    std::int64_t given = 0;
    Interval own;             // what a member of all_to_all has for itself
    std::int64_t own_at = 0;  // where that goes
  };
  Load load_steps(int member, const Shape& passed) const;
  // unload(): what the member receives.
  enum class Received : std::uint8_t {
    passed,        // what it passed
    nothing,       // a tensor that was never written
    undefined,     // rows that nobody wrote
    elements,      // those of result(member), row by row
    side_by_side,  // the members' blocks beside each other
  };
  struct Unload {
    Received received = Received::elements;
    std::int64_t rows = 0;
    bool is_average = false;  // the elements are a sum, to be divided by the members
  };
  Unload unload_steps(int member) const;
  const std::vector<Interval>& columns() const { return columns_; }  // of the result
  // side_by_side: the block of a member.
  struct SideBlock {
    std::int64_t from = 0;  // its first element in the buffer
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t left = 0;  // the columns of the result before it
  };
  std::vector<SideBlock> side_blocks() const;

  // The working buffer before the first turn. REQUIRES: `passed` has the member's Shape, and its
  // elements are as stored().
  std::vector<float> load(int member, const Held& passed) const;
  // The same into a buffer that there is. Writes nothing but what the member contributes.
  void load_into(int member, const Held& passed, std::span<float> working) const;
  // What comes for `turn`. REQUIRES: turn.from >= 0, a message of turn.receive.size() elements.
  void take(const Turn& turn, std::span<const float> message, std::span<float> working) const;
  // What the member receives, from the working buffer after the last turn. Who is not the root of a
  // reduction has undefined rows, or in place what it passed.
  Held unload(int member, std::vector<float>&& working, const Held& passed) const;

  // All members receive the same bits.
  bool all_receive_the_same() const;
  // The bytes that `member` sends to each member.
  std::vector<std::int64_t> bytes_sent(int member) const;

 private:
  struct Part {
    std::int64_t rows_in = 0;       // that it passes, or should
    std::int64_t rows_out = 0;      // that it receives
    std::vector<Interval> columns;  // that it should pass
    bool in_place = false;
  };

  void set_columns(std::span<const Shape> shapes);
  void set_rows(std::span<const Shape> shapes, std::span<const std::int64_t> sizes);
  void set_blocks(std::span<const std::int64_t> sizes);
  Interval input(int member) const;
  std::vector<float> side_by_side(std::span<const float> working) const;
  const Part& part(int member) const { return parts_[static_cast<std::size_t>(member)]; }

  Pattern pattern_;
  Reduction reduction_ = Reduction::sum;
  Storage storage_ = Storage::float32;
  bool along_columns_ = false;
  bool received_ = false;          // some member has something
  std::vector<Interval> columns_;  // of the result
  std::vector<Part> parts_;        // by member
};

}  // namespace lockstep::numeric
