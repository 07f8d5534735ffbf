#include "log_density.hpp"

#include "heard_rings.hpp"

namespace rssfix {
namespace {

// Cells of one row that are worked on together.
constexpr std::size_t stretch = 256;
constexpr double no_floor = -1e300;

// One row's cells from `column` on.
struct Stretch {
  std::size_t row;
  std::size_t column;
  std::size_t cells;
};

// log2 of the product of the densities, up to a constant, to the power `exponent`.
void product(HeardRings& heard, double exponent, const Stretch& at, double* log2_density) noexcept {
  std::fill_n(log2_density, at.cells, 0.0);
  heard.for_each_chunk([&](const Ring* rings, std::size_t count) noexcept {
    kernels().subtract_squares(rings, count, at.row, at.column, at.cells, log2_density);
  });
  for (std::size_t i = 0; i < at.cells; ++i)
    log2_density[i] *= exponent;
}

// log2 of the sum of the densities, up to a constant.
void sum(HeardRings& heard, const Stretch& at, double* log2_density) noexcept {
  double largest[stretch];
  double total[stretch]; // of 2^(term - largest)
  std::fill_n(largest, at.cells, no_floor);
  std::fill_n(total, at.cells, 0.0);
  heard.for_each_chunk([&](const Ring* rings, std::size_t count) noexcept {
    for (const Ring* ring = rings; ring != rings + count; ++ring)
      for (std::size_t i = 0; i < at.cells; ++i) {
        const double dx = static_cast<double>(at.column + i) - ring->x;
        const double dy = static_cast<double>(at.row) - ring->y;
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
  for (std::size_t i = 0; i < at.cells; ++i)
    log2_density[i] = largest[i] + std::log2(total[i]);
}

class LogDensity {
 public:
  LogDensity(const RankedAps& aps, const Grid& grid, Combine combine) noexcept
      : heard_(aps, grid, no_floor), grid_(grid), combine_(combine),
        exponent_(combine == Combine::tempered ? 1 / static_cast<double>(aps.ap_count) : 1) {}

  // Writes log2 density - reference for every `step`th row and returns the largest density's log2.
  double fill(double reference, std::size_t step, float* pdf) noexcept {
    double log2_density[stretch];
    double largest = no_floor;
    for (std::size_t row = 0; row < grid_.height; row += step)
      for (std::size_t column = 0; column < grid_.width; column += stretch) {
        const Stretch at{row, column, std::min(stretch, grid_.width - column)};
        if (combine_ == Combine::sum)
          sum(heard_, at, log2_density);
        else
          product(heard_, exponent_, at, log2_density);
        float* const to = pdf + row * grid_.width + column;
        for (std::size_t i = 0; i < at.cells; ++i) {
          largest = std::max(largest, log2_density[i]);
          to[i] = static_cast<float>(log2_density[i] - reference);
        }
      }
    return largest;
  }

 private:
  HeardRings heard_;
  const Grid& grid_;
  Combine combine_;
  double exponent_;
};

} // namespace

void log_density(const RankedAps& aps, const Grid& grid, Combine combine, float* pdf) noexcept {
  // Between the passes the cells are float32, so they are kept relative to a value near the
  // maximum: close to it nothing is rounded that matters, far below it the density is 0 anyway.
  constexpr std::size_t sample_step = 8;
  constexpr double near_enough = 32;
  LogDensity density(aps, grid, combine);
  double reference = density.fill(0, sample_step, pdf);
  double largest = density.fill(reference, 1, pdf);
  if (largest - reference > near_enough) {
    reference = largest;
    largest = density.fill(reference, 1, pdf);
  }
  kernels().exp2_shifted(static_cast<float>(largest - reference), grid.height * grid.width, pdf);
}

} // namespace rssfix
