// The caching allocator, over memory of the host.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>

#include "backend/nccl/device_memory.h"

namespace lockstep::test {
namespace {

using nccl::Block;
using nccl::DeviceMemory;

// Counts what is out, and has no more than `limit` bytes.
struct Fake {
  std::size_t limit = std::size_t{1} << 20;
  std::map<void*, std::size_t> out;
  int allocations = 0;

  std::size_t used() const {
    std::size_t bytes = 0;
    for (const auto& [block, size] : out) bytes += size;
    return bytes;
  }
  nccl::RawMemory raw() {
    return {[this](std::size_t bytes) -> void* {
              if (used() + bytes > limit) return nullptr;
              ++allocations;
              void* block = std::malloc(bytes);
              out.emplace(block, bytes);
              return block;
            },
            [this](void* block) {
              REQUIRE(out.erase(block) == 1);
              std::free(block);
            },
            [this] { return limit - used(); }};
  }
};

TEST_CASE("a freed block is given out again, also for a size that differs little") {
  Fake fake;
  DeviceMemory memory(fake.raw());
  Block a = memory.allocate(10000);
  void* const at = a.get();
  a.reset();
  const Block b = memory.allocate(10001);
  CHECK(b.get() == at);
  CHECK(fake.allocations == 1);
}

TEST_CASE("blocks that are held are different ones") {
  Fake fake;
  DeviceMemory memory(fake.raw());
  const Block a = memory.allocate(700);
  const Block b = memory.allocate(700);
  CHECK(a.get() != b.get());
}

TEST_CASE("bytes in use are those of blocks that somebody holds; the peak stays") {
  Fake fake;
  DeviceMemory memory(fake.raw());
  Block a = memory.allocate(512);
  const Block b = memory.allocate(1024);
  CHECK(memory.use().in_use == 512 + 1024);
  a.reset();
  CHECK(memory.use().in_use == 1024);
  CHECK(memory.use().cached == 512);
  CHECK(memory.use().peak == 512 + 1024);
  memory.reset_peak();
  CHECK(memory.use().peak == 1024);
}

TEST_CASE("where memory runs out, what is cached is given back first") {
  Fake fake;
  fake.limit = 8192;
  DeviceMemory memory(fake.raw());
  memory.allocate(4096).reset();
  const Block all = memory.allocate(8192);
  CHECK(all != nullptr);
  CHECK(memory.use().cached == 0);
}

TEST_CASE("an error of memory says what was asked, what is in use and what is free") {
  Fake fake;
  fake.limit = std::size_t{4} << 20;
  DeviceMemory memory(fake.raw());
  const Block held = memory.allocate(std::int64_t{3} << 20);
  CHECK_THROWS_WITH_AS(memory.allocate(std::int64_t{2} << 20),
                       "the GPU has no 2.0 MiB left: 3.0 MiB are in use here (at most 3.0 so far) "
                       "and 1.0 MiB are free; take fewer layers, fewer tokens, or keep fewer "
                       "weights",
                       nccl::OutOfMemory);
}

TEST_CASE("no bytes are no block, and a size grows by an eighth of its power of two at most") {
  Fake fake;
  DeviceMemory memory(fake.raw());
  CHECK(memory.allocate(0) == nullptr);
  CHECK(nccl::block_size(1) == 512);
  CHECK(nccl::block_size(512) == 512);
  CHECK(nccl::block_size(513) == 1024);
  CHECK(nccl::block_size(65536) == 65536);
  CHECK(nccl::block_size(65537) == 65536 + 8192);
  for (std::int64_t bytes = 1; bytes < 3000000; bytes = bytes * 5 / 4 + 1) {
    CHECK(nccl::block_size(bytes) >= bytes);
    CHECK(nccl::block_size(bytes) <= bytes + bytes / 8 + 512);
    CHECK(nccl::block_size(bytes) % 512 == 0);
    CHECK(nccl::block_size(nccl::block_size(bytes)) == nccl::block_size(bytes));
  }
}

TEST_CASE("blocks may outlive the memory, and all is given back in the end") {
  Fake fake;
  Block block;
  {
    DeviceMemory memory(fake.raw());
    block = memory.allocate(100);
    memory.allocate(5000).reset();
  }
  CHECK(fake.out.size() == 2);
  block.reset();
  CHECK(fake.out.empty());
}

TEST_CASE("what is left to the driver is not given back") {
  Fake fake;
  {
    DeviceMemory memory(fake.raw());
    const Block held = memory.allocate(100);
    memory.allocate(5000).reset();
    memory.leave();
  }
  CHECK(fake.out.size() == 2);
  for (const auto& [block, size] : fake.out) std::free(block);
}

}  // namespace
}  // namespace lockstep::test
