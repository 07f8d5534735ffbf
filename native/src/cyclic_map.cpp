#include "rssfix/cyclic_map.hpp"

#include <cstring>

#include "finite.hpp"

namespace rssfix {

Status cyclic_map(const float* rssi, std::size_t batch, std::size_t n, float* maps) noexcept {
  if (n == 0)
    return {Code::empty, Argument::rssi};
  if (const std::size_t bad = first_not_finite(rssi, batch * n); bad != batch * n)
    return {Code::not_finite, Argument::rssi, bad};
  for (std::size_t b = 0; b < batch; ++b, rssi += n)
    for (std::size_t turn = 0; turn < n; ++turn, maps += n) {
      std::memcpy(maps, rssi + n - turn, turn * sizeof(float));
      std::memcpy(maps + turn, rssi, (n - turn) * sizeof(float));
    }
  return {};
}

} // namespace rssfix
