// The collectives of events.cc in SimGrid (S4U), for simgrid_collectives.py: hosts at the edges of
// a star, each with one link in each direction, 50 GB/s, and 0.25 us twice on each way.
//
//   simgrid_collectives ring|all-to-all PARTIES

#include <simgrid/s4u.hpp>

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace sg4 = simgrid::s4u;

namespace {

constexpr double kBytesPerSecond = 50e9;
constexpr double kRingBytes = 64 << 20;  // of a party's buffer
constexpr double kPairBytes = 64 << 10;

std::vector<sg4::Host*> make_star(int parties) {
  sg4::NetZone* zone = sg4::create_star_zone("star");
  std::vector<sg4::Host*> hosts;
  for (int p = 0; p < parties; ++p) {
    const std::string name = std::to_string(p);
    sg4::Host* host = zone->create_host(name, 1e9);
    const sg4::Link* out = zone->create_link("out" + name, kBytesPerSecond)->set_latency(0.25e-6);
    const sg4::Link* in = zone->create_link("in" + name, kBytesPerSecond)->set_latency(0.25e-6);
    zone->add_route(host->get_netpoint(), nullptr, nullptr, nullptr, {sg4::LinkInRoute(out)},
                    false);
    zone->add_route(nullptr, host->get_netpoint(), nullptr, nullptr, {sg4::LinkInRoute(in)}, false);
    hosts.push_back(host);
  }
  zone->seal();
  return hosts;
}

sg4::Mailbox* box(int from, int to) {
  return sg4::Mailbox::by_name(std::to_string(from) + ">" + std::to_string(to));
}

int payload = 0;  // what is carried does not matter

void ring(int me, int parties) {
  sg4::Mailbox* to = box(me, (me + 1) % parties);
  sg4::Mailbox* from = box((me + parties - 1) % parties, me);
  const auto chunk = static_cast<std::uint64_t>(kRingBytes / parties);
  for (int round = 0; round < 2 * (parties - 1); ++round) {
    int* got = nullptr;
    const sg4::CommPtr send = to->put_async(&payload, chunk);
    const sg4::CommPtr receive = from->get_async<int>(&got);
    send->wait();
    receive->wait();
  }
}

void all_to_all(int me, int parties) {
  std::vector<sg4::CommPtr> all;
  std::vector<int*> got(static_cast<std::size_t>(parties));
  for (int i = 1; i < parties; ++i) {
    const int to = (me + i) % parties;
    const int from = (me + parties - i) % parties;
    all.push_back(box(me, to)->put_async(&payload, static_cast<std::uint64_t>(kPairBytes)));
    all.push_back(box(from, me)->get_async<int>(&got[static_cast<std::size_t>(from)]));
  }
  for (const sg4::CommPtr& comm : all) comm->wait();
}

}  // namespace

int main(int argc, char** argv) {
  sg4::Engine engine(&argc, argv);
  const std::string collective = argc > 2 ? argv[1] : "";
  if (collective != "ring" && collective != "all-to-all") {
    std::cerr << "expected: ring|all-to-all PARTIES\n";
    return 2;
  }
  const int parties = std::stoi(argv[2]);
  const std::vector<sg4::Host*> hosts = make_star(parties);
  for (int p = 0; p < parties; ++p) {
    sg4::Actor::create(std::to_string(p), hosts[static_cast<std::size_t>(p)],
                       collective == "ring" ? ring : all_to_all, p, parties);
  }
  engine.run();
  std::cout.precision(12);
  std::cout << "simulated_us " << sg4::Engine::get_clock() * 1e6 << '\n';
  return 0;
}
