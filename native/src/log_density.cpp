#include "log_density.hpp"

#include "heard_rings.hpp"

namespace rssfix {
namespace {

// Cells of one row that are worked on together.
constexpr std::size_t stretch = 256;
constexpr double no_floor = -1e300;

// log2 of the product of the densities, up to a constant, to the power `exponent`.
void product(const RankedAps& aps, const Grid& grid, double exponent, std::size_t row,
    std::size_t column, std::size_t cells, double* log2_density) noexcept {
  std::fill_n(log2_density, cells, 0.0);
  for_heard_rings(aps, grid, no_floor, [&](const Ring* rings, std::size_t count) noexcept {
    kernels().subtract_squares(rings, count, row, column, cells, log2_density);
  });
  for (std::size_t i = 0; i < cells; ++i)
    log2_density[i] *= exponent;
}

// log2 of the sum of the densities, up to a constant.
void sum(const RankedAps& aps, const Grid& grid, std::size_t row, std::size_t column,
    std::size_t cells, double* log2_density) noexcept {
  double largest[stretch];
  double total[stretch]; // of 2^(term - largest)
  std::fill_n(largest, cells, no_floor);
  std::fill_n(total, cells, 0.0);
  for_heard_rings(aps, grid, no_floor, [&](const Ring* rings, std::size_t count) noexcept {
    for (const Ring* ring = rings; ring != rings + count; ++ring)
      for (std::size_t i = 0; i < cells; ++i) {
        const double dx = static_cast<double>(column + i) - ring->x;
        const double dy = static_cast<double>(row) - ring->y;
        const double u = std::sqrt(dx * dx + dy * dy) * ring->slope - ring->offset;
        const double term = ring->log2_weight - u * u;
        if (term <= largest[i]) {
          total[i] += std::exp2(term - largest[i]);
        } else {
          total[i] = total[i] * std::exp2(largest[i] - term) + 1;
          largest[i] = term;
        }
      }
  });
  for (std::size_t i = 0; i < cells; ++i)
    log2_density[i] = largest[i] + std::log2(total[i]);
}

void stretch_of_row(const RankedAps& aps, const Grid& grid, Combine combine, std::size_t row,
    std::size_t column, std::size_t cells, double* log2_density) noexcept {
  switch (combine) {
  case Combine::sum:
    return sum(aps, grid, row, column, cells, log2_density);
  case Combine::product:
    return product(aps, grid, 1, row, column, cells, log2_density);
  case Combine::tempered:
    return product(
        aps, grid, 1 / static_cast<double>(aps.ap_count), row, column, cells, log2_density);
  }
}

// Writes log2 density - reference for every `step`th row and returns the largest value.
double fill(const RankedAps& aps, const Grid& grid, Combine combine, double reference,
    std::size_t step, float* pdf) noexcept {
  double log2_density[stretch];
  double largest = no_floor;
  for (std::size_t row = 0; row < grid.height; row += step)
    for (std::size_t column = 0; column < grid.width; column += stretch) {
      const std::size_t cells = std::min(stretch, grid.width - column);
      stretch_of_row(aps, grid, combine, row, column, cells, log2_density);
      float* const to = pdf + row * grid.width + column;
      for (std::size_t i = 0; i < cells; ++i) {
        largest = std::max(largest, log2_density[i]);
        to[i] = static_cast<float>(log2_density[i] - reference);
      }
    }
  return largest;
}

} // namespace

void log_density(const RankedAps& aps, const Grid& grid, Combine combine, float* pdf) noexcept {
  // Between the passes the cells are float32, so they are kept relative to a value near the
  // maximum: close to it nothing is rounded that matters, far below it the density is 0 anyway.
  constexpr std::size_t sample_step = 8;
  constexpr double near_enough = 32;
  double reference = fill(aps, grid, combine, 0, sample_step, pdf);
  double largest = fill(aps, grid, combine, reference, 1, pdf);
  if (largest - reference > near_enough) {
    reference = largest;
    largest = fill(aps, grid, combine, reference, 1, pdf);
  }
  kernels().exp2_shifted(static_cast<float>(largest - reference), grid.height * grid.width, pdf);
}

} // namespace rssfix
