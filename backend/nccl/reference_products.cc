#include "backend/nccl/reference_products.h"

#include <algorithm>

#include "backend/nccl/buffer_kernels.h"
#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {
namespace {

using numeric::Interval;
using numeric::Matrix;
using numeric::WeightBlock;

constexpr std::int64_t kElementsOfPiece = std::int64_t{1} << 26;  // 256 MiB and 512 MiB

Block uploaded_doubles(Device& device, const Matrix<double>& x) {
  const std::int64_t bytes = x.rows() * x.columns() * static_cast<std::int64_t>(sizeof(double));
  Block block = device.memory().allocate(bytes);
  device.upload(
      std::as_bytes(std::span(x.row(0).data(), static_cast<std::size_t>(x.rows() * x.columns()))),
      block.get());
  return block;
}

}  // namespace

ReferenceProducts::ReferenceProducts(int device, std::uint64_t seed)
    : device_(device), seed_(seed) {}

// Row-major out = x w is column-major out^T = w^T x^T. Pieces are rows of w, added in their order.
Matrix<double> ReferenceProducts::product(const Matrix<double>& x, const WeightBlock& w) {
  Matrix<double> out(x.rows(), w.column_count());
  if (x.rows() == 0 || w.column_count() == 0 || x.columns() == 0) return out;
  const Block left = uploaded_doubles(device_, x);
  const std::int64_t out_bytes =
      out.rows() * out.columns() * static_cast<std::int64_t>(sizeof(double));
  const Block result = device_.memory().allocate(out_bytes);
  const std::int64_t height = std::max<std::int64_t>(1, kElementsOfPiece / w.column_count());
  const Block wide = device_.memory().allocate(std::min(height, w.row_count()) * w.column_count() *
                                               static_cast<std::int64_t>(sizeof(double)));
  const auto columns = static_cast<int>(w.column_count());
  for (std::int64_t first = 0; first < w.row_count(); first += height) {
    const Interval rows{first, std::min(first + height, w.row_count())};
    const std::int64_t of_all = w.row_interval().first;
    const DeviceValues piece = drawn_block(
        device_, w.rows({of_all + rows.first, of_all + rows.last}), seed_, ElementType::float32);
    widen(device_, piece, static_cast<double*>(wide.get()));
    const double one = 1.0;
    const double before = first == 0 ? 0.0 : 1.0;
    check(cublasDgemm(device_.cublas(), CUBLAS_OP_N, CUBLAS_OP_N, columns,
                      static_cast<int>(x.rows()), static_cast<int>(rows.size()), &one,
                      static_cast<const double*>(wide.get()), columns,
                      static_cast<const double*>(left.get()) + first, static_cast<int>(x.columns()),
                      &before, static_cast<double*>(result.get()), columns),
          "a product of the reference");
  }
  device_.download(result.get(), std::as_writable_bytes(out.elements()));
  return out;
}

}  // namespace lockstep::nccl
