// The hot loop of rank_pdf: bell-shaped rings added to a grid, 16 rows at a time.
//
// Along the 16 rows a wide ring is smooth, so it is evaluated at 8 Chebyshev nodes instead. The
// nodes of all such rings are summed and interpolated to the rows once. Near its AP a ring is not
// smooth, because the distance has a kink there, and every row is evaluated.
#pragma once

#include "simd/kernels.hpp"
#include "simd/lanes.hpp"

namespace rssfix {
namespace {

constexpr std::size_t block_rows = 16;
constexpr std::size_t node_rows = 8;
// Columns that are worked on together: what fits on the stack as sums at nodes.
constexpr std::size_t tile_columns = 256;

// cos((2 k + 1) pi / 16), and the rows' places in between, both from -1 to 1 over the block.
constexpr double nodes[node_rows] = {0.98078528040323044913, 0.83146961230254523708,
    0.55557023301960222474, 0.19509032201612826785, -0.19509032201612826785,
    -0.55557023301960222474, -0.83146961230254523708, -0.98078528040323044913};
constexpr double half_block = 0.5 * (block_rows - 1);

struct Interpolation {
  float weight[block_rows][node_rows];
};

// Lagrange's polynomials of the nodes at the rows.
constexpr Interpolation interpolation() noexcept {
  Interpolation result{};
  for (std::size_t row = 0; row < block_rows; ++row)
    for (std::size_t k = 0; k < node_rows; ++k) {
      double weight = 1;
      for (std::size_t m = 0; m < node_rows; ++m)
        if (m != k)
          weight *= (static_cast<double>(row) / half_block - 1 - nodes[m]) / (nodes[k] - nodes[m]);
      result.weight[row][k] = static_cast<float>(weight);
    }
  return result;
}

constexpr Interpolation from_nodes = interpolation();

// Columns from `from` to `to`, in whole vectors; the last one may stand out of the tile.
struct Span {
  std::size_t from;
  std::size_t to;
};

inline std::size_t vector_before(double column, std::size_t columns) noexcept {
  if (!(column > 0))
    return 0;
  const std::size_t whole = columns / f32_lanes * f32_lanes;
  return column < static_cast<double>(columns)
             ? static_cast<std::size_t>(column) / f32_lanes * f32_lanes
             : whole;
}

inline std::size_t vector_after(double column, std::size_t columns) noexcept {
  const std::size_t padded = (columns + f32_lanes - 1) / f32_lanes * f32_lanes;
  if (column < 0)
    return 0;
  return column < static_cast<double>(columns - 1)
             ? (static_cast<std::size_t>(column) / f32_lanes + 1) * f32_lanes
             : padded;
}

// Some rows of a tile: where they are in the grid, and where their sums are kept.
struct Rows {
  double y[block_rows];
  std::size_t count;
  float* sums;
  std::size_t stride;
};

inline void add_span(
    const Ring& ring, double x, Span span, std::size_t columns, const Rows& rows) noexcept {
  // Relative to the span's start in float64, so that float32 rounds a distance, not a coordinate.
  const f32 start = f32{} + static_cast<float>(static_cast<double>(span.from) - x);
  const f32 slope = f32{} + static_cast<float>(ring.slope);
  const f32 offset = f32{} + static_cast<float>(ring.offset);
  const f32 log2_weight = f32{} + static_cast<float>(ring.log2_weight);
  f32 dy2[block_rows];
  for (std::size_t r = 0; r < rows.count; ++r) {
    const double dy = rows.y[r] - ring.y;
    dy2[r] = f32{} + static_cast<float>(dy * dy);
  }
  f32 column = lane_numbers();
  for (std::size_t i = span.from; i < span.to; i += f32_lanes) {
    const f32 dx = column + start;
    const f32 dx2 = dx * dx;
    float* sums = rows.sums + i;
    for (std::size_t r = 0; r < rows.count; ++r, sums += rows.stride) {
      const f32 u = root(dx2 + dy2[r]) * slope - offset;
      const f32 term = exp2_lanes(log2_weight - u * u);
      if (i + f32_lanes <= columns)
        store(sums, load(sums) + term);
      else
        store_first(sums, load_first(sums, columns - i) + term, columns - i);
    }
    column += static_cast<float>(f32_lanes);
  }
}

inline void add_interpolated(const float* sums, std::size_t columns, std::size_t count,
    std::size_t width, float* grid) noexcept {
  for (std::size_t i = 0; i < columns; i += f32_lanes) {
    f32 at_nodes[node_rows];
    for (std::size_t k = 0; k < node_rows; ++k)
      at_nodes[k] = load(sums + k * tile_columns + i);
    float* cells = grid + i;
    for (std::size_t r = 0; r < count; ++r, cells += width) {
      f32 sum = at_nodes[0] * from_nodes.weight[r][0];
      for (std::size_t k = 1; k < node_rows; ++k)
        sum += at_nodes[k] * from_nodes.weight[r][k];
      if (i + f32_lanes <= columns)
        store(cells, load(cells) + sum);
      else
        store_first(cells, load_first(cells, columns - i) + sum, columns - i);
    }
  }
}

inline double larger(double a, double b) noexcept {
  return a > b ? a : b;
}
inline double square(double v) noexcept {
  return v * v;
}

// One ring on one block of one tile; x is relative to the tile. True where nodes were used.
inline bool add_ring(const Ring& ring, double x, std::size_t columns, const Rows& rows,
    const Rows& at_nodes) noexcept {
  const double near = larger(larger(rows.y[0] - ring.y, ring.y - rows.y[rows.count - 1]), 0);
  const double far = larger(ring.y - rows.y[0], rows.y[rows.count - 1] - ring.y);
  if (near > ring.reach)
    return false;
  const double half = __builtin_sqrt(square(ring.reach) - square(near));
  if (x - half > static_cast<double>(columns - 1) || x + half < 0)
    return false;
  const Span all{vector_before(x - half, columns), vector_after(x + half, columns)};
  // The columns in between get nothing, or every row where the sides get the nodes.
  const bool smooth = ring.smooth && rows.count > node_rows;
  const double inner = smooth            ? square(kink_reach) - square(near)
                       : ring.hole > far ? square(ring.hole) - square(far)
                                         : -1;
  Span middle{all.to, all.to};
  if (inner > 0) {
    const double half_middle = __builtin_sqrt(inner);
    if (smooth)
      middle = {vector_before(x - half_middle, columns), vector_after(x + half_middle, columns)};
    else
      middle = {vector_after(x - half_middle, columns), vector_before(x + half_middle, columns)};
  }
  const auto within = [&](std::size_t column) noexcept {
    return column < all.from ? all.from : column > all.to ? all.to : column;
  };
  middle = {within(middle.from), within(middle.to)};
  if (middle.from >= middle.to)
    middle = {all.to, all.to};
  else if (smooth)
    add_span(ring, x, middle, columns, rows);
  const Rows& sides = smooth ? at_nodes : rows;
  if (all.from < middle.from)
    add_span(ring, x, {all.from, middle.from}, columns, sides);
  if (middle.to < all.to)
    add_span(ring, x, {middle.to, all.to}, columns, sides);
  return smooth;
}

void add_rings(const Ring* rings, std::size_t count, std::size_t height, std::size_t width,
    float* grid) noexcept {
  float sums[node_rows * tile_columns];
  for (std::size_t column = 0; column < width; column += tile_columns) {
    const std::size_t columns = width - column < tile_columns ? width - column : tile_columns;
    for (std::size_t row = 0; row < height; row += block_rows) {
      Rows rows{};
      rows.count = height - row < block_rows ? height - row : block_rows;
      rows.sums = grid + row * width + column;
      rows.stride = width;
      for (std::size_t r = 0; r < rows.count; ++r)
        rows.y[r] = static_cast<double>(row + r);
      Rows at_nodes{};
      at_nodes.count = node_rows;
      at_nodes.sums = sums;
      at_nodes.stride = tile_columns;
      for (std::size_t k = 0; k < node_rows; ++k)
        at_nodes.y[k] = static_cast<double>(row) + half_block * (1 + nodes[k]);
      std::memset(sums, 0, sizeof sums);
      bool interpolate = false;
      for (const Ring* ring = rings; ring != rings + count; ++ring)
        if (add_ring(*ring, ring->x - static_cast<double>(column), columns, rows, at_nodes))
          interpolate = true;
      if (interpolate)
        add_interpolated(sums, columns, rows.count, width, rows.sums);
    }
  }
}

} // namespace
} // namespace rssfix
