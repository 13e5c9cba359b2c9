#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

std::string refused(const std::string& kind, const std::string& shape) {
  const Finished run = lockstep("kernel " + kind + " --shape " + shape);
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  return run.err;
}

double time_us(const std::string& shape) {
  const Finished run = lockstep("kernel attention --shape " + shape + " --json -");
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out)["rows"][0]["time_us"];
}

TEST_CASE("shapes that no kernel has are refused with the reason") {
  CHECK(contains(refused("attention", "heads=6,kv_heads=4"),
                 "6 heads cannot share 4 kv_heads evenly"));
  CHECK(contains(refused("attention", "heads=2,kv_heads=4"), "multiple of kv_heads"));
  CHECK(contains(refused("attention", "new=128,kv=64"), "a request of 64 tokens has 128 new ones"));
  CHECK(contains(refused("attention", "requests=1000000,new=1000000,kv=16777216"), "1e18 pairs"));
  CHECK(contains(refused("topk", "experts=8,chosen=9"), "cannot choose 9 of 8 experts"));
  CHECK(contains(refused("experts", "top_k=9,all_experts=8,experts=1"), "cannot have 9 of 8"));
  CHECK(contains(refused("experts", "all_experts=8,experts=16"), "cannot have 16 of 8"));
  CHECK(contains(refused("elementwise", "read=0"), "nothing is read or written"));
  CHECK(contains(refused("gemm", "m=1 --shape m=0"), "shape 2: 'm' must be"));
}

TEST_CASE("a key that is said twice, or says what a decode is not, is refused") {
  CHECK(contains(refused("gemm", "m=1,m=2"), "a shape says 'm' twice"));
  CHECK(contains(refused("attention", "decode=1,new=5"),
                 "a decode has one new token a request, not 5"));
  CHECK(time_us("decode=1,new=1,kv=9") == time_us("decode=1,kv=9"));
}

TEST_CASE("a file of shapes that cannot be read is told") {
  const Finished folder = lockstep("kernel gemm --shapes " + scratch());
  CHECK(folder.code == 2);
  CHECK(contains(folder.err, "this is a directory, not a file"));
  const Finished absent = lockstep("kernel gemm --shapes " + scratch() + "absent.csv");
  CHECK(absent.code == 2);
  CHECK(contains(absent.err, "absent.csv: cannot open this file"));
}

TEST_CASE("kernels say how far off those of the preset have been") {
  const Finished run = lockstep("kernel gemm --shape m=8");
  CHECK(contains(run.out, "\npreset hgx-h200: "));
  CHECK(contains(run.out, "Kernels, shapes held out"));
  CHECK_FALSE(contains(run.out, "Collectives"));
  const Json json = Json::parse(lockstep("kernel gemm --shape m=8 --json -").out);
  CHECK(contains(json["hardware_accuracy"], "preset hgx-h200: "));
}

TEST_CASE("a size of zero is refused, with the range in short words") {
  CHECK(contains(refused("attention", "heads=0"),
                 "'heads' must be a whole number from 1 to 65,536, not '0'"));
  CHECK(contains(refused("attention", "kv_heads=0"), "'kv_heads' must be"));
  CHECK(contains(refused("topk", "chosen=0"), "'chosen' must be"));
  CHECK(contains(refused("gemm", "m=0"), "from 1 to 1,099,511,627,776, not '0'"));
}

TEST_CASE("a request is as long as its new tokens where nothing is said") {
  CHECK(time_us("new=4096") == time_us("new=4096,kv=4096"));
  CHECK(time_us("new=4096") < time_us("new=4096,kv=8192"));
}

TEST_CASE("without a GPU nothing is measured, which is said") {
  const Finished run = lockstep("kernel gemm --shape m=8,n=64,k=64 --measure");
  if (run.code == 0) return;  // there is one
  CHECK(run.code == 4);
  CHECK(run.out.empty());
  CHECK(contains(run.err, "--measure: "));
  CHECK(contains(run.err, "without --measure kernels are predicted"));
}

TEST_CASE("the norm of rows is bytes read and written: 2 x 2 x rows x columns") {
  const Finished rows = lockstep("kernel elementwise --shape rows=8,columns=7168 --json -");
  const Finished bytes = lockstep("kernel elementwise --shape read=114688,written=114688 --json -");
  REQUIRE(rows.code == 0);
  CHECK(Json::parse(rows.out)["rows"][0]["time_us"] ==
        Json::parse(bytes.out)["rows"][0]["time_us"]);
  CHECK(contains(refused("elementwise", "rows=8"), "rows without columns"));
  CHECK(contains(refused("elementwise", "rows=8,columns=4,read=1"), "rows or columns, too"));
}

TEST_CASE("calibrate reads what kernel wrote, and refuses what holds no measurement") {
  const std::string file = scratch() + "norms.json";
  Json rows = Json::array();
  for (const int count : {8, 128, 512, 1024, 2048, 4096, 8192, 16384}) {
    // 7 us + 4 x 7168 bytes a row at 3,000,000 bytes/us.
    const double us = 7 + count * 4 * 7168 / 3e6;
    rows.push_back({{"shape", {{"rows", std::to_string(count)}, {"columns", "7168"}}},
                    {"measured", {{"median_us", us}, {"low_us", us}, {"high_us", us}}}});
  }
  Json told = {{"schema", "lockstep.kernel/1"}, {"kernel", "elementwise"}, {"rows", rows}};
  write(file, told.dump());
  const Finished fitted = lockstep("calibrate --kernels " + file + " --json -");
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  CHECK(Json::parse(fitted.out)["kernels"]["kinds"][0]["median_after"] < 0.01);
  const Finished printed = lockstep("calibrate --kernels " + file + " -o -");
  CHECK(printed.out.starts_with("lockstep_hardware: 1\n"));
  CHECK_FALSE(contains(printed.out, "wrote -"));
  CHECK(lockstep("calibrate --kernels " + file + " -o - --json -").code == 2);
  told["rows"].clear();
  write(file, told.dump());
  const Finished none = lockstep("calibrate --kernels " + file);
  CHECK(none.code == 2);
  CHECK(contains(none.err, "no row was measured"));
  const auto refused_file = [&](const std::string& content) {
    write(file, content);
    const Finished done = lockstep("calibrate --kernels " + file);
    CHECK(done.code == 2);
    return done.err;
  };
  CHECK(contains(refused_file("{\"schema\": 1}"), "norms.json: 'schema' must be a text"));
  CHECK(contains(refused_file("[]"), "norms.json: 'schema' is missing"));
  CHECK(contains(refused_file("{\"schema"), "norms.json: not JSON, from its byte 9 on"));
  const Finished nothing = lockstep("calibrate");
  CHECK(nothing.code == 2);
  CHECK(contains(nothing.err, "nothing to fit to"));
}

}  // namespace
}  // namespace lockstep::test
