#include "sim/base/text.h"

#include <doctest/doctest.h>

#include <string>

using lockstep::join;
using lockstep::nearest;
using lockstep::parse_integer;
using lockstep::split;
using lockstep::with_commas;

TEST_CASE("the nearest name is the one with the fewest edits") {
  const std::vector<std::string> names{"tp_size", "dp_size", "ep_size", "enable_dp_attention"};
  CHECK(nearest("tp_sise", names) == "tp_size");
  CHECK(nearest("enable_dp_atention", names) == "enable_dp_attention");
}

TEST_CASE("a name that is far from all is near none") {
  CHECK_FALSE(nearest("completely_different", {"tp_size", "dp_size"}));
  CHECK_FALSE(nearest("x", {}));
}

TEST_CASE("a very long name is not compared") {
  CHECK_FALSE(nearest(std::string(100'000, 'a'), {std::string(100'000, 'a')}));
}

TEST_CASE("splitting and joining are each other's reverse") {
  for (const char* text : {"", "a", "a.b", ".a..b."}) {
    CAPTURE(text);
    CHECK(join(split(text, '.'), ".") == text);
  }
  CHECK(split("a,b,", ',') == std::vector<std::string>{"a", "b", ""});
}

TEST_CASE("integers are whole decimal numbers that fit") {
  CHECK(parse_integer("42") == 42);
  CHECK(parse_integer("-7") == -7);
  CHECK(parse_integer("9223372036854775807") == 9223372036854775807LL);
  for (const char* text : {"", "+1", " 1", "1 ", "1.0", "0x10", "9223372036854775808", "-"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_integer(text));
  }
}

TEST_CASE("long numbers have a comma before every three digits") {
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999) == "999");
  CHECK(with_commas(1000) == "1,000");
  CHECK(with_commas(1048576) == "1,048,576");
  CHECK(with_commas(-123456) == "-123,456");
}

TEST_CASE("two swapped letters are one mistake") {
  // nmae -> name: one swap; the limit for four letters is one edit
  CHECK(nearest("nmae", {"model", "name"}) == "name");
}
