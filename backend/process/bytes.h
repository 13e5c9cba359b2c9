// Values as bytes and back. Both ends are forks of one process, so numbers keep the machine's own
// form; what is read is checked all the same, since a damaged message must not become a large
// allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace lockstep::process {

using Buffer = std::vector<std::byte>;

class BytesError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ByteWriter {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    put_all(std::span<const T>(&value, 1));
  }
  // The values without their number.
  template <class T>
  void put_all(std::span<const T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::span<const std::byte> raw = std::as_bytes(values);
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  // Their number, then the values.
  template <class T>
  void put_list(std::span<const T> values) {
    put(static_cast<std::uint64_t>(values.size()));
    put_all(values);
  }
  void put_text(const std::string& text) {
    put_list(std::span<const char>(text.data(), text.size()));
  }
  Buffer take() { return std::move(bytes_); }

 private:
  Buffer bytes_;
};

// Throws BytesError where the bytes end too early or promise more than they hold.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : left_(bytes) {}

  template <class T>
  T get() {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    if constexpr (std::is_same_v<T, bool>) {
      return get<std::uint8_t>() != 0;
    } else {
      T value{};
      read(&value, sizeof(T));
      return value;
    }
  }
  template <class T>
  void get_all(std::span<T> into) {
    static_assert(std::is_trivially_copyable_v<T>);
    read(into.data(), into.size_bytes());
  }
  // How many things of at least `size` bytes each follow.
  std::size_t get_count(std::size_t size) {
    const auto count = get<std::uint64_t>();
    if (count > left_.size() / size) throw BytesError("a list is longer than its message");
    return static_cast<std::size_t>(count);
  }
  template <class T>
  std::vector<T> get_list() {
    std::vector<T> values(get_count(sizeof(T)));
    get_all(std::span<T>(values));
    return values;
  }
  std::string get_text() {
    const std::vector<char> text = get_list<char>();
    return {text.begin(), text.end()};
  }
  void expect_at_least(std::size_t size) const {
    if (size > left_.size()) throw BytesError("a message ends too early");
  }
  void expect_end() const {
    if (!left_.empty()) throw BytesError("a message is longer than what it says");
  }

 private:
  void read(void* into, std::size_t size) {
    if (size > left_.size()) throw BytesError("a message ends too early");
    if (size > 0) std::memcpy(into, left_.data(), size);
    left_ = left_.subspan(size);
  }

  std::span<const std::byte> left_;
};

}  // namespace lockstep::process
