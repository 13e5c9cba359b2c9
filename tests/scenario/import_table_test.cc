// The table of SGLang's arguments, and the words of a shell.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "sim/scenario/keys.h"
#include "sim/scenario/sglang_arguments.h"
#include "sim/scenario/shell_words.h"

using namespace lockstep;

TEST_CASE("no spelling of the table means two arguments") {
  std::map<std::string, std::string_view> owner;
  for (const ServerArgument& argument : server_arguments()) {
    for (const std::string& spelling : argument.spellings) {
      CAPTURE(spelling);
      CHECK(owner.emplace(spelling, argument.field).second);
    }
  }
  CHECK(server_arguments().size() > 500);
}

TEST_CASE("what the table sets is there to be set") {
  for (const ServerArgument& argument : server_arguments()) {
    CAPTURE(argument.field);
    if (argument.effect == ArgumentEffect::key) {
      const std::size_t dot = argument.key.rfind('.');
      const Key* key = find_key(argument.key.substr(0, dot), argument.key.substr(dot + 1));
      REQUIRE(key != nullptr);
      CHECK((argument.form == ArgumentForm::none) == (key->type == KeyType::boolean));
    }
    if (argument.effect == ArgumentEffect::sets) {
      const std::string_view field = argument.fallback.substr(0, argument.fallback.find('='));
      const ServerArgument* other = find_server_argument(field);
      REQUIRE(other != nullptr);
      CHECK(other->effect == ArgumentEffect::key);
    }
  }
}

TEST_CASE("every flag and size of a scenario that SGLang has is in the table") {
  std::set<std::string_view> keys;
  for (const ServerArgument& argument : server_arguments()) keys.insert(argument.key);
  for (const std::string_view section : {"parallel", "serving.flags"}) {
    for (const std::string& name : names_in(section)) {
      if (name == "disable_cuda_graph") continue;  // imported as batch.cuda_graph
      CAPTURE(name);
      CHECK(keys.contains(std::string(section) + "." + name));
    }
  }
}

TEST_CASE("abbreviations are those that argparse takes") {
  const auto field = [](std::string_view name) {
    const ArgumentMatch match = match_server_argument(name);
    return match.argument == nullptr ? std::string_view("none") : match.argument->field;
  };
  CHECK(field("tp") == "tp_size");
  CHECK(field("dp") == "dp_size");
  CHECK(field("ep") == "ep_size");  // a spelling of its own, though a prefix of others
  CHECK(field("model") == "model_path");
  CHECK(field("moe-dense-tp") == "moe_dense_tp_size");
  CHECK(field("enable-dp-att") == "enable_dp_attention");  // the one of its time
  CHECK(field("enable-dp-attention-local") == "enable_dp_attention_local_control_broadcast");
  CHECK(field("mem-frac") == "mem_fraction_static");
  CHECK(field("cuda_graph_bs") == "cuda_graph_bs_decode");
  CHECK(field("pp") == "none");
  CHECK(field("quant") == "none");
  CHECK(field("") == "none");
  CHECK(match_server_argument("pp").candidates.size() == 3);
  CHECK(match_server_argument("no-lora-strict").off);
  CHECK_FALSE(match_server_argument("lora-strict").off);
}

TEST_CASE("defaults are SGLang's and whatever says nothing") {
  const auto is = [](const char* field, const char* value) {
    return is_default(*find_server_argument(field), value);
  };
  CHECK(is("tp_size", "1"));
  CHECK_FALSE(is("tp_size", "2"));
  CHECK(is("moe_a2a_backend", "none"));
  CHECK(is("model_impl", "auto"));
  CHECK(is("model_impl", "sglang"));
  CHECK_FALSE(is("model_impl", "transformers"));
  CHECK(is("lora_paths", "{}"));
  CHECK(is("enable_eplb", "False"));
}

namespace {

using Words = std::vector<std::string>;

Words words(const std::string& text) {
  const Result<std::vector<ShellCommand>> commands = shell_commands(text, "s.sh");
  REQUIRE(commands);
  REQUIRE(commands->size() == 1);
  return (*commands)[0].words;
}

std::string faults(const std::string& text) {
  const Result<std::vector<ShellCommand>> commands = shell_commands(text, "s.sh");
  return commands ? "none" : to_string(commands.faults());
}

}  // namespace

TEST_CASE("words are split as a shell splits them") {
  CHECK(words("a  b\tc\n") == Words{"a", "b", "c"});
  CHECK(words("'a b' \"c \\\" d\" e\\ f") == Words{"a b", "c \" d", "e f"});
  CHECK(words("a\\\nb \\\r\n c '' ") == Words{"ab", "c", ""});
  CHECK(words("--x='{\"a\": 1}'") == Words{"--x={\"a\": 1}"});
  CHECK(words("\"a\\\nb\"") == Words{"ab"});
  CHECK(words("a # b 'c\n") == Words{"a"});
  CHECK(words("a#b") == Words{"a#b"});
  CHECK(words("a > log 2>&1 b >>x &>y") == Words{"a", "b"});
  CHECK(words("a $(b -c 'd) ${E:-f g} `h i`") == Words{"a", "$(b -c 'd)", "${E:-f g}", "`h i`"});
  CHECK(words("a \\  \n --b\n\n  # c\n") == Words{"a", "--b"});
}

TEST_CASE("commands are parted, and a line that begins with a dash goes on") {
  const auto commands = shell_commands("A=1\nb -c; d && e |\nf\n  --g\n\nh &", "s.sh");
  REQUIRE(commands);
  std::vector<Words> parted;
  std::vector<int> lines;
  for (const ShellCommand& command : *commands) {
    parted.push_back(command.words);
    lines.push_back(command.line);
  }
  CHECK(parted == std::vector<Words>{{"A=1"}, {"b", "-c"}, {"d"}, {"e"}, {"f", "--g"}, {"h"}});
  CHECK(lines == std::vector<int>{1, 2, 2, 2, 3, 6});
}

TEST_CASE("what is not closed is a fault with its place") {
  CHECK(faults("a 'b") == "s.sh:1:3: error: a ' is not closed\n  hint: add the closing quote\n");
  CHECK(faults("a\n  \"b") ==
        "s.sh:2:3: error: a \" is not closed\n  hint: add the closing quote\n");
  CHECK(faults("a $(b") == "s.sh:1:3: error: a ( is not closed\n  hint: add the )\n");
  CHECK(faults("a `b") == "s.sh:1:3: error: a ` is not closed\n  hint: add the `\n");
  CHECK(faults("cat <<EOF") ==
        "s.sh:1:5: error: a here-document is not read\n  hint: give the command alone\n");
}
