// The peer of collectives.cc: the same collectives of the same sizes and numbers by Open MPI, timed
// in the same way.
//
//   cmake --preset default && cmake --build build --target mpi_collectives
//   mpirun -np 8 --oversubscribe build/tools/bench/mpi_collectives
#include <fmt/core.h>
#include <mpi.h>

#include <vector>

#include "tools/bench/collective_case.h"

namespace {

using lockstep::bench::Case;
using lockstep::bench::Collective;
using lockstep::bench::Options;
using lockstep::bench::Timed;

// An error of MPI ends the program: that is MPI's default.
void call(const Case& which, const std::vector<float>& in, std::vector<float>& out) {
  const auto whole = static_cast<int>(which.elements());
  const int block = whole / which.members;
  switch (which.collective) {
    case Collective::all_reduce:
      MPI_Allreduce(in.data(), out.data(), whole, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
      break;
    case Collective::all_gather:
      MPI_Allgather(in.data(), block, MPI_FLOAT, out.data(), block, MPI_FLOAT, MPI_COMM_WORLD);
      break;
    case Collective::reduce_scatter:
      MPI_Reduce_scatter_block(in.data(), out.data(), block, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
      break;
    case Collective::all_to_all:
      MPI_Alltoall(in.data(), block, MPI_FLOAT, out.data(), block, MPI_FLOAT, MPI_COMM_WORLD);
      break;
  }
}

// What the repetitions took; of use in member 0.
std::vector<double> time(const Case& which, int member, int repetitions) {
  const std::vector<float> in = lockstep::bench::values_passed(which, member);
  std::vector<float> out(static_cast<std::size_t>(which.elements_out()));
  const auto once = [&] { call(which, in, out); };
  once();  // to warm up
  if (const auto wrong = lockstep::bench::wrong_elements(which, member, out); wrong > 0) {
    fmt::print(stderr, "error: {} of {} bytes: {} elements are wrong\n",
               lockstep::bench::to_string(which.collective), which.bytes, wrong);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  const std::vector<double> own = lockstep::bench::time_repetitions(
      repetitions, [] { MPI_Barrier(MPI_COMM_WORLD); }, once);
  std::vector<double> longest(own.size());
  MPI_Reduce(own.data(), longest.data(), repetitions, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
  return longest;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options =
      lockstep::bench::options_of(argc, argv, "The time of collectives of Open MPI; under mpirun");
  MPI_Init(&argc, &argv);
  int member = 0;
  int members = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &member);
  MPI_Comm_size(MPI_COMM_WORLD, &members);
  std::vector<Timed> all;
  for (const Case& which : lockstep::bench::cases_of(options, members)) {
    all.push_back({which, time(which, member, lockstep::bench::repetitions_of(which, options))});
  }
  if (member == 0) lockstep::bench::print("Open MPI", all, options);
  MPI_Finalize();
  return 0;
}
