#include "rssfix/kalman_filter.hpp"

#include <cmath>

#include "finite.hpp"

namespace rssfix {
namespace {

constexpr std::size_t n = KalmanFilter::size;
using Vector = KalmanFilter::Vector;
using Matrix = KalmanFilter::Matrix;

constexpr std::size_t at(std::size_t row, std::size_t column) noexcept {
  return row * n + column;
}

void mirror(Matrix& p) noexcept {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j)
      p[at(i, j)] = p[at(j, i)];
}

bool positive_definite(const Matrix& p) noexcept {
  Matrix l{};
  for (std::size_t j = 0; j < n; ++j) {
    double pivot = p[at(j, j)];
    for (std::size_t k = 0; k < j; ++k)
      pivot -= l[at(j, k)] * l[at(j, k)];
    if (!(pivot > 0))
      return false;
    l[at(j, j)] = std::sqrt(pivot);
    for (std::size_t i = j + 1; i < n; ++i) {
      double value = p[at(i, j)];
      for (std::size_t k = 0; k < j; ++k)
        value -= l[at(i, k)] * l[at(j, k)];
      l[at(i, j)] = value / l[at(j, j)];
    }
  }
  return true;
}

bool finite(const Vector& s, const Matrix& p) noexcept {
  double sum = 0; // 0 unless something is NaN or infinite
  for (const double value : s)
    sum += value * 0;
  for (const double value : p)
    sum += value * 0;
  return sum == 0;
}

// One measurement of component `c`: the gain k = P e_c / (P_cc + r), and the Joseph form
// P = (I - k e_c') P (I - k e_c')' + r k k', of which the upper triangle is computed and mirrored.
void take_in(std::size_t c, double z, double r, Vector& s, Matrix& p) noexcept {
  const double innovation_variance = p[at(c, c)] + r;
  Vector k;
  for (std::size_t i = 0; i < n; ++i)
    k[i] = p[at(i, c)] / innovation_variance;
  const double innovation = z - s[c];
  for (std::size_t i = 0; i < n; ++i)
    s[i] += k[i] * innovation;
  Matrix left; // (I - k e_c') P
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      left[at(i, j)] = p[at(i, j)] - k[i] * p[at(c, j)];
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j)
      p[at(i, j)] = left[at(i, j)] - left[at(i, c)] * k[j] + r * k[i] * k[j];
  mirror(p);
}

} // namespace

KalmanFilter::KalmanFilter() noexcept
    : state_{}, covariance_{100, 0, 0, 0, 0, 100, 0, 0, 0, 0, 100, 0, 0, 0, 0, 100},
      accel_sigma_(0) {}

Status KalmanFilter::reset(
    const double* state, const double* covariance, double accel_sigma) noexcept {
  if (const std::size_t bad = first_not_finite(state, n); bad != n)
    return {Code::not_finite, Argument::state, bad};
  if (const std::size_t bad = first_not_finite(covariance, n * n); bad != n * n)
    return {Code::not_finite, Argument::covariance, bad};
  if (!(accel_sigma >= 0) || !std::isfinite(accel_sigma))
    return {Code::negative, Argument::accel_sigma};
  Matrix p;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) {
      const double upper = covariance[at(i, j)];
      const double lower = covariance[at(j, i)];
      // Room for the rounding of whoever computed the matrix, not for a wrong one.
      const double scale = std::fabs(covariance[at(i, i)]) + std::fabs(covariance[at(j, j)]);
      if (!(std::fabs(upper - lower) <= 1e-9 * scale))
        return {Code::asymmetric, Argument::covariance, at(i, j)};
      p[at(i, j)] = upper + 0.5 * (lower - upper);
    }
  mirror(p);
  if (!positive_definite(p))
    return {Code::not_positive_definite, Argument::covariance};
  for (std::size_t i = 0; i < n; ++i)
    state_[i] = state[i];
  covariance_ = p;
  accel_sigma_ = accel_sigma;
  return {};
}

Status KalmanFilter::predict(double dt_s) noexcept {
  if (!(dt_s >= 0) || !std::isfinite(dt_s))
    return {Code::negative, Argument::dt_s};
  Vector s = state_;
  s[0] += dt_s * s[2];
  s[1] += dt_s * s[3];
  const Matrix& p = covariance_;
  Matrix left = p; // F P: rows x, y gain dt times rows vx, vy
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < n; ++j)
      left[at(i, j)] += dt_s * p[at(i + 2, j)];
  Matrix q = left; // F P F'
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < 2; ++j)
      q[at(i, j)] += dt_s * left[at(i, j + 2)];
  const double variance = accel_sigma_ * accel_sigma_ * dt_s * dt_s;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    q[at(axis, axis)] += variance * dt_s * dt_s / 4;
    q[at(axis, axis + 2)] += variance * dt_s / 2;
    q[at(axis + 2, axis + 2)] += variance;
  }
  mirror(q);
  if (!finite(s, q))
    return {Code::overflow, Argument::dt_s};
  state_ = s;
  covariance_ = q;
  return {};
}

Status KalmanFilter::update(const double* z, const double* variance, std::size_t count) noexcept {
  if (count != 2 && count != n)
    return {Code::out_of_range, Argument::z};
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(z[i]))
      return {Code::not_finite, Argument::z, i};
    if (!(variance[i] > 0) || !std::isfinite(variance[i]))
      return {Code::not_positive, Argument::variance, i};
  }
  Vector s = state_;
  Matrix p = covariance_;
  for (std::size_t i = 0; i < count; ++i)
    take_in(i, z[i], variance[i], s, p);
  if (!finite(s, p))
    return {Code::overflow, Argument::z};
  state_ = s;
  covariance_ = p;
  return {};
}

} // namespace rssfix
