// The inner loops that exist once per vector width, behind one table of function pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rssfix/simd_level.hpp"

namespace rssfix {

// Farther from its AP than this a smooth ring may be interpolated, in cells.
constexpr double kink_reach = 24;

// One heard AP, ready for the grid. Lengths in cells, positions as (column, row). The AP adds
// 2^(log2_weight - (slope * distance - offset)^2) to a cell, which is negligible unless
// hole <= distance <= reach.
struct Ring {
  double x;
  double y;
  double slope;
  double offset;
  double log2_weight;
  double hole;
  double reach;
  bool smooth;
};

// A function of the squared distance, one polynomial in m - 3/2 for each of 16 octaves [2^e,
// 2^(e+1)), m being the mantissa in [1, 2).
constexpr std::size_t octave_degree = 6;
constexpr std::size_t octaves = 16;
struct alignas(64) OctaveTable {
  float coefficient[octave_degree + 1][octaves];
};

// An AP as one row of the grid sees it, in cells. The column is split so that a difference of
// columns is rounded once only.
struct ApOnRow {
  float whole_column;
  float rest_column;
  float dy2;
  float weight;
  float level_db;            // heard: over what is expected at a distance of one cell
  std::int32_t first_octave; // not heard: biased exponent of the table's first octave
  const OctaveTable* table;
};

// log2 density = ((shrink sum w r - lean) sum w r - sum w r^2) log2_scale + sum w table(d^2) with
// r = level_db + octave_loss_db log2 d^2 and d at least that of 1 m; cells from `column` on.
struct PathLossRow {
  const ApOnRow* heard;
  const ApOnRow* heard_end;
  const ApOnRow* silent;
  const ApOnRow* silent_end;
  std::size_t column;
  float least_d2;
  float octave_loss_db;
  float shrink;
  float lean;
  float log2_scale;
};

struct Extremes {
  float largest;
  bool valid; // every value is finite and 0 or more
};

struct CentroidSums {
  double mass;
  double moment_x;
  double moment_y;
  std::size_t cells;
};

enum class Metric : std::uint8_t;

struct Kernels {
  SimdLevel level;

  // sums[i] += values[i]
  void (*add_to_sums)(const float* values, std::size_t count, double* sums) noexcept;

  // image_row[k] = (value - rssi[k]) / rssi[k]
  void (*ratio_row)(float value, const float* rssi, std::size_t count, float* image_row) noexcept;

  // grid (height x width) += the rings, smooth ones interpolated
  void (*add_rings)(const Ring* rings, std::size_t count, std::size_t height, std::size_t width,
      float* grid) noexcept;

  // exponents[i] -= sum over rings of (slope * distance - offset)^2, cells (column + i, row)
  void (*subtract_squares)(const Ring* rings, std::size_t count, std::size_t row,
      std::size_t column, std::size_t cells, double* exponents) noexcept;

  // values[i] = 2^(values[i] - shift), 0 below 2^-126
  void (*exp2_shifted)(float shift, std::size_t count, float* values) noexcept;

  // Writes log2 densities of `cells` cells of a row and returns the largest.
  float (*path_loss_row)(const PathLossRow& row, std::size_t cells, float* log2_density) noexcept;

  Extremes (*extremes)(const float* values, std::size_t count) noexcept;
  void (*divide)(float divisor, std::size_t count, float* values) noexcept;

  // Adds the cells of one row that reach the threshold; moment_y counts row * mass.
  void (*threshold_row)(const float* pdf_row, std::size_t width, std::size_t row, float threshold,
      CentroidSums& sums) noexcept;

  // Distance of every row to the query; see weighted_knn.hpp for NaN.
  void (*row_distances)(Metric metric, const float* database, std::size_t rows, std::size_t columns,
      const float* query, float* distances) noexcept;
};

extern const Kernels kernels_baseline;
#if defined(__x86_64__)
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;

void row_distances_avx2(Metric metric, const float* database, std::size_t rows, std::size_t columns,
    const float* query, float* distances) noexcept;
#endif

// The set in use; never null, the same for all threads.
const Kernels& kernels() noexcept;

} // namespace rssfix
