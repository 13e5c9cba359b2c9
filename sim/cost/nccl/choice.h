// Which algorithm and protocol NCCL chooses: what its own model predicts to be quickest, right or
// not. Formulas and latencies: NVIDIA/nccl v2.30.7, src/graph/tuning.cc; rates: NcclChoice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cost/hardware.h"
#include "sim/cost/nccl/shape.h"

namespace lockstep {

enum class NcclAlgorithm : std::uint8_t { ring, tree, nvls, nvls_tree, pat, peers };
enum class NcclProtocol : std::uint8_t { ll, ll128, simple };

std::string to_string(
    NcclAlgorithm algorithm);                  // "ring", "tree", "nvls", "nvls-tree", "pat", "p2p"
std::string to_string(NcclProtocol protocol);  // "LL", "LL128", "Simple"

struct NcclPath {
  NcclAlgorithm algorithm = NcclAlgorithm::ring;
  NcclProtocol protocol = NcclProtocol::simple;
  bool operator==(const NcclPath&) const = default;
};

// What NCCL expects this path to take, in us; nothing if it never takes it for this call.
std::optional<double> nccl_expects_us(NcclPath path, const NcclShape& shape,
                                      const Hardware& hardware);

// The least of them; `algorithm`: only its paths, if it has any for this call ("": all).
// Of sends and receives: p2p, Simple; they are not tuned (peers_us in times.h takes the quicker).
NcclPath nccl_choice(const NcclShape& shape, const Hardware& hardware,
                     std::string_view algorithm = {});

// The names that `algorithm` may have for this call.
std::vector<std::string> nccl_algorithms(const NcclShape& shape, const Hardware& hardware);

}  // namespace lockstep
