#include "backend/nccl/nccl_functions.h"

#include <fmt/format.h>

#include <cstddef>
#include <string_view>

#include "backend/nccl/device_values.h"
#include "sim/base/require.h"

namespace lockstep::nccl {
namespace {

ncclDataType_t data_type(numeric::Storage storage) {
  switch (element_type(storage)) {
    case ElementType::bfloat16:
      return ncclBfloat16;
    case ElementType::float16:
      return ncclFloat16;
    case ElementType::float32:
      break;
  }
  return ncclFloat32;
}

ncclRedOp_t operation(Reduction reduction) {
  LOCKSTEP_ASSERT(reduction == Reduction::sum || reduction == Reduction::max);
  return reduction == Reduction::max ? ncclMax : ncclSum;
}

}  // namespace

ncclResult_t enqueue(const NcclCall& call, const CallBuffers& buffers, ncclComm_t communicator,
                     Stream stream) {
  void* const base = call.buffer == NcclBuffer::working ? buffers.working : buffers.scratch;
  LOCKSTEP_ASSERT(base != nullptr);
  const auto at = [&](std::int64_t element) -> void* {
    return static_cast<std::byte*>(base) + element * numeric::bytes_per_element(buffers.type);
  };
  void* const in = at(call.in);
  void* const out = at(call.out);
  const auto count = static_cast<std::size_t>(call.count);
  const ncclDataType_t type = data_type(buffers.type);
  switch (call.kind) {
    case NcclKind::all_reduce:
      return ncclAllReduce(in, out, count, type, operation(call.reduction), communicator, stream);
    case NcclKind::all_gather:
      return ncclAllGather(in, out, count, type, communicator, stream);
    case NcclKind::reduce_scatter:
      return ncclReduceScatter(in, out, count, type, operation(call.reduction), communicator,
                               stream);
    case NcclKind::reduce:
      return ncclReduce(in, out, count, type, operation(call.reduction), call.member, communicator,
                        stream);
    case NcclKind::broadcast:
      return ncclBroadcast(in, out, count, type, call.member, communicator, stream);
    case NcclKind::send:
      return ncclSend(in, count, type, call.member, communicator, stream);
    case NcclKind::recv:
      return ncclRecv(out, count, type, call.member, communicator, stream);
  }
  return ncclInvalidArgument;
}

std::string name_of(ncclResult_t result) {
  constexpr std::string_view kNames[] = {
      "ncclSuccess",         "ncclUnhandledCudaError", "ncclSystemError", "ncclInternalError",
      "ncclInvalidArgument", "ncclInvalidUsage",       "ncclRemoteError", "ncclInProgress"};
  const auto index = static_cast<std::size_t>(result);
  return index < std::size(kNames) ? std::string(kNames[index]) : fmt::format("error {}", index);
}

std::string last_words(ncclResult_t result, ncclComm_t communicator) {
  std::string text = ncclGetErrorString(result);
  const char* last = ncclGetLastError(communicator);
  if (last != nullptr && *last != '\0') text += fmt::format("; NCCL's last error: {}", last);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace lockstep::nccl
