#include <deque>
#include <vector>

#include "sim/cost/hardware_fields.h"

namespace lockstep {
namespace {

constexpr double kMostTime = 100'000;  // us
constexpr double kMostRate = 100'000;  // GB/s
constexpr double kLeastRate = 0.001;   // GB/s
constexpr double kMostMiB = 1'000'000;

template <auto... Members>
constexpr auto kServing = &member<&Hardware::serving, Members...>;

// Of one system; paths are below "serving.NAME.".
template <auto Part>
constexpr HardwareField kAllReduceRows[] = {
    {"one_shot_us", "us", "one-shot without bytes, two ranks", 0, kMostTime,
     kServing<Part, &AllReduceConstants::one_shot_us>},
    {"rank_us", "us", "one-shot, for each rank more", 0, kMostTime,
     kServing<Part, &AllReduceConstants::rank_us>},
    {"one_shot_GBps", "GB/s", "one-shot, into one rank from all peers", kLeastRate, kMostRate,
     kServing<Part, &AllReduceConstants::one_shot_GBps>},
    {"one_peer_GBps", "GB/s", "one-shot, into one rank from one peer", kLeastRate, kMostRate,
     kServing<Part, &AllReduceConstants::one_peer_GBps>},
    {"fill_us", "us", "one-shot, until the links are full", 0, kMostTime,
     kServing<Part, &AllReduceConstants::fill_us>},
    {"two_shot_us", "us", "two-shot without bytes, two ranks", 0, kMostTime,
     kServing<Part, &AllReduceConstants::two_shot_us>},
    {"two_shot_rank_us", "us", "two-shot, for each rank more", 0, kMostTime,
     kServing<Part, &AllReduceConstants::two_shot_rank_us>},
    {"two_shot_GBps", "GB/s", "two-shot, into one rank from all peers", kLeastRate, kMostRate,
     kServing<Part, &AllReduceConstants::two_shot_GBps>},
    {"multimem_us", "us", "multimem without bytes", 0, kMostTime,
     kServing<Part, &AllReduceConstants::multimem_us>},
    {"multimem_GBps", "GB/s", "multimem, of one rank's link", kLeastRate, kMostRate,
     kServing<Part, &AllReduceConstants::multimem_GBps>},
    {"eager_us", "us", "of the host, for one eager call", 0, kMostTime,
     kServing<Part, &AllReduceConstants::eager_us>},
    {"copy_GBps", "GB/s", "of an eager call's copy, read and written", kLeastRate, kMostRate,
     kServing<Part, &AllReduceConstants::copy_GBps>},
    {"one_shot_2_MiB", "MiB", "2 ranks: one-shot up to this size", 0, kMostMiB,
     kServing<Part, &AllReduceConstants::one_shot_2_MiB>},
    {"one_shot_4_MiB", "MiB", "3 and 4 ranks: one-shot up to this size", 0, kMostMiB,
     kServing<Part, &AllReduceConstants::one_shot_4_MiB>},
    {"one_shot_8_MiB", "MiB", "5 to 8 ranks: one-shot up to this size", 0, kMostMiB,
     kServing<Part, &AllReduceConstants::one_shot_8_MiB>},
    {"multimem_8_MiB", "MiB", "5 to 8 ranks: multimem from this size on; 0: never", 0, kMostMiB,
     kServing<Part, &AllReduceConstants::multimem_8_MiB>},
    {"limit_2_MiB", "MiB", "2 ranks: NCCL above this size; 0: always", 0, kMostMiB,
     kServing<Part, &AllReduceConstants::limit_2_MiB>},
    {"limit_4_MiB", "MiB", "3 and 4 ranks: NCCL above this size", 0, kMostMiB,
     kServing<Part, &AllReduceConstants::limit_4_MiB>},
    {"limit_8_MiB", "MiB", "5 to 8 ranks: NCCL above this size", 0, kMostMiB,
     kServing<Part, &AllReduceConstants::limit_8_MiB>},
};

// Of one kernel; paths are below "serving.NAME.".
template <auto Part>
constexpr HardwareField kExchangeRows[] = {
    {"floor_us", "us", "without rows", 0, kMostTime, kServing<Part, &ExchangeConstants::floor_us>},
    {"expert_us", "us", "for each expert", 0, kMostTime,
     kServing<Part, &ExchangeConstants::expert_us>},
    {"row_us_per_KB", "us/KB", "through one row", 0, kMostTime,
     kServing<Part, &ExchangeConstants::row_us_per_KB>},
    {"token_us", "us", "of one SM, for each token of its share", 0, kMostTime,
     kServing<Part, &ExchangeConstants::token_us>},
    {"link_GBps", "GB/s", "of one rank, within its node", kLeastRate, kMostRate,
     kServing<Part, &ExchangeConstants::link_GBps>},
    {"sm_GBps", "GB/s", "of one SM; 0: SMs do not limit it", 0, kMostRate,
     kServing<Part, &ExchangeConstants::sm_GBps>},
    {"network_us", "us", "more, with several nodes", 0, kMostTime,
     kServing<Part, &ExchangeConstants::network_us>},
    {"nic_GBps", "GB/s", "of one rank, to other nodes", kLeastRate, kMostRate,
     kServing<Part, &ExchangeConstants::nic_GBps>},
    {"overlap_loss", "ratio", "of the shorter way that the longer one does not hide", 0, 1,
     kServing<Part, &ExchangeConstants::overlap_loss>},
};

constexpr HardwareField kOtherRows[] = {
    {"fused_norm_us", "us", "of an all-reduce that also norms", 0, kMostTime,
     kServing<&ServingConstants::fused_norm_us>},
    {"low_latency_tokens", "count", "of a rank: above it DeepEP's normal mode", 0, 1e9,
     kServing<&ServingConstants::low_latency_tokens>},
    {"normal_sms", "count", "that DeepEP's normal mode takes", 1, 100'000,
     kServing<&ServingConstants::normal_sms>},
};

struct Table {
  std::deque<std::string> paths;  // what the fields' paths point at
  std::vector<HardwareField> fields;

  void add(const std::string& part, std::span<const HardwareField> rows) {
    for (HardwareField row : rows) {
      paths.push_back("serving." + part + std::string(row.path));
      row.path = paths.back();
      fields.push_back(row);
    }
  }
};

Table make_table() {
  using S = ServingConstants;
  Table table;
  table.add("sglang.", kAllReduceRows<&S::sglang>);
  table.add("vllm.", kAllReduceRows<&S::vllm>);
  table.add("trtllm.", kAllReduceRows<&S::trtllm>);
  table.add("low_latency_dispatch.", kExchangeRows<&S::low_latency_dispatch>);
  table.add("low_latency_combine.", kExchangeRows<&S::low_latency_combine>);
  table.add("normal_dispatch.", kExchangeRows<&S::normal_dispatch>);
  table.add("normal_combine.", kExchangeRows<&S::normal_combine>);
  table.add("one_sided_dispatch.", kExchangeRows<&S::one_sided_dispatch>);
  table.add("one_sided_combine.", kExchangeRows<&S::one_sided_combine>);
  table.add("", kOtherRows);
  return table;
}

}  // namespace

std::span<const HardwareField> serving_fields() {
  static const Table table = make_table();
  return table.fields;
}

}  // namespace lockstep
