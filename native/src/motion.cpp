#include "rssfix/motion.hpp"

#include <algorithm>
#include <cmath>

namespace rssfix {

Status Motion::init(const MotionRules& rules) noexcept {
  if (!(rules.accel_sigma >= 0) || !std::isfinite(rules.accel_sigma))
    return {Code::negative, Argument::accel_sigma};
  if (rules.gap_ms < 0)
    return {Code::negative, Argument::gap_ms};
  if (rules.floor_votes < 1 || rules.floor_votes > most_votes)
    return {Code::out_of_range, Argument::floor_votes};
  rules_ = rules;
  restart();
  return {};
}

void Motion::restart() noexcept {
  running_ = false;
  floor_ = 0;
  vote_count_ = 0;
  scan_accuracy_m_ = 0;
}

Status Motion::advance(std::int64_t now_ms) noexcept {
  if (!running_) {
    now_ms_ = now_ms;
    return {};
  }
  if (now_ms < now_ms_)
    return {Code::goes_back, Argument::timestamp_ms};
  const std::uint64_t unmeasured_ms =
      static_cast<std::uint64_t>(now_ms) - static_cast<std::uint64_t>(measured_ms_);
  if (unmeasured_ms > static_cast<std::uint64_t>(rules_.gap_ms)) {
    restart();
    now_ms_ = now_ms;
    return {};
  }
  double left_s = static_cast<double>(now_ms - now_ms_) / 1000;
  now_ms_ = now_ms;
  for (; left_s > 0; left_s -= step_s)
    if (const Status status = filter_.predict(std::min(left_s, step_s)); !status.ok())
      return status;
  return {};
}

Status Motion::measure(double x_m, double y_m, std::int32_t floor, double accuracy_m) noexcept {
  if (!std::isfinite(x_m))
    return {Code::not_finite, Argument::x_m};
  if (!std::isfinite(y_m))
    return {Code::not_finite, Argument::y_m};
  if (!(accuracy_m > 0) || !std::isfinite(accuracy_m))
    return {Code::not_positive, Argument::accuracy_m};
  const double sigma = accuracy_m / r68_per_sigma;
  const double variance = sigma * sigma;
  if (running_) {
    const double z[] = {x_m, y_m};
    const double variances[] = {variance, variance};
    if (const Status status = filter_.update(z, variances, 2); !status.ok())
      return status;
  } else {
    const double state[] = {x_m, y_m, 0, 0};
    constexpr double speed = start_speed_m_s * start_speed_m_s;
    const double covariance[] = {
        variance, 0, 0, 0, 0, variance, 0, 0, 0, 0, speed, 0, 0, 0, 0, speed};
    if (const Status status = filter_.reset(state, covariance, rules_.accel_sigma); !status.ok())
      return status;
  }
  vote(floor);
  running_ = true;
  measured_ms_ = now_ms_;
  scan_accuracy_m_ = accuracy_m;
  return {};
}

// Of several floors with as many votes the one that was voted for first.
void Motion::vote(std::int32_t floor) noexcept {
  if (vote_count_ == rules_.floor_votes)
    std::copy(votes_ + 1, votes_ + vote_count_--, votes_);
  votes_[vote_count_++] = floor;
  std::ptrdiff_t most = 0;
  std::int32_t winner = floor;
  for (std::size_t i = 0; i < vote_count_; ++i) {
    const std::ptrdiff_t votes = std::count(votes_, votes_ + vote_count_, votes_[i]);
    if (votes > most) {
      most = votes;
      winner = votes_[i];
    }
  }
  if (!running_ || 2 * static_cast<std::size_t>(most) > vote_count_)
    floor_ = winner;
}

Tracked Motion::tracked() const noexcept {
  const KalmanFilter::Matrix& p = filter_.covariance();
  const double sigma = std::sqrt((p[0] + p[KalmanFilter::size + 1]) / 2);
  return {filter_.state()[0], filter_.state()[1],
      std::max(r68_per_sigma * sigma, accuracy_floor * scan_accuracy_m_), floor_};
}

} // namespace rssfix
