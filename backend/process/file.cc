#include "backend/process/file.h"

#include <unistd.h>

namespace lockstep::process {

void File::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace lockstep::process
