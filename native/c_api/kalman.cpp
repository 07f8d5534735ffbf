#include <algorithm>
#include <new>
#include <type_traits>

#include "inner.hpp"
#include "rssfix/kalman_filter.hpp"

using namespace rssfix;
using rssfix::c::none_missing;
using rssfix::c::plain;

struct rssfix_kalman {
  KalmanFilter filter;
};
static_assert(std::is_trivially_destructible_v<rssfix_kalman>);

size_t rssfix_kalman_size(void) {
  return sizeof(rssfix_kalman);
}

rssfix_status rssfix_kalman_init(void* memory, size_t size, const double* state,
    const double* covariance, double accel_sigma, rssfix_kalman** out) {
  Status status = none_missing(
      {{state, Argument::state}, {covariance, Argument::covariance}, {out, Argument::out}});
  if (status.ok())
    status = c::check_memory(memory, size, sizeof(rssfix_kalman));
  if (!status.ok())
    return plain(status);
  KalmanFilter filter;
  status = filter.reset(state, covariance, accel_sigma);
  if (status.ok())
    *out = new (memory) rssfix_kalman{filter};
  return plain(status);
}

rssfix_status rssfix_kalman_predict(rssfix_kalman* kalman, double dt_s) {
  if (kalman == nullptr)
    return plain({Code::missing, Argument::memory});
  return plain(kalman->filter.predict(dt_s));
}

rssfix_status rssfix_kalman_update(
    rssfix_kalman* kalman, const double* z, const double* variance, size_t count) {
  const Status given =
      none_missing({{kalman, Argument::memory}, {z, Argument::z}, {variance, Argument::variance}});
  return plain(given.ok() ? kalman->filter.update(z, variance, count) : given);
}

rssfix_status rssfix_kalman_read(const rssfix_kalman* kalman, double* state, double* covariance) {
  if (kalman == nullptr)
    return plain({Code::missing, Argument::memory});
  const KalmanFilter& filter = kalman->filter;
  if (state != nullptr)
    std::copy(filter.state().begin(), filter.state().end(), state);
  if (covariance != nullptr)
    std::copy(filter.covariance().begin(), filter.covariance().end(), covariance);
  return plain({});
}
