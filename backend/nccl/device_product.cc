#include "backend/nccl/device_product.h"

#include "backend/nccl/cuda_error.h"
#include "backend/nccl/kernels.h"
#include "sim/base/require.h"

namespace lockstep::nccl {
namespace {

cudaDataType_t cuda_type(ElementType type) {
  switch (type) {
    case ElementType::float32:
      return CUDA_R_32F;
    case ElementType::bfloat16:
      return CUDA_R_16BF;
    case ElementType::float16:
      break;
  }
  return CUDA_R_16F;
}

cublasComputeType_t compute_type(ElementType type) {
  return type == ElementType::float32 ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F;
}

// cuBLAS has matrices column by column. Ours, row by row, are their transposes to it, and
// out = x w is out^T = w^T x^T: w comes first, and nothing is transposed.
struct Product {
  std::int64_t rows, inner, columns;  // x: rows x inner; w: inner x columns
  const void* x;
  const void* w;
  void* out;
};

void multiply(Device& device, const Product& p, ElementType type, ElementType out_type) {
  const float one = 1.0F;
  const float zero = 0.0F;
  check(
      cublasGemmEx_64(device.cublas(), CUBLAS_OP_N, CUBLAS_OP_N, p.columns, p.rows, p.inner, &one,
                      p.w, cuda_type(type), p.columns, p.x, cuda_type(type), p.inner, &zero, p.out,
                      cuda_type(out_type), p.columns, compute_type(type), CUBLAS_GEMM_DEFAULT),
      "a matrix product");
}

const void* at_row(const DeviceValues& x, std::int64_t row) {
  return static_cast<const std::byte*>(x.data()) + row * x.columns() * bytes_per_element(x.type());
}
void* at_row(DeviceValues& x, std::int64_t row) {
  return static_cast<std::byte*>(x.data()) + row * x.columns() * bytes_per_element(x.type());
}

// Whether each row of so many two-byte elements begins at a multiple of 16 bytes where the first
// does. Grouped products have their pointers on the device, where cuBLAS cannot look at them before
// it chooses a kernel, and asks for that alignment.
bool is_aligned(std::int64_t columns) { return columns % 8 == 0; }

// False if this cuBLAS cannot. Each product is a group of its own, since they differ in rows.
bool multiply_grouped(Device& device, std::span<const Product> products, ElementType type) {
  const auto count = products.size();
  std::vector<const void*> pointers;  // of all w, then x, then out
  for (const Product& p : products) pointers.push_back(p.w);
  for (const Product& p : products) pointers.push_back(p.x);
  for (const Product& p : products) pointers.push_back(p.out);
  const Block block =
      device.memory().allocate(static_cast<std::int64_t>(pointers.size() * sizeof(void*)));
  auto* const on_device = static_cast<const void**>(block.get());
  write_pointers(device, pointers, on_device);

  std::vector<std::int64_t> rows, inner, columns;
  for (const Product& p : products) {
    rows.push_back(p.rows);
    inner.push_back(p.inner);
    columns.push_back(p.columns);
  }
  const std::vector<cublasOperation_t> as_is(count, CUBLAS_OP_N);
  const std::vector<float> ones(count, 1.0F);
  const std::vector<float> zeros(count, 0.0F);
  const std::vector<std::int64_t> sizes(count, 1);
  const cudaDataType_t t = cuda_type(type);
  const cublasStatus_t status = cublasGemmGroupedBatchedEx_64(
      device.cublas(), as_is.data(), as_is.data(), columns.data(), rows.data(), inner.data(),
      ones.data(), on_device, t, columns.data(), on_device + count, t, inner.data(), zeros.data(),
      const_cast<void* const*>(on_device + 2 * count), t, columns.data(),
      static_cast<std::int64_t>(count), sizes.data(), compute_type(type));
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return false;
  check(status, "matrix products of experts");
  return true;
}

}  // namespace

void multiply(Device& device, const DeviceValues& x, const DeviceValues& w, DeviceValues& out) {
  LOCKSTEP_ASSERT(x.type() == w.type() && x.columns() == w.rows());
  LOCKSTEP_ASSERT(out.type() == x.type() || out.type() == ElementType::float32);
  if (out.element_count() == 0) return;
  if (x.columns() == 0) return out.set_to_zero(device);
  multiply(device, {x.rows(), x.columns(), w.columns(), x.data(), w.data(), out.data()}, x.type(),
           out.type());
}

void multiply_parts(Device& device, const DeviceValues& x, const std::vector<std::int64_t>& first,
                    std::span<const DeviceValues> weights, DeviceValues& out, Grouping grouping) {
  LOCKSTEP_ASSERT(first.size() == weights.size() + 1);
  if (out.element_count() == 0) return;
  if (x.columns() == 0) return out.set_to_zero(device);
  std::vector<Product> products;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    LOCKSTEP_ASSERT(weights[i].type() == x.type() && weights[i].rows() == x.columns() &&
                    weights[i].columns() == out.columns());
    const std::int64_t rows = first[i + 1] - first[i];
    if (rows == 0) continue;
    products.push_back({rows, x.columns(), out.columns(), at_row(x, first[i]), weights[i].data(),
                        at_row(out, first[i])});
  }
  const bool may_group = grouping == Grouping::grouped && products.size() > 1 &&
                         x.type() != ElementType::float32 && out.type() == x.type() &&
                         is_aligned(x.columns()) && is_aligned(out.columns());
  if (may_group && multiply_grouped(device, products, x.type())) return;
  for (const Product& p : products) multiply(device, p, x.type(), out.type());
}

}  // namespace lockstep::nccl
