#include "sim/sweep/sweep_rows.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace lockstep {
namespace {

class Sweep {
 public:
  Sweep(const SweepBase& base, std::span<const std::int64_t> points, const SweepHooks& hooks)
      : base_(base), points_(points), hooks_(hooks), rows_(points.size()) {}

  std::vector<SweepRow> run(int jobs) {
    {
      std::vector<std::jthread> threads;
      for (int i = 1; i < jobs; ++i) threads.emplace_back([this] { work(); });
      work();
    }
    if (failure_) std::rethrow_exception(failure_);
    return std::move(rows_);
  }

 private:
  void work() {
    for (std::size_t i = next_++; i < points_.size(); i = next_++) {
      try {
        const SweepRow* known =
            hooks_.known ? hooks_.known(values_at(base_.axes, points_[i])) : nullptr;
        rows_[i] = known == nullptr ? sweep_point(base_, points_[i]) : *known;
        const std::lock_guard lock(mutex_);
        if (hooks_.done) hooks_.done(rows_[i], known == nullptr);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        failure_ = std::current_exception();
        next_ = points_.size();
      }
    }
  }

  const SweepBase& base_;
  std::span<const std::int64_t> points_;
  const SweepHooks& hooks_;
  std::vector<SweepRow> rows_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

std::vector<SweepRow> sweep_rows(const SweepBase& base, std::span<const std::int64_t> points,
                                 int jobs, const SweepHooks& hooks) {
  return Sweep(base, points, hooks).run(jobs);
}

}  // namespace lockstep
