#include "simd/row_distances.hpp"
#include "simd/table.hpp"

namespace rssfix {

const Kernels kernels_avx2 = {
    SimdLevel::avx2,
    add_to_sums,
    ratio_row,
    add_rings,
    subtract_squares,
    exp2_shifted,
    residual_row,
    silence_row,
    extremes,
    within,
    highest,
    divide,
    threshold_row,
    row_distances,
    level_likelihoods,
    pull,
};

void row_distances_avx2(Metric metric, const float* database, std::size_t rows, std::size_t columns,
    const float* query, float* distances) noexcept {
  row_distances(metric, database, rows, columns, query, distances);
}

} // namespace rssfix
