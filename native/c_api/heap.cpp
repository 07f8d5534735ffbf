// The only file that allocates: firmware that does not create links nothing of it.
#include <cstdlib>

#include "inner.hpp"

using namespace rssfix;
using rssfix::c::plain;

namespace {

template <class Init> rssfix_status create(std::size_t size, Init&& init) noexcept {
  void* const memory = std::malloc(size);
  if (memory == nullptr)
    return plain({Code::out_of_memory, Argument::memory});
  const rssfix_status status = init(memory, size);
  if (status.code != RSSFIX_OK)
    std::free(memory);
  return status;
}

} // namespace

rssfix_status rssfix_kalman_create(
    const double* state, const double* covariance, double accel_sigma, rssfix_kalman** out) {
  return create(rssfix_kalman_size(), [=](void* memory, std::size_t size) noexcept {
    return rssfix_kalman_init(memory, size, state, covariance, accel_sigma, out);
  });
}

rssfix_status rssfix_window_create(
    size_t ap_count, int64_t window_ms, size_t most_entries, rssfix_window** out) {
  return create(
      rssfix_window_size(ap_count, most_entries), [=](void* memory, std::size_t size) noexcept {
        return rssfix_window_init(memory, size, ap_count, window_ms, most_entries, out);
      });
}

rssfix_status rssfix_locator_create(
    const rssfix_site* site, const rssfix_track_rules* rules, rssfix_locator** out) {
  std::size_t bytes = 0;
  const rssfix_status sized = rssfix_locator_size(site, rules, &bytes);
  if (sized.code != RSSFIX_OK)
    return sized;
  return create(bytes, [=](void* memory, std::size_t size) noexcept {
    return rssfix_locator_init(memory, size, site, rules, out);
  });
}

void rssfix_kalman_destroy(rssfix_kalman* kalman) {
  std::free(kalman);
}

void rssfix_window_destroy(rssfix_window* window) {
  std::free(window);
}

void rssfix_locator_destroy(rssfix_locator* locator) {
  std::free(locator);
}
