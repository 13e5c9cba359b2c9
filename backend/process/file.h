// A file descriptor that is closed with its owner.
#pragma once

#include <utility>

namespace lockstep::process {

class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() { close(); }
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      close();
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }

  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  // The descriptor, now the caller's to close.
  int release() { return std::exchange(descriptor_, -1); }
  void close();

 private:
  int descriptor_ = -1;
};

// The same file under a number that is no standard stream's, should it have one of these because
// the process was started without. Throws std::system_error.
File above_standard_streams(File file);

}  // namespace lockstep::process
