#include "backend/numeric/layers_definitions.h"

namespace lockstep::numeric {

template class BasicLayers<HostArithmetic>;

}  // namespace lockstep::numeric
