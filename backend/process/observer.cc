#include "backend/process/observer.h"

#include <numeric>

#include "backend/numeric/interpreter.h"
#include "backend/process/channels.h"
#include "backend/process/remote_ranks.h"

namespace lockstep::process {

void observe(const Plan& plan, const numeric::ReplayOptions& options, const MeshLimits& limits,
             Member& member, numeric::DoubleProducts* products) {
  std::vector<int> all(static_cast<std::size_t>(plan.world));
  std::iota(all.begin(), all.end(), 0);
  Mesh mesh(member, all, limits);
  numeric::Weights weights(plan.model, options.seed, products);
  numeric::PlanReference reference(plan, weights, options.storage);
  RemoteRanks ranks(
      plan, options,
      {[&](int rank) {
         return decode_arrival(mesh.receive_up_to(rank, observation_tag(), kLongestObservation),
                               plan);
       },
       [&](int rank, const GoOn& go_on) { mesh.send(rank, observation_tag(), encode(go_on)); },
       [&](const numeric::RouterChoice& choice) { reference.reference().record_choice(choice); }});
  numeric::ReplayOptions watched = options;
  watched.progress = [&](int operation, int) { member.start_operation(operation); };
  numeric::Judge judge(plan, watched, reference, ranks);
  numeric::ReplayResult result = numeric::Interpreter(plan, watched, ranks, judge).run();
  if (result.stopped_at < 0) ranks.dismiss(all);
  mesh.flush();
  member.report(encode(result));
}

}  // namespace lockstep::process
