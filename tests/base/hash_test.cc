#include "sim/base/hash.h"

#include <doctest/doctest.h>

using lockstep::Fnv1a;
using lockstep::hex64;

TEST_CASE("the hash is FNV-1a with its published test vectors") {
  const auto hash = [](std::string_view text) {
    Fnv1a state;
    state.add(text);
    return state.value();
  };
  // http://www.isthe.com/chongo/tech/comp/fnv: "" and "a" and "foobar".
  CHECK(hash("") == 0xcbf29ce484222325ULL);
  CHECK(hash("a") == 0xaf63dc4c8601ec8cULL);
  CHECK(hash("foobar") == 0x85944171f73967e8ULL);
}

TEST_CASE("adding text in pieces is adding it at once") {
  Fnv1a pieces;
  pieces.add("foo");
  pieces.add("bar");
  CHECK(pieces.value() == 0x85944171f73967e8ULL);
}

TEST_CASE("a hash prints as sixteen lower-case digits") {
  CHECK(hex64(0) == "0000000000000000");
  CHECK(hex64(0xABCDEFULL) == "0000000000abcdef");
}
