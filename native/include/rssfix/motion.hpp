#pragma once

#include "rssfix/kalman_filter.hpp"

namespace rssfix {

// 68 % radius of an isotropic two-dimensional Gaussian, in standard deviations of one axis:
// sqrt(-2 ln 0.32).
constexpr double r68_per_sigma = 1.5095921854516634;
// How fast a person may be moving when first seen, one standard deviation per axis.
constexpr double start_speed_m_s = 1;
// Errors of scans taken near each other are alike (same walls, same body), so the covariance
// shrinks faster than the error does: a track is never called surer than this share of a scan.
// On walks the filter took 13 % off the mean error (ble_tetam: 2.64 to 2.30 m).
constexpr double accuracy_floor = 0.85;
constexpr double step_s = 1;

struct MotionRules {
  double accel_sigma;      // white acceleration, m/s^2; it acts in steps of at most step_s
  std::int64_t gap_ms;     // without a measured position the track ends
  std::size_t floor_votes; // the floor is that of more than half of the last so many
};

struct Tracked {
  double x_m;
  double y_m;
  double accuracy_m; // 68 % radius
  std::int32_t floor;
};

// One user's position between scans: a Kalman filter that begins with the first measured position
// and ends after a gap, and the floor by majority. A measured position is one with the variance of
// an isotropic Gaussian whose 68 % radius is its accuracy_m.
class Motion {
 public:
  static constexpr std::size_t most_votes = 64;

  Status init(const MotionRules& rules) noexcept;

  // Forgets everything but the rules.
  void restart() noexcept;

  // Moves the track on to now_ms, or ends it where the gap is too long.
  Status advance(std::int64_t now_ms) noexcept;

  // A measured place and its floor, at the time that advance was told.
  Status measure(double x_m, double y_m, std::int32_t floor, double accuracy_m) noexcept;

  bool running() const noexcept { return running_; }
  Tracked tracked() const noexcept; // only while running
  const KalmanFilter& filter() const noexcept { return filter_; }

 private:
  void vote(std::int32_t floor) noexcept;

  MotionRules rules_{};
  KalmanFilter filter_;
  bool running_ = false;
  std::int64_t now_ms_ = 0;
  std::int64_t measured_ms_ = 0;
  double scan_accuracy_m_ = 0;
  std::int32_t floor_ = 0;
  std::int32_t votes_[most_votes]{}; // oldest first
  std::size_t vote_count_ = 0;
};

} // namespace rssfix
