#include "backend/nccl/device_memory.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <utility>
#include <vector>

#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {
namespace {

constexpr std::int64_t kSmallestBlock = 512;

double mebibytes(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

void* cuda_allocate(std::size_t bytes) {
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    return nullptr;
  }
  check(status, "allocating memory");
  return block;
}

std::size_t cuda_free_bytes() {
  std::size_t free = 0;
  std::size_t total = 0;
  return cudaMemGetInfo(&free, &total) == cudaSuccess ? free : 0;
}

}  // namespace

RawMemory cuda_memory() {
  // Nothing can be done about a fault while memory is given back: the next call tells it.
  return {cuda_allocate, [](void* block) { static_cast<void>(cudaFree(block)); }, cuda_free_bytes};
}

std::int64_t block_size(std::int64_t bytes) {
  if (bytes <= kSmallestBlock) return kSmallestBlock;
  const auto power = std::bit_floor(static_cast<std::uint64_t>(bytes));
  const auto step = std::max<std::int64_t>(kSmallestBlock, static_cast<std::int64_t>(power / 8));
  return (bytes + step - 1) / step * step;
}

// Shared with the blocks that are out.
class DeviceMemory::Pool {
 public:
  explicit Pool(RawMemory raw) : raw_(std::move(raw)) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { trim(); }

  void* take(std::int64_t size) {
    void* block = from_list(size);
    if (block == nullptr) block = raw_.allocate(static_cast<std::size_t>(size));
    if (block == nullptr && use_.cached > 0) {
      trim();
      block = raw_.allocate(static_cast<std::size_t>(size));
    }
    if (block == nullptr) return nullptr;
    use_.in_use += size;
    use_.peak = std::max(use_.peak, use_.in_use);
    return block;
  }

  void put_back(void* block, std::int64_t size) {
    use_.in_use -= size;
    use_.cached += size;
    free_[size].push_back(block);
  }

  void trim() {
    for (const auto& [size, blocks] : free_) {
      for (void* block : blocks) {
        if (!is_left_) raw_.release(block);
      }
    }
    free_.clear();
    use_.cached = 0;
  }

  void leave() { is_left_ = true; }
  const MemoryUse& use() const { return use_; }
  void reset_peak() { use_.peak = use_.in_use; }
  std::int64_t free_bytes() const { return static_cast<std::int64_t>(raw_.free_bytes()); }

 private:
  void* from_list(std::int64_t size) {
    const auto found = free_.find(size);
    if (found == free_.end() || found->second.empty()) return nullptr;
    void* block = found->second.back();
    found->second.pop_back();
    use_.cached -= size;
    return block;
  }

  RawMemory raw_;
  bool is_left_ = false;
  MemoryUse use_;
  std::map<std::int64_t, std::vector<void*>> free_;  // by size
};

DeviceMemory::DeviceMemory(RawMemory raw) : pool_(std::make_shared<Pool>(std::move(raw))) {}

Block DeviceMemory::allocate(std::int64_t bytes) {
  if (bytes == 0) return nullptr;
  const std::int64_t size = block_size(bytes);
  void* block = pool_->take(size);
  if (block == nullptr) {
    throw OutOfMemory(
        fmt::format("the GPU has no {:.1f} MiB left: {:.1f} MiB are in use here (at most {:.1f} so "
                    "far) and {:.1f} MiB are free; take fewer layers, fewer tokens, or keep fewer "
                    "weights",
                    mebibytes(bytes), mebibytes(use().in_use), mebibytes(use().peak),
                    mebibytes(pool_->free_bytes())));
  }
  return {block, [pool = pool_, size](void* freed) { pool->put_back(freed, size); }};
}

MemoryUse DeviceMemory::use() const { return pool_->use(); }
void DeviceMemory::reset_peak() { pool_->reset_peak(); }
void DeviceMemory::trim() { pool_->trim(); }
void DeviceMemory::leave() { pool_->leave(); }

}  // namespace lockstep::nccl
