#include "rssfix/weighted_knn.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "finite.hpp"
#include "simd/kernels.hpp"

namespace rssfix {
namespace {

// The k nearest rows so far as a heap with the farthest on top, in the caller's output.
class Nearest {
 public:
  Nearest(std::int64_t* indices, float* distances, std::size_t k) noexcept
      : indices_(indices), distances_(distances), k_(k) {}

  // Rows come in rising order, so an equal distance never displaces a lower row.
  void offer(float distance, std::size_t row) noexcept {
    if (size_ == k_ && !(distance < distances_[0]))
      return;
    if (size_ == k_) {
      put(0, distance, static_cast<std::int64_t>(row));
      sink(0, k_);
      return;
    }
    put(size_, distance, static_cast<std::int64_t>(row));
    for (std::size_t child = size_++; child > 0;) {
      const std::size_t parent = (child - 1) / 2;
      if (!farther(child, parent))
        break;
      swap(child, parent);
      child = parent;
    }
  }

  void sort() noexcept {
    for (std::size_t end = size_; end > 1;) {
      swap(0, --end);
      sink(0, end);
    }
  }

 private:
  void put(std::size_t at, float distance, std::int64_t row) noexcept {
    distances_[at] = distance;
    indices_[at] = row;
  }

  void swap(std::size_t a, std::size_t b) noexcept {
    std::swap(distances_[a], distances_[b]);
    std::swap(indices_[a], indices_[b]);
  }

  bool farther(std::size_t a, std::size_t b) const noexcept {
    return distances_[a] != distances_[b] ? distances_[a] > distances_[b]
                                          : indices_[a] > indices_[b];
  }

  void sink(std::size_t parent, std::size_t end) noexcept {
    for (std::size_t child; (child = 2 * parent + 1) < end; parent = child) {
      if (child + 1 < end && farther(child + 1, child))
        ++child;
      if (!farther(child, parent))
        return;
      swap(child, parent);
    }
  }

  std::int64_t* indices_;
  float* distances_;
  std::size_t k_;
  std::size_t size_ = 0;
};

} // namespace

Status weighted_knn(const float* database, std::size_t rows, std::size_t columns,
    const float* query, std::size_t queries, std::size_t k, Metric metric, std::int64_t* indices,
    float* distances) noexcept {
  if (rows == 0 || columns == 0)
    return {Code::empty, Argument::database};
  if (k < 1 || k > rows)
    return {Code::out_of_range, Argument::k};
  if (const std::size_t bad = first_infinite(query, queries * columns); bad != queries * columns)
    return {Code::infinite, Argument::query, bad};
  constexpr std::size_t block = 256;
  float block_distances[block];
  const auto row_distances = kernels().row_distances;
  for (std::size_t q = 0; q < queries; ++q) {
    Nearest nearest(indices + q * k, distances + q * k, k);
    for (std::size_t first = 0; first < rows; first += block) {
      const std::size_t count = std::min(block, rows - first);
      row_distances(
          metric, database + first * columns, count, columns, query + q * columns, block_distances);
      // An infinite value makes its row's distance infinite, so only such rows are looked at.
      if (first_infinite(block_distances, count) != count)
        for (std::size_t i = 0; i < count; ++i) {
          const std::size_t start = (first + i) * columns;
          const std::size_t bad =
              std::isinf(block_distances[i]) ? first_infinite(database + start, columns) : columns;
          if (bad != columns)
            return {Code::infinite, Argument::database, start + bad};
        }
      for (std::size_t i = 0; i < count; ++i)
        nearest.offer(block_distances[i], first + i);
    }
    nearest.sort();
  }
  return {};
}

} // namespace rssfix
