#pragma once

#include "rssfix/status.hpp"

namespace rssfix {

enum class Metric : std::uint8_t {
  l1,       // N / known * sum |a - b|
  l2,       // sqrt(N / known * sum (a - b)^2)
  sorensen, // sum |a - b| / sum |a + b|: a ratio, which needs no scaling; 0 / 0 is 0
};

// The k rows of `database` (rows x columns) nearest to each query (queries x columns).
//
// NaN on either side is an unknown AP: the column is not compared, and the distance is scaled from
// the `known` columns to all N. A row with nothing to compare has distance +inf and comes last;
// no distance is ever NaN. Nearest first, equal distances by lower row. `indices` and `distances`
// (queries x k, the caller's) also serve as the heap of the selection, so nothing is allocated.
// Infinities are refused on both sides.
Status weighted_knn(const float* database, std::size_t rows, std::size_t columns,
    const float* query, std::size_t queries, std::size_t k, Metric metric, std::int64_t* indices,
    float* distances) noexcept;

} // namespace rssfix
