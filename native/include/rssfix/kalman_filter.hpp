#pragma once

#include <array>

#include "rssfix/status.hpp"

namespace rssfix {

// Constant-velocity Kalman filter in the plane (SPEC 5.7): state x, y (m), vx, vy (m/s), float64.
//
// Every call either succeeds or leaves the filter as it was. The covariance stays symmetric by
// construction and positive definite by the Joseph form.
class KalmanFilter {
 public:
  static constexpr std::size_t size = 4;
  using Vector = std::array<double, size>;
  using Matrix = std::array<double, size * size>; // C order

  // Position and velocity 0, covariance 100 I, no acceleration.
  KalmanFilter() noexcept;

  // accel_sigma: standard deviation of the acceleration, m/s^2, 0 or more.
  Status reset(const double* state, const double* covariance, double accel_sigma) noexcept;

  // F moves the position by dt_s seconds of velocity;
  // Q = accel_sigma^2 [dt^4/4, dt^3/2; dt^3/2, dt^2] per axis.
  Status predict(double dt_s) noexcept;

  // z = x, y (count 2) or x, y, vx, vy (count 4), with independent errors of the given variances
  // (m^2, m^2/s^2). Independent errors may be taken in one by one, so nothing is inverted.
  Status update(const double* z, const double* variance, std::size_t count) noexcept;

  const Vector& state() const noexcept { return state_; }
  const Matrix& covariance() const noexcept { return covariance_; }
  double accel_sigma() const noexcept { return accel_sigma_; }

 private:
  Vector state_;
  Matrix covariance_;
  double accel_sigma_;
};

} // namespace rssfix
