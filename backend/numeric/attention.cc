#include "backend/numeric/attention_definitions.h"

namespace lockstep::numeric {

template class BasicAttention<HostArithmetic>;

}  // namespace lockstep::numeric
