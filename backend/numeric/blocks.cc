#include "backend/numeric/blocks_definitions.h"

namespace lockstep::numeric {

template class BasicBlocks<HostArithmetic>;

}  // namespace lockstep::numeric
