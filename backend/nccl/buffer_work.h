// What a rank does with the working buffer of a collective on its GPU, before, between and after
// the NCCL calls. Everything is enqueued on the device's stream.
#pragma once

#include <cstdint>
#include <span>

#include "backend/nccl/device_values.h"
#include "backend/nccl/launch/nccl_call.h"
#include "backend/numeric/exchange.h"

namespace lockstep::nccl {

// The buffer that a member of a collective works on, as Exchange::load() leaves it.
// `elements`: as many as buffer_elements() says. REQUIRES: `passed` (null: never written) has
// elements of `type`.
DeviceValues loaded(Device& device, const numeric::Exchange& exchange, int member,
                    const DeviceHeld& passed, std::int64_t elements, ElementType type);

// What the member receives, as Exchange::unload() makes it of the buffer; an average has been taken
// by NCCL. Shares the buffer's memory where the result is all of it.
DeviceHeld unloaded(Device& device, const numeric::Exchange& exchange, int member,
                    const DeviceValues& working, const DeviceHeld& passed);

// Elements [first, first + count) of `from` as a matrix of its own.
DeviceValues part_of(Device& device, const DeviceValues& from, std::int64_t first,
                     std::int64_t rows, std::int64_t columns);

// `from` becomes the first elements of `to`.
void copy_elements(Device& device, const DeviceValues& from, DeviceValues& to);

// Element by element, on the working buffer and the room beside it (LocalWork).
void do_local_work(Device& device, LocalWork work, DeviceValues& working, DeviceValues& scratch);

}  // namespace lockstep::nccl
