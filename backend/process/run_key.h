// What the members of one run share and nobody else knows: the run's name, from which the addresses
// follow, and the secret in two halves. Who calls shows the first half, who answers the second.
#pragma once

#include <sys/types.h>

#include <string>

#include "backend/process/file.h"
#include "backend/process/wire.h"

namespace lockstep::process {

struct RunKey {
  std::string run_name;
  Half of_caller{};
  Half of_answerer{};
};

// Draws the secret from the kernel's generator, and the name as well if `run_name` is empty: names
// only have to differ. Throws std::system_error.
RunKey draw_key(std::string run_name = {});

// Compares in a time that does not depend on where two halves differ.
bool is_same(const Half& a, const Half& b);

// "@NAME/3": an abstract Unix socket of Linux; `@` stands for the NUL byte, as in `ss`. It is no
// file, and goes when the last process closes it.
std::string address_of(const RunKey& key, int member);
// The same as the socket interface wants it: begins with a NUL byte.
std::string socket_path(const RunKey& key, int member);

// A listening socket at the member's address. Throws AddressInUse (error.h) or std::system_error.
File listen_as(const RunKey& key, int member);

// Who is at the other end of a connection, as the kernel says: of one who was called, who listened.
struct Credentials {
  uid_t uid = 0;
  pid_t pid = 0;
};
// Throws std::system_error. REQUIRES: a connected Unix socket.
Credentials credentials_of(int socket);

}  // namespace lockstep::process
