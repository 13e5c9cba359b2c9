#include "backend/nccl/launch/gpu_report.h"

#include "backend/process/bytes.h"

namespace lockstep::nccl {

using process::ByteReader;
using process::ByteWriter;

std::vector<std::byte> encode(const GpuReport& report) {
  ByteWriter out;
  out.put(report.peak_bytes);
  encode(out, report.called);
  out.put(static_cast<std::uint64_t>(report.runs.size()));
  for (const TimedRun& run : report.runs) {
    out.put(run.step);
    out.put(run.is_graph);
    out.put_list(std::span<const OperationTime>(run.operations));
  }
  out.put_text(report.note);
  return out.take();
}

GpuReport decode_gpu_report(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  GpuReport report;
  report.peak_bytes = in.get<std::int64_t>();
  report.called = decode_calls(in);
  report.runs.resize(in.get_count(sizeof(int)));
  for (TimedRun& run : report.runs) {
    run.step = in.get<int>();
    run.is_graph = in.get<bool>();
    run.operations = in.get_list<OperationTime>();
  }
  report.note = in.get_text();
  in.expect_end();
  return report;
}

}  // namespace lockstep::nccl
