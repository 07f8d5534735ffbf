#include "rssfix/floor_features.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "finite.hpp"

namespace rssfix {
namespace {

constexpr std::size_t radii = 3;
constexpr double near_m = 30;
constexpr double wide_m = 80;
// Heard APs are compared in pairs block by block, so that none must be left out.
constexpr std::size_t block_size = 256;

struct Place {
  double x_m;
  double y_m;
  std::size_t floor; // in the range
};

struct Block {
  std::array<Place, block_size> places;
  std::size_t count = 0;
};

struct FloorSums {
  double levels = 0; // above silent_dbm
  double squares = 0;
  double largest = 0;
  std::size_t heard = 0;
  double far_squared = 0;
  std::array<double, radii> local{};
  std::array<std::size_t, radii> installed{};
};

double squared_distance(double ax, double ay, double bx, double by) noexcept {
  return (ax - bx) * (ax - bx) + (ay - by) * (ay - by);
}

class Scan {
 public:
  Scan(const float* rssi_dbm, const InstalledAps& aps, double silent_dbm, std::size_t span) noexcept
      : rssi_dbm_(rssi_dbm), aps_(aps), silent_dbm_(silent_dbm), span_(span) {}

  // False where nothing was heard.
  bool find_range() noexcept {
    std::array<double, most_floors> sums;
    std::fill_n(sums.begin(), aps_.floors, 0.0);
    double strongest = -1;
    std::size_t strongest_floor = 0;
    for (std::size_t i = 0; i < aps_.ap_count; ++i) {
      if (!heard(i))
        continue;
      const double over = level(i);
      sums[floor(i)] += over;
      if (over > strongest || (over == strongest && floor(i) < strongest_floor)) {
        strongest = over;
        strongest_floor = floor(i);
      }
    }
    if (strongest < 0)
      return false;
    const std::size_t last_start = aps_.floors > span_ ? aps_.floors - span_ : 0;
    double best = -1;
    std::size_t best_off_middle = 0;
    for (std::size_t start = 0; start <= last_start; ++start) {
      double sum = 0;
      for (std::size_t f = start; f < std::min(start + span_, aps_.floors); ++f)
        sum += sums[f];
      const std::size_t middle = 2 * start + span_ - 1; // in half floors
      const std::size_t wanted = 2 * strongest_floor;
      const std::size_t off_middle = middle > wanted ? middle - wanted : wanted - middle;
      if (sum > best || (sum == best && off_middle < best_off_middle)) {
        best = sum;
        best_off_middle = off_middle;
        start_ = start;
      }
    }
    return true;
  }

  std::size_t start() const noexcept { return start_; }

  void write_features(float* features) noexcept {
    sum_levels();
    const double far_squared = find_farthest_pairs();
    sum_around_centre({near_m * near_m, wide_m * wide_m, far_squared});
    for (std::size_t f = 0; f < span_; ++f)
      write_floor(floors_[f], features + f * floor_feature_count);
  }

 private:
  bool heard(std::size_t i) const noexcept { return !std::isnan(rssi_dbm_[i]); }
  std::size_t floor(std::size_t i) const noexcept {
    return static_cast<std::size_t>(aps_.ap_floor[i]);
  }
  bool in_range(std::size_t i) const noexcept { return floor(i) - start_ < span_; }
  // dB above silent_dbm.
  double level(std::size_t i) const noexcept {
    return std::max(static_cast<double>(rssi_dbm_[i]) - silent_dbm_, 0.0);
  }

  void sum_levels() noexcept {
    std::size_t strongest = aps_.ap_count;
    for (std::size_t i = 0; i < aps_.ap_count; ++i) {
      if (!in_range(i) || !heard(i))
        continue;
      if (strongest == aps_.ap_count || level(i) > level(strongest))
        strongest = i;
      FloorSums& sums = floors_[floor(i) - start_];
      sums.levels += level(i);
      sums.squares += level(i) * level(i);
      sums.largest = std::max(sums.largest, level(i));
      ++sums.heard;
    }
    // Seen from the strongest AP, so that the centroid of one place is that place to the bit.
    const double* const from = aps_.ap_xy_m + 2 * strongest;
    constexpr double log2_of_10_over_20 = 0.16609640474436813;
    double mass = 0;
    double x = 0;
    double y = 0;
    for (std::size_t i = 0; i < aps_.ap_count; ++i) {
      if (!in_range(i) || !heard(i))
        continue;
      const double weight = std::exp2(log2_of_10_over_20 * (level(i) - level(strongest)));
      mass += weight;
      x += weight * (aps_.ap_xy_m[2 * i] - from[0]);
      y += weight * (aps_.ap_xy_m[2 * i + 1] - from[1]);
    }
    centre_x_m_ = from[0] + x / mass;
    centre_y_m_ = from[1] + y / mass;
  }

  // Fills the block with the APs heard from number `from` on; where to go on.
  std::size_t gather(std::size_t from, Block& block) const noexcept {
    block.count = 0;
    std::size_t i = from;
    for (; i < aps_.ap_count && block.count < block_size; ++i)
      if (in_range(i) && heard(i))
        block.places[block.count++] = {
            aps_.ap_xy_m[2 * i], aps_.ap_xy_m[2 * i + 1], floor(i) - start_};
    return i;
  }

  // The largest square over all floors; each floor's own goes to its sums.
  double find_farthest_pairs() noexcept {
    double farthest = 0;
    Block one;
    Block other;
    for (std::size_t i = 0; i < aps_.ap_count;) {
      i = gather(i, one);
      farthest = std::max(farthest, compare(one, one));
      for (std::size_t j = i; j < aps_.ap_count;) {
        j = gather(j, other);
        farthest = std::max(farthest, compare(one, other));
      }
    }
    return farthest;
  }

  double compare(const Block& one, const Block& other) noexcept {
    double farthest = 0;
    for (std::size_t a = 0; a < one.count; ++a) {
      const Place& p = one.places[a];
      for (std::size_t b = &one == &other ? a + 1 : 0; b < other.count; ++b) {
        const Place& q = other.places[b];
        const double squared = squared_distance(p.x_m, p.y_m, q.x_m, q.y_m);
        farthest = std::max(farthest, squared);
        if (p.floor == q.floor)
          floors_[p.floor].far_squared = std::max(floors_[p.floor].far_squared, squared);
      }
    }
    return farthest;
  }

  void sum_around_centre(const std::array<double, radii>& squared_radius) noexcept {
    for (std::size_t i = 0; i < aps_.ap_count; ++i) {
      if (!in_range(i))
        continue;
      FloorSums& sums = floors_[floor(i) - start_];
      const double squared =
          squared_distance(aps_.ap_xy_m[2 * i], aps_.ap_xy_m[2 * i + 1], centre_x_m_, centre_y_m_);
      const double over = heard(i) ? level(i) : 0.0;
      for (std::size_t r = 0; r < radii; ++r)
        if (squared <= squared_radius[r]) {
          sums.local[r] += over;
          ++sums.installed[r];
        }
    }
  }

  void write_floor(const FloorSums& sums, float* features) const noexcept {
    const double n = static_cast<double>(std::max<std::size_t>(sums.heard, 1));
    const double mean = sums.levels / n;
    const double variance = std::max(sums.squares / n - mean * mean, 0.0);
    features[0] = static_cast<float>(sums.heard);
    features[1] = static_cast<float>(silent_dbm_ + sums.largest);
    features[2] = static_cast<float>(silent_dbm_ + mean);
    features[3] = static_cast<float>(variance);
    for (std::size_t r = 0; r < radii; ++r) {
      const double installed = static_cast<double>(std::max<std::size_t>(sums.installed[r], 1));
      features[4 + r] = static_cast<float>(silent_dbm_ + sums.local[r] / installed);
    }
    features[7] = static_cast<float>(std::sqrt(sums.far_squared));
  }

  const float* rssi_dbm_;
  const InstalledAps& aps_;
  double silent_dbm_;
  std::size_t span_;
  std::size_t start_ = 0;
  double centre_x_m_ = 0;
  double centre_y_m_ = 0;
  std::array<FloorSums, most_span> floors_{};
};

Status check(const InstalledAps& aps, double silent_dbm, std::size_t span) noexcept {
  if (aps.ap_count == 0)
    return {Code::empty, Argument::ap_xy_m};
  if (aps.floors < 1 || aps.floors > most_floors)
    return {Code::out_of_range, Argument::n_floors};
  if (!std::isfinite(silent_dbm))
    return {Code::not_finite, Argument::silent_dbm};
  if (span < 1 || span > most_span)
    return {Code::out_of_range, Argument::span};
  const std::size_t coordinates = 2 * aps.ap_count;
  if (const std::size_t bad = first_not_finite(aps.ap_xy_m, coordinates); bad != coordinates)
    return {Code::not_finite, Argument::ap_xy_m, bad};
  const std::size_t wrong = first_where(aps.ap_floor, aps.ap_count,
      [&](std::int32_t f) { return f < 0 || static_cast<std::size_t>(f) >= aps.floors; });
  if (wrong != aps.ap_count)
    return {Code::out_of_range, Argument::ap_floor, wrong};
  return {};
}

} // namespace

Status floor_features(const float* rssi_dbm, std::size_t batch, const InstalledAps& aps,
    double silent_dbm, std::size_t span, std::int32_t* start, float* features) noexcept {
  if (const Status status = check(aps, silent_dbm, span); !status.ok())
    return status;
  const std::size_t values = batch * aps.ap_count;
  if (const std::size_t bad = first_infinite(rssi_dbm, values); bad != values)
    return {Code::infinite, Argument::rssi_dbm, bad};
  for (std::size_t b = 0; b < batch; ++b) {
    Scan scan(rssi_dbm + b * aps.ap_count, aps, silent_dbm, span);
    if (!scan.find_range())
      return {Code::nothing_heard, Argument::rssi_dbm, b * aps.ap_count};
    start[b] = static_cast<std::int32_t>(scan.start());
    scan.write_features(features + b * span * floor_feature_count);
  }
  return {};
}

} // namespace rssfix
