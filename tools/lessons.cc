#include "tools/lessons.h"

#include <array>

namespace lockstep::tools {
namespace {

constexpr std::array<Lesson, 12> kLessons{{
    {"collective-mismatch",
     "Members of a communicator call collectives that do not fit together, or with arguments that "
     "the library refuses.",
     "A decision that each rank takes for itself (padding, a zero-token shortcut, a flag) came out "
     "differently, or a list of sizes does not have one entry for each member.",
     "An assertion, a hang, or silently swapped data, depending on the library."},
    {"deadlock", "Some members of a communicator never make the call that the others wait in.",
     "A rank skips a step that others take: an idle rank that returns early, steps that drifted "
     "apart.",
     "The job hangs until a watchdog ends it."},
    {"wrong-rows", "A row holds another token's value, or a sum over rows of different tokens.",
     "Offsets or counts are wrong, rows were permuted, or a sum ran over ranks that hold different "
     "rows.",
     "Requests get each other's hidden states."},
    {"undefined-rows",
     "A real row depends on memory that nobody wrote: padding, a stale buffer, uninitialised rows.",
     "A gather or a copy is missing, or reads beyond what was written.",
     "Garbage or NaN that changes from run to run."},
    {"layout-mismatch", "A tensor has another number of rows, or other columns, than it should.",
     "Two sides of a hand-over disagree on padding or on who holds which slice.",
     "A shape error at best, rows read at the wrong stride at worst."},
    {"expert-map", "The ranks that sum their experts do not compute each of them exactly once.",
     "A table of physical experts has a copy too many or misses one, or every copy of a redundant "
     "expert is computed instead of one.",
     "The routed part of a layer has some experts twice and others not at all, for the tokens that "
     "chose them."},
    {"nonlinear-on-partial",
     "A norm, activation or router is applied to a value whose sum comes only afterwards.",
     "A reduction was moved behind the operation that needed its result.",
     "f(a) + f(b) is not f(a + b): a different vector, on every rank."},
    {"missing-reduction", "Shares of a term are absent because no sum ran.",
     "Producer and consumer each rely on the other to reduce, or a deferred sum was forgotten.",
     "Each rank goes on with its own part, such as an eighth of a feed-forward."},
    {"wrong-group", "A sum ran, but over ranks that do not hold all shares.",
     "The reduction uses the expert-parallel group where expert and tensor parallelism share the "
     "work, or the like.",
     "Some shares are lost, others may be counted twice."},
    {"double-reduction", "A value that was already complete is summed again.",
     "The producer reduces and the communicator reduces too: two rules that should be one.",
     "The term is k times too large (k: the size of the group). Nothing later divides by k: the "
     "norm sees a sum of a right residual and a wrong addend."},
    {"duplicated-term", "Some terms of a sum are counted more than once, others are right.",
     "A replicated addend (a shared expert, a bias, the residual) was put inside a sum over ranks.",
     "The replicated term is k times too large; the others hide it."},
    {"stream-race", "Two streams of a rank touch a buffer, one writes, and nothing orders them.",
     "An event is not recorded, not waited for, or recorded too early; work was moved to a second "
     "stream without one.",
     "Usually nothing, until a kernel takes longer: then stale or half-written rows, differently "
     "each time."},
}};

}  // namespace

std::span<const Lesson> lessons() { return kLessons; }

}  // namespace lockstep::tools
