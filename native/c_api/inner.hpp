// From C arguments to the core and back.
#pragma once

#include <cstdint>

#include "rssfix.h"
#include "rssfix/grid.hpp"
#include "rssfix/status.hpp"

namespace rssfix::c {

inline rssfix_status plain(Status status) noexcept {
  return {static_cast<std::int32_t>(status.code), static_cast<std::int32_t>(status.argument),
      status.index};
}

inline Grid grid_of(const rssfix_grid& grid) noexcept {
  return {grid.origin_x_m, grid.origin_y_m, grid.pitch_m, grid.height, grid.width};
}

struct Given {
  const void* pointer;
  Argument argument;
};

// The first null pointer, or ok.
template <std::size_t count> Status none_missing(const Given (&given)[count]) noexcept {
  for (const Given& one : given)
    if (one.pointer == nullptr)
      return {Code::missing, one.argument};
  return {};
}

// Whether the memory will do for a handle.
Status check_memory(const void* memory, std::size_t size, std::size_t needed) noexcept;

} // namespace rssfix::c
