// Takes the turns of one member of a collective (backend/numeric/turns.h) over the mesh: the
// elements travel in the form in which tensors are kept, and are counted.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "backend/numeric/exchange.h"
#include "backend/numeric/storage.h"
#include "backend/process/mesh.h"
#include "backend/process/worker.h"

namespace lockstep::process {

class TurnRunner {
 public:
  // `mesh` must outlive it.
  TurnRunner(Mesh& mesh, numeric::Storage storage) : mesh_(mesh), storage_(storage) {}

  // All turns of `place.self`, which change `working`: as Exchange::load() left it, afterwards as
  // Exchange::unload() expects it. Throws what the mesh throws.
  void take_turns(const numeric::Exchange& exchange, const CallPlace& place,
                  std::span<float> working);

  // One message each way, at once. Peer -1: none. Throws what the mesh throws.
  struct Outgoing {
    int peer = -1;
    Tag tag;
    std::span<const float> elements;
  };
  struct Incoming {
    int peer = -1;
    Tag tag;
    std::span<float> elements;
  };
  void send_receive(const Outgoing& out, const Incoming& in);

  // Bytes of elements sent since the last call, by peer; peers that were sent none are left out.
  std::map<int, std::int64_t> take_sent_bytes();

 private:
  void take_turn(const numeric::Exchange& exchange, const numeric::Turn& turn,
                 const std::vector<int>& members, const Tag& tag, std::span<float> working);

  Mesh& mesh_;
  numeric::Storage storage_;
  std::vector<float> message_;  // what came last
  std::map<int, std::int64_t> sent_bytes_;
};

}  // namespace lockstep::process
