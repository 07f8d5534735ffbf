#pragma once

#include "rssfix/city.hpp"
#include "rssfix/grid.hpp"
#include "rssfix/status.hpp"

namespace rssfix {

constexpr std::size_t pixel_words(const Grid& grid) noexcept {
  return (grid.height * grid.width + 63) / 64;
}

// What every corner sees past the walls (SPEC 3.11, step 2; 3.13).
//
// links[a * count + b] is 1 where corner b is seen from corner a, else 0; 1 on the diagonal.
// `pixels` gets count x 2 x pixel_words(grid) words, one row for each Side left and right: bit
// p % 64 of word p / 64 is set where the centre of cell p (C order) is seen and a path that ends
// there leaves the corner on that side. Cells with buildings[p] != 0 are not looked at.
//
// Exact up to rounding: a depth buffer over directions (2048 of them) answers at once where all
// directions of a bin agree; elsewhere the bin's walls are asked one by one. Allocates nothing,
// needs 120 KiB of stack, never throws.
Status corner_visibility(const Walls& walls, const Corners& corners, const std::uint8_t* buildings,
    const Grid& grid, std::uint64_t* pixels, std::uint8_t* links) noexcept;

} // namespace rssfix
