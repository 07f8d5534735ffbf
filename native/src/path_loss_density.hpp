// The density of path_loss_pdf in float64, cell by cell: slow, for what float32 does not hold and
// for checking it.
#pragma once

#include "rssfix/path_loss_pdf.hpp"

namespace rssfix {

constexpr double log2_e = 1.4426950408889634;

// What an AP is expected to lose when the square of its distance doubles, dB.
double octave_loss_db(const PathLoss& loss) noexcept;

// log Phi(z), Phi the normal distribution function; finite down to z = -1e100.
double log_normal_cdf(double z) noexcept;

// Unscaled logs (nats) of the density at a cell.
double log_path_loss_density(const Levels& levels, const PathLoss& loss, const Grid& grid,
    std::size_t row, std::size_t column) noexcept;

// path_loss_pdf for checked arguments.
void path_loss_density(
    const Levels& levels, const PathLoss& loss, const Grid& grid, float* pdf) noexcept;

} // namespace rssfix
