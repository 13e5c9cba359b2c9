#include "tools/kernel_shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "sim/base/text.h"

namespace lockstep::tools {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 40;

struct ShapeKey {
  std::string_view name;
  std::string_view fallback;
  std::string_view meaning;
};

const std::map<std::string, std::vector<ShapeKey>>& keys() {
  static const std::map<std::string, std::vector<ShapeKey>> known = {
      {"gemm",
       {{"m", "1", "rows of the input"},
        {"n", "1", "columns of the weights"},
        {"k", "1", "inner dimension"},
        {"batch", "1", "products of this shape in one launch"},
        {"weights", "bf16", "fp32, bf16, fp16, fp8, fp4, int4"},
        {"activations", "", "the same; as the weights, bf16 with int4"}}},
      {"experts",
       {{"tokens", "1", "that are routed, of all ranks"},
        {"top_k", "8", "experts of a token"},
        {"all_experts", "256", "of the layer"},
        {"experts", "256", "of this rank"},
        {"hidden", "7168", "columns of a token"},
        {"inter", "2048", "columns of an expert on this rank"},
        {"weights", "bf16", "bf16, fp8, fp4, int4"},
        {"activations", "", "as the weights, bf16 with int4"}}},
      {"attention",
       {{"decode", "0", "1: one new token a request"},
        {"latent", "0", "1: MLA; a decode reads the compressed cache"},
        {"requests", "1", "of one length each"},
        {"new", "1", "tokens of a request; a decode has one"},
        {"kv", "", "a request's length with its new tokens; those alone"},
        {"heads", "1", "of this rank"},
        {"kv_heads", "1", "of this rank"},
        {"qk_dim", "128", "columns of a head's query"},
        {"v_dim", "128", "columns of a head's value"},
        {"cache", "bf16", "bf16 or fp8"}}},
      {"elementwise",
       {{"read", "0", "bytes"},
        {"written", "0", "bytes"},
        {"rows", "0", "instead of bytes: the norm of rows in bf16, each read and written"},
        {"columns", "0", "of such a row"}}},
      {"topk",
       {{"rows", "1", "tokens"},
        {"experts", "256", "scores of a row"},
        {"chosen", "8", "of them"}}},
  };
  return known;
}

// The values of one shape by their keys; collects faults.
class Reader {
 public:
  Reader(const std::string& kind, const ShapeText& shape) : keys_(keys().at(kind)) {
    std::vector<std::string> known;
    for (const ShapeKey& key : keys_) known.emplace_back(key.name);
    for (const auto& [name, value] : shape) {
      if (std::ranges::find(known, name) == known.end()) {
        const auto near = nearest(name, known);
        faults_.push_back(plain_fault(
            fmt::format("a shape of {} has no '{}'", kind, name),
            near ? fmt::format("did you mean '{}'?", *near) : "known: " + join(known, ", ")));
      }
      if (!values_.emplace(name, value).second) {
        faults_.push_back(plain_fault(fmt::format("a shape says '{}' twice", name),
                                      "a row for each shape: --shape, once for each"));
      }
    }
  }

  // A shape has no part of size 0: a kernel on nothing is not launched.
  std::int64_t number(const std::string& name, std::int64_t most = kMost, std::int64_t least = 1) {
    const auto value = parse_integer(text(name));
    if (value && *value >= least && *value <= most) return *value;
    faults_.push_back(plain_fault(fmt::format("'{}' must be a whole number from {} to {}, not '{}'",
                                              name, least, with_commas(most), text(name))));
    return least;
  }
  bool flag(const std::string& name) { return number(name, 1, 0) == 1; }

  // What no key alone can tell. Not of numbers that are no shape in themselves.
  void refuse_if(bool impossible, std::string message, std::string hint) {
    if (impossible && faults_.empty()) {
      faults_.push_back(plain_fault(std::move(message), std::move(hint)));
    }
  }
  bool says(const std::string& name) const { return values_.contains(name); }

  Number format(const std::string& name, const std::string& otherwise = {}) {
    static const std::map<std::string, Number> numbers = {
        {"fp32", Number::fp32}, {"bf16", Number::bf16}, {"fp16", Number::fp16},
        {"fp8", Number::fp8},   {"fp4", Number::fp4},   {"int4", Number::int4}};
    const std::string said = text(name).empty() ? otherwise : text(name);
    const auto found = numbers.find(said);
    if (found != numbers.end()) return found->second;
    faults_.push_back(plain_fault(fmt::format("'{}' is no number format: '{}'", said, name),
                                  "known: fp32, bf16, fp16, fp8, fp4, int4"));
    return Number::bf16;
  }
  Number activations() {
    const std::string weights = text("weights");
    return format("activations", weights == "int4" ? "bf16" : weights);
  }

  Result<Kernel> finish(Kernel kernel) {
    if (!faults_.empty()) return std::move(faults_);
    return kernel;
  }

 private:
  std::string text(const std::string& name) const {
    const auto said = values_.find(name);
    if (said != values_.end()) return said->second;
    return std::string(std::ranges::find(keys_, name, &ShapeKey::name)->fallback);
  }

  const std::vector<ShapeKey>& keys_;
  std::map<std::string, std::string> values_;
  Diagnostics faults_;
};

Kernel gemm(Reader& shape) {
  Gemm gemm;
  gemm.m = shape.number("m");
  gemm.n = shape.number("n");
  gemm.k = shape.number("k");
  gemm.batch = static_cast<int>(shape.number("batch", 1'000'000));
  gemm.weights = shape.format("weights");
  gemm.activations = shape.activations();
  return gemm;
}

// The share of experts that no token chooses is (1 - k / all)^tokens, if routing is even.
Kernel experts(Reader& shape) {
  ExpertsGemm experts;
  experts.tokens = shape.number("tokens", 10'000'000);
  const std::int64_t chosen = shape.number("top_k", 1024);
  const std::int64_t all = shape.number("all_experts", 1'000'000);
  experts.experts = shape.number("experts", 1'000'000);
  shape.refuse_if(chosen > all, fmt::format("a token cannot have {} of {} experts", chosen, all),
                  "top_k must not be above all_experts");
  shape.refuse_if(experts.experts > all,
                  fmt::format("a rank cannot have {} of {} experts", experts.experts, all),
                  "experts must not be above all_experts");
  experts.hidden = shape.number("hidden", 1'000'000);
  experts.inter = shape.number("inter", 1'000'000);
  experts.weights = shape.format("weights");
  experts.activations = shape.activations();
  experts.rows = (experts.tokens * chosen * experts.experts + all / 2) / all;
  const double missed_once = 1 - static_cast<double>(chosen) / static_cast<double>(all);
  double missed = 1;
  for (std::int64_t i = 0; i < experts.tokens && missed > 1e-12; ++i) missed *= missed_once;
  experts.experts_hit = static_cast<double>(experts.experts) * (1 - missed);
  return experts;
}

Kernel attention(Reader& shape) {
  Attention attention;
  attention.decode = shape.flag("decode");
  attention.latent = shape.flag("latent");
  attention.requests = shape.number("requests", 1'000'000);
  const std::int64_t fresh = shape.number("new", 1'000'000);
  shape.refuse_if(attention.decode && fresh != 1,
                  fmt::format("a decode has one new token a request, not {}", fresh),
                  "leave 'new' out, or 'decode'");
  const std::int64_t kv = shape.says("kv") ? shape.number("kv", 16'777'216) : fresh;
  shape.refuse_if(kv < fresh, fmt::format("a request of {} tokens has {} new ones", kv, fresh),
                  "kv counts the new tokens, too");
  // Of every new token with what it sees; sums must stay whole numbers.
  const double pairs = static_cast<double>(attention.requests) * static_cast<double>(fresh) *
                       static_cast<double>(kv);
  shape.refuse_if(pairs > 1e18, "more than 1e18 pairs of tokens",
                  "that is no kernel of this world");
  if (pairs > 1e18) return attention;
  attention.tokens = attention.requests * fresh;
  attention.pairs = attention.requests * (fresh * (kv - fresh) + fresh * (fresh + 1) / 2);
  attention.kv_tokens = attention.requests * kv;
  attention.heads = shape.number("heads", 65'536);
  attention.kv_heads = shape.number("kv_heads", 65'536);
  attention.qk_dim = shape.number("qk_dim", 65'536);
  attention.v_dim = shape.number("v_dim", 65'536);
  shape.refuse_if(
      attention.heads % attention.kv_heads != 0,
      fmt::format("{} heads cannot share {} kv_heads evenly", attention.heads, attention.kv_heads),
      "heads must be a multiple of kv_heads");
  attention.cache = shape.format("cache");
  return attention;
}

Kernel elementwise(Reader& shape) {
  Elementwise kernel{shape.number("read", kMost, 0), shape.number("written", kMost, 0)};
  const std::int64_t rows = shape.number("rows", 1'000'000'000, 0);
  const std::int64_t columns = shape.number("columns", 1'000'000, 0);
  const bool says_bytes = kernel.read_bytes + kernel.written_bytes > 0;
  shape.refuse_if(says_bytes && rows + columns > 0, "bytes are said, and rows or columns, too",
                  "say rows and columns, or read and written");
  shape.refuse_if((rows > 0) != (columns > 0), "rows without columns, or columns without rows",
                  "say both");
  shape.refuse_if(!says_bytes && rows == 0, "nothing is read or written",
                  "say read=BYTES, written=BYTES or both; or rows and columns");
  if (says_bytes) return kernel;
  const std::int64_t bytes = 2 * rows * columns;
  return Elementwise{bytes, bytes, rows, columns};
}

Kernel top_k(Reader& shape) {
  const TopK kernel{shape.number("rows"), shape.number("experts", 1'000'000),
                    static_cast<int>(shape.number("chosen", 1024))};
  shape.refuse_if(
      kernel.chosen > kernel.experts,
      fmt::format("a token cannot choose {} of {} experts", kernel.chosen, kernel.experts),
      "chosen must not be above experts");
  return kernel;
}

}  // namespace

std::vector<std::string> kernel_kinds() {
  return {"gemm", "experts", "attention", "elementwise", "topk"};
}

std::string shape_help(const std::string& kind) {
  std::string text = fmt::format("  {}\n", kind);
  for (const ShapeKey& key : keys().at(kind)) {
    const std::string fallback = key.fallback.empty() ? "" : fmt::format(" ({})", key.fallback);
    text += fmt::format("    {:<12} {}{}\n", key.name, key.meaning, fallback);
  }
  return text;
}

Result<ShapeText> split_shape(const std::string& text, const std::string& where) {
  ShapeText shape;
  for (const std::string& part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0) {
      return plain_fault(fmt::format("{}: '{}' is no key=value", where, part),
                         "for example m=128,n=7168,k=7168,weights=fp8");
    }
    shape.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  return shape;
}

Result<std::vector<ShapeText>> read_shapes(const std::string& text, const std::string& file) {
  std::vector<ShapeText> shapes;
  std::vector<std::string> names;
  int line = 0;
  for (std::string row : split(text, '\n')) {
    ++line;
    if (row.ends_with('\r')) row.pop_back();
    if (row.empty() || row.starts_with('#')) continue;
    const std::vector<std::string> fields = split(row, ',');
    if (names.empty()) {
      names = fields;
      continue;
    }
    if (fields.size() != names.size()) {
      Diagnostic wrong = plain_fault(
          fmt::format("{} fields; the first line has {} keys", fields.size(), names.size()));
      wrong.place = {file, line, 0};
      wrong.source_line = row;
      return wrong;
    }
    ShapeText& shape = shapes.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!fields[i].empty()) shape.emplace_back(names[i], fields[i]);
    }
  }
  if (shapes.empty())
    return plain_fault(fmt::format("{} holds no shapes", file), "a line of keys first");
  return shapes;
}

Result<Kernel> kernel_of(const std::string& kind, const ShapeText& shape) {
  Reader reader(kind, shape);
  if (kind == "gemm") return reader.finish(gemm(reader));
  if (kind == "experts") return reader.finish(experts(reader));
  if (kind == "attention") return reader.finish(attention(reader));
  if (kind == "elementwise") return reader.finish(elementwise(reader));
  return reader.finish(top_k(reader));
}

}  // namespace lockstep::tools
