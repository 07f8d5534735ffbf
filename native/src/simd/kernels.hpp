// The inner loops that exist once per vector width, behind one table of function pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rssfix/geometric_median.hpp"
#include "rssfix/level_likelihoods.hpp"
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

// A function of the squared distance, one polynomial in m - 3/2 for every octave [2^e, 2^(e + 1)),
// m being the mantissa in [1, 2). Vectors look up 8 or 16 octaves at once.
constexpr std::size_t octave_degree = 6;
constexpr std::size_t octaves = 32;
constexpr std::size_t narrow_octaves = 8;
constexpr std::size_t wide_octaves = 16;
struct alignas(64) OctaveTable {
  float coefficient[octave_degree + 1][octaves];
};

// An AP as one row of the grid sees it, in cells. The column is split so that a difference of
// columns is rounded once only.
struct HeardOnRow {
  float whole_column;
  float rest_column;
  float dy2;
  float weight;
  float level_db; // over what is expected at a distance of one cell
};

struct SilentOnRow {
  float whole_column;
  float rest_column;
  float dy2;
  float weight;
  const float* coefficient;  // the table's from first_octave on
  std::int32_t first_octave; // biased exponent; no cell here is nearer
};

// The heard part of a log2 density: ((shrink sum w r - lean) sum w r - sum w r^2) log2_scale with
// r = level_db + octave_loss_db log2 d^2 and d at least that of 1 m.
struct ResidualRow {
  const HeardOnRow* aps;
  std::size_t count;
  float least_d2;
  float octave_loss_db;
  float shrink;
  float lean;
  float log2_scale;
};

// Sum of w table(d^2): of the first APs all cells lie within narrow_octaves of first_octave, of
// the others within wide_octaves.
struct SilenceRow {
  const SilentOnRow* aps;
  std::size_t narrow_count;
  std::size_t count;
  float least_d2;
};

// Cells of a row that are worked on together.
struct Stretch {
  std::size_t column;
  std::size_t cells;
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

// Sums over places of w / sqrt(d^2 + soft^2), and of the same times the way there.
struct Pull {
  double weight;
  double x;
  double y;
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

  // Writes the heard part of log2 densities.
  void (*residual_row)(const ResidualRow& row, Stretch at, float* log2_density) noexcept;

  // Adds the silent part and returns the largest sum.
  float (*silence_row)(const SilenceRow& row, Stretch at, float* log2_density) noexcept;

  Extremes (*extremes)(const float* values, std::size_t count) noexcept;

  // Whether least <= value <= most for every one; false with a NaN.
  bool (*within)(const float* values, std::size_t count, float least, float most) noexcept;

  std::uint16_t (*highest)(const std::uint16_t* levels, std::size_t count) noexcept;
  void (*divide)(float divisor, std::size_t count, float* values) noexcept;

  // Adds the cells of one row that reach the threshold; moment_y counts row * mass.
  void (*threshold_row)(const float* pdf_row, std::size_t width, std::size_t row, float threshold,
      CentroidSums& sums) noexcept;

  // Distance of every row to the query; see weighted_knn.hpp for NaN.
  void (*row_distances)(Metric metric, const float* database, std::size_t rows, std::size_t columns,
      const float* query, float* distances) noexcept;

  // The tables of level_likelihoods, for checked arguments.
  void (*level_likelihoods)(const Scatter& scatter, const float* measured_db, std::size_t count,
      float power, float* tables) noexcept;

  Pull (*pull)(const WeightedPlaces& places, Point at, double soft_m2) noexcept;
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
