#include "backend/nccl/buffer_work.h"

#include <cstddef>
#include <utility>

#include "backend/nccl/buffer_kernels.h"
#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {
namespace {

using numeric::Exchange;

std::byte* at(DeviceValues& x, std::int64_t element) {
  return static_cast<std::byte*>(x.data()) + element * bytes_per_element(x.type());
}
const std::byte* at(const DeviceValues& x, std::int64_t element) {
  return static_cast<const std::byte*>(x.data()) + element * bytes_per_element(x.type());
}

void copy(Device& device, const std::byte* from, std::byte* to, std::int64_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToDevice,
                        device.stream()),
        "copying elements of a collective");
}

DeviceValues undefined(Device& device, std::int64_t rows, std::int64_t columns, ElementType type) {
  DeviceValues x(device, rows, columns, type);
  x.set_to_nan(device);
  return x;
}

// Bytes of ones are a NaN of every type.
void undefine(Device& device, std::byte* first, std::int64_t bytes) {
  check(cudaMemsetAsync(first, 0xff, static_cast<std::size_t>(bytes), device.stream()),
        "undefining elements of a collective");
}

// Rows of blocks that stand one after the other, side by side.
DeviceValues side_by_side(Device& device, const Exchange& exchange, const DeviceValues& working,
                          std::int64_t rows, std::int64_t columns) {
  DeviceValues all = undefined(device, rows, columns, working.type());
  const auto size = static_cast<std::size_t>(bytes_per_element(working.type()));
  for (const Exchange::SideBlock& block : exchange.side_blocks()) {
    if (block.rows * block.columns == 0) continue;
    const std::size_t width = static_cast<std::size_t>(block.columns) * size;
    check(cudaMemcpy2DAsync(at(all, block.left), static_cast<std::size_t>(columns) * size,
                            at(working, block.from), width, width,
                            static_cast<std::size_t>(block.rows), cudaMemcpyDeviceToDevice,
                            device.stream()),
          "putting gathered columns side by side");
  }
  return all;
}

}  // namespace

DeviceValues loaded(Device& device, const Exchange& exchange, int member, const DeviceHeld& passed,
                    std::int64_t elements, ElementType type) {
  numeric::Shape shape;
  if (passed) shape = {true, passed->values.rows(), passed->columns};
  const Exchange::Load load = exchange.load_steps(member, shape);
  DeviceValues working(device, 1, elements, type);
  const std::int64_t size = bytes_per_element(type);
  if (load.given > 0) {
    copy(device, at(passed->values, 0), at(working, load.into.first), load.given * size);
  }
  const std::int64_t undefined_from = load.into.first + load.given;
  if (load.into.last > undefined_from) {
    undefine(device, at(working, undefined_from), (load.into.last - undefined_from) * size);
  }
  // A barrier sums one element that nobody passes.
  if (exchange.pattern().kind == OpKind::barrier) {
    working.set_to_zero(device);
  }
  if (load.own.size() > 0) {
    copy(device, at(std::as_const(working), load.own.first), at(working, load.own_at),
         load.own.size() * size);
  }
  return working;
}

DeviceValues part_of(Device& device, const DeviceValues& from, std::int64_t first,
                     std::int64_t rows, std::int64_t columns) {
  if (first == 0 && rows * columns == from.element_count()) {
    return from.reshaped(rows, columns);
  }
  DeviceValues part(device, rows, columns, from.type());
  if (part.bytes() > 0) copy(device, at(from, first), at(part, 0), part.bytes());
  return part;
}

void copy_elements(Device& device, const DeviceValues& from, DeviceValues& to) {
  copy(device, at(from, 0), at(to, 0), from.bytes());
}

DeviceHeld unloaded(Device& device, const Exchange& exchange, int member,
                    const DeviceValues& working, const DeviceHeld& passed) {
  const Exchange::Unload unload = exchange.unload_steps(member);
  const std::int64_t width = numeric::width_of(exchange.columns());
  const auto made = [&](DeviceValues values) {
    return std::make_shared<const DeviceTensor>(
        DeviceTensor{exchange.columns(), std::move(values)});
  };
  switch (unload.received) {
    case Exchange::Received::passed:
      return passed;
    case Exchange::Received::nothing:
      return nullptr;
    case Exchange::Received::undefined:
      return made(undefined(device, unload.rows, width, working.type()));
    case Exchange::Received::side_by_side:
      return made(side_by_side(device, exchange, working, unload.rows, width));
    case Exchange::Received::elements:
      break;
  }
  return made(part_of(device, working, exchange.result(member).first, unload.rows, width));
}

void do_local_work(Device& device, LocalWork work, DeviceValues& working, DeviceValues& scratch) {
  if (work == LocalWork::none || working.element_count() == 0) return;
  if (work == LocalWork::copy_to_scratch) {
    return copy(device, at(std::as_const(working), 0), at(scratch, 0), working.bytes());
  }
  work_on_elements(device, work, working, scratch);
}

}  // namespace lockstep::nccl
