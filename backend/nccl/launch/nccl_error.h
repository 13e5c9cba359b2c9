// A fault of NCCL, or of those whom a rank meets in it. It need not be this rank's: when one dies
// the others see an error, or nothing for ever.
#pragma once

#include <string>
#include <vector>

#include "backend/process/error.h"

namespace lockstep::nccl {

class NcclError : public process::CollectiveError {
 public:
  // `name`: NCCL's, "ncclRemoteError". `text`: its words. `what`: what was being done, "all_reduce
  // over tp". `members`: the ranks that were to meet, this one included.
  NcclError(std::string name, const std::string& text, const std::string& what,
            const std::vector<int>& members);

  const std::string& name() const { return name_; }
  const std::vector<int>& members() const { return members_; }

 private:
  std::string name_;
  std::vector<int> members_;
};

}  // namespace lockstep::nccl
