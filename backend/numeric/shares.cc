#include "backend/numeric/shares.h"

namespace lockstep::numeric {

Interval cut(std::int64_t count, Shares shares) {
  return {count * shares.first / shares.of, count * shares.last / shares.of};
}

Heads heads_of(const Model& model, Shares shares) {
  Heads heads;
  heads.query = cut(query_heads(model), shares);
  const std::int64_t all_kv = kv_heads(model);
  heads.group = all_kv > 0 ? query_heads(model) / all_kv : 1;
  if (heads.query.size() > 0) {
    heads.kv = {heads.query.first / heads.group, (heads.query.last - 1) / heads.group + 1};
  }
  return heads;
}

}  // namespace lockstep::numeric
