#include "backend/process/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace lockstep::process {

void File::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

File above_standard_streams(File file) {
  if (file.get() > STDERR_FILENO) return file;
  File copy(fcntl(file.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!copy) throw std::system_error(errno, std::generic_category(), "a file descriptor");
  return copy;
}

}  // namespace lockstep::process
