// Which GPU each rank gets, with which environment, and what is said of it.
#include "backend/nccl/launch/placement.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/nccl_host/machines.h"

namespace lockstep::test {
namespace {

using nccl::Environment;
using nccl::Machine;
using nccl::Placement;
using nccl::Sharing;

nccl::PlacementWish ranks(int count) { return {.ranks = count, .run = "7f"}; }

std::vector<int> gpus(const Placement& placement) {
  std::vector<int> all;
  for (const nccl::RankPlace& rank : placement.ranks) all.push_back(rank.gpu);
  return all;
}

std::string fault_of(const Result<Placement>& placement) {
  return placement ? std::string() : to_string(placement.faults());
}

TEST_CASE("with a GPU for each, rank r is on GPU r, and the environment stays as it is") {
  const Result<Placement> placement = nccl::place(ranks(3), machine_of(4), {});
  REQUIRE(placement);
  CHECK(gpus(*placement) == std::vector<int>{0, 1, 2});
  CHECK(placement->sharing == Sharing::none);
  CHECK_FALSE(placement->starts_mps);
  for (const nccl::RankPlace& rank : placement->ranks) CHECK(rank.environment.empty());
  CHECK(placement->text == "3 ranks on 3 NVIDIA H200, one each");
  CHECK(nccl::place(ranks(1), machine_of(4), {})->text == "1 rank on one NVIDIA H200");
}

TEST_CASE("eight ranks share one GPU: each is a host of its own for NCCL, on loopback") {
  const Result<Placement> placement = nccl::place(ranks(8), machine_of(1), {});
  REQUIRE(placement);
  CHECK(placement->sharing == Sharing::mps);
  CHECK(placement->starts_mps);
  CHECK(gpus(*placement) == std::vector<int>(8, 0));
  CHECK(placement->ranks[3].environment == Environment{{"NCCL_HOSTID", "lockstep-7f-3"},
                                                       {"NCCL_IB_DISABLE", "1"},
                                                       {"NCCL_MNNVL_ENABLE", "0"},
                                                       {"NCCL_NET", "Socket"},
                                                       {"NCCL_SOCKET_IFNAME", "lo"}});
  CHECK(placement->text ==
        "8 ranks share one NVIDIA H200 through MPS; NCCL over loopback sockets; times are those of "
        "a shared GPU");
}

TEST_CASE("neighbours share a GPU, and blocks differ by one rank at most: 8 on 3 are 3, 3 and 2") {
  const Result<Placement> placement = nccl::place(ranks(8), machine_of(3), {});
  REQUIRE(placement);
  CHECK(gpus(*placement) == std::vector<int>{0, 0, 0, 1, 1, 1, 2, 2});
  CHECK(placement->text ==
        "8 ranks share 3 NVIDIA H200 through MPS; NCCL over loopback sockets; times are those of "
        "shared GPUs");
  for (int machine = 1; machine <= 8; ++machine) {
    for (int count = machine; count <= 40; ++count) {
      std::vector<int> on_gpu(static_cast<std::size_t>(machine), 0);
      const Placement drawn = *nccl::place(ranks(count), machine_of(machine), {});
      CHECK(std::ranges::is_sorted(gpus(drawn)));
      for (const int gpu : gpus(drawn)) ++on_gpu[static_cast<std::size_t>(gpu)];
      CHECK(*std::ranges::max_element(on_gpu) - *std::ranges::min_element(on_gpu) <= 1);
    }
  }
}

TEST_CASE("without MPS the ranks take turns, and it is said") {
  Machine machine = machine_of(1);
  machine.mps_control = "";
  const Result<Placement> placement = nccl::place(ranks(2), machine, {});
  REQUIRE(placement);
  CHECK(placement->sharing == Sharing::time_slices);
  CHECK_FALSE(placement->starts_mps);
  CHECK(
      placement->text ==
      "2 ranks share one NVIDIA H200 by turns, without MPS; NCCL over loopback sockets; times are "
      "those of a shared GPU");
  CHECK(placement->notes.front().starts_with("nvidia-cuda-mps-control is not on the PATH"));
  nccl::PlacementWish wish = ranks(2);
  wish.may_use_mps = false;
  CHECK(nccl::place(wish, machine_of(1), {})->sharing == Sharing::time_slices);
}

TEST_CASE("MPS that would not start leaves the same ranks taking turns") {
  const Environment user{{"CUDA_VISIBLE_DEVICES", "3"}};
  const Placement with = *nccl::place(ranks(2), machine_of(1), user);
  CHECK(with.ranks[0].environment.contains("CUDA_VISIBLE_DEVICES"));
  const Placement without = nccl::without_mps(with, machine_of(1), "it hangs");
  CHECK(without.sharing == Sharing::time_slices);
  CHECK_FALSE(without.starts_mps);
  CHECK_FALSE(without.ranks[0].environment.contains("CUDA_VISIBLE_DEVICES"));
  CHECK(without.ranks[1].environment.at("NCCL_HOSTID") == "lockstep-7f-1");
  CHECK(without.notes.back() == "MPS was to be had, but it hangs");
}

TEST_CASE(
    "what the user sets is kept: NCCL's variables, but for the host, and a daemon of theirs") {
  const Environment user{{"CUDA_MPS_PIPE_DIRECTORY", "/tmp/theirs"},
                         {"NCCL_ALGO", "Ring"},
                         {"NCCL_HOSTID", "one"},
                         {"NCCL_NVLS_ENABLE", "0"},
                         {"NCCL_SOCKET_IFNAME", "eth0"}};
  const Placement placement = *nccl::place(ranks(2), machine_of(1), user);
  CHECK(placement.sharing == Sharing::mps);
  CHECK_FALSE(placement.starts_mps);
  CHECK(placement.ranks[1].environment == Environment{{"NCCL_HOSTID", "lockstep-7f-1"},
                                                      {"NCCL_IB_DISABLE", "1"},
                                                      {"NCCL_MNNVL_ENABLE", "0"},
                                                      {"NCCL_NET", "Socket"}});
  CHECK(placement.text.find("NCCL over the sockets that NCCL_SOCKET_IFNAME names") !=
        std::string::npos);
  REQUIRE(placement.notes.size() == 2);
  CHECK(placement.notes[0] ==
        "NCCL runs with NCCL_ALGO=Ring NCCL_HOSTID=one NCCL_NVLS_ENABLE=0 NCCL_SOCKET_IFNAME=eth0");
}

TEST_CASE("a daemon of our own takes CUDA_VISIBLE_DEVICES, and numbers its GPUs from 0") {
  const Environment user{{"CUDA_VISIBLE_DEVICES", "5,2"}};
  const Placement placement = *nccl::place(ranks(4), machine_of(2), user);
  CHECK(placement.ranks[3].environment.at("CUDA_VISIBLE_DEVICES") == "0,1");
  CHECK_FALSE(nccl::place(ranks(2), machine_of(2), user)
                  ->ranks[1]
                  .environment.contains("CUDA_VISIBLE_DEVICES"));
}

TEST_CASE("too few GPUs, or too many ranks for MPS, are refused with what to do") {
  nccl::PlacementWish wish = ranks(8);
  wish.may_share = false;
  CHECK(fault_of(nccl::place(wish, machine_of(1), {})) ==
        "error: --backend nccl: 8 ranks need as many GPUs, and there is 1\n"
        "  hint: fewer ranks in `parallel`, or let ranks share a GPU\n");
  // 48 clients of a GPU: 47 ranks, and the observer on the first one.
  CHECK(fault_of(nccl::place(ranks(94), machine_of(2), {})) == "");
  CHECK(
      fault_of(nccl::place(ranks(95), machine_of(2), {}))
          .starts_with(
              "error: --backend nccl: 48 of the 95 ranks would share one GPU, and MPS serves 48 "));
}

TEST_CASE("a GPU that serves one process at a time is shared through MPS, but not by turns") {
  nccl::Machine machine = machine_of(1);
  machine.gpus[0].is_exclusive = true;
  const auto shared = nccl::place(ranks(8), machine, {});
  REQUIRE(shared);
  CHECK_FALSE(nccl::refusal_of_turns(*shared, machine));
  CHECK_FALSE(nccl::leaves_none_for_observer(*shared, machine));
  const nccl::Placement turns = nccl::without_mps(*shared, machine, "it did not start");
  CHECK(nccl::to_string(turns.sharing) == "time-slices");
  REQUIRE(nccl::refusal_of_turns(turns, machine));
  CHECK(nccl::refusal_of_turns(turns, machine)
            ->message.starts_with(
                "--backend nccl: GPU 0 (NVIDIA H200) serves one process at a time"));
  machine.mps_control.clear();
  CHECK(fault_of(nccl::place(ranks(8), machine, {})).find("serves one process") !=
        std::string::npos);
  // A rank of its own has GPU 0, and the observer finds no room there.
  const auto alone = nccl::place(ranks(1), machine, {});
  REQUIRE(alone);
  CHECK(nccl::leaves_none_for_observer(*alone, machine));
  CHECK_FALSE(nccl::leaves_none_for_observer(*alone, machine_of(1)));
}

TEST_CASE("the environment of a process is what it set") {
  nccl::set_environment({{"LOCKSTEP_TEST_PLACEMENT", "a=b"}});
  CHECK(nccl::current_environment().at("LOCKSTEP_TEST_PLACEMENT") == "a=b");
  unsetenv("LOCKSTEP_TEST_PLACEMENT");
}

}  // namespace
}  // namespace lockstep::test
