// Memory of one GPU. A freed block goes back to a list at once and is given out again: that is
// right because everything here runs on one stream, where what is enqueued later also runs later.
// So nothing is allocated in a steady state, and a step can be captured as a CUDA graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace lockstep::nccl {

// Where blocks come from: cudaMalloc and cudaFree; in a test, anything.
struct RawMemory {
  std::function<void*(std::size_t bytes)> allocate;  // null: there are not as many
  std::function<void(void* block)> release;
  std::function<std::size_t()> free_bytes;  // that the device has, for the text of an error
};
// Of the device that is current when they are called.
RawMemory cuda_memory();

class OutOfMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Shared ownership of a block; null for zero bytes.
using Block = std::shared_ptr<void>;

struct MemoryUse {
  std::int64_t in_use = 0;  // bytes of blocks that somebody holds
  std::int64_t peak = 0;    // the most that in_use has been
  std::int64_t cached = 0;  // bytes of blocks that wait to be given out again
};

// Blocks may outlive it. Not thread-safe: one stream has one thread.
class DeviceMemory {
 public:
  explicit DeviceMemory(RawMemory raw = cuda_memory());

  // Contents are undefined. Throws OutOfMemory, which says what was asked, what is in use and what
  // is free; before that it gives back what is cached.
  Block allocate(std::int64_t bytes);
  MemoryUse use() const;
  // The peak begins anew, at what is in use now.
  void reset_peak();
  // Gives all cached blocks back to the device. Not while a CUDA graph that uses them is to run.
  void trim();
  // Gives back nothing from now on, which would wait for the device: what is left is the driver's,
  // when the process ends.
  void leave();

 private:
  class Pool;
  std::shared_ptr<Pool> pool_;
};

// What a request for `bytes` takes: of the next larger of eight sizes per power of two, at least
// 512, so that a block is reused for requests that differ little. REQUIRES: bytes > 0.
std::int64_t block_size(std::int64_t bytes);

}  // namespace lockstep::nccl
