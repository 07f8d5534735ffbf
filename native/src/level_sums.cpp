#include "rssfix/level_sums.hpp"

#include <algorithm>

#include "finite.hpp"
#include "simd/kernels.hpp"

namespace rssfix {
namespace {

// Sums of so many cells stay in the first cache while the maps go by.
constexpr std::size_t block = 2048;
// Maps whose sum is kept in a register.
constexpr std::size_t group = 4;

// Adds `maps` maps, which stand `stride` cells apart, to `count` sums.
template <std::size_t maps>
void add(const std::uint16_t* level, std::size_t stride, const float* tables, std::size_t levels,
    std::size_t count, float* sums) noexcept {
  for (std::size_t cell = 0; cell < count; ++cell) {
    float sum = sums[cell];
    for (std::size_t map = 0; map < maps; ++map)
      sum += tables[map * levels + level[map * stride + cell]];
    sums[cell] = sum;
  }
}

} // namespace

Status level_sums(const std::uint16_t* maps, std::size_t map_count, std::size_t cells,
    const float* tables, std::size_t levels, float* sums) noexcept {
  if (map_count == 0 || cells == 0)
    return {Code::empty, Argument::maps};
  if (levels < 2 || levels > most_levels)
    return {Code::out_of_range, Argument::tables};
  const std::size_t values = map_count * levels;
  if (const std::size_t bad = first_not_finite(tables, values); bad != values)
    return {Code::not_finite, Argument::tables, bad};
  for (std::size_t first = 0; first < cells; first += block) {
    const std::size_t count = std::min(block, cells - first);
    std::fill_n(sums + first, count, 0.0f);
    // Just before they are indices, so that they are read from memory once.
    for (std::size_t map = 0; map < map_count; ++map) {
      const std::uint16_t* const level = maps + map * cells + first;
      if (kernels().highest(level, count) >= levels) {
        const auto bad = std::find_if(level, level + count, [&](auto v) { return v >= levels; });
        return {Code::out_of_range, Argument::maps, static_cast<std::size_t>(bad - maps)};
      }
    }
    std::size_t map = 0;
    for (; map + group <= map_count; map += group)
      add<group>(
          maps + map * cells + first, cells, tables + map * levels, levels, count, sums + first);
    for (; map < map_count; ++map)
      add<1>(maps + map * cells + first, cells, tables + map * levels, levels, count, sums + first);
  }
  return {};
}

} // namespace rssfix
