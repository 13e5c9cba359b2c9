#include "backend/nccl/device_experts.h"

#include <utility>

namespace lockstep::nccl {

Routes routes_of(const numeric::Matrix<float>& routing, numeric::Interval experts) {
  Routes routes;
  std::vector<std::vector<std::pair<std::int64_t, std::int64_t>>> of_token(
      static_cast<std::size_t>(routing.rows()));  // row of y, expert
  routes.first.push_back(0);
  for (std::int64_t e = experts.first; e < experts.last; ++e) {
    for (std::int64_t r = 0; r < routing.rows(); ++r) {
      if (routing(r, e) == 0.0F) continue;
      of_token[static_cast<std::size_t>(r)].emplace_back(std::ssize(routes.token), e);
      routes.token.push_back(r);
    }
    if (std::ssize(routes.token) == routes.first.back()) continue;
    routes.experts.push_back(e);
    routes.first.push_back(std::ssize(routes.token));
  }
  routes.begin.push_back(0);
  for (const auto& entries : of_token) {
    for (const auto& [row, expert] : entries) {
      routes.row_of_y.push_back(row);
      routes.expert.push_back(expert);
    }
    routes.begin.push_back(std::ssize(routes.row_of_y));
  }
  return routes;
}

RoutedRows::Key RoutedRows::key_of(const numeric::ExpertUnit& unit) const {
  return {operation_,        unit.layer,         unit.experts.first,
          unit.experts.last, unit.columns.first, unit.columns.last};
}

const Routes* RoutedRows::find(const numeric::ExpertUnit& unit) const {
  const auto found = routes_.find(key_of(unit));
  return found == routes_.end() ? nullptr : &found->second;
}

const Routes& RoutedRows::remember(const numeric::ExpertUnit& unit, Routes routes) {
  return routes_.insert_or_assign(key_of(unit), std::move(routes)).first->second;
}

}  // namespace lockstep::nccl
