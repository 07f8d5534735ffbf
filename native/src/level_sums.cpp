#include "rssfix/level_sums.hpp"

#include <algorithm>

#include "finite.hpp"

namespace rssfix {
namespace {

// Sums of so many cells stay in the first cache while the maps go by.
constexpr std::size_t block = 2048;

} // namespace

Status level_sums(const std::uint8_t* levels, std::size_t maps, std::size_t cells,
    const float* tables, float* sums) noexcept {
  if (maps == 0 || cells == 0)
    return {Code::empty, Argument::maps};
  const std::size_t values = maps * level_count;
  if (const std::size_t bad = first_not_finite(tables, values); bad != values)
    return {Code::not_finite, Argument::tables, bad};
  for (std::size_t first = 0; first < cells; first += block) {
    const std::size_t end = std::min(cells, first + block);
    std::fill(sums + first, sums + end, 0.0f);
    for (std::size_t map = 0; map < maps; ++map) {
      const std::uint8_t* const level = levels + map * cells;
      const float* const table = tables + map * level_count;
      for (std::size_t cell = first; cell < end; ++cell)
        sums[cell] += table[level[cell]];
    }
  }
  return {};
}

} // namespace rssfix
